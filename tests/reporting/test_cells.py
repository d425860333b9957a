"""Swept keys, and runs grouped by them."""

from pathlib import Path

import pytest
from report_runs import REGRESSION, copied, lr_sweep, make_run, make_sweep, rates, study_of

from dlhw.errors import RunFolderError
from dlhw.status import Status


def test_the_keys_that_differ_are_swept(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    assert study.keys == ["optimizer.lr"]
    assert [cell.values for cell in study.cells] == [(0.01,), (0.1,), (1.0,)]
    assert [[run["seed"] for run in cell.runs] for cell in study.cells] == [[0, 1, 2]] * 3
    assert "optimizer.lr" not in study.fixed
    assert study.fixed["model.name"] == "mlp"


def test_names_seeds_and_tracking_make_no_cells(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "name=a", "tracking.console=none", seed=0)
    make_run(tmp_path / "b", "name=b", "tracking.console=plain", seed=1)
    study = study_of(tmp_path)
    assert study.keys == []
    assert len(study.cells[0].runs) == 2


def test_where_data_lies_makes_no_cells(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "data=mnist", "data.root=/here", seed=0)
    make_run(tmp_path / "b", "data=mnist", "data.root=/there", seed=1)
    assert study_of(tmp_path).keys == []


def test_the_seed_of_the_split_is_a_key(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "data.split.seed=0")
    make_run(tmp_path / "b", "data.split.seed=null")
    study = study_of(tmp_path)
    assert study.keys == ["data.split.seed"]
    assert [cell.values for cell in study.cells] == [(None,), (0,)]


def test_what_an_option_brings_along_is_no_key_of_its_own(tmp_path: Path) -> None:
    for name in ("sgd", "adam"):
        make_run(tmp_path / name, f"optimizer={name}")
    assert study_of(tmp_path).keys == ["optimizer.name"]
    make_run(tmp_path / "other", "optimizer=adam", "optimizer.lr=0.5")
    assert study_of(tmp_path).keys == ["optimizer.name", "optimizer.lr"]


def test_values_that_move_together_are_both_keys(tmp_path: Path) -> None:
    for lr, momentum in ((0.1, 0.9), (0.2, 0.5)):
        make_run(tmp_path / str(lr), f"optimizer.lr={lr}", f"optimizer.momentum={momentum}")
    assert study_of(tmp_path).keys == ["optimizer.lr", "optimizer.momentum"]


def test_by_averages_over_the_other_keys_and_says_so(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.1, 1], "model.dropout": [0.0, 0.5]}
    study = study_of(make_sweep(tmp_path, grid, rates), by=["lr"])
    assert (study.keys, study.within) == (["optimizer.lr"], ["model.dropout"])
    assert [len(cell.runs) for cell in study.cells] == [6, 6]


def test_by_seed(tmp_path: Path) -> None:
    assert len(study_of(lr_sweep(tmp_path), by=["seed"]).cells) == 3


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("optimizer.lrr", "--by: the runs have no config key optimizer.lrr; did you mean optimizer.lr?"),
        ("momentun", "--by: the runs have no config key momentun; did you mean optimizer.momentum?"),
        ("xyzzy", "--by: the runs have no config key xyzzy$"),
        ("name", None),
        ("split.val", None),
        ("select_by", None),
        ("dropout", None),
        ("val", None),
        ("metric", None),
    ],
)
def test_words_for_keys(tmp_path: Path, word: str, sentence: str | None) -> None:
    make_run(tmp_path / "run")
    if sentence is None:
        assert len(study_of(tmp_path, by=[word]).cells) == 1
    else:
        with pytest.raises(RunFolderError, match=sentence.replace("?", r"\?")):
            study_of(tmp_path, by=[word])


def test_a_word_for_two_keys_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "run", *REGRESSION)
    with pytest.raises(
        RunFolderError, match="--by: train can be data.split.train, data.train: write it in full"
    ):
        study_of(tmp_path, by=["train"])


def test_copies_of_a_run_are_no_new_samples(tmp_path: Path) -> None:
    sweep = lr_sweep(tmp_path / "one")
    before = study_of(sweep)
    copied(sweep, tmp_path / "copy")
    after = study_of(tmp_path)
    assert after.repeats == 9
    assert after.estimates == before.estimates


def test_a_second_attempt_replaces_one_that_was_killed(tmp_path: Path) -> None:
    make_run(tmp_path / "first", status=None)
    make_run(tmp_path / "second")
    make_run(tmp_path / "third", status=Status.failed)
    study = study_of(tmp_path)
    assert [run["status"] for run in study.cells[0].runs] == ["completed"]
    assert study.repeats == 2
