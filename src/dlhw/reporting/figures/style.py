"""How all figures look, and how they become files."""

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlhw.display import visible
from dlhw.reporting.picture import Picture
from dlhw.reporting.values import is_number

# Inches. As wide as a column of text, so that letters stay readable on a phone and in print.
WIDTH = 5.4
DPI = 200
RC: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # letters stay letters, which journals ask for
}
# Okabe and Ito's colours, which stay apart for colour-blind eyes, and three more.
DISTINCT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
            "#8C564B", "#7F7F7F", "#6A3D9A")  # fmt: skip
BLUE, ORANGE, GREEN = DISTINCT[0], DISTINCT[1], DISTINCT[2]
GREY = "#777777"


def new_figure(height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with panels below each other that share the x axis."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def draw(name: str, caption: str, alt: str, make: Callable[[], Figure]) -> Picture:
    """Let `make` draw in our style, and keep the bytes. The same figure gives the same bytes."""
    with mpl.rc_context(RC), warnings.catch_warnings():
        # A letter that the font lacks, in somebody's name for a model, is no reason to stop.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = make()
        png, pdf = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return Picture(name=name, caption=caption, alt=alt, png=png.getvalue(), pdf=pdf.getvalue())


def colours(values: Sequence[tuple[Any, ...]]) -> list[Any]:
    """One colour a cell: along a perceptual map where the order of values means something."""
    if all(is_number(value) for row in values for value in row):
        viridis = mpl.colormaps["viridis"]
        # Its yellow end does not show on white.
        return [viridis(0.88 * place / max(1, len(values) - 1)) for place in range(len(values))]
    return [DISTINCT[place % len(DISTINCT)] for place in range(len(values))]


def error_bars(means: Sequence[float], ends: Sequence[tuple[float, float]]) -> list[list[float]] | None:
    """Lengths of error bars below and above, as `Axes.errorbar` takes them; None if all are 0."""
    below = [max(0.0, mean - low) for mean, (low, _) in zip(means, ends, strict=True)]
    above = [max(0.0, high - mean) for mean, (_, high) in zip(means, ends, strict=True)]
    return [below, above] if any(below) or any(above) else None


def plain_text(text: str) -> str:
    """Text without the dollar signs that matplotlib would read as mathematics."""
    return visible(text).replace("$", r"\$")
