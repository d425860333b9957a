"""The config keys in which the runs of a sweep differ, and the versions of data and code of the runs."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from dlhw.config.fields import Role
from dlhw.config.load import keys_with
from dlhw.errors import RunFolderError, did_you_mean, listing
from dlhw.reporting.values import ABSENT
from dlhw.status import is_final

Row = Mapping[str, Any]
DATA, CODE = "version.data", "version.code"
VERSION_KEYS = {DATA: "data", CODE: "code"}
NOT_RECORDED = "not recorded"


def swept_keys(
    rows: Sequence[Row], keys: Sequence[str], references: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """The keys whose values differ between runs and are not determined by another such key.

    An option has its own keys: `optimizer=sgd,adam` changes `optimizer.name`, and with it `optimizer.lr` and
    `optimizer.betas`. Keys that the name of their group determines are left out, and so are keys that were
    set to the value of others, such as `data.train=n${data.num_train}.csv`.

    Args:
        rows: one per run.
        keys: of the runs' configs.
        references: key -> the keys that its value was composed from.
    """
    differing = [key for key in keys if key != "seed" and describes_run(key) and len(_values(rows, key)) > 1]
    own = [
        key for key in differing if not any(_determine(rows, [name], key) for name in _names(key, differing))
    ]
    return [key for key in own if not _determine(rows, (references or {}).get(key, ()), key)]


def describes_run(key: str) -> bool:
    """Whether a saved config key describes what was computed, not where or how it was observed.

    >>> describes_run("optimizer.lr"), describes_run("data.path"), describes_run("data.root")
    (True, True, False)
    """
    return not key.startswith("hydra.") and key not in keys_with(Role.observation, Role.location)


def _values(rows: Sequence[Row], key: str) -> set[Any]:
    return {row.get(key, ABSENT) for row in rows}


def _names(key: str, differing: Sequence[str]) -> list[str]:
    """The name keys of the groups that contain a key: `model.init.std` is in `model.init` and `model`."""
    parts = key.split(".")[:-1]
    names = [".".join([*parts[:depth], "name"]) for depth in range(1, len(parts) + 1)]
    return [name for name in names if name != key and name in differing]


def _determine(rows: Sequence[Row], others: Sequence[str], key: str) -> bool:
    """Whether runs that agree in `others` agree in `key`."""
    values = [tuple(row.get(other, ABSENT) for other in others) for row in rows]
    pairs = {(value, row.get(key, ABSENT)) for value, row in zip(values, rows, strict=True)}
    return len(pairs) == len(set(values))


def find_key(
    word: str, keys: Sequence[str], option: str, unknown: str = "the runs have no config key"
) -> str:
    """The key with this name, or the only key that ends in it (`lr`).

    Raises:
        RunFolderError: if there is no such key, or more than one.
    """
    if word in keys:
        return word
    ending = [key for key in keys if key.endswith(f".{word}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise RunFolderError(f"{option}: {word} can be {listing(ending)}: write it in full")
    raise RunFolderError(f"{option}: {unknown} {word}{_nearest(word, keys)}")


def _nearest(word: str, keys: Sequence[str]) -> str:
    """Suggest a key by its whole name, otherwise by its last part: `lrr` suggests `optimizer.lr`."""
    by_last = {key.rpartition(".")[2]: key for key in keys}
    suggestion = did_you_mean(word, keys) or did_you_mean(word, by_last)
    last = suggestion.removeprefix("; did you mean ").removesuffix("?")
    return suggestion.replace(last, by_last[last]) if last in by_last else suggestion


def with_versions(rows: Sequence[Row]) -> list[Row]:
    """Add the columns `version.data` and `version.code`.

    The data of two runs differ if the content of their files differs, or if their `split_hashes` differ
    although seed and data settings are equal. An unfinished run without both gets the newest versions.

    Args:
        rows: one per readable run.
    """
    ranks = _ranks(rows)
    marked: list[Row] = [
        {**row, DATA: _data(row, ranks[index]), CODE: str(row.get("code") or NOT_RECORDED)}
        for index, row in enumerate(rows)
    ]
    newest = max((row for row in marked if row.get("code")), key=_created, default=None)
    if newest is None:
        return marked
    same = {DATA: newest[DATA], CODE: newest[CODE]}
    return [row if row.get("code") or is_final(row["status"]) else {**row, **same} for row in marked]


def _created(row: Row) -> str:
    return str(row.get("created") or "")


def _ranks(rows: Sequence[Row]) -> list[int]:
    """For each run, the number of other splits used earlier with the same seed and data settings."""
    seen: dict[tuple[Any, ...], list[str]] = {}
    ranks = [0] * len(rows)
    for index, row in sorted(enumerate(rows), key=lambda item: _created(item[1])):
        hashes = row.get("split_hashes")
        if hashes is None:
            continue
        key = (*_data_settings(row), row.get("procedure.name"), row.get("seed"), row.get("data_content"))
        known = seen.setdefault(key, [])
        if hashes not in known:
            known.append(hashes)
        ranks[index] = known.index(hashes)
    return ranks


def _data_settings(row: Row) -> tuple[Any, ...]:
    kept = sorted(key for key in row if key.startswith("data.") and describes_run(key))
    return tuple((key, row[key]) for key in kept)


def _data(row: Row, rank: int) -> str:
    """A short name of the version of the data; only the settings describe generated data."""
    content = row.get("data_content")
    if content is None and row.get("split_hashes") is None:
        return NOT_RECORDED
    return hashlib.sha256(f"{content} {rank}".encode()).hexdigest()[:8]


def versions_of(rows: Sequence[Row], key: str) -> list[str]:
    """The versions among runs with the same data settings, if there are several; otherwise none."""
    by_settings: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        by_settings.setdefault(() if key == CODE else _data_settings(row), set()).add(row[key])
    return sorted(set().union(*(present for present in by_settings.values() if len(present) > 1)))
