"""The bits of a run that must be equal in every environment."""

import csv
import hashlib
from pathlib import Path

from dlhw.callbacks.checkpoints import load_checkpoint

CLOCK = "seconds"  # the only column that differs between equal runs


def fingerprint(folder: Path) -> str:
    """SHA-256 of metrics.csv without the clock, and of every tensor of every checkpoint, optimizer state too."""
    total = hashlib.sha256()
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            total.update(repr({key: value for key, value in row.items() if key != CLOCK}).encode())
    for name in ("last", "best"):
        tensors, _ = load_checkpoint(folder / "checkpoints" / f"{name}.safetensors")
        for key, tensor in sorted(tensors.items()):
            total.update(f"{name} {key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.numpy().tobytes())
    return total.hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """Temporary files, which an interrupted write leaves."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name.endswith(".tmp")]
