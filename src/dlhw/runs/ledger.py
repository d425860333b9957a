"""ledger.json: the definition of each cell in a sweep's folder, written before any of them is computed.

A cell is done when the ledger lists it and its folder has the summary of a run that ended by itself. Whatever
kills the process, the ledger is whole, and what is not done is computed again.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlhw.config.fields import identity_fields, settings_hash
from dlhw.config.old_keys import upgraded_keys
from dlhw.config.root import TrainConfig
from dlhw.content import ABSENT, data_identity
from dlhw.errors import RunFolderError
from dlhw.files import read_json, write_atomic
from dlhw.runs.folder import SUMMARY_FILE, RunFolder
from dlhw.source import code_version
from dlhw.status import is_final

LEDGER_FILE = "ledger.json"
FORMAT = 1
DATA_KEY, CODE_KEY = "content of the data", "code"
Definition = dict[str, Any]
Changes = dict[str, tuple[Any, Any]]


def definition(config: TrainConfig) -> Definition:
    """Dotted key -> value of all that a cell's numbers depend on, data and code included."""
    return identity_fields(config) | {DATA_KEY: data_identity(config.data.files()), CODE_KEY: code_version()}


def cell_hash(definition: Definition) -> str:
    """Equal for cells that compute the same."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]


class Ledger:
    """The cells of a sweep's folder: name -> definition."""

    def __init__(self, folder: Path, cells: Mapping[str, Definition] | None = None) -> None:
        self.folder, self.cells = folder, dict(cells or {})

    @classmethod
    def read(cls, folder: Path) -> "Ledger":
        """Of a folder; empty for a new one.

        Raises:
            RunFolderError: if the file is damaged or of another version.
        """
        path = folder / LEDGER_FILE
        if not path.exists():
            return cls(folder)
        tree = read_json(path)
        try:
            assert tree["format"] == FORMAT
            cells = {name: tree["common"] | own["own"] for name, own in tree["cells"].items()}
            hashes = {name: own["hash"] for name, own in tree["cells"].items()}
        except (TypeError, LookupError, AttributeError, AssertionError) as error:
            raise RunFolderError(
                f"{path} is not a ledger that this version can read: choose another hydra.sweep.dir"
            ) from error
        for name, definition in cells.items():
            if cell_hash(definition) != hashes[name]:
                raise RunFolderError(
                    f"{path} is damaged: the definition of {name} does not fit its hash; "
                    "choose another hydra.sweep.dir"
                )
        return cls(folder, {name: upgraded_keys(definition) for name, definition in cells.items()})

    def write(self) -> None:
        """Replace the file in one step. What all cells have in common is written once."""
        definitions = list(self.cells.values())
        common = {
            key: value
            for key, value in (definitions[0] if definitions else {}).items()
            if all(key in other and other[key] == value for other in definitions)
        }
        cells = {
            name: {
                "hash": cell_hash(cell),
                "own": {key: value for key, value in cell.items() if key not in common},
            }
            for name, cell in self.cells.items()
        }
        tree = {"format": FORMAT, "common": common, "cells": cells}
        write_atomic(self.folder / LEDGER_FILE, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")

    def is_done(self, name: str) -> bool:
        """Whether the folder of that name holds exactly this cell, ended by itself.

        A summary that was copied from another cell, or written by another process into a folder of this name,
        has another config hash or another seed. Summaries without `code` are older than this check.
        """
        if name not in self.cells:
            return False
        summary, cell = RunFolder(self.folder / name).ending(), self.cells[name]
        is_same = "code" not in summary or (
            summary.get("seed") == cell.get("seed")
            and summary.get("config_hash") == settings_hash(_settings(cell))
        )
        return is_same and is_final(summary.get("status"))

    def can_resume(self, name: str, definition: Definition) -> bool:
        """Whether an earlier attempt at exactly this cell was cut off after its first checkpoint."""
        is_same = name in self.cells and not _differences(self.cells[name], definition)
        return is_same and not self.is_done(name) and RunFolder(self.folder / name).has_checkpoint()

    def clear(self, name: str) -> None:
        """Remove the files of an earlier attempt; the summary first, so that half a folder is never done.

        Raises:
            RunFolderError: if a folder is there that the ledger does not know.
        """
        folder = self.folder / name
        if not folder.exists():
            return
        if name not in self.cells and any(folder.iterdir()):
            raise RunFolderError(
                f"{folder} exists and is not in the sweep's ledger: choose another hydra.sweep.dir"
            )
        (folder / SUMMARY_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)

    def changes(self, new: Mapping[str, Definition], swept: Sequence[str]) -> dict[str, Changes]:
        """Cell that is done -> how its definition differs from the one that is asked for now.

        A done cell that the command does not name belongs to the same table, so what is fixed in the command
        must be what was fixed then.
        """
        done = {name: old for name, old in self.cells.items() if self.is_done(name)}
        fixed = _fixed(new, swept)
        changes = {
            name: _differences(old, new[name]) if name in new else _foreign(old, fixed)
            for name, old in done.items()
        }
        return {name: changed for name, changed in changes.items() if changed}


def _settings(definition: Definition) -> Definition:
    return {key: value for key, value in definition.items() if key not in (DATA_KEY, CODE_KEY)}


def _differences(old: Definition, new: Definition) -> Changes:
    keys = dict.fromkeys([*old, *new])
    pairs = {key: (old.get(key), new.get(key)) for key in keys}
    return {
        key: pair
        for key, pair in pairs.items()
        if pair[0] != pair[1] and not (key == DATA_KEY and ABSENT in pair)
    }


def _fixed(new: Mapping[str, Definition], swept: Sequence[str]) -> Definition:
    """What all cells of a command have in common, without swept keys and what lies in swept groups."""
    definitions = list(new.values())
    inside = tuple(f"{key}." for key in swept)
    moving = {DATA_KEY} if any(key.startswith("data") for key in swept) else set()
    return {
        key: value
        for key, value in (definitions[0] if definitions else {}).items()
        if key not in moving
        and key not in swept
        and not key.startswith(inside)
        and all(other.get(key) == value for other in definitions)
    }


def _foreign(old: Definition, fixed: Definition) -> Changes:
    shared = {key: old[key] for key in fixed if key in old}
    return _differences(shared, {key: fixed[key] for key in shared})


def refusal(folder: Path, changes: Mapping[str, Any]) -> str:
    """Why a sweep does not start, and the remedies."""
    count = len(changes)
    lines = "\n".join(difference_lines(changes))
    return (
        f"{folder} holds {count} run{'s' * (count != 1)} of another definition:\n{lines}\n"
        "choose another name= or hydra.sweep.dir=, or say what to do with these runs: "
        "hydra.sweeper.on_change=recompute or keep"
    )


def not_recomputed(folder: Path, changes: Mapping[str, Any]) -> str:
    """Why a sweep with on_change=recompute does not start: it would mix two definitions in one table."""
    count = len(changes)
    lines = "\n".join(difference_lines(changes))
    return (
        f"{folder} holds {count} run{'s' * (count != 1)} of another definition that this command does not "
        f"name:\n{lines}\nname all cells to recompute them, choose another name= or hydra.sweep.dir=, or "
        "use hydra.sweeper.on_change=keep"
    )


def difference_lines(changes: Mapping[str, Changes]) -> Iterator[str]:
    """Each difference once, with the number of cells that have it."""
    counts: dict[tuple[str, str, str], int] = {}
    for changed in changes.values():
        for key, (old, new) in changed.items():
            difference = (key, shown(old), shown(new))
            counts[difference] = counts.get(difference, 0) + 1
    for (key, old, new), count in sorted(counts.items(), key=lambda item: item[0][0] in (CODE_KEY, DATA_KEY)):
        share = "" if count == len(changes) else f"  (in {count} of {len(changes)} cells)"
        yield f"  {key}: {old} -> {new}{share}"


def shown(value: Any) -> str:
    """As on a command line."""
    return json.dumps(value) if not isinstance(value, str) else value
