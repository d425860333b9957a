"""Long and large: a run of very many evaluations, a sweep of very many cells."""

import csv
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.torture.fingerprint import leftovers
from tests.torture.processes import start, wait
from tests.torture.row import Row
from tests.torture.tally import Tally
from tests.torture.watching import Use, uses

# One step per epoch with an evaluation after each: almost only evaluations, with all files that a run writes
# by default.
EVALUATES = (
    "data.limit=40", "trainer.batch_size=null", "model=softmax", "trainer.matmul=highest",
    "tracking.console=plain", "hydra.run.dir=run",
)  # fmt: skip
CELL = (
    "data.limit=100", "model=softmax", "trainer.epochs=1", "trainer.matmul=highest",
    "tracking.console=none", "tracking.tensorboard=false", "tracking.checkpoints=false", "hydra.sweep.dir=sweep",
)  # fmt: skip
SEEDS = 10
WARM_BYTES = 100_000  # of metrics.csv, a thousand evaluations: one-time allocations are done
MAX_GROWTH = 50 << 20  # bytes of memory after that
MAX_NEW_FILES = 4  # open at a time; sometimes a checkpoint is being written
MAX_EVENT_BYTES = 16 << 20


def many_evaluations(count: int) -> Row:
    """One run with `count` evaluations: none missing, and memory, open files and events within bounds."""
    tally = Tally(injected=count, runs=1)
    with TemporaryDirectory() as name:
        run = Path(name, "run")
        process = start(*EVALUATES, f"trainer.epochs={count}", cwd=run.parent, out=subprocess.DEVNULL)
        seen = _watch(process, run / "metrics.csv")
        rows = _rows(run / "metrics.csv")
        events = sum(path.stat().st_size for path in run.glob("events*"))
        tally.note("torn", left := leftovers(run), f"{left}")
    missing = [step for step in range(1, count + 1) if not {(step, "train"), (step, "val")} <= rows.keys()]
    tally.note("lost", missing, f"evaluations {missing[:9]}")
    tally.note("wrong", process.returncode, f"status {process.returncode}")
    tally.note("wrong", set(rows.values()) != {1} or len(rows) != 2 * count + 1, f"{len(rows)} rows")
    tally.note("wrong", not is_bounded(seen), f"memory and open files from {seen[:1]} to {seen[-1:]}")
    tally.note("wrong", events > MAX_EVENT_BYTES, f"{events} bytes of events")
    return tally.row("very many evaluations")


def _watch(process: subprocess.Popen[str], metrics: Path) -> list[Use]:
    """Samples after the warm-up of the run."""
    seen = []
    for use in uses(process):
        with suppress(FileNotFoundError):
            if metrics.stat().st_size >= WARM_BYTES:
                seen.append(use)
    process.communicate()
    return seen


def is_bounded(seen: Sequence[Use]) -> bool:
    """Whether memory and open files stay within bounds."""
    if not seen:
        return False
    growth = max(use.memory for use in seen) - seen[0].memory
    new_files = max(use.files for use in seen) - min(use.files for use in seen)
    return growth < MAX_GROWTH and new_files <= MAX_NEW_FILES


def _rows(path: Path) -> Counter[tuple[int, str]]:
    """Number of rows for each step and split."""
    with path.open(newline="", encoding="utf-8") as file:
        return Counter((int(row["step"]), row["split"]) for row in csv.DictReader(file))


def many_cells(count: int) -> Row:
    """One sweep with `count` runs, ten seeds per cell: all are computed, and in the report."""
    tally, rates = Tally(injected=count, runs=count), count // SEEDS
    with TemporaryDirectory() as name:
        cwd = Path(name)
        swept = f"optimizer.lr=range(0.001,{rates / 1000 + 0.0005:.4f},0.001)"
        for ended in (
            wait(start("-m", *CELL, swept, f"seeds={SEEDS}", cwd=cwd)),
            wait(start("sweep", cwd=cwd, command="dlhw-report")),
        ):
            tally.note("wrong", ended.status != 0 or ended.err, f"status {ended.status}: {ended.err}")
        tally.lost = count - len(list((cwd / "sweep").glob("*/summary.json")))
        tabled = _tabled(cwd / "sweep" / "report" / "table.csv")
        tally.note("wrong", tabled != count, f"{tabled} runs in the report")
        tally.note("torn", left := leftovers(cwd), f"{left}")
    return tally.row("a sweep of very many cells")


def _tabled(path: Path) -> int:
    """Number of runs in a report's table."""
    if not path.exists():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        return sum(int(row["runs"]) for row in csv.DictReader(file))
