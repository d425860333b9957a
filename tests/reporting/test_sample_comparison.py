"""Runs and cells compared on the same test samples."""

from pathlib import Path

import numpy as np
import pytest
from report_runs import make_sweep, study_of

import dlhw
from dlhw.errors import RunFolderError
from dlhw.reporting.formats import table_csv
from dlhw.reporting.report import compile_report
from dlhw.reporting.tables import samples_table
from dlhw.runs.predictions import PREDICTIONS_FILE, SplitPredictions, write_predictions

SAMPLES = 200


def predict(folder: Path, wrong: range, split_hash: str = "abc", parameters: str = "best") -> None:
    """Predictions that are right but for some samples."""
    targets = np.arange(SAMPLES) % 10
    predicted = targets.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 10
    content = SplitPredictions(
        predicted=predicted, targets=targets, parameters=parameters, split_hash=split_hash
    )
    write_predictions(folder, content)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two rates with two seeds: runs 0 and 1 have 20 wrong, runs 2 and 3 have 60, 10 of these in common."""

    def scores(cell: dict[str, object], seed: int) -> dict[str, float]:
        return {"train": 0.9, "val": 0.8 + 0.01 * seed, "test": 0.9 if cell["optimizer.lr"] == 1 else 0.7}

    make_sweep(tmp_path / "sweep", {"optimizer.lr": [1, 2]}, scores, seeds=[0, 1])
    for number in range(4):
        wrong = range(20) if number < 2 else range(10, 70)
        predict(tmp_path / "sweep" / str(number), wrong)
    return tmp_path / "sweep"


def test_a_baseline_is_compared_on_the_same_samples(sweep: Path) -> None:
    study = study_of(sweep, baseline="lr=1")
    table = samples_table(study)
    assert table is not None
    assert [entry.text for entry in table.lines[0].entries][:6] == [
        "2", "test accuracy, selected", "200", "2", "–", "−.2000",
    ]  # fmt: skip
    assert [entry.text for entry in table.lines[0].entries][-2:] == ["<.001", "lower"]
    assert any(section.table == table for section in compile_report(study, "", "").sections)
    assert "samples_p_holm" in table_csv(study)


def test_one_pair_of_runs_has_mcnemars_test(sweep: Path) -> None:
    for number in (1, 3):
        (sweep / str(number) / PREDICTIONS_FILE).unlink()
        (sweep / str(number) / "summary.json").unlink()
    table = samples_table(study_of(sweep, baseline="lr=1"))
    assert table is not None
    assert [entry.text for entry in table.lines[0].entries][3:5] == ["1", "10 : 50"]


def test_predictions_of_other_samples_or_parameters_are_not_compared(sweep: Path) -> None:
    assert samples_table(study_of(sweep)) is None
    assert samples_table(study_of(sweep, baseline="lr=1", metrics=["final/test/accuracy"])) is None
    predict(sweep / "3", range(5), split_hash="another")
    assert samples_table(study_of(sweep, baseline="lr=1")) is None
    with pytest.raises(RunFolderError, match="tested on different samples"):
        dlhw.compare_predictions(sweep / "0", sweep / "3")


def test_a_report_says_which_predictions_are_damaged(sweep: Path) -> None:
    (sweep / "2" / PREDICTIONS_FILE).write_bytes(b"{}")
    study = study_of(sweep, baseline="lr=1")
    assert samples_table(study) is None
    captions = [sentence for section in compile_report(study, "", "").sections if section.table
                for sentence in section.table.caption]  # fmt: skip
    assert any("2/predictions.safetensors is damaged" in sentence for sentence in captions)


def test_runs_are_compared_in_python(sweep: Path) -> None:
    first, second = [sweep / "0", sweep / "1"], [sweep / "2", sweep / "3"]
    one = dlhw.compare_predictions(str(first[0]), second[0])
    assert (one.only_first, one.only_second, one.difference) == (50, 10, pytest.approx(0.2))
    assert dlhw.compare_predictions(first, second).num_pairs == 2
    assert dlhw.load_predictions(first[0]).correct.mean() == pytest.approx(0.9)
    with pytest.raises(RunFolderError, match="got 2 and 1"):
        dlhw.compare_predictions(first, second[:1])
    (sweep / "0" / PREDICTIONS_FILE).unlink()
    with pytest.raises(RunFolderError, match=r"has no predictions\.safetensors: a run writes it at its end"):
        dlhw.load_predictions(first[0])
