"""Which learning curves a figure shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.curves import Rows

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
