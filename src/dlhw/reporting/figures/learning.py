"""Learning curves: validation solid, train dashed, a colour a cell, a band over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dlhw.reporting.cells import Cell
from dlhw.reporting.curves import Curve, Rows, cell_curve
from dlhw.reporting.figures.scale import scale_loss
from dlhw.reporting.figures.style import GREY, colours, draw, new_figure, plain_text
from dlhw.reporting.picture import Picture
from dlhw.reporting.study import Study

MAX_CELLS = 10
STYLES: dict[str, Literal["-", "--"]] = {"val": "-", "train": "--"}
PARTS = {"val": "validation", "train": "train"}
# Curves with fewer points than this show where the points are.
FEW = 4
# Letters of a legend that fit side by side.
LETTERS = 66
Curves = Mapping[tuple[int, str, str], Curve]


def learning_curves(study: Study, rows: Mapping[str, Rows]) -> Picture | None:
    """Loss, and accuracy where there is one, against epochs; None where no run was evaluated."""
    shown = _shown(study)
    curves = {
        (place, part, kind): curve
        for place in shown
        for part in STYLES
        for kind in ("loss", "accuracy")
        if (curve := cell_curve(study.cells[place], rows, part, kind)) is not None
    }
    if not curves:
        return None
    kinds = [kind for kind in ("loss", "accuracy") if any(key[2] == kind for key in curves)]
    caption = _caption(study, shown, curves)
    alt = f"Line chart of {' and '.join(kinds)} against epochs. {_ends(study, shown, curves, kinds[-1])}"
    return draw("learning-curves", caption, alt, lambda: _draw(study, shown, curves, kinds))


def _shown(study: Study) -> list[int]:
    """Places of the cells to draw: all, or a few evenly from first to last, and the best."""
    count = len(study.cells)
    if count <= MAX_CELLS:
        return list(range(count))
    even = {round(step * (count - 1) / (MAX_CELLS - 1)) for step in range(MAX_CELLS)}
    return sorted(even | set(study.choice.best[:1]))


def _draw(study: Study, shown: Sequence[int], curves: Curves, kinds: Sequence[str]) -> Figure:
    rows_of_legend = -(-len(shown) // _legend_columns(study, shown))
    figure, panels = new_figure(2.5 * len(kinds) + 0.4 + 0.2 * rows_of_legend, len(kinds))
    tints = colours([study.cells[place].values for place in shown])
    for axes, kind in zip(panels, kinds, strict=True):
        for place, tint in zip(shown, tints, strict=True):
            _draw_cell(axes, curves, (place, kind), tint, 2.4 if place in study.choice.best else 1.5)
        axes.set_ylabel(kind)
        if kind == "loss":
            scale_loss(
                axes, [value for key, curve in curves.items() if key[2] == kind for value in curve.mean]
            )
    panels[-1].set_xlabel("epoch")
    if max(curve.epochs[-1] for curve in curves.values()) >= 2:
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    _add_legends(figure, study, shown, tints)
    return figure


def _draw_cell(axes: Axes, curves: Curves, which: tuple[int, str], tint: Any, width: float) -> None:
    place, kind = which
    for part, style in STYLES.items():
        curve = curves.get((place, part, kind))
        if curve is None:
            continue
        marker = "o" if len(curve.epochs) < FEW else ""
        thin = width if part == "val" else 1.0
        axes.plot(curve.epochs, curve.mean, style, color=tint, linewidth=thin, marker=marker, markersize=4)
        if part == "val":
            axes.fill_between(curve.epochs, curve.low, curve.high, color=tint, alpha=0.16, linewidth=0)


def _add_legends(figure: Figure, study: Study, shown: Sequence[int], tints: Sequence[Any]) -> None:
    parts = [Line2D([], [], color=GREY, linestyle=style, label=PARTS[part]) for part, style in STYLES.items()]
    figure.legend(handles=parts, loc="outside upper right", ncols=2)
    if not study.keys:
        return
    handles = [
        Line2D([], [], color=tint, linewidth=2.2, label=plain_text(_label(study, place)))
        for place, tint in zip(shown, tints, strict=True)
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=_legend_columns(study, shown),
        title=plain_text(", ".join(study.keys)), handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip


def _legend_columns(study: Study, shown: Sequence[int]) -> int:
    """As many as fit below the figure, in rows of about the same length."""
    widths = [len(_label(study, place)) + 5 for place in shown]
    if sum(widths) <= LETTERS:
        return len(shown)
    rows = -(-len(shown) // max(1, LETTERS // max(widths)))
    return -(-len(shown) // rows)


def _label(study: Study, place: int) -> str:
    cell = study.cells[place]
    marks = ["best"] if place in study.choice.best else []
    if cell.ended("diverged"):
        marks.append(f"{len(cell.ended('diverged'))} diverged")
    return cell.short_label + (f" ({', '.join(marks)})" if marks else "")


def _caption(study: Study, shown: Sequence[int], curves: Curves) -> str:
    told = ["Learning curves: validation solid, train dashed; means over seeds."]
    if any(len(_runs(study.cells[place])) > 1 for place in shown):
        told.append("Bands: smallest to largest validation value over seeds.")
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
    """Where the validation curves end, in words."""
    ends = [
        f"{study.cells[place].label}: {curve.mean[-1]:.4g}"
        for place in shown
        if (curve := curves.get((place, "val", kind)) or curves.get((place, "train", kind))) is not None
    ]
    return f"Last {kind}: {'; '.join(ends)}."
