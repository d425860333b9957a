"""Cost of a cell of a sweep that trains nothing: dlhw's sweeper and launcher, and Hydra's own."""

import sys
import tempfile
from pathlib import Path

from benchmarks.commands import run
from benchmarks.report import Aim, Comparison, Report

APP = """
import time
import hydra
from dlhw.config.catalogue import conf_dir
from dlhw.hydra_support.store import register
register()
start = time.perf_counter()
hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")(lambda config: 0.0)()
print("seconds", time.perf_counter() - start)
"""
OURS, HYDRA = "grid and fused", "Hydra's own"
SIDES = {
    OURS: ["hydra/sweeper=grid", "hydra/launcher=fused"],
    HYDRA: ["hydra/sweeper=basic", "hydra/launcher=basic"],
}


def measure(full: bool, cells: int = 200) -> Report:
    """Milliseconds per cell."""
    counts = {OURS: cells, HYDRA: cells if full else max(2, cells // 5)}
    rounds: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(3 if full else 2):
        for name, options in SIDES.items():
            rounds[name].append(milliseconds(options, counts[name]))
    comparison = Comparison("a cell that trains nothing", "ms", OURS, rounds)
    return Report(
        title="Sweeps: overhead of a cell",
        notes=[
            f"{counts[OURS]} cells of a function that does nothing ({counts[HYDRA]} for Hydra's sweeper and "
            "launcher), with the config of `dlhw-train`; the time of the first composition is divided among "
            "them."
        ],
        comparisons=[comparison],
        aims=[Aim("a cell of a sweep", 20, rounds[OURS], unit="ms")],
    )


def milliseconds(options: list[str], cells: int) -> float:
    """Total time of one cell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = folder / "app.py"
        app.write_text(APP, encoding="utf-8")
        lrs = ",".join(f"{number / 1000:g}" for number in range(1, cells + 1))
        sweep = [f"hydra.sweep.dir={folder}/sweep", "hydra/job_logging=disabled"]
        command = [sys.executable, str(app), "-m", f"optimizer.lr={lrs}", *options, *sweep]
        _, out = run(command, folder)
    (line,) = [line for line in out.splitlines() if line.startswith("seconds")]
    return 1000 * float(line.split()[1]) / cells
