"""Which runs of a sweep are missing: those that did not end well, and those that only its ledger lists."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dlhw.reporting.numbers import many
from dlhw.reporting.selection import Selection, how_ended, unfinished_runs
from dlhw.reporting.study import Study
from dlhw.sweep.ledger import Ledger

# Runs that a sentence names.
MAX_NAMES = 4


def missing_runs(study: Study, selection: Selection) -> list[str]:
    """What an experiment lacks, one phrase per configuration; empty if every run ended well.

    Args:
        study: of the experiment's runs.
        selection: its cells by every key that differs.

    Raises:
        RunFolderError: if the ledger of a sweep is damaged.
    """
    ended_badly = []
    for cell in selection.cells:
        unfinished = unfinished_runs(cell)
        if unfinished:
            count = f"{len(unfinished)} of {many(len(cell.runs), 'run')}"
            ended_badly.append(f"{selection.label(cell)}: {count} {how_ended(unfinished)}")
    unreadable = len(study.unreadable)
    absent = list(_absent(study))
    return [
        *ended_badly,
        *([f"{many(unreadable, 'run')} unreadable"] if unreadable else []),
        *([f"{many(len(absent), 'run')} of the sweep not there: {_names(absent)}"] if absent else []),
    ]


def _absent(study: Study) -> Iterator[str]:
    """Names of runs that a ledger lists and of which there is no folder."""
    folders = [Path(row["folder"]) for row in study.rows]
    present = {folder.resolve() for folder in folders}
    for sweep in dict.fromkeys(folder.parent for folder in folders):
        yield from (name for name in Ledger.read(sweep).cells if (sweep / name).resolve() not in present)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
