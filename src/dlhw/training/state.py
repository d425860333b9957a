"""State of one run while it trains, and what a checkpoint stores of it.

A checkpoint holds what cannot be computed again: parameters, the best ones where these are others, the
optimizer's state, scores and counters. The order of an epoch is a function of seed and epoch. Within an epoch
the states of the random generators and the outputs that have not been scored yet are stored as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.config.trainer import Backend, EarlyStoppingConfig, Metric
from dlhw.errors import RunFolderError
from dlhw.sections import under
from dlhw.status import Status
from dlhw.training.events import Scores, scores_from_dict, scores_to_dict


def goodness(scores: Scores, metric: Metric) -> float:
    """Higher is better: accuracy, or minus the loss; `auto` is accuracy where there is one."""
    if metric is Metric.auto:
        metric = Metric.loss if scores.accuracy is None else Metric.accuracy
    value = -scores.loss if metric is Metric.loss else scores.accuracy
    assert value is not None, "the config is checked: regression has no accuracy"
    return value if isfinite(value) else -inf


@dataclass
class EarlyStopping:
    """Counts evaluations without a new best of the validation metric.

    Args:
        config: patience (None: never stop), metric, min_delta.
    """

    config: EarlyStoppingConfig
    best: float = -inf
    waited: int = 0

    def update(self, scores: Scores) -> bool:
        """Record an evaluation; return whether there has been no new best for `patience` of them."""
        value = goodness(scores, self.config.metric)
        if value > self.best + (self.config.min_delta if isfinite(self.best) else 0):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.config.patience is not None and self.waited >= self.config.patience

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"best": _finite_or_none(self.best), "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the state returned by `state_dict`."""
        self.best, self.waited = _or_lowest(state["best"]), int(state["waited"])


@dataclass
class RunState:
    """Best and last scores of one run, its early stopping, and how it ended.

    Args:
        config: the run's.
        status: None while the run trains.
        error: of a callback that failed.
    """

    config: TrainConfig
    status: Status | None = None
    error: Exception | None = None
    best_value: float = -inf
    best: Mapping[str, Scores] = field(default_factory=dict)
    best_epoch: float = 0.0
    best_step: int = 0
    last: Mapping[str, Scores] = field(default_factory=dict)
    epoch: float = 0.0
    step: int = 0
    seconds: float = 0.0
    own_seconds: float = 0.0
    diverged_at: int | None = None

    def __post_init__(self) -> None:
        self.early_stopping = EarlyStopping(self.config.trainer.early_stopping)

    @property
    def active(self) -> bool:
        """Whether the run still trains."""
        return self.status is None

    def fail(self, error: Exception) -> None:
        """End the run because a callback failed."""
        self.status, self.error = Status.failed, error

    def add_own_seconds(self, seconds: float, share: float) -> None:
        """Add the run's share of the cohort's time since its last evaluation; called before `record`.

        Args:
            seconds: training time of the cohort until now.
            share: 1 / number of runs that trained since then. Runs of a cohort make the same operations, so
                that their shares are equal, and over a cohort they sum to its wall time.
        """
        self.own_seconds += share * (seconds - self.seconds)

    def record(
        self,
        scores: Mapping[str, Scores],
        epoch: float,
        step: int,
        seconds: float,
        diverged_at: int | None = None,
    ) -> bool:
        """Record an evaluation; return whether it is the best so far (without validation the last one is).

        A run that has diverged, at the step `diverged_at` or because these scores are not finite, ends with
        it, and is never at its best.
        """
        self.last, self.epoch, self.step, self.seconds = scores, epoch, step, seconds
        if diverged_at is not None or not _are_finite(scores):
            self.status, self.diverged_at = Status.diverged, step if diverged_at is None else diverged_at
            return False
        validation = scores.get("val")
        value = inf if validation is None else goodness(validation, self.config.trainer.select_by)
        is_best = value > self.best_value or validation is None
        if is_best:
            self.best_value, self.best, self.best_epoch, self.best_step = value, scores, epoch, step
        if validation is not None and self.early_stopping.update(validation):
            self.status = Status.early_stopped
        if self._fits(scores["train"]):
            self.status = Status.early_stopped
        return is_best

    def _fits(self, train: Scores) -> bool:
        """Whether the accuracy on the training split has reached its target."""
        target = self.config.trainer.early_stopping.train_accuracy
        return target is not None and train.accuracy is not None and train.accuracy >= target

    def state_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {
            "status": None if self.status is None else str(self.status),
            "diverged_at": self.diverged_at,
            "last": {
                "epoch": self.epoch,
                "step": self.step,
                "seconds": self.seconds,
                "own_seconds": self.own_seconds,
                "scores": scores_to_dict(self.last),
            },
            "best": {
                "epoch": self.best_epoch,
                "step": self.best_step,
                "value": _finite_or_none(self.best_value),
                "scores": scores_to_dict(self.best),
            },
            "early_stopping": self.early_stopping.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the state returned by `state_dict`.

        Raises:
            LookupError, TypeError, ValueError: if something is missing, or of another kind.
        """
        last, best = state["last"], state["best"]
        self.status = None if state["status"] is None else Status(state["status"])
        self.diverged_at = None if state["diverged_at"] is None else int(state["diverged_at"])
        self.epoch, self.step = float(last["epoch"]), int(last["step"])
        self.seconds, self.last = float(last["seconds"]), scores_from_dict(last["scores"])
        self.own_seconds = float(last["own_seconds"])
        self.best_epoch, self.best_step = float(best["epoch"]), int(best["step"])
        self.best_value, self.best = _or_lowest(best["value"]), scores_from_dict(best["scores"])
        self.early_stopping.load_state_dict(state["early_stopping"])


def _are_finite(scores: Mapping[str, Scores]) -> bool:
    return all(isfinite(of_split.loss) for of_split in scores.values())


def _finite_or_none(value: float) -> float | None:
    """The best value is infinite before the first comparison, and without validation."""
    return value if isfinite(value) else None


def _or_lowest(value: Any) -> float:
    return -inf if value is None else float(value)


@dataclass(frozen=True)
class ResumeState:
    """The content of one run's checkpoint, from which the run is resumed.

    Args:
        source: the file, for messages.
        tensors: every tensor under the name of its section, such as "parameters/fc1.weight".
        progress: the plain data of `Snapshot.progress`.
        matmul: torch's matrix-product setting then; another one rounds differently.
        backend: that executed the steps; others round differently.
        split_hashes: of the data that the run was trained with.
    """

    source: Path
    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]
    matmul: str
    backend: Backend
    split_hashes: Mapping[str, str]

    def section(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of one section, without its prefix."""
        return under(prefix, self.tensors)

    @contextmanager
    def naming_source(self) -> Iterator[None]:
        """Turn whatever does not fit into an error that names the file.

        Raises:
            RunFolderError: if the block finds the state incomplete, or of another model.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise RunFolderError(
                f"{self.source} cannot be resumed: it is not what this version writes for this model "
                f"({' '.join(str(error).split())[:120]})"
            ) from error


def check_data(states: Sequence[ResumeState], hashes: Sequence[Mapping[str, str]]) -> None:
    """Check that the data is what it was.

    Args:
        states: one a run.
        hashes: split -> its hash; one a run, or one for all.

    Raises:
        RunFolderError: naming the splits whose samples have changed.
    """
    for run, state in enumerate(states):
        current = hashes[run % len(hashes)]
        changed = [split for split in current if state.split_hashes.get(split) != current[split]]
        if changed:
            raise RunFolderError(
                f"{state.source} cannot be resumed: the data has changed since, in {', '.join(changed)}; "
                "a new run trains with the data as it is now"
            )
