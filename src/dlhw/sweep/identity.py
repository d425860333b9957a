"""What a cell's numbers depend on: its config, the bytes of its data, the code that computes it."""

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlhw
from dlhw.config.data import (
    CSVConfig,
    DataConfig,
    DigitsConfig,
    FashionMNISTConfig,
    IdxImagesConfig,
    NPZConfig,
    OctMNISTConfig,
)
from dlhw.config.load import flat_fields
from dlhw.config.root import TrainConfig
from dlhw.surroundings import expanded

DATA_KEY, CODE_KEY = "content of the data", "code"
ABSENT = "not there yet"
# What says where data lies or how a run is watched; the content of the data is in a cell's hash.
ASIDE = ("name", "tracking.", "data.root", "data.download", "data.mirror", "data.path")
CSV_FILES = ("data.train", "data.val", "data.test")
# Rooms whose code no run's numbers depend on.
OTHER_ROOMS = (
    "reporting", "sweep", "cli.py", "evaluate.py", "gradcheck.py", "interruption.py", "locks.py", "plan.py",
    "report.py", "resume.py",
    "surroundings.py",
)  # fmt: skip
WHOLE_BYTES, END_BYTES = 8 << 20, 1 << 20


def definition(config: TrainConfig) -> dict[str, Any]:
    """Dotted key -> value of all that makes a cell what it is, data and code among it."""
    leaves = {key: plain(value) for key, (value, _) in flat_fields(config).items()}
    aside = ASIDE + (CSV_FILES if isinstance(config.data, CSVConfig) else ())
    kept = {key: value for key, value in leaves.items() if not key.startswith(aside)}
    return kept | {DATA_KEY: data_identity(config.data), CODE_KEY: code_version()}


def plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, str) else value


def cell_hash(definition: dict[str, Any]) -> str:
    """Equal for cells that compute the same."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]


@functools.cache
def code_version() -> str:
    """Version, and a hash of the source files that numbers can depend on."""
    root, digest = Path(dlhw.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] not in OTHER_ROOMS:
            digest.update(f"{inside.as_posix()}\0".encode() + path.read_bytes())
    return f"{dlhw.__version__} ({digest.hexdigest()[:12]})"


def data_identity(config: DataConfig) -> str:
    """A hash of the files' content, wherever they lie; `ABSENT` while one of them is yet to be fetched."""
    told = [f"{part}:{fingerprint(path)}" for part, path in _files(config)]
    return ABSENT if any(ABSENT in each for each in told) else " ".join(told)


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of one above 8 MiB of its size, first and last MiB: sweeps start at once."""
    try:
        stat = path.stat()
        return _fingerprint(path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return ABSENT


@functools.cache
def _fingerprint(path: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            digest.update(file.read())
        else:
            digest.update(file.read(END_BYTES))
            file.seek(-END_BYTES, 2)
            digest.update(file.read())
    return digest.hexdigest()[:12]


def _files(config: DataConfig) -> Iterator[tuple[str, Path]]:
    if isinstance(config, DigitsConfig):
        yield from _of_digits()
    elif isinstance(config, IdxImagesConfig):
        folder = "FashionMNIST" if isinstance(config, FashionMNISTConfig) else "MNIST"
        yield from _of_idx(expanded(config.root) / folder / "raw")
    elif isinstance(config, OctMNISTConfig):
        yield "all", expanded(config.root) / "octmnist.npz"
    elif isinstance(config, NPZConfig):
        yield "all", expanded(config.path)
    elif isinstance(config, CSVConfig):
        given = {"train": config.train, "val": config.val, "test": config.test}
        yield from ((part, expanded(path)) for part, path in given.items() if path is not None)


def _of_idx(folder: Path) -> Iterator[tuple[str, Path]]:
    for prefix in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            path = folder / f"{prefix}-{kind}-ubyte"
            packed = path.with_name(f"{path.name}.gz")
            yield f"{prefix}-{kind[:6]}", packed if packed.exists() and not path.exists() else path


def _of_digits() -> Iterator[tuple[str, Path]]:
    from importlib.util import find_spec

    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            yield "all", path
