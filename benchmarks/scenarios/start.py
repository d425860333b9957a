"""From a command to its first update: how long, where the time goes, and how much memory a run takes."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import stages
from benchmarks.commands import data_overrides, first_line, peak_bytes, run, train_command
from benchmarks.page import three_digits
from benchmarks.report import Aim, Report, Table
from dlhw.reporting.formats import escape_markdown

SHORT = [
    "trainer.epochs=1", "trainer.max_steps=2", "trainer.eval_unit=step", "tracking.console=plain",
]  # fmt: skip
IMPORT_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")
# packages that take less than this, in microseconds, share one row
SMALL = 15_000
GIB = 2**30
NO_MNIST = "MNIST is not here (DLHW_DATA_DIR)"


def measure(full: bool, rounds: int | None = None) -> Report:
    """Seconds to the first update, stages, imports, peak memory."""
    rounds = rounds or (9 if full else 5)
    data = {"digits": ["data=digits"]}
    if (mnist := data_overrides()) != data["digits"]:
        data["MNIST"] = mnist
    largest = list(data.values())[-1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        aims = [_first_step(data.get(name), name, rounds, folder) for name in ("digits", "MNIST")]
        aims.append(_peak(data.get("MNIST"), folder))
        tables = [_stages(largest, rounds, folder), _imports()]
    return Report(
        title="Start and memory",
        notes=[
            "Whole commands with cached files, each from the start of its process to the line of its first "
            "evaluation, after one update."
        ],
        aims=aims,
        tables=tables,
    )


def _first_step(data: Sequence[str] | None, name: str, rounds: int, folder: Path) -> Aim:
    what = f"from command to first update, {name}"
    if data is None:
        return Aim(what, 3.5, unit="s", reason=NO_MNIST)
    command = train_command(*SHORT, *data)
    first_line(command, folder, "epoch")
    return Aim(what, 3.5, [first_line(command, folder, "epoch") for _ in range(rounds)], unit="s")


def _peak(data: Sequence[str] | None, folder: Path) -> Aim:
    what = "peak memory of a run on MNIST"
    if data is None:
        return Aim(what, 1.2, unit="GiB", reason=NO_MNIST)
    command = train_command(*data, "model.activation=sigmoid", "trainer.epochs=2", "tracking.console=none")
    return Aim(what, 1.2, [peak_bytes(command, folder) / GIB], unit="GiB")


def _stages(data: Sequence[str], rounds: int, folder: Path) -> Table:
    """Medians of the stages up to the first update."""
    measured = [_stages_once([*SHORT, *data], folder) for _ in range(rounds)]
    medians = {stage: median(stages[stage] for stages in measured) for stage in measured[0]}
    whole = sum(medians.values())
    rows = [
        [stage, three_digits(1e3 * taken), f"{100 * taken / whole:.0f} %"] for stage, taken in medians.items()
    ]
    title = f"Stages of `dlhw-train {data[0]}` until its first update is done:"
    return Table(title, ("stage", "ms", "share"), [*rows, ["all", three_digits(1e3 * whole), ""]])


def _stages_once(arguments: Sequence[str], folder: Path) -> dict[str, float]:
    # -P: import nothing from the script's own folder
    _, out = run([sys.executable, "-P", stages.__file__, str(time.time()), *arguments], folder)
    seconds: dict[str, float] = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    return seconds


def _imports() -> Table:
    """Time of the imports by package, each without its imports of other packages."""
    code = "import " + ", ".join(stages.MODULES)
    command = [sys.executable, "-X", "importtime", "-c", code]
    subprocess.run(command, capture_output=True, check=True)
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    packages: Counter[str] = Counter()
    for micros, module in IMPORT_LINE.findall(lines):
        packages[module.partition(".")[0]] += int(micros)
    small = [name for name, micros in packages.items() if micros < SMALL]
    rest = sum(packages.pop(name) for name in small)
    rows = [[escape_markdown(name), three_digits(micros / 1000)] for name, micros in packages.most_common()]
    rows.append([f"{len(small)} others", three_digits(rest / 1000)])
    title = "Imports by package (`python -X importtime`, which slows them down):"
    return Table(title, ("package", "ms"), rows)
