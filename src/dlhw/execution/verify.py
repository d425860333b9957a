"""Train some runs of a cohort again alone, and compare."""

from random import Random
from typing import Any

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset
from dlhw.training.callbacks import Callback
from dlhw.training.events import RunResult, Snapshot
from dlhw.training.fit import fit


class ResultRecorder(Callback):
    """Keeps a run's last parameters and scores in memory."""

    def __init__(self) -> None:
        self.parameters: dict[str, Tensor] = {}
        self.result: RunResult | None = None

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        self.parameters, self.result = snapshot.parameters(), result


class Verifier:
    """Compares runs of a sweep with the same runs trained alone.

    Args:
        count: number of runs of the whole sweep.
        random: chooses them.
    """

    def __init__(self, count: int, random: Random) -> None:
        self.left, self.random = count, random
        self.differences: list[tuple[int, float, float]] = []

    def choose(self, num_runs: int) -> dict[int, ResultRecorder]:
        """A callback for each run of a cohort that will be compared."""
        chosen = self.random.sample(range(num_runs), min(self.left, num_runs))
        return {run: ResultRecorder() for run in chosen}

    def compare(self, number: int, config: TrainConfig, dataset: Dataset, of_cohort: ResultRecorder) -> None:
        """Train the run alone, without files, and note the largest differences."""
        alone = ResultRecorder()
        fit([config], [dataset], lambda run, config: [alone])
        self.left -= 1
        parameters = max(
            (float((a - of_cohort.parameters[name]).abs().max()) for name, a in alone.parameters.items()),
            default=0.0,
        )
        self.differences.append((number, parameters, _score_difference(alone.result, of_cohort.result)))

    def report(self) -> None:
        """Print the differences."""
        for number, parameters, loss in self.differences:
            print(
                f"verified: run {number} alone differs by at most {parameters:.1e} in a parameter "
                f"and {loss:.1e} in a loss"
            )


def _score_difference(one: Any, other: Any) -> float:
    """Largest difference of a final loss."""
    pairs = ((one.final[part].loss, other.final[part].loss) for part in one.final)
    return max((abs(a - b) for a, b in pairs), default=0.0)
