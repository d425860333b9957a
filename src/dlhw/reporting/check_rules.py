"""The rules of checks: each compares means with bounds and decides whether the runs show its claim."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlhw.config.experiment_entries import CheckConfig, Rule
from dlhw.reporting.cells import Cell
from dlhw.reporting.evidence import Bounds, Evidence, Support, evidence, weakest
from dlhw.reporting.formatting import many, number_text
from dlhw.reporting.metrics import RunMetric, metric_of
from dlhw.reporting.selection import CellSelection, MissingResult, label_of, value_of
from dlhw.reporting.values import same_value, text_of

# The largest number of values that a sentence lists.
FEW = 8
# The text about the interval of the weakest comparison of a check.
IntervalText = Callable[[Evidence], str]
POSITIVE = Bounds(low=0.0, is_strict=True)


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Args:
        text: the numbers, with the interval that decides.
        support: how the runs support the claim; None if results are missing.
        n: number of seeds behind it; 1 for deterministic runs.
    """

    text: str
    support: Support | None = None
    n: int = 0


def apply_rule(check: CheckConfig, selection: CellSelection) -> CheckResult:
    """Evaluate one check."""
    try:
        return RULES[check.rule](check, selection, metric_of(check.metric))
    except MissingResult as error:
        return CheckResult(str(error))


def _result(text: str, comparisons: Sequence[Evidence], interval: IntervalText) -> CheckResult:
    """The result of the weakest comparison, with its interval; n is the smallest of all comparisons."""
    comparison = weakest(comparisons)
    printed = f"; {interval(comparison)}" if comparison.is_printed else ""
    return CheckResult(text + printed, comparison.support, min(evidence.n for evidence in comparisons))


def _difference_text(metric: RunMetric, sign: float = 1.0, what: str = "difference") -> IntervalText:
    """Text such as `difference +.0213, 90 % interval [+.0101, +.0325]`."""

    def text(comparison: Evidence) -> str:
        mean, *ends = (number_text(sign * value, metric, sign=True) for value in _numbers(comparison))
        low, high = ends if sign > 0 else ends[::-1]
        return f"{what} {mean}, 90 % interval [{low}, {high}]"

    return text


def _mean_text(metric: RunMetric) -> IntervalText:
    """Text such as `mean .9213, 90 % interval [.9101, .9325]`."""

    def text(comparison: Evidence) -> str:
        mean, low, high = (number_text(value, metric) for value in _numbers(comparison))
        return f"mean {mean}, 90 % interval [{low}, {high}]"

    return text


def _numbers(comparison: Evidence) -> tuple[float, float, float]:
    assert comparison.low is not None
    assert comparison.high is not None
    return comparison.mean, comparison.low, comparison.high


def _ratio_text(comparison: Evidence) -> str:
    mean, low, high = (math.exp(value) for value in _numbers(comparison))
    return f"ratio over seeds {mean:.4g}, 90 % interval [{low:.4g}, {high:.4g}]"


def _matching(check: CheckConfig, selection: CellSelection) -> list[Cell]:
    return selection.where(check.where) if check.cell is None else [selection.one(check.where | check.cell)]


def _in_range(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    bounds = _bounds(check)
    comparisons = [evidence(selection.sample(cell, metric), bounds) for cell in _matching(check, selection)]
    text = _extremes(_matching(check, selection), selection, metric)
    return _result(text, comparisons, _mean_text(metric))


def _extremes(cells: Sequence[Cell], selection: CellSelection, metric: RunMetric) -> str:
    """The mean of one cell, or the smallest and the largest mean of several cells."""
    means = [(selection.mean(cell, metric), cell) for cell in cells]
    low, high = min(means, key=lambda pair: pair[0]), max(means, key=lambda pair: pair[0])
    texts = [number_text(mean, metric) for mean, _ in (low, high)]
    if len(cells) == 1:
        return texts[0]
    if texts[0] == texts[1]:
        return f"{'both' if len(cells) == 2 else f'all {len(cells)}'} cells: {texts[0]}"
    labels = [f"{text} ({selection.label(cell)})" for text, (_, cell) in zip(texts, (low, high), strict=True)]
    return f"{len(cells)} cells from {labels[0]} to {labels[1]}"


def _bounds(check: CheckConfig) -> Bounds:
    low = -math.inf if check.low is None else check.low
    return Bounds(low, math.inf if check.high is None else check.high)


def _trend(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    """decreasing, increasing: the step that goes farthest against the direction decides, over all lines."""
    assert check.along is not None
    sign = 1 if check.rule is Rule.decreasing else -1
    slack = check.slack or 0.0
    bounds = Bounds(high=slack, is_strict=not slack)
    lines = _long_lines(check, selection)
    steps = [pair for line in lines for pair in zip(line, line[1:], strict=False)]
    comparisons = [
        evidence([sign * (after - before) for before, after in selection.paired(step, metric)], bounds)
        for step in steps
    ]
    one, other = steps[comparisons.index(weakest(comparisons))]
    text = _values(lines[0], check.along, metric, selection) if len(lines) == 1 else many(len(lines), "line")
    what = f"from {selection.label(one)} to {text_of(value_of(other, check.along))}"
    return _result(text, comparisons, _difference_text(metric, sign, what))


def _long_lines(check: CheckConfig, selection: CellSelection) -> list[list[Cell]]:
    assert check.along is not None
    lines = selection.lines(check.along, check.where)
    if any(len(line) < 2 for line in lines):
        raise MissingResult(f"there are no two values of {check.along} to compare")
    return lines


def _values(line: Sequence[Cell], key: str, metric: RunMetric, selection: CellSelection) -> str:
    """The means of a line, such as `lr 0.1: .9, 1: .94`; of many, the first and the last."""
    means = [number_text(selection.mean(cell, metric), metric) for cell in line]
    texts = [f"{text_of(value_of(cell, key))}: {mean}" for cell, mean in zip(line, means, strict=True)]
    if len(texts) > FEW:
        texts = [texts[0], "…", texts[-1]]
    return f"{key.rpartition('.')[2]} {', '.join(texts)}"


def _named(check: CheckConfig, selection: CellSelection) -> dict[str, Cell]:
    """The cells that a check lists, by their labels."""
    return {label_of(wanted): selection.one(check.where | wanted) for wanted in check.cells or []}


def _means(named: dict[str, Cell], selection: CellSelection, metric: RunMetric) -> str:
    return ", ".join(
        f"{label}: {number_text(selection.mean(cell, metric), metric)}" for label, cell in named.items()
    )


def _in_order(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    named = _named(check, selection)
    cells = list(named.values())
    comparisons = [
        evidence([other - one for one, other in selection.paired(pair, metric)], POSITIVE)
        for pair in zip(cells, cells[1:], strict=False)
    ]
    what = "smallest rise" if len(comparisons) > 1 else "difference"
    return _result(_means(named, selection, metric), comparisons, _difference_text(metric, what=what))


def _gap(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    named = _named(check, selection)
    comparison = evidence(
        [one - other for one, other in selection.paired(list(named.values()), metric)], _bounds(check)
    )
    text = f"{_means(named, selection, metric)}: gap {number_text(comparison.mean, metric)}"
    return _result(text, [comparison], _difference_text(metric, what="paired gap"))


def _ratio(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    """Ratio per seed on the log scale; the run with the largest values would dominate a ratio of means."""
    named = _named(check, selection)
    means = _means(named, selection, metric)
    limits = _bounds(check)
    low, high = (math.log(limit) if limit > 0 else -math.inf for limit in (limits.low, limits.high))
    bounds = Bounds(low, high)
    comparison = evidence(_log_ratios(list(named.values()), selection, metric), bounds)
    return _result(f"{means}: ratio {math.exp(comparison.mean):.4g}", [comparison], _ratio_text)


def _log_ratios(pair: Sequence[Cell], selection: CellSelection, metric: RunMetric) -> list[float]:
    values = selection.paired(pair, metric)
    if any(one <= 0 or other <= 0 for one, other in values):
        labels = " and ".join(selection.label(cell) for cell in pair)
        raise MissingResult(f"{labels}: no ratio, because not all values are positive")
    return [math.log(one / other) for one, other in values]


def _equal(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    """Compares the runs of each seed: means can be equal although no runs are."""
    assert check.tolerance is not None
    rows = selection.paired(list(_named(check, selection).values()), metric)
    largest = max(max(values) - min(values) for values in rows)
    text = f"largest difference {largest:.3g} over {many(len(rows), 'seed')}, allowed {check.tolerance:g}"
    support = Support.shown if largest <= check.tolerance else Support.contradicted
    return CheckResult(text, support, len(rows))


def _peak(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    """Along each line, the value at `at` is the largest and exceeds `ratio` times its neighbours."""
    assert check.along is not None
    assert check.ratio is not None
    texts, comparisons = [], []
    for line in _long_lines(check, selection):
        tops = [index for index, cell in enumerate(line) if same_value(value_of(cell, check.along), check.at)]
        if not tops:
            raise MissingResult(f"no run has {label_of({check.along: check.at})}")
        (top,) = tops
        for index, cell in enumerate(line):
            if index != top:
                bound = math.log(check.ratio) if abs(index - top) == 1 else 0.0
                values = _log_ratios([line[top], cell], selection, metric)
                comparisons.append(evidence(values, Bounds(low=bound, is_strict=True)))
        texts.append(_peak_text(line, check.along, selection, metric))
    return _result("; ".join(texts), comparisons, _ratio_text)


def _peak_text(line: Sequence[Cell], along: str, selection: CellSelection, metric: RunMetric) -> str:
    means = [selection.mean(cell, metric) for cell in line]
    top = max(range(len(line)), key=lambda index: means[index])
    neighbour = max(means[max(0, top - 1) : top] + means[top + 1 : top + 2])
    times = f"{means[top] / neighbour:.3g} times" if neighbour > 0 else "above"
    at = text_of(value_of(line[top], along))
    return f"{number_text(means[top], metric)} at {at}, {times} the larger neighbour"


def _best(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    cell = selection.one(check.where | (check.cell or {}))
    sign = 1 if metric.is_higher_better else -1
    others = [other for other in selection.where(check.where) if other is not cell]
    if not others:
        raise MissingResult("there is no other cell to be better than")
    comparisons = [
        evidence([sign * (own - other) for own, other in selection.paired([cell, rival], metric)], POSITIVE)
        for rival in others
    ]
    rival = others[comparisons.index(weakest(comparisons))]
    own, rivals = (number_text(selection.mean(one, metric), metric) for one in (cell, rival))
    text = f"{own}, next {rivals} ({selection.label(rival)})"
    return _result(text, comparisons, _difference_text(metric, sign))


def _value(check: CheckConfig, selection: CellSelection, metric: RunMetric) -> CheckResult:
    assert check.value is not None
    assert check.tolerance is not None
    wanted, bounds = check.value, Bounds(-check.tolerance, check.tolerance)
    cells = _matching(check, selection)
    comparisons = [
        evidence([value - wanted for value in selection.sample(cell, metric)], bounds) for cell in cells
    ]
    text = f"{_extremes(cells, selection, metric)}, expected {wanted:g} ± {check.tolerance:g}"
    return _result(text, comparisons, _difference_text(metric))


RULES: dict[Rule, Callable[[CheckConfig, CellSelection, RunMetric], CheckResult]] = {
    Rule.range: _in_range,
    Rule.decreasing: _trend,
    Rule.increasing: _trend,
    Rule.order: _in_order,
    Rule.gap: _gap,
    Rule.ratio: _ratio,
    Rule.equal: _equal,
    Rule.peak: _peak,
    Rule.best: _best,
    Rule.value: _value,
}
