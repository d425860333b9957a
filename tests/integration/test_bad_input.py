"""Bad input: one sentence, exit status 1, no traceback, nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import FAST, run, train, tree

Prepare = Callable[[Path], None]


def nothing(folder: Path) -> None:
    """No file is needed."""


def csv_with(text: str) -> Prepare:
    def write(folder: Path) -> None:
        (folder / "mine.csv").write_text(text, encoding="utf-8")

    return write


def one_class(folder: Path) -> None:
    np.savez(folder / "mine.npz", x=np.ones((20, 3)), y=np.zeros(20, dtype=int))


def truncated_mnist(folder: Path) -> None:
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1])
    )
    (raw / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 9]) + bytes(9))


def wrong_magic(folder: Path) -> None:
    truncated_mnist(folder)
    (folder / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\x89PNG and something else")


CSV = ["data=csv", "data.train=mine.csv", "model=softmax"]
MNIST = ["data=mnist", "data.root=data", "data.download=false"]
CASES: dict[str, tuple[Prepare, list[str], str]] = {
    "misspelt key": (nothing, ["model.hiden=[3]"], "model.hiden: no such key; did you mean model.hidden?"),
    "misspelt group": (nothing, ["modle=mlp"], "modle: no such key; did you mean model?"),
    "added key": (nothing, ["+trainer.epoch=3"], "trainer.epoch: no such key; did you mean trainer.epochs?"),
    "out of range": (nothing, ["optimizer.lr=-1"], "optimizer.lr must be > 0, got -1.0"),
    "binary loss": (nothing, ["model=logistic"], "loss=binary_cross_entropy needs 2 classes, the data has 10"),
    "unknown device": (nothing, ["trainer.device=cuda:77"], "trainer.device=cuda:77: no such CUDA device"),
    "large batch": (
        nothing, ["trainer.batch_size=2000"],
        "trainer.batch_size must be at most the number of training samples, 1258, got 2000",
    ),
    "missing file": (nothing, CSV, "mine.csv does not exist"),
    "missing MNIST": (nothing, MNIST, "train-images-idx3-ubyte is missing in data/MNIST/raw"),
    "no network": (
        nothing, ["data=mnist", "data.root=data", "data.mirror=http://127.0.0.1:9/"], "could not be fetched",
    ),
    "truncated": (truncated_mnist, MNIST, "train-images-idx3-ubyte is damaged"),
    "wrong magic": (wrong_magic, MNIST, "train-images-idx3-ubyte"),
    "NaN": (csv_with("a,b,y\n1,2,0\n1,nan,1\n"), CSV, "mine.csv, line 3, column b must be a finite number"),
    "one class": (one_class, ["data=npz", "data.path=mine.npz", "model=softmax"], "class 0"),
    "label out of range": (
        csv_with("a,y\n" + "".join(f"{row},{row % 3}\n" for row in range(30))),
        [*CSV, "data.num_classes=2"], "mine.csv",
    ),
    "empty part": (csv_with("a,y\n1,0\n2,1\n"), [*CSV, "data.split.val=0.1"], "val"),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "overrides", "sentence"), CASES.values(), ids=CASES)
def test_bad_input(prepare: Prepare, overrides: list[str], sentence: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    before = tree(tmp_path)
    done = run("dlhw-train", *overrides, cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("dlhw-train: ")
    assert tree(tmp_path) == before
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


def test_a_traceback_on_request(tmp_path: Path) -> None:
    done = run("dlhw-train", "model.hiden=[3]", cwd=tmp_path, HYDRA_FULL_ERROR="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_run_never_overwrites_another(tmp_path: Path) -> None:
    folder = train(*FAST, "hydra.run.dir=runs/mine", cwd=tmp_path)
    before = {name: (folder / name).read_bytes() for name in tree(folder)}
    done = run("dlhw-train", *FAST, "seed=1", "hydra.run.dir=runs/mine", cwd=tmp_path)
    assert done.returncode == 1
    assert "hydra.run.dir=runs/mine exists and is not empty: a run never overwrites another" in done.stderr
    assert {name: (folder / name).read_bytes() for name in tree(folder)} == before


def test_no_permission_to_write(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be", encoding="utf-8")
    done = run("dlhw-train", *FAST, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "runs" in done.stderr
