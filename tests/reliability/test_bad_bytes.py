"""Damaged files end in success or in one sentence that names the file, and in nothing else.

`pytest tests/reliability/test_bad_bytes.py --hypothesis-profile=thorough` takes fifty times as many files.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from commands import run
from hypothesis import settings

from tests.torture.bytes import damage, readers_in, shares
from tests.torture.readers import Reader, judge

FILES = 25 * settings().max_examples
NAMES = [
    "idx", "idx.gz", "npz", "octmnist", "csv", "csv of numbers", "checkpoint", "checkpoint of a figure", "config",
    "config of a report", "summary", "summary of a report", "metrics.csv", "experiment", "ledger",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytes")


@pytest.fixture(scope="module")
def readers(folder: Path) -> Mapping[str, Reader]:
    return readers_in(folder)


def test_every_reader_gets_its_share(readers: Mapping[str, Reader]) -> None:
    assert set(readers) == set(NAMES)
    assert sum(shares(readers, FILES).values()) >= 2000


@pytest.mark.parametrize("name", NAMES)
def test_whole_files_are_read(name: str, readers: Mapping[str, Reader], folder: Path) -> None:
    assert judge(readers[name], folder, readers[name].originals[0]) == ""


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str, readers: Mapping[str, Reader], folder: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    ended, wrong = damage(readers[name], readers, folder, shares(readers, FILES)[name], seed)
    assert not wrong, f"seed {seed}: {wrong[0]}"
    if "of a report" not in name:  # a report continues with the runs that it can read
        assert ended["refused"] > ended["read"] * 0.2


@pytest.mark.parametrize(
    ("command", "file", "sentence"),
    [
        (["dlhw-eval", "RUN"], "RUN/checkpoints/best.safetensors", "best.safetensors is damaged"),
        (["dlhw-eval", "RUN"], "RUN/.hydra/config.yaml", "config.yaml"),
        (["dlhw-report", "RUN"], "RUN/summary.json", "summary.json"),
        (["dlhw-train", "-m", "seeds=2"], "ledger.json", "ledger.json"),
    ],
)
def test_the_commands_say_so(
    command: list[str], file: str, sentence: str, readers: Mapping[str, Reader], folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    name = next(path.parent.name for path in copy.glob("*/summary.json"))
    path = copy / file.replace("RUN", name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x80
    path.write_bytes(content)
    before = {entry: entry.read_bytes() for entry in copy.rglob("*") if entry.is_file()}
    more = ["hydra.sweep.dir=."] if command[0] == "dlhw-train" else []
    done = run(*(word.replace("RUN", name) for word in command), *more, cwd=copy)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert sentence in done.stderr
    assert {entry: entry.read_bytes() for entry in copy.rglob("*") if entry.is_file()} == before


def test_a_value_of_the_ledger_that_is_another(readers: Mapping[str, Reader], folder: Path) -> None:
    tree = json.loads(readers["ledger"].originals[0])
    tree["common"]["model.hidden"] = [4]
    assert "does not fit its hash" in judge(readers["ledger"], folder, json.dumps(tree).encode())


def test_a_name_from_a_file_cannot_talk_to_the_terminal(readers: Mapping[str, Reader], folder: Path) -> None:
    sentence = judge(readers["csv"], folder, "a\x1b[2J\x1dx\u2028y,label\nz,1\n".encode())
    assert sentence.isprintable()
    assert "column a" in sentence
