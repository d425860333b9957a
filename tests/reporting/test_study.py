"""What a study concludes: means, the best cell, differences from a baseline."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from report_runs import REGRESSION, lr_sweep, make_run, make_sweep, rates, study_of

from dlhw.errors import RunFolderError
from dlhw.reporting.cells import are_identical
from dlhw.reporting.formats import report_html, report_latex, report_markdown, table_csv
from dlhw.reporting.report import compile_report
from dlhw.reporting.sample_comparison import wilson
from dlhw.reporting.statistics import MeanEstimate
from dlhw.reporting.study import Study
from dlhw.reporting.tables import comparison_table, left_out_table, results_table
from dlhw.status import Status


def texts(study: Study) -> dict[str, str]:
    """Every text format of a report."""
    document = compile_report(study, "title", "dlhw-report DIR", with_figures=False)
    return {
        "md": report_markdown(document), "tex": report_latex(document), "html": report_html(document), "csv": table_csv(study)
    }  # fmt: skip


def test_seeds_are_aggregated_within_a_cell(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    for index, lr in enumerate((0.01, 0.1, 1)):
        for metric, split in zip(study.metrics, ("train", "val", "test"), strict=True):
            values = [rates({"optimizer.lr": lr}, seed)[split] for seed in (0, 1, 2)]
            estimate = study.estimates[index, metric]
            assert estimate.n == 3
            assert estimate.mean == pytest.approx(np.mean(values), rel=1e-12)
            assert estimate.std == pytest.approx(np.std(values, ddof=1), rel=1e-9)


def test_default_metrics(tmp_path: Path) -> None:
    names = [metric.name for metric in study_of(lr_sweep(tmp_path / "a")).metrics]
    assert names == ["final/train/accuracy", "final/val/accuracy", "selected/test/accuracy"]
    make_run(tmp_path / "b", *REGRESSION)
    names = [metric.name for metric in study_of(tmp_path / "b").metrics]
    assert names == ["final/train/loss", "final/val/loss", "selected/test/loss"]


def test_best_is_by_validation_never_by_test(tmp_path: Path) -> None:
    """Test scores would choose lr=1."""
    study = study_of(lr_sweep(tmp_path))
    assert [study.cells[index].label for index in study.choice.best] == ["optimizer.lr=0.1"]
    for text in texts(study).values():
        assert "TEST" not in text
    assert "best by validation" in texts(study)["md"]


def test_a_table_of_test_scores_alone_is_still_selected_by_validation(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path), metrics=["selected/test/accuracy"])
    assert study.choice.best == (1,)
    assert study.choice.metric is not None
    assert study.choice.metric.name == "selected/val/accuracy"


def test_selection_by_test_is_stated_in_every_output(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path), select="test")
    assert [study.cells[index].label for index in study.choice.best] == ["optimizer.lr=1"]
    written = texts(study)
    for name in ("md", "tex", "html"):
        assert "selected by TEST" in written[name]
    assert ",1,0,test," in written["csv"]
    assert "selected by TEST" in results_table(study).title
    pictures = compile_report(study, "", "").pictures
    assert any("selected by TEST" in picture.caption for picture in pictures)


def test_the_lowest_loss_is_best(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, {"optimizer.lr": [1, 0.1]}, rates_of_loss, *REGRESSION)
    study = study_of(sweep)
    assert study.cells[study.choice.best[0]].label == "optimizer.lr=1"
    assert "lowest mean validation loss" in study.choice.sentence


def rates_of_loss(cell: dict[str, object], seed: int) -> dict[str, float]:
    loss = {1.0: 0.2, 0.1: 0.4}[float(str(cell["optimizer.lr"]))] + 0.01 * seed
    return {"train": loss, "val": loss, "test": loss}


def test_without_validation_no_cell_is_best(tmp_path: Path) -> None:
    def only_train(cell: dict[str, object], seed: int) -> dict[str, float]:
        return {"train": rates(cell, seed)["train"], "test": 0.5}

    study = study_of(make_sweep(tmp_path, {"optimizer.lr": [1, 0.1]}, only_train))
    assert study.choice.best == ()
    assert study.choice.sentence == "No cell is marked best: no run has validation scores."


def test_equal_means_share_the_mark(tmp_path: Path) -> None:
    def same(cell: dict[str, object], seed: int) -> dict[str, float]:
        return {"train": 0.5, "val": 0.5}

    assert study_of(make_sweep(tmp_path, {"optimizer.lr": [1, 0.1]}, same)).choice.best == (0, 1)


def test_a_diverged_run_is_reported_and_not_averaged(tmp_path: Path) -> None:
    """The diverged run's accuracy of 0.99 is finite, and would have been best."""
    sweep = lr_sweep(tmp_path)
    for number in range(3):
        make_run(
            sweep / f"x{number}", "optimizer.lr=1e30", seed=number, diverged_at=2 + number,
            scores={"train": 0.99, "val": 0.99, "test": 0.99}, status=Status.diverged,
        )  # fmt: skip
    make_run(
        sweep / "one", "optimizer.lr=0.1", seed=9, scores={"val": 0.1, "train": 0.1}, diverged_at=7,
        status=Status.diverged,
    )  # fmt: skip
    study = study_of(sweep)
    table = results_table(study)
    lines = {line.entries[0].text: [entry.text for entry in line.entries] for line in table.lines}
    assert lines["1e+30"][1:] == ["0 of 3", "diverged", "diverged", "diverged", "3 diverged (steps 2–4)"]
    assert lines["0.1"][1] == "3 of 4"
    assert lines["0.1"][-1] == "1 diverged (step 7)"
    assert study.estimates[1, study.metrics[1]].n == 3
    # A mean over the seeds that survived cannot be compared with means over all.
    assert [study.cells[index].label for index in study.choice.best] == ["optimizer.lr=1"]
    for name in ("md", "tex", "html"):
        assert "3 diverged" in texts(study)[name]


def test_every_cell_diverged(tmp_path: Path) -> None:
    for number in range(2):
        make_run(
            tmp_path / str(number),
            f"optimizer.lr={10 ** (20 + number)}",
            diverged_at=1,
            status=Status.diverged,
        )
    study = study_of(tmp_path)
    assert study.choice.best == ()
    assert all(texts(study).values())


def test_runs_left_out_are_listed(tmp_path: Path) -> None:
    make_run(tmp_path / "a", seed=0)
    make_run(tmp_path / "b", seed=1, status=None)
    make_run(tmp_path / "c", seed=2, status=Status.failed)
    (make_run(tmp_path / "d", seed=3) / "summary.json").write_text("{")
    study = study_of(tmp_path)
    assert [entry.text for entry in results_table(study).lines[0].entries][0] == "1 of 3"
    assert results_table(study).lines[0].entries[-1].text == "1 failed; 1 unfinished"
    listed = left_out_table(study)
    assert listed is not None
    assert [line.entries[-2].text for line in listed.lines] == ["unfinished", "failed", "unreadable"]
    assert "summary.json is damaged" in listed.lines[-1].entries[-1].text
    assert "Left out: 1 unreadable run." in results_table(study).caption


def test_one_seed_has_no_interval_and_the_table_says_so(tmp_path: Path) -> None:
    table = results_table(study_of(lr_sweep(tmp_path, seeds=[0])))
    assert table.lines[1].entries[3].text == ".9000"
    assert table.lines[1].entries[3].below == "set [.6990, .9721]"  # of the 20 validation samples
    assert "n = 1: a single run, so no standard deviation or interval over seeds." in table.caption


def test_two_seeds_have_no_interval_and_the_table_says_so(tmp_path: Path) -> None:
    table = results_table(study_of(lr_sweep(tmp_path, seeds=[0, 1])))
    assert " ± " in table.lines[1].entries[3].text
    assert table.lines[1].entries[2].below == ""
    assert "Only 2 seeds: too few to say how a further run would turn out." in table.caption
    assert not any("interval of the mean" in sentence for sentence in table.caption)


def test_the_error_of_the_test_set_stands_beside_the_spread_of_seeds(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    table = results_table(study)
    test = study.estimates[1, study.metrics[2]]
    assert test.mean is not None
    assert study.set_interval(1, study.metrics[2]) == wilson(test.mean, 20)
    assert table.lines[1].entries[4].below.splitlines()[1].startswith("set [.47")
    assert "\n" not in table.lines[1].entries[2].below  # training scores have no such error
    caption = " ".join(table.caption)
    assert "a single run of that accuracy on 20 test samples and 20 validation samples" in caption


def test_identical_runs_count_once(tmp_path: Path) -> None:
    def scores(cell: dict[str, object], seed: int) -> dict[str, float]:
        return {"train": 0.9, "val": 0.8 if cell["optimizer.lr"] == 1 else 0.9, "test": 0.85}

    study = study_of(make_sweep(tmp_path, {"optimizer.lr": [1, 2]}, scores), baseline="lr=1")
    table, compared = results_table(study), comparison_table(study)
    assert [entry.text for entry in table.lines[1].entries][:3] == ["2", "1", ".9000"]
    assert table.lines[1].entries[-1].text == "best by validation; 3 identical runs"
    assert table.lines[0].entries[-1].text == "3 identical runs"  # nothing random, so not tied
    assert any("count once (n = 1)" in sentence for sentence in table.caption)
    assert not any("single run, so" in sentence or "fewer than" in sentence for sentence in table.caption)
    assert compared is not None
    assert [entry.text for entry in compared.lines[1].entries][2:] == [
        "1", "+.1000", "–", "–", "deterministic, n = 1",
    ]  # fmt: skip


def test_one_bit_of_one_score_makes_runs_differ() -> None:
    row = {"status": "completed", "final/val/loss": 0.1, "steps": 5, "seconds": 1.0}
    assert are_identical([row, row | {"seconds": 2.0, "seed": 1}])
    assert not are_identical([row, row | {"final/val/loss": 0.1 + 2**-56}])
    assert not are_identical([row, row | {"steps": 6}])
    assert not are_identical([row])
    assert not are_identical([{"status": "completed"}, {"status": "completed"}])


def test_cells_not_distinguishable_from_the_best_are_marked(tmp_path: Path) -> None:
    noise = [0.01, -0.02, 0.015, -0.005, 0.0]

    def scores(cell: dict[str, object], seed: int) -> dict[str, float]:
        lr = cell["optimizer.lr"]
        val = {1: 0.7, 2: 0.9, 3: 0.901}[int(str(lr))] + (noise[seed] if lr == 2 else 0.001 * seed)
        return {"train": 0.9, "val": val, "test": 0.85 + 0.001 * seed}

    study = study_of(make_sweep(tmp_path, {"optimizer.lr": [1, 2, 3]}, scores, seeds=range(5)))
    notes = [line.entries[-1].text for line in results_table(study).lines]
    assert notes == ["", "not distinguishable from the best", "best by validation"]
    assert [line.is_strong for line in results_table(study).lines] == [False, True, True]
    assert "1 cell is not distinguishable from the best (paired by seed, p > .05" in study.choice.sentence
    marks = [(line["best"], line["tied"]) for line in csv.DictReader(io.StringIO(texts(study)["csv"]))]
    assert marks == [("0", "0"), ("0", "1"), ("1", "0")]


def test_with_two_seeds_no_cell_is_called_tied(tmp_path: Path) -> None:
    choice = study_of(lr_sweep(tmp_path, seeds=[0, 1])).choice
    assert choice.tied == ()
    assert "2 cells share fewer than 3 seeds with it: too few to test for a difference." in choice.sentence


def test_ten_seeds_have_a_median_and_an_interquartile_mean(tmp_path: Path) -> None:
    table = results_table(study_of(lr_sweep(tmp_path, seeds=range(10))))
    assert "\nmedian " in table.lines[0].entries[2].below
    assert ", IQM " in table.lines[0].entries[2].below
    assert any("interquartile mean" in sentence for sentence in table.caption)


def test_differences_are_paired_by_seed(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path), baseline="optimizer.lr=0.1")
    assert study.comparison is not None
    for index, lr in ((0, 0.01), (2, 1)):
        pairs = [
            rates({"optimizer.lr": lr}, s)["val"] - rates({"optimizer.lr": 0.1}, s)["val"] for s in range(3)
        ]
        difference = study.comparison.differences[index, study.metrics[1]]
        assert difference.estimate.mean == pytest.approx(np.mean(pairs))
        assert difference.estimate.std == pytest.approx(np.std(pairs, ddof=1), abs=1e-12)
        assert difference.verdict == "lower"


def test_other_seeds_are_no_pairs(tmp_path: Path) -> None:
    make_sweep(tmp_path / "a", {"optimizer.lr": [1]}, rates, seeds=[0, 1])
    make_sweep(tmp_path / "b", {"optimizer.lr": [0.1]}, rates, seeds=[1, 2])
    table = comparison_table(study_of(tmp_path, baseline="lr=1"))
    assert table is not None
    assert [entry.text for entry in table.lines[0].entries][2:] == [
        "1", "+.1010", "–", "–", "fewer than 3 pairs",
    ]  # fmt: skip


def test_pairs_agree_in_what_varies_within_cells(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.1, 1], "model.dropout": [0.0, 0.5]}
    study = study_of(make_sweep(tmp_path, grid, rates), by=["lr"], baseline="lr=0.1")
    assert study.comparison is not None
    assert study.comparison.differences[1, study.metrics[0]].estimate.n == 6


def test_no_comparison_unless_requested(tmp_path: Path) -> None:
    assert comparison_table(study_of(lr_sweep(tmp_path))) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"baseline": "optimizer.lrr=1"}, "not optimizer.lrr; did you mean optimizer.lr?"),
        ({"baseline": "lr=7"}, "--baseline: no cell has lr=7; there are optimizer.lr=0.01, 0.1, 1"),
        ({"baseline": "lr"}, "--baseline must be KEY=VALUE"),
        ({"metrics": ["final/val/acuracy"]}, "no metric final/val/acuracy; did you mean final/val/accuracy?"),
        ({"metrics": ["speed"]}, "no metric speed; there are epochs, steps"),
    ],
)
def test_what_does_not_exist_is_reported(tmp_path: Path, options: dict[str, object], sentence: str) -> None:
    lr_sweep(tmp_path, seeds=[0])
    with pytest.raises(RunFolderError) as caught:
        study_of(tmp_path, **options)
    assert sentence in str(caught.value)


def test_baseline_names_one_cell(tmp_path: Path) -> None:
    grid: dict[str, list[object]] = {"optimizer.lr": [0.1, 1], "model.hidden": ["[16]", "[8,8]"]}
    sweep = make_sweep(tmp_path, grid, rates, seeds=[0, 1])
    with pytest.raises(RunFolderError, match="fits 2 cells .*name more keys"):
        study_of(sweep, baseline="lr=0.1")
    study = study_of(sweep, baseline="lr=0.1,model.hidden=[8,8]")
    assert study.comparison is not None
    assert study.cells[study.comparison.baseline].label == "model.hidden=[8, 8], optimizer.lr=0.1"


def test_the_time_of_runs_that_train_together_is_one_measurement(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path), metrics=["seconds", "final/val/accuracy"], baseline="lr=1")
    assert study.comparison is not None
    assert study.estimates[0, study.metrics[0]] == MeanEstimate(1, mean=0.375)
    assert results_table(study).lines[0].entries[2].text == "0.375 (n=1)"
    assert study.estimates[0, study.metrics[1]].n == 3
    assert study.comparison.differences[0, study.metrics[0]].estimate.n == 1
