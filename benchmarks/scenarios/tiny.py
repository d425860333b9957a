"""Tiny batches: the cost of an update that has hardly any arithmetic."""

from benchmarks.dlhw_side import EAGER
from benchmarks.peers import JAX, PLAIN
from benchmarks.problem import Problem, load_images, spread
from benchmarks.report import Comparison, Report, aim_against
from benchmarks.sides import compare
from dlhw.data.dataset import Dataset

RUNS = 16
PEERS = (PLAIN, JAX)


def measure(full: bool, steps: int | None = None) -> Report:
    """Microseconds of an update at batches of 12 and 1, alone and in a cohort."""
    steps = steps or (4000 if full else 1000)
    rounds = 7 if full else 5
    name, dataset = load_images()
    alone = {batch: _compare(dataset, batch, 1, steps, rounds) for batch in (12, 1)}
    together = {batch: _compare(dataset, batch, RUNS, max(1, steps // 8), rounds) for batch in (12, 1)}
    return Report(
        title="Tiny batches",
        notes=[
            f"784-128-10 with sigmoid ({name}). A cohort's number is the time of an update of one of its "
            f"{RUNS} runs, which have a learning rate each; PyTorch trains them one after the other. dlhw "
            "skips pixels that are 0.",
        ],
        comparisons=[*alone.values(), *together.values()],
        aims=[
            aim_against(alone[12], PLAIN, 0.6, 0.4),
            aim_against(alone[1], PLAIN, 0.7, 0.35),
            aim_against(together[1], PLAIN, 0.2),
        ],
    )


def _compare(dataset: Dataset, batch: int, runs: int, steps: int, rounds: int) -> Comparison:
    problem = Problem("mlp", dataset, batch, steps, spread(runs))
    title = f"batch {batch}, " + ("one run" if runs == 1 else f"{runs} runs")
    unit = "µs an update" + (" a run" if runs > 1 else "")
    return compare(title, problem, PEERS, rounds, per=steps * runs, unit=unit, scale=1e6, backends=[EAGER])
