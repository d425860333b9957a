"""Damaged files, read by everything that reads files."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.torture.damage import damaged
from tests.torture.readers import Misread, Reader, judge, run_files, swept, tables
from tests.torture.row import Row
from tests.torture.tally import Tally

# A slow reader gets this factor fewer files.
SLOW = 10


def readers_in(folder: Path) -> dict[str, Reader]:
    """Train a real sweep into a folder; return every reader of its files and of data files."""
    swept(folder)
    return {**run_files(folder), **tables(folder)}


def shares(readers: Mapping[str, Reader], count: int) -> dict[str, int]:
    """Divide at least `count` files among the readers."""
    weights = {name: 1 if reader.is_slow else SLOW for name, reader in readers.items()}
    return {name: -(-count * weight // sum(weights.values())) for name, weight in weights.items()}


def damage(
    reader: Reader, readers: Mapping[str, Reader], folder: Path, count: int, seed: int
) -> tuple[Counter[str], list[Misread]]:
    """Give a reader damaged files; return counts of read, refused and misread files, and the errors of the latter."""
    ended: Counter[str] = Counter()
    wrong: list[Misread] = []

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damaged(reader.originals, [other.originals[0] for other in readers.values()]))
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
    """Damage `count` files; each must be read, or refused in one sentence."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readers = readers_in(folder)
        for label, share in shares(readers, count).items():
            ended, wrong = damage(readers[label], readers, folder, share, seed)
            tally.injected += sum(ended.values())
            for error in wrong:
                tally.note("wrong", True, f"{label}: {error}")
    tally.runs = tally.injected
    fault = "bytes of a file cut, flipped, inserted, removed, zeroed; wrong sizes in headers; files of another format"
    return tally.row(fault)
