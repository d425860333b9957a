"""The verdict about an experiment: published values, checks, claims, missing runs."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from report_runs import frame_of, lr_sweep, make_run, make_sweep, study_of

from dlhw.config.experiment import ExperimentConfig
from dlhw.config.experiment_entries import CheckConfig, Rule
from dlhw.errors import ConfigError
from dlhw.reporting.agreement import Agreement, ExperimentVerdict, Verdict
from dlhw.reporting.agreement_tables import checks_csv, checks_table, published_csv, published_table
from dlhw.reporting.cells import Cell
from dlhw.reporting.check_rules import RULES, CheckResult, apply_rule
from dlhw.reporting.evidence import Bounds, Support, evidence
from dlhw.reporting.formats import report_html, report_latex, report_markdown
from dlhw.reporting.judge import judge
from dlhw.reporting.report import compile_report
from dlhw.reporting.selection import CellSelection
from dlhw.reporting.study import ReportOptions, make_study
from dlhw.status import Status

VAL = "final/val/accuracy"


def experiment(**fields: Any) -> ExperimentConfig:
    tree = {"source": "s", "name": "n", "question": "Which rate is best?"} | fields
    result = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExperimentConfig), tree))
    assert isinstance(result, ExperimentConfig)
    return result


def published(lr: float, values: Sequence[float], **fields: Any) -> dict[str, Any]:
    return {"cell": {"optimizer.lr": lr}, "metric": VAL, "values": list(values), "tolerance": 0.005} | fields


def judged(folder: Path, **fields: Any) -> Agreement:
    return judge(study_of(folder), experiment(**fields))


def mean_of(folder: Path, lr: float) -> float:
    frame = frame_of(folder)
    return float(frame[frame["optimizer.lr"] == lr][VAL].mean())


def test_every_published_value_is_compared_by_itself(tmp_path: Path) -> None:
    """Two reports differ: the number agrees with one of them and not with the other."""
    folder = lr_sweep(tmp_path)
    mean = mean_of(folder, 0.1)
    far, near = mean + 0.2, mean - 0.004
    agreement = judged(folder, published=[published(0.1, [far, near], source="S1/S2", tolerance=0.03)])
    one, other = agreement.published
    assert [(item.source, item.value, item.verdict) for item in (one, other)] == [
        ("S1", far, Verdict.no), ("S2", near, Verdict.yes)
    ]  # fmt: skip
    assert other.difference == pytest.approx(mean - near)
    assert other.estimate.n == 3
    assert agreement.verdict is ExperimentVerdict.disagrees
    assert not agreement.passes
    assert agreement.headline == "DISAGREES, n = 3: 1 of 2 published values agree, 1 disagree"


def test_a_disputed_value_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    mean = mean_of(folder, 0.1)
    entries = [
        published(0.1, [mean], tolerance=0.1),
        published(0.1, [mean + 0.5], tolerance=0.1, disputed="The two numbers of this row look swapped."),
    ]
    agreement = judged(folder, published=entries)
    assert agreement.verdict is ExperimentVerdict.reproduced
    assert agreement.headline == "reproduced, n = 3: 1 of 1 published values agree, 1 disputed"
    table = published_table(agreement)
    assert table is not None
    (_, line) = table.lines
    assert line.entries[-1].text == "disputed (disagrees)"
    assert line.entries[-1].below == "The two numbers of this row look swapped."


@pytest.mark.parametrize(
    ("tolerance", "verdict"), [(0.004, Verdict.no), (0.02, Verdict.undecided), (0.06, Verdict.yes)]
)
def test_agreement_is_equivalence(tmp_path: Path, tolerance: float, verdict: Verdict) -> None:
    """Of 3 seeds with a standard deviation of .01 the 90 % interval of the mean is ± .0169."""
    accuracies = {0: 0.89, 1: 0.90, 2: 0.91}
    make_sweep(
        tmp_path, {"optimizer.lr": [0.1]},
        lambda cell, seed: {"train": 0.9 + seed / 1000, "val": accuracies[seed], "test": 0.5},
    )  # fmt: skip
    agreement = judged(tmp_path, published=[published(0.1, [0.925], tolerance=tolerance)])
    (item,) = agreement.published
    assert item.evidence is not None
    assert item.evidence.low == pytest.approx(-0.025 - 0.01686, abs=1e-4)
    assert item.evidence.high == pytest.approx(-0.025 + 0.01686, abs=1e-4)
    assert item.verdict is verdict


def test_identical_runs_count_once(tmp_path: Path) -> None:
    make_sweep(tmp_path, {"optimizer.lr": [0.1]}, lambda cell, seed: {"train": 0.9, "val": 0.9, "test": 0.5})
    agreement = judged(tmp_path, published=[published(0.1, [0.902])])
    assert agreement.headline == "reproduced, n = 1: 1 of 1 published values agree"
    table = published_table(agreement)
    assert table is not None
    assert any(sentence.startswith("n = 1 (one seed") for sentence in table.caption)


def test_the_number_of_independent_samples_is_stated(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    agreement = judged(folder, published=[published(lr, [0.5, 0.6]) for lr in (0.1, 1)])
    table = published_table(agreement)
    assert table is not None
    assert any(
        sentence.startswith("4 comparisons of 2 configurations, but only 3 independent looks")
        for sentence in table.caption
    )


def test_a_range_replaces_a_tolerance(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    mean = mean_of(folder, 1)
    span = {"tolerance": None, "low": mean - 0.1, "high": mean + 0.1}
    agreement = judged(
        folder, published=[published(1, [0.1], **span), published(1, [mean], **span | {"low": mean + 0.05})]
    )
    assert [item.verdict for item in agreement.published] == [Verdict.yes, Verdict.no]


def test_missing_runs_are_reported(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    agreement = judged(
        folder,
        published=[
            published(7, [0.9]),
            published(1, [0.9], metric="values.errors"),
            published(1, [0.9], cell={}),
        ],
        checks=[{"rule": "range", "claim": "c", "metric": VAL, "where": {"optimizer.lr": 7}, "low": 0}],
    )
    assert [value.verdict for value in agreement.published] == [Verdict.missing] * 3
    assert [value.missing for value in agreement.published] == [
        "no run has lr=7", "lr=1: errors was not measured", "all runs fits 3 cells"
    ]  # fmt: skip
    assert agreement.checks[0].result == CheckResult("no run has lr=7")
    assert agreement.verdict is ExperimentVerdict.incomplete
    assert agreement.headline == (
        "incomplete: 0 of 3 published values agree, 3 incomplete; 0 of 1 checks shown, 1 incomplete"
    )


def test_a_cell_without_a_successful_run_has_no_number(tmp_path: Path) -> None:
    make_run(tmp_path / "0", "optimizer.lr=1", status=Status.diverged, diverged_at=3)
    make_run(tmp_path / "1", "optimizer.lr=0.1")
    (item,) = judged(tmp_path, published=[published(1, [0.9])]).published
    assert (item.verdict, item.missing) == (Verdict.missing, "lr=1: diverged")


def test_keys_that_are_not_swept_and_the_keys_of_the_table_do_not_matter(tmp_path: Path) -> None:
    folder = make_sweep(
        tmp_path, {"optimizer.lr": [1, 0.1], "model.hidden": ["[8]", "[16]"]},
        lambda cell, seed: {"train": 0.9, "val": 0.5 if cell["model.hidden"] == "[8]" else 0.7, "test": 0.5},
    )  # fmt: skip
    cell = {"optimizer.lr": 1.0, "model.hidden": [16], "optimizer.momentum": 0, "model.name": "mlp"}
    asked = experiment(published=[published(1, [0.7], cell=cell, tolerance=0)])
    for by in (None, ["optimizer.lr"], ["model.name"]):
        study = make_study(frame_of(folder), ReportOptions(by=by))
        assert judge(study, asked).passes


def test_a_key_that_no_run_has_is_an_error(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    with pytest.raises(
        ConfigError, match=r"published\[0\].cell names optimizer.lrr.*did you mean optimizer.lr"
    ):
        judged(folder, published=[published(1, [0.9], cell={"optimizer.lrr": 1})])


def test_dotted_names_are_names_of_columns(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    agreement = judged(
        folder, published=[published(1, [mean_of(folder, 1)], metric="final.val.accuracy", tolerance=0.1)]
    )
    assert agreement.passes


ARGUMENTS = {"claim": "c", "metric": VAL}


def selection(values: Mapping[Any, Sequence[float]]) -> CellSelection:
    """Cells along optimizer.lr, one value per seed."""
    cells = [
        Cell(
            ("optimizer.lr",), (lr,),
            tuple({"optimizer.lr": lr, "seed": seed, "status": "completed", VAL: value} for seed, value in enumerate(scores)),
        )
        for lr, scores in sorted(values.items())
    ]  # fmt: skip
    return CellSelection(["optimizer.lr"], cells)


def holds(values: Mapping[Any, Sequence[float]], **arguments: Any) -> bool | None:
    """Whether a check is shown or contradicted; None if results are missing."""
    support = supported(values, **arguments)
    assert support is not Support.not_shown
    return None if support is None else support is Support.shown


def supported(values: Mapping[Any, Sequence[float]], **arguments: Any) -> Support | None:
    check = CheckConfig(**ARGUMENTS | arguments)
    assert not list(check.problems_at("check"))
    return apply_rule(check, selection(values)).support


def pair(one: float, other: float) -> list[dict[str, Any]]:
    return [{"optimizer.lr": one}, {"optimizer.lr": other}]


ALONG = {"along": "optimizer.lr"}
CASES: list[tuple[dict[str, Any], list[float], bool | None]] = [
    ({"rule": Rule.range, "low": 0.2, "high": 0.4}, [0.2, 0.3, 0.4], True),
    ({"rule": Rule.range, "low": 0.2, "high": 0.4}, [0.2, 0.3, 0.5], False),
    ({"rule": Rule.range, "low": 0.25}, [0.2, 0.3, 0.5], False),
    ({"rule": Rule.decreasing, **ALONG}, [0.3, 0.2, 0.1], True),
    ({"rule": Rule.decreasing, **ALONG}, [0.3, 0.2, 0.2], False),
    ({"rule": Rule.decreasing, **ALONG, "slack": 0.05}, [0.3, 0.2, 0.24], True),
    ({"rule": Rule.decreasing, **ALONG, "slack": 0.05}, [0.3, 0.2, 0.26], False),
    ({"rule": Rule.decreasing, **ALONG}, [0.3], None),
    ({"rule": Rule.increasing, **ALONG}, [0.1, 0.2, 0.3], True),
    ({"rule": Rule.increasing, **ALONG}, [0.1, 0.3, 0.2], False),
    ({"rule": Rule.increasing, **ALONG, "slack": 0.11}, [0.1, 0.3, 0.2], True),
    ({"rule": Rule.order, "cells": pair(1, 0)}, [0.2, 0.1], True),
    ({"rule": Rule.order, "cells": pair(0, 1)}, [0.2, 0.1], False),
    ({"rule": Rule.order, "cells": pair(0, 1)}, [0.2, 0.2], False),
    ({"rule": Rule.order, "cells": pair(0, 9)}, [0.2, 0.1], None),
    ({"rule": Rule.gap, "cells": pair(0, 1), "low": 0.1}, [0.5, 0.375], True),
    ({"rule": Rule.gap, "cells": pair(0, 1), "low": 0.1, "high": 0.12}, [0.5, 0.375], False),
    ({"rule": Rule.ratio, "cells": pair(0, 1), "low": 2}, [0.5, 0.25], True),
    ({"rule": Rule.ratio, "cells": pair(0, 1), "low": 2.1}, [0.5, 0.25], False),
    ({"rule": Rule.ratio, "cells": pair(0, 1), "low": 2}, [0.5, 0.0], None),
    ({"rule": Rule.equal, "cells": pair(0, 1), "tolerance": 0.125}, [0.5, 0.375], True),
    ({"rule": Rule.equal, "cells": pair(0, 1), "tolerance": 0.1}, [0.5, 0.375], False),
    ({"rule": Rule.peak, **ALONG, "at": 1, "ratio": 5}, [0.1, 0.6, 0.1], True),
    ({"rule": Rule.peak, **ALONG, "at": 1, "ratio": 5}, [0.1, 0.6, 0.2], False),
    ({"rule": Rule.peak, **ALONG, "at": 0, "ratio": 5}, [0.1, 0.6, 0.1], False),
    ({"rule": Rule.best, "cell": {"optimizer.lr": 1}}, [0.1, 0.6, 0.2], True),
    ({"rule": Rule.best, "cell": {"optimizer.lr": 2}}, [0.1, 0.6, 0.2], False),
    ({"rule": Rule.best, "cell": {"optimizer.lr": 2}}, [0.1, 0.6, 0.6], False),
    (
        {"rule": Rule.value, "value": 0.5, "tolerance": 0.1, "cell": {"optimizer.lr": 1}},
        [0.1, 0.6, 0.2],
        True,
    ),
    ({"rule": Rule.value, "value": 0.5, "tolerance": 0.05, "cell": {"optimizer.lr": 1}}, [0.1, 0.6], False),
    ({"rule": Rule.value, "value": 0.5, "tolerance": 0.15}, [0.4, 0.6], True),
    ({"rule": Rule.value, "value": 0.5, "tolerance": 0.15}, [0.4, 0.7], False),
    ({"rule": Rule.value, "value": 0.5, "tolerance": 0.1, "cell": {"optimizer.lr": 9}}, [0.5], None),
]


@pytest.mark.parametrize(("arguments", "means", "expected"), CASES)
def test_rule(arguments: dict[str, Any], means: list[float], expected: bool | None) -> None:
    """With one seed the numbers decide; seeds that move together leave every paired difference as it is."""
    assert holds({lr: [mean] for lr, mean in enumerate(means)}, **arguments) is expected
    if arguments["rule"] in (Rule.decreasing, Rule.increasing, Rule.order, Rule.best):
        spread = {lr: [mean - 0.0625, mean, mean + 0.0625] for lr, mean in enumerate(means)}
        assert holds(spread, **arguments) is expected


SPREAD_CASES: list[tuple[dict[str, Any], list[list[float]], Support]] = [
    ({"rule": Rule.order, "cells": pair(0, 1)}, [[0.1, 0.2, 0.3], [0.21, 0.3, 0.39]], Support.shown),
    ({"rule": Rule.order, "cells": pair(0, 1)}, [[0.1, 0.2, 0.3], [0.3, 0.2, 0.2]], Support.not_shown),
    ({"rule": Rule.order, "cells": pair(1, 0)}, [[0.1, 0.2, 0.3], [0.21, 0.3, 0.39]], Support.contradicted),
    ({"rule": Rule.range, "low": 0.2, "high": 0.4}, [[0.29, 0.3, 0.31]], Support.shown),
    ({"rule": Rule.range, "low": 0.2, "high": 0.4}, [[0.2, 0.3, 0.4]], Support.not_shown),
    ({"rule": Rule.range, "low": 0.2, "high": 0.4}, [[0.29, 0.3, 0.31], [0.6, 0.61, 0.62]], Support.contradicted),
    ({"rule": Rule.value, "value": 0.3, "tolerance": 0.1}, [[0.2, 0.3, 0.4]], Support.not_shown),
    ({"rule": Rule.decreasing, **ALONG}, [[0.3, 0.4], [0.2, 0.29], [0.1, 0.25]], Support.not_shown),
    ({"rule": Rule.decreasing, **ALONG, "slack": 0.2}, [[0.3, 0.4, 0.5], [0.31, 0.4, 0.49]], Support.shown),
    ({"rule": Rule.gap, "cells": pair(1, 0), "low": 0.05}, [[0.1, 0.2], [0.2, 0.3]], Support.shown),
    ({"rule": Rule.gap, "cells": pair(1, 0), "low": 0.05}, [[0.1, 0.2], [0.2, 0.2]], Support.not_shown),
    ({"rule": Rule.ratio, "cells": pair(1, 0), "low": 3}, [[0.1, 10], [0.4, 42]], Support.shown),
    ({"rule": Rule.ratio, "cells": pair(1, 0), "low": 3}, [[0.1, 10], [0.4, 10]], Support.not_shown),
    ({"rule": Rule.peak, **ALONG, "at": 1, "ratio": 3}, [[0.1, 9], [0.6, 55], [0.1, 9]], Support.shown),
    ({"rule": Rule.peak, **ALONG, "at": 1, "ratio": 5}, [[0.1, 9], [0.4, 90], [0.1, 9]], Support.not_shown),
    ({"rule": Rule.best, "cell": {"optimizer.lr": 1}}, [[0.1, 0.2], [0.3, 0.4], [0.3, 0.39]], Support.not_shown),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "values", "support"), SPREAD_CASES)
def test_rule_over_seeds(arguments: dict[str, Any], values: list[list[float]], support: Support) -> None:
    """A rule whose interval covers its limit is neither shown nor contradicted."""
    assert supported(dict(enumerate(values)), **arguments) is support


def test_the_interval_of_a_rule_is_printed_for_three_seeds() -> None:
    check = CheckConfig(rule=Rule.order, claim="c", metric=VAL, cells=pair(0, 1))
    result = apply_rule(check, selection({0: [0.1, 0.2, 0.3], 1: [0.21, 0.3, 0.39]}))
    assert result.text == "lr=0: .2000, lr=1: .3000; difference +.1000, 90 % interval [+.0831, +.1169]"
    assert result.n == 3
    two = apply_rule(check, selection({0: [0.1, 0.2], 1: [0.21, 0.3]}))
    assert "interval" not in two.text


def test_every_rule_is_tested() -> None:
    assert set(RULES) == set(Rule) == {arguments["rule"] for arguments, _, _ in CASES}


def test_equal_compares_seed_by_seed() -> None:
    """The means are the same, no run is."""
    check = {"rule": Rule.equal, "cells": pair(0, 1), "tolerance": 1e-8}
    assert holds({0: [0.25, 0.75], 1: [0.75, 0.25]}, **check) is False
    assert holds({0: [0.25, 0.75], 1: [0.25, 0.75]}, **check) is True
    assert holds({0: [0.25, 0.75, 0.5], 1: [0.25, 0.75]}, **check) is True


@given(means=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=6))
def test_a_trend_is_what_its_definition_says(means: list[float]) -> None:
    values = {lr: [mean] for lr, mean in enumerate(means)}
    rises = all(one < other for one, other in zip(means, means[1:], strict=False))
    falls = all(one > other for one, other in zip(means, means[1:], strict=False))
    assert holds(values, rule=Rule.increasing, **ALONG) is rises
    assert holds(values, rule=Rule.decreasing, **ALONG) is falls
    mirrored = {-lr: group for lr, group in values.items()}
    assert holds(mirrored, rule=Rule.increasing, **ALONG) is falls


def test_a_loss_is_best_when_lowest(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    check = {"rule": "best", "claim": "c", "metric": "final/val/loss"}
    agreement = judged(folder, checks=[check | {"cell": {"optimizer.lr": lr}} for lr in (0.1, 1)])
    assert [result.verdict for result in agreement.checks] == [Verdict.yes, Verdict.no]


def both(folder: Path, **fields: Any) -> Agreement:
    check = {
        "rule": "best",
        "claim": "The rate 0.1 is_best | of <three>",
        "metric": VAL,
        "cell": {"optimizer.lr": 0.1},
    }
    return judged(folder, published=[published(1, [0.1, 0.2], source="S1/S2")], checks=[check], **fields)


def test_every_format_says_what_disagrees(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path, seeds=[0, 1])
    agreement = both(folder, note="Found by trying.")
    document = compile_report(
        study_of(folder), "t", "dlhw-report DIR", with_figures=False, agreement=agreement
    )
    for text in (report_markdown(document), report_latex(document), report_html(document)):
        for words in (
            "Published values beside",
            "DISAGREES",
            ".1000",
            ".2000",
            "S1",
            "S2",
            "Checks",
            "Only 2 seeds: too few to say",
        ):
            assert words in text
    assert "The rate 0.1 is\\_best \\| of \\<three\\>" in report_markdown(document)
    assert document.summary[:4] == [
        "Which rate is best?", "Found by trying.", "Run by: dlhw-train experiment=s/n",
        "Verdict: DISAGREES, n = 2: 0 of 2 published values agree, 2 disagree; 1 of 1 checks shown.",
    ]  # fmt: skip


def test_three_seeds_are_enough(tmp_path: Path) -> None:
    for table in (published_table(both(lr_sweep(tmp_path))), checks_table(both(tmp_path))):
        assert table is not None
        assert not any("Only" in sentence for sentence in table.caption)


def test_csv_has_full_precision(tmp_path: Path) -> None:
    agreement = both(lr_sweep(tmp_path))
    line, _ = csv.DictReader(io.StringIO(published_csv(agreement)))
    (item, _) = agreement.published
    assert item.evidence is not None
    assert float(line["mean"]) == item.estimate.mean
    assert float(line["difference"]) == item.difference
    assert float(line["interval_low"]) == item.evidence.low
    names = ("optimizer.lr", "published", "source", "verdict", "low")
    assert [line[name] for name in names] == ["1", "0.1", "S1", "no", ""]
    (check,) = csv.DictReader(io.StringIO(checks_csv(agreement)))
    assert [check[name] for name in ("rule", "n", "verdict", "where")] == ["best", "3", "yes", ""]


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    agreement = judged(lr_sweep(tmp_path))
    assert (published_table(agreement), checks_table(agreement), agreement.headline) == (
        None,
        None,
        "nothing to compare with",
    )
    assert agreement.passes


@given(mean=st.floats(0, 1), tolerance=st.floats(0, 1), value=st.floats(0, 1))
def test_a_single_number_agrees_within_the_tolerance(mean: float, tolerance: float, value: float) -> None:
    result = evidence([mean - value], Bounds(-tolerance, tolerance))
    assert (result.support is Support.shown) == (abs(mean - value) <= tolerance)
    assert result.support is not Support.not_shown
