"""Whether the finished cells of a sweep hold the samples that new cells would be trained with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dlhw.config.root import TrainConfig
from dlhw.content import ABSENT
from dlhw.data.dataset import load_dataset
from dlhw.errors import UserError
from dlhw.runs.folder import RunFolder
from dlhw.runs.ledger import DATA_KEY, Changes, Definition, Ledger
from dlhw.sweep.prepare import Run

Hashes = dict[str, str]


def changed_samples(ledger: Ledger, runs: Sequence[Run]) -> dict[str, Changes]:
    """Finished cell -> the splits whose samples would differ now.

    Of each choice of data settings, the data set of one finished cell is loaded again, and its hash of each
    split is compared with `split_hashes` in the summaries. The files' hashes in the ledger say the same of
    most data sets. This catches what they cannot: files that were fetched after the ledger was written, and
    samples that are drawn or split otherwise by another version of a library.

    Args:
        ledger: of the sweep.
        runs: that are to be computed.
    """
    config_by_data = {_data_settings(run.definition): run.config for run in runs}
    changes: dict[str, Changes] = {}
    now: dict[tuple[Any, ...], Hashes] = {}
    compared: set[tuple[Any, ...]] = set()
    for name, cell in ledger.cells.items():
        config = config_by_data.get(_data_settings(cell))
        known = _recorded(ledger, name)
        if config is None or not known:
            continue
        source, seed = (_data_settings(cell), cell.get(DATA_KEY)), int(cell["seed"])
        key = (*source, config.data.seed_for(seed))
        if key not in now:
            # One seed is enough where the ledger knows the files.
            if source in compared and cell.get(DATA_KEY) != ABSENT:
                continue
            compared.add(source)
            now[key] = _hashes(replace(config, seed=seed))
        changed = {
            f"split_hashes.{split}": (known[split][:12], digest[:12])
            for split, digest in now[key].items()
            if split in known and known[split] != digest
        }
        if changed:
            changes[name] = changed
    return changes


def _data_settings(definition: Definition) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in sorted(definition.items()) if key.startswith("data."))


def _recorded(ledger: Ledger, name: str) -> Hashes:
    hashes = RunFolder(ledger.folder / name).ending().get("split_hashes") if ledger.is_done(name) else None
    return {str(split): str(digest) for split, digest in hashes.items()} if isinstance(hashes, dict) else {}


def _hashes(config: TrainConfig) -> Hashes:
    """Of a data set as it is now; none if it cannot be loaded, which the run itself reports."""
    try:
        return dict(load_dataset(config.data, config.data_seed()).hashes)
    except UserError:
        return {}
