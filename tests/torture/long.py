"""Long and large: a run of very many evaluations, a sweep of very many cells."""

import csv
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.torture.count import Count
from tests.torture.fingerprint import leftovers
from tests.torture.processes import start, wait
from tests.torture.row import Row
from tests.torture.watching import Use, uses

# One step an epoch and an evaluation after each: almost nothing but evaluations, with everything that a run
# writes by default.
EVALUATES = (
    "data.limit=40", "trainer.batch_size=null", "model=softmax", "trainer.matmul=highest",
    "tracking.console=plain", "hydra.run.dir=run",
)  # fmt: skip
CELL = (
    "data.limit=100", "model=softmax", "trainer.epochs=1", "trainer.matmul=highest",
    "tracking.console=none", "tracking.tensorboard=false", "tracking.checkpoints=false", "hydra.sweep.dir=sweep",
)  # fmt: skip
SEEDS = 10
WARM_BYTES = 100_000  # of metrics.csv, a thousand evaluations: what is allocated once is there
MAX_GROWTH = 50 << 20  # bytes of memory after that
MAX_NEW_FILES = 4  # open at a time; a checkpoint is being written now and then
MAX_EVENT_BYTES = 16 << 20


def many_evaluations(count: int) -> Row:
    """One run with so many evaluations: nothing missing, and memory, open files and events within bounds."""
    found = Count(injected=count, runs=1)
    with TemporaryDirectory() as name:
        run = Path(name, "run")
        process = start(*EVALUATES, f"trainer.epochs={count}", cwd=run.parent, out=subprocess.DEVNULL)
        seen = _watch(process, run / "metrics.csv")
        rows = _rows(run / "metrics.csv")
        events = sum(path.stat().st_size for path in run.glob("events*"))
        found.note("torn", left := leftovers(run), f"{left}")
    missing = [step for step in range(1, count + 1) if not {(step, "train"), (step, "val")} <= rows.keys()]
    found.note("lost", missing, f"evaluations {missing[:9]}")
    found.note("wrong", process.returncode, f"status {process.returncode}")
    found.note("wrong", set(rows.values()) != {1} or len(rows) != 2 * count + 1, f"{len(rows)} rows")
    found.note("wrong", not is_bounded(seen), f"memory and open files from {seen[:1]} to {seen[-1:]}")
    found.note("wrong", events > MAX_EVENT_BYTES, f"{events} bytes of events")
    return found.row("very many evaluations")


def _watch(process: subprocess.Popen[str], metrics: Path) -> list[Use]:
    """Samples since the run is warm."""
    seen = []
    for use in uses(process):
        with suppress(FileNotFoundError):
            if metrics.stat().st_size >= WARM_BYTES:
                seen.append(use)
    process.communicate()
    return seen


def is_bounded(seen: Sequence[Use]) -> bool:
    """Whether memory and open files have stayed what they were."""
    if not seen:
        return False
    growth = max(use.memory for use in seen) - seen[0].memory
    new_files = max(use.files for use in seen) - min(use.files for use in seen)
    return growth < MAX_GROWTH and new_files <= MAX_NEW_FILES


def _rows(path: Path) -> Counter[tuple[int, str]]:
    """How often there is a row of a step and a part."""
    with path.open(newline="", encoding="utf-8") as file:
        return Counter((int(row["step"]), row["split"]) for row in csv.DictReader(file))


def many_cells(count: int) -> Row:
    """One sweep with so many cells, ten seeds each: all of them computed, and in the report."""
    found, rates = Count(injected=count, runs=count), count // SEEDS
    with TemporaryDirectory() as name:
        cwd = Path(name)
        swept = f"optimizer.lr=range(0.001,{rates / 1000 + 0.0005:.4f},0.001)"
        for ended in (
            wait(start("-m", *CELL, swept, f"seeds={SEEDS}", cwd=cwd)),
            wait(start("sweep", cwd=cwd, command="dlhw-report")),
        ):
            found.note("wrong", ended.status != 0 or ended.err, f"status {ended.status}: {ended.err}")
        found.lost = count - len(list((cwd / "sweep").glob("*/summary.json")))
        tabled = _tabled(cwd / "sweep" / "report" / "table.csv")
        found.note("wrong", tabled != count, f"{tabled} runs in the report")
        found.note("torn", left := leftovers(cwd), f"{left}")
    return found.row("a sweep of very many cells")


def _tabled(path: Path) -> int:
    """How many runs a report is about."""
    if not path.exists():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        return sum(int(row["runs"]) for row in csv.DictReader(file))
