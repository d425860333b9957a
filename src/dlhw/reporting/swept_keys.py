"""Which config keys tell the runs of a sweep apart, and which runs are of other data or code."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from dlhw.config.fields import Role
from dlhw.config.load import keys_with
from dlhw.errors import RunFolderError, did_you_mean, listing
from dlhw.reporting.values import ABSENT
from dlhw.runs.status import is_final

Row = Mapping[str, Any]


def swept_keys(
    rows: Sequence[Row], keys: Sequence[str], references: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """The keys whose values differ between runs and do not follow from another such key.

    A choice of option brings keys of its own: `optimizer=sgd,adam` changes `optimizer.name`, and with it
    `optimizer.lr` and `optimizer.betas`. Keys that their group's name settles are left out, and so are keys
    that were set to the value of others, as `data.train=n${data.num_train}.csv`.

    Args:
        rows: of runs.
        keys: of their configs.
        references: key -> the keys that its value was composed from.
    """
    differing = [key for key in keys if key != "seed" and describes_run(key) and len(_values(rows, key)) > 1]
    own = [
        key for key in differing if not any(_settles(rows, [name], key) for name in _names(key, differing))
    ]
    return [key for key in own if not _settles(rows, (references or {}).get(key, ()), key)]


def describes_run(key: str) -> bool:
    """Whether a saved config key says what was computed, not where or how it was watched.

    >>> describes_run("optimizer.lr"), describes_run("data.path"), describes_run("data.root")
    (True, True, False)
    """
    return not key.startswith("hydra.") and key not in keys_with(Role.observation, Role.location)


def _values(rows: Sequence[Row], key: str) -> set[Any]:
    return {row.get(key, ABSENT) for row in rows}


def _names(key: str, differing: Sequence[str]) -> list[str]:
    """The names of the groups that a key is in: `model.init.std` is in `model.init` and `model`."""
    parts = key.split(".")[:-1]
    names = [".".join([*parts[:depth], "name"]) for depth in range(1, len(parts) + 1)]
    return [name for name in names if name != key and name in differing]


def _settles(rows: Sequence[Row], others: Sequence[str], key: str) -> bool:
    """Whether runs that agree in `others` agree in `key`."""
    values = [tuple(row.get(other, ABSENT) for other in others) for row in rows]
    pairs = {(value, row.get(key, ABSENT)) for value, row in zip(values, rows, strict=True)}
    return len(pairs) == len(set(values))


def find_key(word: str, keys: Sequence[str], option: str, of: str = "the runs have no config key") -> str:
    """The key that a user means: its full name, or its last part where that is enough (`lr`).

    Raises:
        RunFolderError: if there is none, or more than one.
    """
    if word in keys:
        return word
    ending = [key for key in keys if key.endswith(f".{word}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise RunFolderError(f"{option}: {word} can be {listing(ending)}: write it in full")
    raise RunFolderError(f"{option}: {of} {word}{_nearest(word, keys)}")


def _nearest(word: str, keys: Sequence[str]) -> str:
    """By the whole name, else by the last part: `lrr` is nearest to `optimizer.lr`."""
    by_last = {key.rpartition(".")[2]: key for key in keys}
    told = did_you_mean(word, keys) or did_you_mean(word, by_last)
    last = told.removeprefix("; did you mean ").removesuffix("?")
    return told.replace(last, by_last[last]) if last in by_last else told


DATA, CODE = "version.data", "version.code"
VERSION_KEYS = {DATA: "data", CODE: "code"}
NOT_RECORDED = "not recorded"


def with_versions(rows: Sequence[Row]) -> list[Row]:
    """Rows with a value for `version.data` and one for `version.code`.

    Two runs have other data if the content of their files differs, or if their `split_hashes` differ although
    seed and data settings are equal. A run that has not ended, and recorded neither, counts to the newest.

    Args:
        rows: of runs that can be read.
    """
    ranks = _ranks(rows)
    marked: list[Row] = [
        {**row, DATA: _data(row, ranks[place]), CODE: str(row.get("code") or NOT_RECORDED)}
        for place, row in enumerate(rows)
    ]
    newest = max((row for row in marked if row.get("code")), key=_created, default=None)
    if newest is None:
        return marked
    same = {DATA: newest[DATA], CODE: newest[CODE]}
    return [row if row.get("code") or is_final(row["status"]) else {**row, **same} for row in marked]


def _created(row: Row) -> str:
    return str(row.get("created") or "")


def _ranks(rows: Sequence[Row]) -> list[int]:
    """Of each run, how many other samples were used earlier with its seed and data settings."""
    seen: dict[tuple[Any, ...], list[str]] = {}
    ranks = [0] * len(rows)
    for place, row in sorted(enumerate(rows), key=lambda item: _created(item[1])):
        hashes = row.get("split_hashes")
        if hashes is None:
            continue
        key = (*_data_settings(row), row.get("procedure.name"), row.get("seed"), row.get("data_content"))
        known = seen.setdefault(key, [])
        if hashes not in known:
            known.append(hashes)
        ranks[place] = known.index(hashes)
    return ranks


def _data_settings(row: Row) -> tuple[Any, ...]:
    kept = sorted(key for key in row if key.startswith("data.") and describes_run(key))
    return tuple((key, row[key]) for key in kept)


def _data(row: Row, rank: int) -> str:
    """A short name of the data; generated data, which the config describes whole, has the settings' only."""
    content = row.get("data_content")
    if content is None and row.get("split_hashes") is None:
        return NOT_RECORDED
    return hashlib.sha256(f"{content} {rank}".encode()).hexdigest()[:8]


def versions_of(rows: Sequence[Row], key: str) -> list[str]:
    """The versions that runs with the same data settings have, if these are several; else none."""
    by_settings: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        by_settings.setdefault(() if key == CODE else _data_settings(row), set()).add(row[key])
    return sorted(set().union(*(found for found in by_settings.values() if len(found) > 1)))
