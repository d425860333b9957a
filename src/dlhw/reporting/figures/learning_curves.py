"""Learning curves: validation solid, train dashed, test dotted; a color per cell, a band over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell, CellCurve, Rows, cell_curve
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import sentence
from dlhw.reporting.figures.figure_data import values_of
from dlhw.reporting.figures.style import GREY, colors, draw, new_figure, plain_text, scale_loss
from dlhw.reporting.metrics import SPLIT_NAMES
from dlhw.reporting.study import Study
from dlhw.reporting.values import order, text_of

KINDS = ("loss", "accuracy")
STYLES: dict[str, Literal["-", "--", ":"]] = {"val": "-", "train": "--", "test": ":"}
LINES = {"-": "solid", "--": "dashed", ":": "dotted"}
MAX_CELLS = 10
# Curves with fewer points than this have markers.
FEW = 4
# The number of characters of a legend that fit side by side.
LETTERS = 66
Curves = Mapping[tuple[int, str, str], CellCurve]


@dataclass(frozen=True, kw_only=True)
class CurvePlan:
    """What a figure of learning curves shows.

    Args:
        name: of the figure's files.
        kinds: loss, accuracy; one panel each.
        splits: val, train, test; one line style each.
        x: "epoch" or "step".
        is_log: whether the metric has a logarithmic axis; otherwise only losses with a wide range have one.
        group: key whose values get one color each; None: one color per cell.
        title: beginning of the caption.
        alt: beginning of the description.
    """

    name: str = "learning-curves"
    kinds: Sequence[str] = KINDS
    splits: Sequence[str] = ("val", "train")
    x: str = "epoch"
    is_log: bool = False
    group: str | None = None
    title: str | None = None
    alt: str | None = None


def plan_of(figure: FigureConfig, name: str) -> CurvePlan:
    """The plan of a figure in a config, whose metric is loss, accuracy or a column such as final/val/loss.

    Raises:
        RunFolderError: if the metric has no curves.
    """
    words = (figure.metric or "").replace(".", "/").split("/")
    if figure.metric and words[-1] not in KINDS:
        raise RunFolderError(f"metric must be loss or accuracy for kind=learning, got {figure.metric}")
    own_splits = [split for split in words[:-1] if split in SPLIT_NAMES]
    return CurvePlan(
        name=name,
        kinds=(words[-1],) if figure.metric else KINDS,
        splits=figure.parts or own_splits or CurvePlan.splits,
        x=figure.x or "epoch",
        is_log=figure.log,
        group=figure.group,
        title=figure.title,
        alt=figure.alt,
    )


def over_steps(rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """Curves with the step in place of the epoch as abscissa."""
    return {
        folder: [{**row, "epoch": float(row["step"])} for row in run_rows]
        for folder, run_rows in rows.items()
    }


def learning_curves(study: Study, rows: Mapping[str, Rows], plan: CurvePlan | None = None) -> Picture | None:
    """Draw loss and accuracy against epochs; None if no run was evaluated.

    Args:
        study: whose cells are drawn; of many cells only some.
        rows: folder -> curves of that run.
        plan: what to draw; None: the default.

    Raises:
        RunFolderError: if the runs lack the plan's key.
    """
    plan = plan or CurvePlan()
    shown = _shown(study)
    points = over_steps(rows) if plan.x == "step" else rows
    curves = {
        (index, split, kind): curve
        for index in shown
        for split in plan.splits
        for kind in plan.kinds
        if (curve := cell_curve(study.cells[index], points, split, kind)) is not None
    }
    if not curves:
        return None
    kinds = [kind for kind in plan.kinds if any(key[2] == kind for key in curves)]
    alt = f"Line chart of {' and '.join(kinds)} against {plan.x}s. {_ends(study, shown, curves, kinds[-1])}"
    return draw(
        plan.name,
        sentence(plan.title, _caption(study, shown, curves)),
        sentence(plan.alt, alt),
        lambda: _draw(study, shown, curves, kinds, plan),
    )


def _shown(study: Study) -> list[int]:
    """Indices of the cells to draw: all, or evenly spaced ones from first to last, and the best."""
    count = len(study.cells)
    if count <= MAX_CELLS:
        return list(range(count))
    even = {round(step * (count - 1) / (MAX_CELLS - 1)) for step in range(MAX_CELLS)}
    return sorted(even | set(study.choice.best[:1]))


def _draw(
    study: Study, shown: Sequence[int], curves: Curves, kinds: Sequence[str], plan: CurvePlan
) -> Figure:
    names = _names(study, shown, plan)
    tints, labels = _tints(study, shown, plan), list(dict.fromkeys(names.values()))
    rows_of_legend = -(-len(labels) // _legend_columns(labels))
    height = 2.5 if len(kinds) > 1 else 3.0
    figure, panels = new_figure(height * len(kinds) + 0.4 + 0.2 * rows_of_legend, len(kinds))
    for axes, kind in zip(panels, kinds, strict=True):
        for index in shown:
            width = 2.4 if index in study.choice.best else 1.5
            _draw_cell(axes, curves, (index, kind), tints[index], width)
        axes.set_ylabel(kind)
        _scale(axes, curves, kind, plan)
    panels[-1].set_xlabel(plan.x)
    if max(curve.epochs[-1] for curve in curves.values()) >= 2:
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    by_label = {names[index]: tints[index] for index in shown}
    _add_legends(figure, plan.group or ", ".join(study.keys), by_label, _splits(curves))
    return figure


def _scale(axes: Axes, curves: Curves, kind: str, plan: CurvePlan) -> None:
    values = [value for key, curve in curves.items() if key[2] == kind for value in curve.mean]
    if plan.is_log and any(value > 0 for value in values):
        axes.set_yscale("log")
    elif kind == "loss":
        scale_loss(axes, values)


def _splits(curves: Curves) -> list[str]:
    return [split for split in STYLES if any(key[1] == split for key in curves)]


def _draw_cell(axes: Axes, curves: Curves, which: tuple[int, str], tint: Any, width: float) -> None:
    index, kind = which
    splits = [split for split in STYLES if (index, split, kind) in curves]
    for split in splits:
        curve = curves[index, split, kind]
        is_main = split == splits[0]
        marker = "o" if len(curve.epochs) < FEW else ""
        thin = width if is_main else 1.0
        axes.plot(
            curve.epochs, curve.mean, STYLES[split], color=tint, linewidth=thin, marker=marker, markersize=4
        )
        if is_main:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=tint, alpha=0.16, linewidth=0)


def _names(study: Study, shown: Sequence[int], plan: CurvePlan) -> dict[int, str]:
    """The label of each cell in the legend."""
    if plan.group is None:
        return {index: _label(study, index) for index in shown}
    values = values_of(study, plan.group)
    return {index: text_of(values[index]) for index in shown}


def _tints(study: Study, shown: Sequence[int], plan: CurvePlan) -> dict[int, Any]:
    if plan.group is None:
        return dict(zip(shown, colors([study.cells[index].values for index in shown]), strict=True))
    values = values_of(study, plan.group)
    distinct = sorted({values[index] for index in shown}, key=order)
    by_value = dict(zip(distinct, colors([(value,) for value in distinct]), strict=True))
    return {index: by_value[values[index]] for index in shown}


def _add_legends(figure: Figure, title: str, tints: Mapping[str, Any], splits: Sequence[str]) -> None:
    lines = [
        Line2D([], [], color=GREY, linestyle=STYLES[split], label=SPLIT_NAMES[split]) for split in splits
    ]
    figure.legend(handles=lines, loc="outside upper right", ncols=len(lines))
    if not title:
        return
    handles = [
        Line2D([], [], color=tint, linewidth=2.2, label=plain_text(label)) for label, tint in tints.items()
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=_legend_columns(list(tints)),
        title=plain_text(title), handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip


def _legend_columns(labels: Sequence[str]) -> int:
    """The number of columns with which the rows of the legend fit and have similar lengths."""
    widths = [len(label) + 5 for label in labels]
    if sum(widths) <= LETTERS:
        return len(labels)
    rows = -(-len(labels) // max(1, LETTERS // max(widths)))
    return -(-len(labels) // rows)


def _label(study: Study, index: int) -> str:
    cell = study.cells[index]
    marks = ["best"] if index in study.choice.best else []
    if cell.ended("diverged"):
        marks.append(f"{len(cell.ended('diverged'))} diverged")
    return cell.short_label + (f" ({', '.join(marks)})" if marks else "")


def _caption(study: Study, shown: Sequence[int], curves: Curves) -> str:
    splits = _splits(curves)
    lines = ", ".join(f"{SPLIT_NAMES[split]} {LINES[STYLES[split]]}" for split in splits)
    sentences = [f"Learning curves: {lines}; means over seeds."]
    if any(len(_runs(study.cells[index])) > 1 for index in shown):
        sentences.append(f"Bands: smallest to largest {SPLIT_NAMES[splits[0]]} value over seeds.")
    if len(shown) < len(study.cells):
        sentences.append(
            f"{len(shown)} of {len(study.cells)} cells: evenly spaced from first to last, and the best."
        )
    if any(run["status"] == "early_stopped" for index in shown for run in study.cells[index].runs):
        sentences.append("A curve ends where the first of its runs ends.")
    missing = [study.cells[index].label for index in shown if not any(key[0] == index for key in curves)]
    if missing:
        sentences.append(f"Without a finite value: {'; '.join(missing)}.")
    return " ".join(sentences)


def _runs(cell: Cell) -> Sequence[Any]:
    return cell.counted or cell.runs


def _ends(study: Study, shown: Sequence[int], curves: Curves, kind: str) -> str:
    """The last value of each cell's main curve, in words."""
    ends = [
        f"{study.cells[index].label}: {curve[0].mean[-1]:.4g}"
        for index in shown
        if (curve := [curves[index, split, kind] for split in STYLES if (index, split, kind) in curves])
    ]
    return f"Last {kind}: {'; '.join(ends)}."
