"""Run folders as data frames."""

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.config.experiment_entries import DERIVED_KINDS
from dlhw.errors import RunFolderError
from dlhw.reporting.values import flat
from dlhw.runs.folder import ABOUT, RunFolder
from dlhw.runs.sweep_folder import run_folders

if TYPE_CHECKING:
    import pandas

UNFINISHED, UNREADABLE = "unfinished", "unreadable"
# Columns beside config keys and scores. `name` and `seed` are config keys too, with the same values.
META = ("folder", "name", "status", "seed", *ABOUT)
NUMBERS = ("seed", "diverged_at", "epochs", "steps", "best_epoch", "seconds", "own_seconds", "num_parameters")
SIZES = "num_samples/"
SCORES = ("final/", "best/", "selected/", "values.", *(f"{kind}/" for kind in DERIVED_KINDS), SIZES)
# Attribute of a frame: key -> the keys that its value was composed from.
REFERENCES = "references"
CURVES = ("folder", "step", "epoch", "split", "loss", "accuracy", "seconds")


def load_runs(*dirs: str | PathLike[str]) -> "pandas.DataFrame":
    """Load all runs at or below some folders, one row per run.

    Columns: folder, name, status, seed, message, diverged_at, epochs, steps, best_epoch, seconds,
    own_seconds, num_parameters, created, code (the version of dlhw), data_content (hashes of the data files),
    split_hashes (of the samples, as JSON); every dotted config key (`optimizer.lr`; a list as its text, a key
    that the run does not have as NaN); every score (`final/val/accuracy`, `best/test/loss`), and every number
    that a procedure reports (`values.errors`). `selected/...` repeats the scores of the parameters that
    `trainer.select` chose; `num_samples/test` is the size of a split; `own_seconds` a run's share of the wall
    time of the runs that it trained with.

    Status is that of the run's summary, "unfinished" for a run without one (killed, or still training), and
    "unreadable" for a run with a damaged file, which `message` names.

    `frame.attrs["references"]` maps each key that was set to `${other.key}` to the keys that it names.

    Args:
        dirs: folders of runs or sweeps, or folders that contain them; also moved and copied ones.

    Raises:
        RunFolderError: if no run is found, or none can be read.
    """
    rows = [_row(folder) for folder in run_folders(*map(Path, dirs))]
    unreadable = [row["message"] for row in rows if row["status"] == UNREADABLE]
    if len(unreadable) == len(rows):
        others = f" (and {len(rows) - 1} more runs cannot be read)" if len(rows) > 1 else ""
        raise RunFolderError(unreadable[0] + others)
    frame = _frame(rows)
    frame.attrs[REFERENCES] = _references([Path(row["folder"]) for row in rows])
    return frame


def _references(folders: Sequence[Path]) -> dict[str, list[str]]:
    return {key: keys for folder in folders for key, keys in RunFolder(folder).references().items()}


def _row(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"folder": str(folder), **dict.fromkeys(META[1:])}
    try:
        run = RunFolder(folder)
        config = flat(run.config())
        summary = (run.results() or {"status": UNFINISHED}) | run.evaluation()
    except (RunFolderError, OSError) as error:
        return row | {"status": UNREADABLE, "message": str(error)}
    ended = {name: value for name, value in summary.items() if value is not None}
    row |= {key: value for key, value in config.items() if _is_setting(key)}
    return row | ended | _selected(ended, config.get("trainer.select"))


def _is_setting(key: str) -> bool:
    """Whether a config key cannot be mistaken for a score or a column about the run's end."""
    return key in ("name", "seed") or not (key in META or key.startswith(SCORES))


def _selected(scores: dict[str, Any], select: object) -> dict[str, Any]:
    kind = "final/" if select == "last" else "best/"
    return {f"selected/{key.removeprefix(kind)}": scores[key] for key in scores if key.startswith(kind)}


def _frame(rows: Sequence[dict[str, Any]]) -> "pandas.DataFrame":
    """Numeric columns if every run has a number, otherwise objects, which keep null, absent and 1 apart."""
    import pandas

    columns = dict.fromkeys(key for row in rows for key in row)
    ordered = sorted(columns, key=lambda key: 0 if key in META else 2 if key.startswith(SCORES) else 1)
    return pandas.DataFrame({key: _series(key, [row.get(key, math.nan) for row in rows]) for key in ordered})


def _series(key: str, values: list[Any]) -> "pandas.Series[Any]":
    import pandas

    if key in NUMBERS or key.startswith(SCORES):
        present = [value for value in values if not is_missing(value) and value is not None]
        # Integers stay integers even if some run lacks a value.
        is_whole = present and all(isinstance(value, int) for value in present)
        return pandas.Series(values, dtype="Int64" if is_whole else "float64")
    series = pandas.Series(values, dtype=object)
    return series if any(value is None or is_missing(value) for value in values) else series.infer_objects()


def load_curves(*dirs: str | PathLike[str]) -> "pandas.DataFrame":
    """Load learning curves, one row per evaluation and split.

    Columns: folder, step, epoch, split, loss, accuracy, seconds.

    Args:
        dirs: as in `load_runs`.

    Raises:
        RunFolderError: if no run is found, or a metrics.csv is damaged.
    """
    import pandas

    rows = [
        {"folder": str(folder), **row}
        for folder in run_folders(*map(Path, dirs))
        for row in RunFolder(folder).curves()
    ]
    return pandas.DataFrame(rows, columns=list(CURVES))


def config_keys(frame: "pandas.DataFrame") -> list[str]:
    """The columns that are config keys, except name and seed."""
    return [str(key) for key in frame.columns if key not in META and not str(key).startswith(SCORES)]


def records(frame: "pandas.DataFrame") -> list[dict[str, Any]]:
    """The rows as dicts; the dict of a run omits the columns that the run lacks."""
    columns = [frame[key].tolist() for key in frame.columns]
    names = [str(key) for key in frame.columns]
    return [
        {name: value for name, value in zip(names, values, strict=True) if not is_missing(value)}
        for values in zip(*columns, strict=True)
    ]


def is_missing(value: Any) -> bool:
    """Whether a value is NaN or pandas' NA; null (None) is a value."""
    import pandas

    return value is pandas.NA or (isinstance(value, float) and value != value)
