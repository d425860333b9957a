"""The rules that checks follow: each says what was found, and whether the claim holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlhw.config.rule import CheckConfig, Rule
from dlhw.reporting.cells import Cell
from dlhw.reporting.metrics import Metric, metric_of
from dlhw.reporting.numbers import many, number_text
from dlhw.reporting.selection import NotRun, Selection, label_of, same, value_of
from dlhw.reporting.values import text_of

# Values that a sentence can list.
FEW = 8


@dataclass(frozen=True)
class Found:
    """What a check came to.

    Args:
        text: the numbers.
        holds: whether the claim does; None where it could not be seen.
    """

    text: str
    holds: bool | None = None


def found_by(check: CheckConfig, selection: Selection) -> Found:
    """Look at what a check is about."""
    try:
        return RULES[check.rule](check, selection, metric_of(check.metric))
    except NotRun as error:
        return Found(str(error))


def _in_range(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    means = [(selection.mean(cell, metric), cell) for cell in selection.where(check.where)]
    low, high = min(means, key=lambda pair: pair[0]), max(means, key=lambda pair: pair[0])
    holds = _between(check, low[0]) and _between(check, high[0])
    if len(means) == 1:
        return Found(number_text(low[0], metric), holds)
    ends = [number_text(mean, metric) for mean, _ in (low, high)]
    if ends[0] == ends[1]:
        return Found(f"{'both' if len(means) == 2 else f'all {len(means)}'} cells: {ends[0]}", holds)
    told = [f"{end} ({selection.label(cell)})" for end, (_, cell) in zip(ends, (low, high), strict=True)]
    return Found(f"{len(means)} cells from {told[0]} to {told[1]}", holds)


def _between(check: CheckConfig, value: float) -> bool:
    return (check.low is None or check.low <= value) and (check.high is None or value <= check.high)


def _trend(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    """Along each line, the step that goes farthest against the direction decides."""
    assert check.along is not None
    sign = 1 if check.rule is Rule.decreasing else -1
    slack = check.slack or 0.0
    steps: list[tuple[float, Cell, Cell]] = []
    lines = _long_lines(check, selection)
    for line in lines:
        means = [selection.mean(cell, metric) for cell in line]
        steps += [
            (sign * (after - before), one, other)
            for before, after, one, other in zip(means, means[1:], line, line[1:], strict=False)
        ]
    worst, one, other = max(steps, key=lambda step: step[0])
    holds = worst < 0 or worst <= slack > 0
    told = _values(lines[0], check.along, metric, selection) if len(lines) == 1 else many(len(lines), "line")
    if worst < 0:
        return Found(told, holds)
    moved = f"{'rises' if sign > 0 else 'falls'} by {worst:.3g}"
    return Found(f"{told}; it {moved} from {selection.label(one)} to {selection.label(other)}", holds)


def _long_lines(check: CheckConfig, selection: Selection) -> list[list[Cell]]:
    assert check.along is not None
    lines = selection.lines(check.along, check.where)
    if any(len(line) < 2 for line in lines):
        raise NotRun(f"there are no two values of {check.along} to compare")
    return lines


def _values(line: Sequence[Cell], key: str, metric: Metric, selection: Selection) -> str:
    """Such as `lr 0.1: .9, 1: .94`; of many the first and the last."""
    means = [number_text(selection.mean(cell, metric), metric) for cell in line]
    told = [f"{text_of(value_of(cell, key))}: {mean}" for cell, mean in zip(line, means, strict=True)]
    if len(told) > FEW:
        told = [told[0], "…", told[-1]]
    return f"{key.rpartition('.')[2]} {', '.join(told)}"


def _in_order(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    named = _named(check, selection, metric)
    holds = all(one < other for (_, one), (_, other) in zip(named, named[1:], strict=False))
    return Found(_told(named, metric), holds)


def _gap(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    named = _named(check, selection, metric)
    gap = named[0][1] - named[1][1]
    return Found(f"{_told(named, metric)}: gap {number_text(gap, metric)}", _between(check, gap))


def _ratio(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    named = _named(check, selection, metric)
    if named[1][1] == 0:
        raise NotRun(f"{_told(named, metric)}: no ratio to zero")
    ratio = named[0][1] / named[1][1]
    return Found(f"{_told(named, metric)}: ratio {ratio:.4g}", _between(check, ratio))


def _named(check: CheckConfig, selection: Selection, metric: Metric) -> list[tuple[str, float]]:
    return [
        (label_of(wanted), selection.mean(selection.one(check.where | wanted), metric))
        for wanted in check.cells or []
    ]


def _told(named: Sequence[tuple[str, float]], metric: Metric) -> str:
    return ", ".join(f"{label}: {number_text(mean, metric)}" for label, mean in named)


def _equal(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    """Seed by seed: means can agree where no run does."""
    cells = [selection.one(check.where | wanted) for wanted in check.cells or []]
    by_seed = [{run.get("seed"): metric.value(run) for run in cell.counted} for cell in cells]
    shared = set.intersection(*(set(values) for values in by_seed))
    found = [[values[seed] for values in by_seed] for seed in shared]
    complete = [[value for value in values if value is not None] for values in found]
    if not complete or any(len(values) < len(cells) for values in complete):
        raise NotRun("the cells have no values of the same seeds")
    largest = max(max(values) - min(values) for values in complete)
    assert check.tolerance is not None
    told = f"largest difference {largest:.3g} over {many(len(complete), 'seed')}, allowed {check.tolerance:g}"
    return Found(told, largest <= check.tolerance)


def _peak(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    """Of each line; the smallest ratio to a neighbour is told."""
    assert check.along is not None
    assert check.ratio is not None
    told, holds = [], True
    for line in _long_lines(check, selection):
        means = [selection.mean(cell, metric) for cell in line]
        top = max(range(len(line)), key=lambda place: means[place])
        beside = max(means[max(0, top - 1) : top] + means[top + 1 : top + 2])
        at = value_of(line[top], check.along)
        holds = holds and same(at, check.at) and means[top] > check.ratio * beside
        times = f"{means[top] / beside:.3g} times" if beside > 0 else "above"
        told.append(f"{number_text(means[top], metric)} at {text_of(at)}, {times} the larger neighbour")
    return Found("; ".join(told), holds)


def _best(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    cell = selection.one(check.where | (check.cell or {}))
    sign = -1 if metric.is_higher_better else 1
    own = selection.mean(cell, metric)
    others = [each for each in selection.where(check.where) if each is not cell]
    if not others:
        raise NotRun("there is no other cell to be better than")
    rival = min(others, key=lambda each: sign * selection.mean(each, metric))
    rivals = selection.mean(rival, metric)
    told = f"{number_text(own, metric)}, next {number_text(rivals, metric)} ({selection.label(rival)})"
    return Found(told, sign * own < sign * rivals)


def _value(check: CheckConfig, selection: Selection, metric: Metric) -> Found:
    assert check.value is not None
    assert check.tolerance is not None
    wanted, allowed = check.value, check.tolerance
    cells = selection.where(check.where) if check.cell is None else [selection.one(check.where | check.cell)]
    means = [(selection.mean(cell, metric), cell) for cell in cells]
    mean, cell = max(means, key=lambda pair: abs(pair[0] - wanted))
    of_cell = f" ({selection.label(cell)}, the farthest of {len(cells)} cells)" if len(cells) > 1 else ""
    text = f"{number_text(mean, metric)}{of_cell}, expected {wanted:g} ± {allowed:g}"
    return Found(text, abs(mean - wanted) <= allowed)


RULES: dict[Rule, Callable[[CheckConfig, Selection, Metric], Found]] = {
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
