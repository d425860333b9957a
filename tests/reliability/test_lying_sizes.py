"""A header that claims terabytes is held against the file before anything is allocated."""

import gzip
import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from dlhw.callbacks.checkpoints import load_checkpoint
from dlhw.config.data import CSVConfig, NPZConfig, SplitConfig
from dlhw.data import load_dataset
from dlhw.data.formats import read_idx
from dlhw.errors import UserError
from dlhw.runs.folder import RunFolder
from dlhw.runs.ledger import Ledger
from dlhw.runs.saved_config import saved_config

Read = Callable[[Path], object]
SPLIT = SplitConfig(train=None, val=0, test=0)
TERABYTE = 1 << 40
MEBIBYTE = 1 << 20


def read_npz(path: Path) -> object:
    return load_dataset(NPZConfig(path=str(path), split=SPLIT), 0)


def read_csv(path: Path) -> object:
    return load_dataset(CSVConfig(train=str(path), split=SPLIT), 0)


def peak_of(read: Read, path: Path) -> tuple[str, int]:
    """The sentence with which a file was refused, and the most memory that Python and numpy held."""
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as error:
            read(path)
        return str(error.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def idx(*shape: int) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def npy(shape: tuple[int, ...], version: int = 1, claimed: int | None = None) -> bytes:
    """The start of an array's file, with eight bytes of data; `claimed` bytes of header."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    width = "<H" if version == 1 else "<I"
    length = struct.pack(width, len(header) if claimed is None else claimed)
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + bytes(8)


def archive(content: bytes, claimed: int | None = None) -> bytes:
    """An archive of one array; its list claims another size, packed and unpacked."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name in ("x", "y"):
            zip_file.writestr(f"{name}.npy", content)
    whole = bytearray(file.getvalue())
    if claimed is not None:
        for place in [at for at in range(len(whole)) if whole[at : at + 4] == b"PK\x01\x02"]:
            whole[place + 20 : place + 28] = struct.pack("<II", claimed // 500, claimed)
    return bytes(whole)


def checkpoint(length: int | None = None, end: int = TERABYTE) -> bytes:
    header = json.dumps({"x": {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}}).encode()
    return (len(header) if length is None else length).to_bytes(8, "little") + header


LIES: dict[str, tuple[Read, bytes]] = {
    "idx": (lambda path: read_idx(path, 3), idx(2**20, 2**10, 2**10)),
    "idx.gz": (lambda path: read_idx(path, 3), gzip.compress(idx(2**20, 2**10, 2**10))),
    "a little gz, a header just within deflate's ratio": (
        lambda path: read_idx(path, 3), gzip.compress(idx(1, 1, 10_000_000) + bytes(range(256)) * 1000, 0),
    ),
    "gz bomb": (lambda path: read_idx(path, 1), gzip.compress(idx(5) + bytes(64 * MEBIBYTE))),
    "npz, shape": (read_npz, archive(npy((2**30, 2**10)))),
    "npz, shape and list": (read_npz, archive(npy(((2**32 - 200) // 8,)), claimed=2**32 - 72)),
    "npz, length of the header": (read_npz, archive(npy((1,), 2, 2**31) + bytes(64 * MEBIBYTE))),
    "npz, negative": (read_npz, archive(npy((-1, 8)))),
    "checkpoint, header": (load_checkpoint, checkpoint(2**60)),
    "checkpoint, tensor": (load_checkpoint, checkpoint()),
    "checkpoint, negative": (load_checkpoint, checkpoint(end=-8)),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_allocates_nothing(name: str, tmp_path: Path) -> None:
    read, content = LIES[name]
    path = tmp_path / ("file.gz" if "gz" in name else "file")
    path.write_bytes(content)
    sentence, peak = peak_of(read, path)
    assert path.name in sentence
    assert len(sentence.splitlines()) == 1
    assert "memory" not in sentence
    assert peak < 4 * MEBIBYTE + len(content)


def holes(folder: Path) -> Iterator[tuple[Read, Path]]:
    """Files of a terabyte, all hole."""
    config = folder / ".hydra/config.yaml"
    config.parent.mkdir()
    yield (lambda path: read_idx(path, 3)), folder / "idx"
    yield read_npz, folder / "data.npz"
    yield read_csv, folder / "data.csv"
    yield load_checkpoint, folder / "last.safetensors"
    yield (lambda path: saved_config(folder)), config
    yield (lambda path: RunFolder(folder).summary()), folder / "summary.json"
    yield (lambda path: RunFolder(folder).curves()), folder / "metrics.csv"
    yield (lambda path: Ledger.read(folder)), folder / "ledger.json"


def test_a_hole_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    for read, path in holes(tmp_path):
        with path.open("wb") as file:
            file.truncate(TERABYTE)
        sentence, peak = peak_of(read, path)
        assert path.name in sentence
        assert peak < 128 * MEBIBYTE
        path.unlink()


def test_a_header_of_the_right_checkpoint_on_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    path.write_bytes(safetensors.torch.save({"x": torch.ones(3)}))
    with path.open("r+b") as file:
        file.truncate(TERABYTE)
    sentence, peak = peak_of(load_checkpoint, path)
    assert f"the file has {TERABYTE}" in sentence
    assert peak < MEBIBYTE


def test_aliases_that_stand_for_billions(tmp_path: Path) -> None:
    path = tmp_path / ".hydra/config.yaml"
    path.parent.mkdir()
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path.write_text("\n".join(lines))
    sentence, peak = peak_of(lambda path: saved_config(tmp_path), path)
    assert "config.yaml is damaged" in sentence
    assert peak < 256 * MEBIBYTE


@pytest.mark.parametrize("text", ["- " * 200_000, "[" * 200_000, "{a: " * 200_000, "a: &a [*a]"])
def test_yaml_deeper_than_the_stack(text: str, tmp_path: Path) -> None:
    path = tmp_path / ".hydra/config.yaml"
    path.parent.mkdir()
    path.write_text(text)
    sentence, _ = peak_of(lambda path: saved_config(tmp_path), path)
    assert "config.yaml is damaged" in sentence


def test_a_whole_file_of_the_largest_ratio_is_read(tmp_path: Path) -> None:
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(idx(4 * MEBIBYTE) + bytes(4 * MEBIBYTE)))
    assert np.array_equal(read_idx(path, 1), np.zeros(4 * MEBIBYTE, dtype=np.uint8))
