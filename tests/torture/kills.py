"""Processes killed at random moments, and a full disk: what is left, and whether it can be resumed."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time

from zygote import Zygote, output_of, shared

from dlhw.runs.folder import SUMMARY_FILE, RunFolder
from dlhw.status import Status, is_final
from tests.torture.fingerprint import fingerprint, leftovers
from tests.torture.row import Row
from tests.torture.tally import Tally
from tests.torture.wholeness import newest_step, torn_files

# kill -9 half of the time: a process cannot react to it.
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STATUS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}
SECONDS_TO_END = 5.0
KILLS_OF_A_RUN = 5
COMMON = ("trainer.matmul=highest", "tracking.console=none", "model.hidden=[16]")
# Compiled and eager steps; checkpoints at evaluations, at epochs, and within an epoch.
RUNS: tuple[tuple[str, ...], ...] = (
    ("trainer.epochs=300", "trainer.eval_every=6"),
    ("trainer.epochs=30", "optimizer=adam", "model.dropout=0.3", "trainer.eval_every=33", "trainer.eval_unit=step",
     "trainer.checkpoint_every=0.001", "trainer.checkpoint_unit=minute", "tracking.tensorboard=false"),
    ("trainer.epochs=40", "optimizer.momentum=0.9", "schedule=cosine", "trainer.early_stopping.patience=9",
     "trainer.backend=eager", "trainer.checkpoint_every=3", "tracking.tensorboard=false"),
)  # fmt: skip
SWEEP = (
    "-m", *COMMON, "trainer.epochs=25", "optimizer=adam", "optimizer.lr=0.001,0.01", "seeds=3", "model.dropout=0.2",
    "trainer.early_stopping.patience=8", "trainer.checkpoint_every=0.002", "trainer.checkpoint_unit=minute",
    "tracking.tensorboard=false", "hydra.launcher.max_runs=4",
)  # fmt: skip
NUM_CELLS = 6


def kill_single(count: int, seed: int) -> Row:
    """Single runs, killed up to five times each, and resumed until they end."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd, zygote = Path(name), shared()
        references = [_Reference.measure(zygote, cwd, number) for number in range(len(RUNS))]
        while tally.injected < count:
            reference = references[tally.runs % len(RUNS)]
            kills = min(KILLS_OF_A_RUN, count - tally.injected)
            _one_run(zygote, cwd, reference, kills, random, tally)
    return tally.row("a run killed at a random moment (-9, SIGTERM, Ctrl-C), resumed")


@dataclass(frozen=True)
class _Reference:
    """An undisturbed run: its arguments, its duration, its bits."""

    arguments: tuple[str, ...]
    seconds: float
    bits: str

    @classmethod
    def measure(cls, zygote: Zygote, cwd: Path, number: int) -> "_Reference":
        arguments = (*COMMON, *RUNS[number])
        began = monotonic()
        status = zygote.wait(zygote.start(*arguments, f"hydra.run.dir=reference{number}", cwd=cwd))
        assert status == 0, output_of(cwd)
        return cls(arguments, monotonic() - began, fingerprint(cwd / f"reference{number}"))


def _one_run(
    zygote: Zygote, cwd: Path, reference: _Reference, kills: int, random: Random, tally: Tally
) -> None:
    """Kill a run `kills` times, let it end, and check it."""
    folder, steps, attempt = cwd / f"run{tally.runs}", 0, 0
    status: int | None = None
    while status != 0:
        if (folder / ".hydra" / "config.yaml").exists():
            arguments: Sequence[str] = (f"resume={folder}",)
        else:  # killed before the run began
            attempt += 1
            folder = cwd / f"run{tally.runs}.{attempt}"
            arguments = (*reference.arguments, f"hydra.run.dir={folder}")
        began, pid = time(), zygote.start(*arguments, cwd=cwd)
        wanted = random.choice(SIGNALS) if kills else None
        status = _ended(zygote, pid, wanted, random.uniform(0, reference.seconds), tally)
        kills = max(0, kills - 1)
        tally.note("torn", torn := torn_files(folder) if folder.exists() else [], f"{folder.name} {torn}")
        tally.note("wrong", _is_unmarked(folder, status, began), f"{folder.name} is not marked")
        now = newest_step(folder)
        tally.note("lost", now < steps, f"{folder.name}: from step {steps} back to {now}")
        steps = now
        if wanted is None and status != 0:
            tally.note("lost", True, f"{folder.name} cannot be resumed: {output_of(cwd)[-400:]}")
            break
    else:
        tally.note("wrong", fingerprint(folder) != reference.bits, f"{folder.name} has other bits")
        tally.note("torn", leftovers(folder), f"{folder.name} has temporary files")
    tally.note("wrong", "Traceback" in output_of(cwd), output_of(cwd)[-2000:])
    (cwd / "output.txt").unlink(missing_ok=True)
    tally.runs += 1


def _ended(zygote: Zygote, pid: int, wanted: signal.Signals | None, after: float, tally: Tally) -> int:
    """Send a signal, if any, after some seconds; wait for the end, and check it."""
    if wanted is None:
        return zygote.wait(pid)
    sleep(after)
    os.kill(pid, wanted)  # harmless if the process has ended: it is not reaped yet
    began = monotonic()
    status = zygote.wait(pid)
    tally.injected += 1
    seconds = monotonic() - began
    tally.note("wrong", seconds > SECONDS_TO_END, f"{wanted.name} took {seconds:.1f} s")
    tally.note("wrong", status not in (0, STATUS[wanted]), f"{wanted.name} ended with status {status}")
    return status


def _is_unmarked(folder: Path, status: int, since: float) -> bool:
    """Whether a run that this process trained lacks a final status, although it had time to write one."""
    metrics = folder / "metrics.csv"  # each process that trains writes it again
    is_begun = status in (143, 130) and metrics.exists() and metrics.stat().st_mtime >= since
    ended = RunFolder(folder).ending().get("status")
    return is_begun and ended != Status.interrupted and not is_final(ended)


def kill_sweep(count: int, seed: int) -> Row:
    """Sweeps of six cells that train together, killed up to five times each and resumed by the same command."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd, zygote = Path(name), shared()
        began = monotonic()
        status = zygote.wait(zygote.start(*SWEEP, "hydra.sweep.dir=reference", cwd=cwd))
        assert status == 0, output_of(cwd)
        seconds, expected = monotonic() - began, _fingerprints(cwd / "reference")
        assert len(expected) == NUM_CELLS
        while tally.injected < count:
            kills = min(KILLS_OF_A_RUN, count - tally.injected)
            _one_sweep(zygote, cwd, seconds, kills, random, tally)
            tally.note("wrong", "Traceback" in output_of(cwd), output_of(cwd)[-2000:])
            (cwd / "output.txt").unlink(missing_ok=True)
            _judge(cwd / f"sweep{tally.runs}", expected, tally)
    return tally.row("a sweep killed at a random moment (-9, SIGTERM, Ctrl-C), the same command again")


def _one_sweep(zygote: Zygote, cwd: Path, seconds: float, kills: int, random: Random, tally: Tally) -> None:
    folder = cwd / f"sweep{tally.runs}"
    for left in range(kills, -1, -1):
        began, pid = time(), zygote.start(*SWEEP, f"hydra.sweep.dir={folder}", cwd=cwd)
        wanted = random.choice(SIGNALS) if left else None
        status = _ended(zygote, pid, wanted, random.uniform(0, seconds), tally)
        tally.note("torn", torn := torn_files(folder), f"{folder.name} {torn}")
        unmarked = [cell.name for cell in folder.glob("*/") if _is_unmarked(cell, status, began)]
        tally.note("wrong", unmarked, f"{unmarked} are not marked as interrupted")
        tally.note(
            "lost", wanted is None and status != 0, f"{folder.name} does not end: {output_of(cwd)[-400:]}"
        )


def _judge(folder: Path, expected: dict[str, str], tally: Tally) -> None:
    bits = _fingerprints(folder)
    tally.note("lost", expected.keys() - bits.keys(), f"{folder.name} lacks cells")
    for cell in bits:
        tally.note("wrong", bits[cell] != expected[cell], f"{folder.name}/{cell} has other bits")
    tally.note("torn", leftovers(folder), f"{folder.name} has temporary files {leftovers(folder)}")
    tally.runs += NUM_CELLS


def _fingerprints(folder: Path) -> dict[str, str]:
    return {path.parent.name: fingerprint(path.parent) for path in folder.glob(f"*/{SUMMARY_FILE}")}


def full_disk(count: int, seed: int) -> Row:
    """Runs whose files cannot grow beyond a random size, as on a full disk; they resume with enough space."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd, zygote = Path(name), shared()
        references = [_Reference.measure(zygote, cwd, number) for number in range(len(RUNS))]
        while tally.injected < count:
            number = tally.injected % len(RUNS)
            largest = max(path.stat().st_size for path in (cwd / f"reference{number}").rglob("*.*"))
            limit = random.randrange(9_000, largest)
            _one_full(zygote, cwd, references[number], limit, tally)
    return tally.row("a disk that is full after a random number of bytes, resumed with room")


def _one_full(zygote: Zygote, cwd: Path, reference: _Reference, limit: int, tally: Tally) -> None:
    folder = cwd / f"run{tally.runs}"
    tally.injected += 1
    tally.runs += 1
    pid = zygote.start(*reference.arguments, f"hydra.run.dir={folder}", cwd=cwd, limit=limit)
    status = zygote.wait(pid)
    tally.note("wrong", status != 1, f"{folder.name}: status {status} on a full disk of {limit} bytes")
    tally.note("wrong", "Traceback" in output_of(cwd), output_of(cwd)[-2000:])
    tally.note("torn", torn := torn_files(folder), f"{folder.name} {torn}")
    (cwd / "output.txt").unlink(missing_ok=True)
    status = zygote.wait(zygote.start(f"resume={folder}", cwd=cwd))
    tally.note("lost", status != 0, f"{folder.name} cannot be resumed: {output_of(cwd)[-400:]}")
    if status == 0:
        tally.note("wrong", fingerprint(folder) != reference.bits, f"{folder.name} has other bits")
        tally.note("torn", leftovers(folder), f"{folder.name} has temporary files")
