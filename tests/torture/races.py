"""Races: two real processes that want the same folder."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import sleep

from tests.torture.fingerprint import fingerprint, leftovers
from tests.torture.processes import TINY, Ended, start, train, wait
from tests.torture.row import Row
from tests.torture.tally import Tally

RUN = (*TINY, "trainer.epochs=30")
CELLS = ("optimizer.lr=0.1,0.2", "seeds=2")
NUM_CELLS = 4
REFUSED = (
    re.compile(r"dlhw-train: another process is (training in|running the sweep in) .+: wait for it.*\n"),
    re.compile(r"dlhw-train: hydra\.run\.dir=.+ exists and is not empty: a run never overwrites another.*\n"),
)


def two_runs(count: int, seed: int) -> Row:
    """Two commands with the same `hydra.run.dir`, the second a random moment later."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd = Path(name)
        expected = _reference([*RUN, "hydra.run.dir=reference"], cwd)["reference"]
        for number in range(count):
            folder = cwd / f"run{number}"
            ended = _race([*RUN, f"hydra.run.dir={folder}"], random.uniform(0, 1.5), cwd)
            is_fair = sorted(process.status for process in ended) == [0, 1] and _say_why(ended)
            tally.note("wrong", not is_fair, f"{folder.name} {ended}")
            _judge({folder.name: expected}, cwd, tally)
        tally.injected += count
    return tally.row("two commands, one run folder")


def two_sweeps(count: int, seed: int) -> Row:
    """The same sweep twice, the second a random moment later; no cell may be computed twice."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd = Path(name)
        sweep = ("-m", *RUN, *CELLS)
        expected = _reference([*sweep, "hydra.sweep.dir=reference"], cwd)
        for number in range(count):
            folder = cwd / f"sweep{number}"
            ended = _race([*sweep, f"hydra.sweep.dir={folder}"], random.uniform(0, 3.5), cwd)
            is_fair = _computed(ended) == len(expected) == NUM_CELLS and _say_why(ended)
            tally.note("wrong", not is_fair, f"{folder.name} {ended}")
            _judge({Path(cell).name: bits for cell, bits in expected.items()}, folder, tally)
        tally.injected += count
    return tally.row("the same sweep twice")


def _reference(arguments: Sequence[str], cwd: Path) -> dict[str, str]:
    """The bits of undisturbed runs."""
    ended = train(*arguments, cwd=cwd)
    assert ended.status == 0, ended.err
    return {path.parent.name: fingerprint(path.parent) for path in cwd.rglob("summary.json")}


def _judge(expected: Mapping[str, str], folder: Path, tally: Tally) -> None:
    """Check runs that two processes wanted."""
    for name, bits in expected.items():
        tally.runs += 1
        is_there = (folder / name / "summary.json").exists()
        tally.note("lost", not is_there, f"{folder.name}/{name}")
        tally.note("wrong", is_there and fingerprint(folder / name) != bits, f"{name} has other bits")
        left = leftovers(folder / name)
        tally.note("torn", left, f"{left}")


def _race(arguments: Sequence[str], offset: float, cwd: Path) -> list[Ended]:
    first = start(*arguments, cwd=cwd)
    sleep(offset)
    second = start(*arguments, cwd=cwd)
    return [wait(first), wait(second)]


def is_refused(ended: Ended) -> bool:
    """Whether a process stopped with one sentence that says why."""
    return ended.status == 1 and any(sentence.fullmatch(ended.err) for sentence in REFUSED)


def _say_why(ended: Sequence[Ended]) -> bool:
    """Whether every process succeeds or says why not."""
    return all(process.status == 0 or is_refused(process) for process in ended)


def _computed(ended: Sequence[Ended]) -> int:
    """Number of cells that the processes set out to compute."""
    return sum(int(number) for process in ended for number in re.findall(r"(\d+) to run", process.out))
