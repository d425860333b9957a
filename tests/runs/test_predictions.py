"""predictions.safetensors: small, whole, and read without trust."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlhw.errors import RunFolderError
from dlhw.runs.predictions import (
    PREDICTIONS_FILE,
    SplitPredictions,
    read_predictions,
    write_predictions,
)


def content(classes: int = 10) -> SplitPredictions:
    targets = np.arange(100) % classes
    return SplitPredictions(
        predicted=targets[::-1].copy(), targets=targets, parameters="best", split_hash="abc"
    )


@pytest.mark.parametrize(
    ("classes", "kind"), [(10, np.uint8), (256, np.uint8), (257, np.uint16), (70_000, np.int32)]
)
def test_classes_take_as_few_bytes_as_they_need(tmp_path: Path, classes: int, kind: type) -> None:
    targets = np.array([0, classes - 1])
    whole = SplitPredictions(predicted=targets, targets=targets, parameters="last", split_hash="abc")
    write_predictions(tmp_path, whole)
    predictions = read_predictions(tmp_path)
    assert predictions is not None
    assert (predictions.predicted.dtype, predictions.parameters, predictions.split_hash) == (
        kind,
        "last",
        "abc",
    )
    assert predictions.predicted.tolist() == targets.tolist()
    assert predictions.correct.all()


def test_equal_predictions_give_equal_files(tmp_path: Path) -> None:
    written = set()
    for _ in range(9):
        write_predictions(tmp_path, content())
        written.add((tmp_path / PREDICTIONS_FILE).read_bytes())
    assert len(written) == 1


def test_no_file_is_no_predictions(tmp_path: Path) -> None:
    assert read_predictions(tmp_path) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(position=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), is_cut=st.booleans())
def test_a_damaged_file_is_named_or_read(tmp_path: Path, position: float, flip: int, is_cut: bool) -> None:
    write_predictions(tmp_path, content())
    path = tmp_path / PREDICTIONS_FILE
    data = bytearray(path.read_bytes())
    offset = int(position * len(data))
    data[offset] ^= flip
    path.write_bytes(data[:offset] if is_cut else data)
    try:
        predictions = read_predictions(tmp_path)
    except RunFolderError as error:
        assert PREDICTIONS_FILE in str(error)  # noqa: PT017 (most damage is detected, some is harmless)
    else:
        assert predictions is not None
        assert predictions.correct.shape == (100,)


def test_another_safetensors_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS_FILE).write_bytes(safetensors.numpy.save({"predicted": np.zeros(3)}))
    with pytest.raises(RunFolderError, match="does not hold the predictions of a run"):
        read_predictions(tmp_path)
