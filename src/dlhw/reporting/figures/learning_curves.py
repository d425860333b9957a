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
from dlhw.reporting.figures.figure_data import sentence, values_of
from dlhw.reporting.figures.style import GREY, colours, draw, new_figure, plain_text, scale_loss
from dlhw.reporting.study import Study
from dlhw.reporting.values import order, text_of

KINDS = ("loss", "accuracy")
STYLES: dict[str, Literal["-", "--", ":"]] = {"val": "-", "train": "--", "test": ":"}
LINES = {"-": "solid", "--": "dashed", ":": "dotted"}
PARTS = {"val": "validation", "train": "train", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class CurvePlan:
    """What to draw.

    Args:
        name: of the figure's files.
        kinds: a panel each: loss, accuracy.
        parts: a line each: val, train, test.
        x: "epoch" or "step".
        is_log: whether the metric is drawn on a logarithmic axis; else losses that span much are.
        group: key whose values get a colour each; None: each cell gets one.
        title: of the caption, before what is said of all learning curves.
        alt: said before the numbers.
    """

    name: str = "learning-curves"
    kinds: Sequence[str] = KINDS
    parts: Sequence[str] = ("val", "train")
    x: str = "epoch"
    is_log: bool = False
    group: str | None = None
    title: str | None = None
    alt: str | None = None


def plan_of(figure: FigureConfig, name: str) -> CurvePlan:
    """The plan of a figure in a config; its metric is loss, accuracy, or a column such as final/val/loss.

    Raises:
        RunFolderError: if the metric has no curves.
    """
    words = (figure.metric or "").replace(".", "/").split("/")
    if figure.metric and words[-1] not in KINDS:
        raise RunFolderError(f"metric must be loss or accuracy for kind=learning, got {figure.metric}")
    own_part = [part for part in words[:-1] if part in PARTS]
    return CurvePlan(
        name=name,
        kinds=(words[-1],) if figure.metric else KINDS,
        parts=figure.parts or own_part or CurvePlan.parts,
        x=figure.x or "epoch",
        is_log=figure.log,
        group=figure.group,
        title=figure.title,
        alt=figure.alt,
    )


def over_steps(rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """Curves whose abscissa is the step, where that of others is the epoch."""
    return {folder: [{**row, "epoch": float(row["step"])} for row in each] for folder, each in rows.items()}


MAX_CELLS = 10
# Curves with fewer points than this show where the points are.
FEW = 4
# Letters of a legend that fit side by side.
LETTERS = 66
Curves = Mapping[tuple[int, str, str], CellCurve]


def learning_curves(study: Study, rows: Mapping[str, Rows], plan: CurvePlan | None = None) -> Picture | None:
    """Loss, and accuracy where there is one, against epochs; None where no run was evaluated.

    Args:
        study: its cells are drawn, or some of them where there are many.
        rows: folder -> curves of that run.
        plan: what else to draw.

    Raises:
        RunFolderError: if the plan's key is not one of the runs.
    """
    plan = plan or CurvePlan()
    shown = _shown(study)
    points = over_steps(rows) if plan.x == "step" else rows
    curves = {
        (place, part, kind): curve
        for place in shown
        for part in plan.parts
        for kind in plan.kinds
        if (curve := cell_curve(study.cells[place], points, part, kind)) is not None
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
    """Places of the cells to draw: all, or a few evenly from first to last, and the best."""
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
        for place in shown:
            width = 2.4 if place in study.choice.best else 1.5
            _draw_cell(axes, curves, (place, kind), tints[place], width)
        axes.set_ylabel(kind)
        _scale(axes, curves, kind, plan)
    panels[-1].set_xlabel(plan.x)
    if max(curve.epochs[-1] for curve in curves.values()) >= 2:
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    by_label = {names[place]: tints[place] for place in shown}
    _add_legends(figure, plan.group or ", ".join(study.keys), by_label, _parts(curves))
    return figure


def _scale(axes: Axes, curves: Curves, kind: str, plan: CurvePlan) -> None:
    values = [value for key, curve in curves.items() if key[2] == kind for value in curve.mean]
    if plan.is_log and any(value > 0 for value in values):
        axes.set_yscale("log")
    elif kind == "loss":
        scale_loss(axes, values)


def _parts(curves: Curves) -> list[str]:
    return [part for part in STYLES if any(key[1] == part for key in curves)]


def _draw_cell(axes: Axes, curves: Curves, which: tuple[int, str], tint: Any, width: float) -> None:
    place, kind = which
    parts = [part for part in STYLES if (place, part, kind) in curves]
    for part in parts:
        curve = curves[place, part, kind]
        is_main = part == parts[0]
        marker = "o" if len(curve.epochs) < FEW else ""
        thin = width if is_main else 1.0
        axes.plot(
            curve.epochs, curve.mean, STYLES[part], color=tint, linewidth=thin, marker=marker, markersize=4
        )
        if is_main:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=tint, alpha=0.16, linewidth=0)


def _names(study: Study, shown: Sequence[int], plan: CurvePlan) -> dict[int, str]:
    """What the legend calls each cell."""
    if plan.group is None:
        return {place: _label(study, place) for place in shown}
    values = values_of(study, plan.group)
    return {place: text_of(values[place]) for place in shown}


def _tints(study: Study, shown: Sequence[int], plan: CurvePlan) -> dict[int, Any]:
    if plan.group is None:
        return dict(zip(shown, colours([study.cells[place].values for place in shown]), strict=True))
    values = values_of(study, plan.group)
    there = sorted({values[place] for place in shown}, key=order)
    by_value = dict(zip(there, colours([(value,) for value in there]), strict=True))
    return {place: by_value[values[place]] for place in shown}


def _add_legends(figure: Figure, title: str, tints: Mapping[str, Any], parts: Sequence[str]) -> None:
    lines = [Line2D([], [], color=GREY, linestyle=STYLES[part], label=PARTS[part]) for part in parts]
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
    """As many as fit below the figure, in rows of about the same length."""
    widths = [len(label) + 5 for label in labels]
    if sum(widths) <= LETTERS:
        return len(labels)
    rows = -(-len(labels) // max(1, LETTERS // max(widths)))
    return -(-len(labels) // rows)


def _label(study: Study, place: int) -> str:
    cell = study.cells[place]
    marks = ["best"] if place in study.choice.best else []
    if cell.ended("diverged"):
        marks.append(f"{len(cell.ended('diverged'))} diverged")
    return cell.short_label + (f" ({', '.join(marks)})" if marks else "")


def _caption(study: Study, shown: Sequence[int], curves: Curves) -> str:
    parts = _parts(curves)
    lines = ", ".join(f"{PARTS[part]} {LINES[STYLES[part]]}" for part in parts)
    told = [f"Learning curves: {lines}; means over seeds."]
    if any(len(_runs(study.cells[place])) > 1 for place in shown):
        told.append(f"Bands: smallest to largest {PARTS[parts[0]]} value over seeds.")
    if len(shown) < len(study.cells):
        told.append(
            f"{len(shown)} of {len(study.cells)} cells, evenly from the first to the last, and the best."
        )
    if any(run["status"] == "early_stopped" for place in shown for run in study.cells[place].runs):
        told.append("A curve ends where the first of its runs ends.")
    missing = [study.cells[place].label for place in shown if not any(key[0] == place for key in curves)]
    if missing:
        told.append(f"Nothing finite to draw: {'; '.join(missing)}.")
    return " ".join(told)


def _runs(cell: Cell) -> Sequence[Any]:
    return cell.counted or cell.runs


def _ends(study: Study, shown: Sequence[int], curves: Curves, kind: str) -> str:
    """Where the curves of the first part end, in words."""
    ends = [
        f"{study.cells[place].label}: {found[0].mean[-1]:.4g}"
        for place in shown
        if (found := [curves[place, part, kind] for part in STYLES if (place, part, kind) in curves])
    ]
    return f"Last {kind}: {'; '.join(ends)}."
