"""Event files, read by TensorBoard's own reader, and the histograms in them."""

import resource
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from dlhw.callbacks.tensorboard_events import BINS, VERSION, EventFile, _crc32c, histogram, record, scalars
from dlhw.hydra_support.messages import explain_any


@pytest.mark.parametrize("length", [0, 1, 3, 8, 511, 512, 513, 100_000])
def test_records_are_framed_with_the_checksums_of_tensorboard(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    size = length.to_bytes(8, "little")
    crcs = [struct.pack("<I", pywrap_tensorflow.masked_crc32c(bytes_)) for bytes_ in (size, data)]
    assert record(data) == size + crcs[0] + data + crcs[1]


def test_without_google_crc32c_tensorboard_computes_the_same_checksums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_package = record(b"123456789")
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    _crc32c.cache_clear()
    try:
        assert _crc32c() is pywrap_tensorflow.crc32c
        assert record(b"123456789") == with_package
    finally:
        _crc32c.cache_clear()


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
    assert [event[:2] for event in events(file.path)] == [(0, "file_version"), (7, "session_log")]


def test_files_of_one_folder_have_names_of_their_own(tmp_path: Path) -> None:
    assert len({EventFile(tmp_path).path for _ in range(5)}) == 5


def test_a_damaged_record_is_noticed(tmp_path: Path) -> None:
    """The checksum does what it is for."""
    file = EventFile(tmp_path)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    assert events(file.path) == []


def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    before = file.path.read_bytes()
    file.add(scalars({"a": 1.0}), 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))  # room for half the record
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            file.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert explain_any(caught.value) == f"{file.path}: File too large"  # what a command says, in one sentence
    assert file.path.read_bytes() == before
    file.add(scalars({"b": 1.0}), 2)
    file.flush()
    assert [event[2] for event in events(file.path)] == [[], ["b"]]


def distribution(values: torch.Tensor) -> Any:
    summary = histogram("tag", values)
    assert summary is not None
    return summary.value[0].histo


def test_histograms_count_every_number_once() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    histo = distribution(values)
    assert sum(histo.bucket) == histo.num == 1000
    assert len(histo.bucket) == len(histo.bucket_limit) == BINS
    assert (histo.min, histo.max) == (float(values.min()), float(values.max()))
    assert histo.sum == pytest.approx(float(values.double().sum()))
    assert histo.sum_squares == pytest.approx(float(values.double().square().sum()))


def test_histograms_of_equal_numbers_have_one_bin() -> None:
    histo = distribution(torch.zeros(3, 4))
    assert (histo.bucket_limit, histo.bucket) == ([0.0], [12])


def test_histograms_leave_out_nan_and_infinities() -> None:
    histo = distribution(torch.tensor([float("nan"), 1.0, float("inf"), 2.0]))
    assert (histo.num, histo.max) == (2, 2.0)


@pytest.mark.parametrize("values", [torch.zeros(0), torch.full((3,), float("nan"))])
def test_there_is_no_histogram_of_nothing(values: torch.Tensor) -> None:
    assert histogram("tag", values) is None
