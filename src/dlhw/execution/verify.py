"""Is a run in a cohort the run alone? Train some again and compare."""

from random import Random
from typing import Any

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot
from dlhw.training.fit import fit


class Kept(Callback):
    """A tracker that keeps a run's last parameters and scores in memory."""

    def __init__(self) -> None:
        self.parameters: dict[str, Tensor] = {}
        self.result: RunResult | None = None

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        """Nothing to keep yet."""

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        """Only the end counts."""

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Only the end counts."""

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        """Keep the end."""
        self.parameters, self.result = snapshot.parameters(), result

    def on_abort(self, status: Status, message: str) -> None:
        """Nothing to compare."""


class Verifier:
    """Compares runs of a sweep with the same runs trained alone.

    Args:
        count: how many runs of the whole sweep.
        random: chooses them.
    """

    def __init__(self, count: int, random: Random) -> None:
        self.left, self.random = count, random
        self.told: list[tuple[int, float, float]] = []

    def choose(self, num_runs: int) -> dict[int, Kept]:
        """A tracker for each run of a cohort that will be compared."""
        chosen = self.random.sample(range(num_runs), min(self.left, num_runs))
        return {run: Kept() for run in chosen}

    def compare(self, number: int, config: TrainConfig, dataset: Dataset, of_cohort: Kept) -> None:
        """Train the run alone, without files, and note the largest differences."""
        alone = Kept()
        fit([config], [dataset], lambda run, each: [alone])
        self.left -= 1
        parameters = max(
            (float((a - of_cohort.parameters[name]).abs().max()) for name, a in alone.parameters.items()),
            default=0.0,
        )
        self.told.append((number, parameters, _score_difference(alone.result, of_cohort.result)))

    def report(self) -> None:
        """Print what was found."""
        for number, parameters, loss in self.told:
            print(
                f"verified: run {number} alone differs by at most {parameters:.1e} in a parameter "
                f"and {loss:.1e} in a loss"
            )


def _score_difference(one: Any, other: Any) -> float:
    """Largest difference of a final loss."""
    pairs = ((one.final[part].loss, other.final[part].loss) for part in one.final)
    return max((abs(a - b) for a, b in pairs), default=0.0)
