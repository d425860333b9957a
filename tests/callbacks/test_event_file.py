"""Event files and their checksums, against published ones and TensorBoard's own reader."""

import resource
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from dlhw.callbacks.crc32c import BLOCK, SHORT, crc32c, masked_crc32c
from dlhw.callbacks.event_file import VERSION, EventFile, record
from dlhw.callbacks.tensorboard_values import scalars
from dlhw.commands.cli import explain_any

LENGTHS = [0, 1, 3, 4, 5, 8, SHORT, SHORT + 1, BLOCK - 1, BLOCK, BLOCK + 1, 7 * BLOCK + 3, 100_000]


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0xE3069283),
        # RFC 3720, B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_checksums(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@pytest.mark.parametrize("length", LENGTHS)
def test_checksums_are_those_of_tensorboard(length: int) -> None:
    for data in (bytes(length), b"\xff" * length, np.random.default_rng(length).bytes(length)):
        assert masked_crc32c(data) == pywrap_tensorflow.masked_crc32c(data)


def events(path: Path) -> list[tuple[int, str | None, list[str]]]:
    return [
        (event.step, event.WhichOneof("what"), [value.tag for value in event.summary.value])
        for event in EventFileLoader(str(path)).Load()
    ]


def test_events_are_there_once_flushed(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    head: tuple[int, str, list[str]] = (0, "file_version", [])
    assert events(file.path) == [head]
    file.add(scalars({"a": 1.0, "b": 2.0}), 3)
    file.add(scalars({"c": 1.0}))
    assert events(file.path) == [head]
    file.flush()
    assert events(file.path) == [head, (3, "summary", ["a", "b"]), (0, "summary", ["c"])]
    assert list(tmp_path.iterdir()) == [file.path]
    assert next(EventFileLoader(str(file.path)).Load()).file_version == VERSION


def test_a_purge_step_begins_a_session(tmp_path: Path) -> None:
    file = EventFile(tmp_path, purge_step=7)
    assert [each[:2] for each in events(file.path)] == [(0, "file_version"), (7, "session_log")]


def test_files_of_one_folder_have_names_of_their_own(tmp_path: Path) -> None:
    assert len({EventFile(tmp_path).path for _ in range(5)}) == 5


def test_a_damaged_record_is_noticed(tmp_path: Path) -> None:
    """The checksum does what it is for."""
    file = EventFile(tmp_path)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    assert events(file.path) == []


def test_a_record_is_framed_as_tfrecord() -> None:
    framed = record(b"abc")
    assert (framed[:8], framed[12:-4]) == ((3).to_bytes(8, "little"), b"abc")
    assert len(framed) == 8 + 4 + 3 + 4


def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    before = file.path.read_bytes()
    file.add(scalars({"a": 1.0}), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))  # room for a part of the record
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            file.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert explain_any(caught.value) == f"{file.path}: File too large"  # what a command says, in one sentence
    assert file.path.read_bytes() == before
    file.add(scalars({"b": 1.0}), 2)
    file.flush()
    assert [each[2] for each in events(file.path)] == [[], ["b"]]
