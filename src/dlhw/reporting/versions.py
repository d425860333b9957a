"""Which runs of a table were made from other data, or by other code, than the rest."""

import hashlib
from collections.abc import Sequence
from typing import Any

from dlhw.reporting.keys import Row, describes_run
from dlhw.runs.status import is_final

DATA, CODE = "version.data", "version.code"
WHAT = {DATA: "data", CODE: "code"}
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
        key = (*_settings(row), row.get("procedure.name"), row.get("seed"), row.get("data_content"))
        known = seen.setdefault(key, [])
        if hashes not in known:
            known.append(hashes)
        ranks[place] = known.index(hashes)
    return ranks


def _settings(row: Row) -> tuple[Any, ...]:
    kept = sorted(key for key in row if key.startswith("data.") and describes_run(key))
    return tuple((key, row[key]) for key in kept)


def _data(row: Row, rank: int) -> str:
    """A short name of the data; generated data, which the config describes whole, has the settings' only."""
    content = row.get("data_content")
    if content is None and row.get("split_hashes") is None:
        return NOT_RECORDED
    return hashlib.sha256(f"{content} {rank}".encode()).hexdigest()[:8]


def versions(rows: Sequence[Row], key: str) -> list[str]:
    """The versions that runs with the same data settings have, if these are several; else none."""
    by_settings: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        by_settings.setdefault(() if key == CODE else _settings(row), set()).add(row[key])
    return sorted(set().union(*(found for found in by_settings.values() if len(found) > 1)))
