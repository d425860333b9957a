"""Every reader of a file, with whole files that it reads, and the allowed results for a damaged one."""

import gzip
import io
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from dlhw.callbacks.checkpoints import check_matches, load_checkpoint, save_checkpoint
from dlhw.config.data import CSVConfig, NPZConfig, OctMNISTConfig, SplitConfig, Task
from dlhw.data import load_dataset
from dlhw.data.formats import read_idx
from dlhw.errors import UserError
from dlhw.reporting.figures.figure_data import checkpoint_of
from dlhw.reporting.frames import load_curves, load_runs
from dlhw.reporting.judge import saved_experiment
from dlhw.reporting.report import compile_report
from dlhw.reporting.study import make_study
from dlhw.runs.folder import RunFolder
from dlhw.runs.ledger import Ledger
from dlhw.runs.saved_config import saved_config
from dlhw.sections import under

SPLIT = SplitConfig(train=None, val=0, test=0)
SWEEP = [
    "-m", "experiment=ours/digits", "optimizer.lr=0.1", "seeds=2", "model=mlp", "model.hidden=[3]", "data.limit=200",
    "trainer.epochs=2", "tracking.console=none", "hydra.sweep.dir=.",
]  # fmt: skip
SHAPES = {"fc1.weight": (64, 3), "fc1.bias": (3,), "fc2.weight": (3, 10), "fc2.bias": (10,)}


@dataclass(frozen=True)
class Reader:
    """One reader.

    Args:
        file: path of the damaged file in the folder.
        originals: whole files, some of another shape or dtype.
        read: reads the folder as a command does.
        is_summed: whether the format has a checksum of all its bytes, so that no other content passes.
        is_slow: whether reading takes 20 ms rather than 1.
    """

    file: str
    originals: Sequence[bytes]
    read: Callable[[Path], object]
    is_summed: bool = False
    is_slow: bool = False


class Misread(Exception):
    """Reading a damaged file ended neither in success nor in one clear sentence."""


def judge(reader: Reader, folder: Path, content: bytes) -> str:
    """Write a file and read it.

    Returns:
        The sentence with which it was refused; empty if it was read.

    Raises:
        Misread: if reading ended in another way, or changed the file.
    """
    path, sentence = folder / reader.file, ""
    path.write_bytes(content)
    try:
        reader.read(folder)
    except UserError as error:
        sentence = str(error)
    except Exception as error:
        raise Misread(f"{reader.file}: {type(error).__name__}: {error}, of {content[:300]!r}") from error
    if path.read_bytes() != content:
        raise Misread(f"{reader.file} was changed by reading it")
    if sentence and not is_clear(sentence, path.name):
        raise Misread(f"{reader.file}: {sentence!r} is not one sentence that names the file")
    if not sentence and reader.is_summed and content not in reader.originals:
        raise Misread(f"{reader.file}: other bytes passed for whole: {content[:300]!r}")
    return sentence


def is_clear(sentence: str, name: str) -> bool:
    """Whether all sentences name the file, are not too long, and do not report a lack of memory."""
    lines = sentence.splitlines()
    return all(name in line and len(line) < 1500 for line in lines) and "fit into memory" not in sentence


def packed(**arrays: np.ndarray) -> Iterator[bytes]:
    """A NumPy archive, stored and deflated."""
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, allow_pickle=True, **arrays)
        yield file.getvalue()


def idx(shape: Sequence[int], kind: int = 8) -> bytes:
    """An IDX file of zeros."""
    return (
        bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(int(np.prod(shape)))
    )


def checkpoints(folder: Path) -> Iterator[bytes]:
    """Whole checkpoints of the right shape, of other shapes and dtypes, and another program's safetensors file."""
    path = folder / "made.safetensors"
    state = {"step": 6, "input_shape": [1, 8, 8], "class_names": list("0123456789")}
    for dtype in (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64):
        for extra in (0, 1):
            tensors = {
                f"parameters/{name}": torch.ones([size + extra for size in shape], dtype=dtype)
                for name, shape in SHAPES.items()
            }
            save_checkpoint(path, tensors, state if extra == 0 else {"step": None})
            yield path.read_bytes()
    path.unlink()
    yield safetensors.torch.save({"x": torch.ones(3)})


def tables(folder: Path) -> dict[str, Reader]:
    """Readers of data files."""
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    images = np.arange(6 * 784, dtype=np.uint8).reshape(6, 28, 28)
    octmnist = {f"{split}_{name}": value for split in ("train", "val", "test")
                for name, value in (("images", images), ("labels", (y % 4)[:, None].astype(np.uint8)))}  # fmt: skip
    archives = [*packed(x=x, y=y), *packed(x=x, y=x), *packed(x=np.array([{}] * 6), y=y), *packed(x=x + 1j, y=y),
                *packed(x=images, y=y.astype(">i2")), *packed(train_x=x, train_y=y, test_x=x[:, :1], test_y=y)]  # fmt: skip
    whole = [idx((2, 3, 4)), idx((24,)), idx((2, 3, 4), 13)]
    rows = [b'a,b,label\n1,2,0\n3,"4",1\n5,6e0,0\n', b"a,b\n1,x\n", b"1,2\n3,4\n", b"a;b\n1;2\n"]

    def csv(task: Task) -> Callable[[Path], object]:
        return lambda at: load_dataset(CSVConfig(train=str(at / f"{task}.csv"), task=task, split=SPLIT), 0)

    return {
        "idx": Reader("images", whole, lambda at: read_idx(at / "images", 3)),
        "idx.gz": Reader("images.gz", [gzip.compress(file, mtime=0) for file in whole],
                         lambda at: read_idx(at / "images.gz", 3)),
        "npz": Reader("data.npz", archives, lambda at: load_dataset(NPZConfig(path=f"{at}/data.npz", split=SPLIT), 0)),
        "octmnist": Reader("octmnist.npz", [*packed(**octmnist), *packed(**octmnist | {"test_images": x})],
                           lambda at: load_dataset(OctMNISTConfig(root=str(at), download=False, split=REST), 0)),
        "csv": Reader("classification.csv", rows, csv(Task.classification)),
        "csv of numbers": Reader("regression.csv", rows, csv(Task.regression)),
    }  # fmt: skip


REST = SplitConfig(train=None, val=None, test=None)


def swept(folder: Path) -> None:
    """A real sweep of two runs in a folder."""
    command = "import sys; from dlhw.commands.train import main; sys.argv[0] = 'dlhw-train'; main()"
    subprocess.run([sys.executable, "-c", command, *SWEEP], cwd=folder, check=True, capture_output=True)


def reported(folder: Path) -> object:
    """Read everything that `dlhw-report` reads, and make its tables."""
    frame = load_runs(folder)
    saved_experiment(folder)
    load_curves(folder)
    return compile_report(make_study(frame), "title", "command", with_figures=False)


def run_files(folder: Path) -> dict[str, Reader]:
    """Readers of the files of a real sweep in a folder: of one run, and of the sweep."""
    run = min(path.parent.parent.name for path in folder.glob("*/.hydra/config.yaml"))
    hydra, best = f"{run}/.hydra/config.yaml", f"{run}/checkpoints/best.safetensors"

    def evaluated(at: Path) -> object:
        tensors, state = load_checkpoint(at / best)
        check_matches(at / best, under("parameters", tensors), SHAPES)
        return state

    def drawn(at: Path) -> object:
        frame = load_runs(at / run)
        return checkpoint_of(make_study(frame).cells[0])

    def reader(file: str, read: Callable[[Path], Any], *more: bytes, is_summed: bool = False) -> Reader:
        is_slow = read in (reported, drawn)
        return Reader(file, [(folder / file).read_bytes(), *more], read, is_summed, is_slow)

    checkpoint_files = list(checkpoints(folder))
    return {
        "checkpoint": reader(best, evaluated, *checkpoint_files, is_summed=True),
        "checkpoint of a figure": reader(best, drawn, *checkpoint_files, is_summed=True),
        "config": reader(hydra, lambda at: saved_config(at / run)),
        "config of a report": reader(hydra, reported),
        "summary": reader(f"{run}/summary.json", lambda at: RunFolder(at / run).summary()),
        "summary of a report": reader(f"{run}/summary.json", reported),
        "metrics.csv": reader(f"{run}/metrics.csv", reported),
        "experiment": reader("multirun.yaml", saved_experiment),
        "ledger": reader("ledger.json", Ledger.read),
    }
