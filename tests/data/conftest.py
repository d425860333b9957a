"""Real little data files for the tests of dlhw.data."""

import gzip
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

IdxBytes = Callable[[np.ndarray], bytes]


def _idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def idx_bytes() -> IdxBytes:
    """Packs an array of bytes as an IDX file."""
    return _idx_bytes


@pytest.fixture
def mnist_files() -> dict[str, bytes]:
    """A MNIST of 40 + 20 random images with labels 0, 1, …, 9, 0, 1, …, as IDX bytes by file name."""
    random = np.random.default_rng(0)
    files = {}
    for prefix, count in (("train", 40), ("t10k", 20)):
        images_NHW = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = _idx_bytes(images_NHW)
        files[f"{prefix}-labels-idx1-ubyte"] = _idx_bytes(np.arange(count) % 10)
    return files


@pytest.fixture
def mnist_root(tmp_path: Path, mnist_files: dict[str, bytes]) -> Path:
    """A folder that holds MNIST/raw and FashionMNIST/raw with those files."""
    for dataset in ("MNIST", "FashionMNIST"):
        raw = tmp_path / dataset / "raw"
        raw.mkdir(parents=True)
        for name, content in mnist_files.items():
            (raw / name).write_bytes(content)
    return tmp_path


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(
    tmp_path: Path, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """A real HTTP server on this machine: its URL, and the folder of gzipped IDX files that it serves."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in mnist_files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", folder
        http.shutdown()
        thread.join()


@pytest.fixture
def dead_url(monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL at which nothing listens: no network."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as http:
        port = http.server_port
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def octmnist_arrays() -> dict[str, np.ndarray]:
    """The arrays of a little octmnist.npz."""
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 16), ("val", 8), ("test", 12)):
        arrays[f"{split}_images"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 4)[:, None].astype(np.uint8)
    return arrays


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., str]:
    """Writes text into a file and returns its path."""

    def write(text: str, name: str = "train.csv") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def write_npz(tmp_path: Path) -> Callable[..., str]:
    """Writes arrays into an archive and returns its path."""

    def write(**arrays: np.ndarray) -> str:
        path = tmp_path / "data.npz"
        np.savez(path, allow_pickle=True, **arrays)
        return str(path)

    return write
