"""`dlhw-eval` restores a run from its folder and gives the same numbers."""

import json
import shutil
from pathlib import Path

import pytest
from commands import run, summary, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose best parameters are not its last."""
    return train(
        "model.hidden=[16]", "data.split.train=40", "optimizer.lr=2", "trainer.epochs=15", "trainer.batch_size=8",
        "trainer.select_by=loss", "trainer.train_metrics=full", cwd=tmp_path_factory.mktemp("trained"),
    )  # fmt: skip


@pytest.mark.parametrize(("checkpoint", "recorded"), [("best", "best"), ("last", "final")])
def test_the_same_numbers(trained: Path, checkpoint: str, recorded: str, tmp_path: Path) -> None:
    done = run("dlhw-eval", str(trained), "--checkpoint", checkpoint, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = summary(trained)
    assert record["best_step"] < record["steps"]
    for split, scores in record[recorded].items():
        assert json.loads(done.stdout)[split] == pytest.approx(scores, rel=1e-6)


def test_a_folder_that_was_moved(trained: Path, tmp_path: Path) -> None:
    moved = tmp_path / "a folder with spaces"
    shutil.copytree(trained, moved)
    done = run("dlhw-eval", str(moved), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("same") == 3


def test_numbers_that_differ_are_reported_and_fail(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    record = summary(copy)
    record["best"]["val"]["accuracy"] += 0.01
    (copy / "summary.json").write_text(json.dumps(record), encoding="utf-8")
    done = run("dlhw-eval", str(copy), cwd=tmp_path)
    assert done.returncode == 1
    assert "DIFFERS" in done.stdout


def broken(folder: Path, name: str, content: bytes | None) -> None:
    path = folder / name
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (".hydra/config.yaml", None, "is not a run's folder: it has no .hydra/config.yaml"),
        (".hydra/config.yaml", b"{[", "config.yaml is damaged"),
        (".hydra/config.yaml", b"a: 1", "model.name is missing from the saved config"),
        (".hydra/config.yaml", b"!!python/object/apply:os.system ['true']", "config.yaml is damaged"),
        ("checkpoints/best.safetensors", None, "best.safetensors cannot be read"),
        ("checkpoints/best.safetensors", b"\x00" * 40, "best.safetensors is damaged"),
        ("summary.json", b"{", "summary.json is damaged"),
    ],
)
def test_a_damaged_folder(
    trained: Path, tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    broken(copy, name, content)
    done = run("dlhw-eval", str(copy), cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_checkpoint_of_another_model(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    done = run("dlhw-eval", str(copy), "model.hidden=[17]", cwd=tmp_path)
    assert done.returncode == 1
    assert "is a checkpoint of another model: fc1.weight is 64 x 16 there, but 64 x 17" in done.stderr


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    done = run("dlhw-eval", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere is not a folder" in done.stderr


def test_a_folder_that_is_missing_is_answered_by_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    done = run("dlhw-eval", "runs/digit", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "dlhw-eval: runs/digit is not a folder; did you mean runs/digits?\n",
    )


def test_help(tmp_path: Path) -> None:
    done = run("dlhw-eval", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Restore a run from its folder" in done.stdout
