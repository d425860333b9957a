"""Damaged files, read by everything that reads files."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.torture.count import Count
from tests.torture.damage import damaged
from tests.torture.readers import Misread, Reader, judge, run_files, swept, tables
from tests.torture.row import Row

# A slow reader gets so many times fewer files.
SLOW = 10


def readers_in(folder: Path) -> dict[str, Reader]:
    """Train a real sweep into a folder, and name every reader of its files and of data files beside it."""
    swept(folder)
    return {**run_files(folder), **tables(folder)}


def shares(readers: Mapping[str, Reader], count: int) -> dict[str, int]:
    """At least `count` files, dealt out among the readers."""
    parts = {name: 1 if reader.is_slow else SLOW for name, reader in readers.items()}
    return {name: -(-count * part // sum(parts.values())) for name, part in parts.items()}


def damage(
    reader: Reader, readers: Mapping[str, Reader], folder: Path, count: int, seed: int
) -> tuple[Counter[str], list[Misread]]:
    """Have a reader read damaged files; how many were read, refused, misread, and what went wrong with those."""
    ended: Counter[str] = Counter()
    wrong: list[Misread] = []

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damaged(reader.originals, [each.originals[0] for each in readers.values()]))
    def check(content: bytes) -> None:
        try:
            ended["refused" if judge(reader, folder, content) else "read"] += 1
        except Misread as error:
            ended["misread"] += 1
            wrong.append(error)

    check()
    (folder / reader.file).write_bytes(reader.originals[0])
    return ended, wrong


def mutated_files(count: int, seed: int) -> Row:
    """Damage `count` files, and see each read, or refused in one sentence."""
    found = Count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readers = readers_in(folder)
        for label, share in shares(readers, count).items():
            ended, wrong = damage(readers[label], readers, folder, share, seed)
            found.injected += sum(ended.values())
            for error in wrong:
                found.note("wrong", True, f"{label}: {error}")
    found.runs = found.injected
    fault = "bytes of a file cut, flipped, inserted, removed, zeroed; sizes that lie; files of another format"
    return found.row(fault)
