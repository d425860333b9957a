"""What is remembered of one run while it trains: its best validation, its patience, how it ended."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any

from dlhw.config.root import TrainConfig
from dlhw.config.trainer import EarlyStoppingConfig, Metric
from dlhw.runs.status import Status
from dlhw.training.events import Scores


def goodness(scores: Scores, metric: Metric) -> float:
    """Higher is better: accuracy, or minus the loss; `auto` is accuracy where there is one."""
    if metric is Metric.auto:
        metric = Metric.loss if scores.accuracy is None else Metric.accuracy
    value = -scores.loss if metric is Metric.loss else scores.accuracy
    assert value is not None, "the config is checked: regression has no accuracy"
    return value if isfinite(value) else -inf


@dataclass
class Patience:
    """Early stopping: counts evaluations without a new best of the validation metric.

    Args:
        config: patience (None: never stop), metric, min_delta.
    """

    config: EarlyStoppingConfig
    best: float = -inf
    waited: int = 0

    def exhausted_by(self, scores: Scores) -> bool:
        """Take in an evaluation; True when there has been no new best for `patience` of them."""
        value = goodness(scores, self.config.metric)
        if value > self.best + (self.config.min_delta if isfinite(self.best) else 0):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.config.patience is not None and self.waited >= self.config.patience


@dataclass
class Progress:
    """State of one run.

    Args:
        config: the run's.
        status: None while it trains.
    """

    config: TrainConfig
    status: Status | None = None
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
        self.patience = Patience(self.config.trainer.early_stopping)

    @property
    def active(self) -> bool:
        """Whether it still trains."""
        return self.status is None

    def add_own_seconds(self, seconds: float, share: float) -> None:
        """Add the run's share of the cohort's time since its last evaluation; called before `take`.

        Args:
            seconds: training time of the cohort until now.
            share: 1 / number of runs that trained since then. Runs of a cohort make the same operations, so
                that their shares are equal, and over a cohort they sum to its wall time.
        """
        self.own_seconds += share * (seconds - self.seconds)

    def take(
        self,
        scores: Mapping[str, Scores],
        epoch: float,
        step: int,
        seconds: float,
        diverged_at: int | None = None,
    ) -> bool:
        """Take in an evaluation; return whether it is the best so far (without validation the last is).

        A run that has diverged, at the step `diverged_at` or because these scores are not finite, ends with
        it, and is never at its best.
        """
        self.last, self.epoch, self.step, self.seconds = scores, epoch, step, seconds
        if diverged_at is not None or not self._finite(scores):
            self.status, self.diverged_at = Status.diverged, step if diverged_at is None else diverged_at
            return False
        judged = scores.get("val")
        value = inf if judged is None else goodness(judged, self.config.trainer.select_by)
        is_best = value > self.best_value or judged is None
        if is_best:
            self.best_value, self.best, self.best_epoch, self.best_step = value, scores, epoch, step
        if judged is not None and self.patience.exhausted_by(judged):
            self.status = Status.early_stopped
        if self._fits(scores["train"]):
            self.status = Status.early_stopped
        return is_best

    def _fits(self, train: Scores) -> bool:
        """Whether the training split's accuracy has reached what the run was to reach."""
        wanted = self.config.trainer.early_stopping.train_accuracy
        return wanted is not None and train.accuracy is not None and train.accuracy >= wanted

    @staticmethod
    def _finite(scores: Mapping[str, Scores]) -> bool:
        return all(isfinite(each.loss) for each in scores.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint; `restore` takes it back."""
        return {
            "status": None if self.status is None else str(self.status),
            "diverged_at": self.diverged_at,
            "last": {
                "epoch": self.epoch,
                "step": self.step,
                "seconds": self.seconds,
                "own_seconds": self.own_seconds,
                "scores": to_plain(self.last),
            },
            "best": {
                "epoch": self.best_epoch,
                "step": self.best_step,
                "value": _finite(self.best_value),
                "scores": to_plain(self.best),
            },
            "early_stopping": {"best": _finite(self.patience.best), "waited": self.patience.waited},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load the state returned by `to_dict`.

        Raises:
            LookupError, TypeError, ValueError: if something is missing, or of another kind.
        """
        last, best, stopping = state["last"], state["best"], state["early_stopping"]
        self.status = None if state["status"] is None else Status(state["status"])
        self.diverged_at = None if state["diverged_at"] is None else int(state["diverged_at"])
        self.epoch, self.step = float(last["epoch"]), int(last["step"])
        self.seconds, self.last = float(last["seconds"]), from_plain(last["scores"])
        self.own_seconds = float(last["own_seconds"])
        self.best_epoch, self.best_step = float(best["epoch"]), int(best["step"])
        self.best_value, self.best = _or_lowest(best["value"]), from_plain(best["scores"])
        self.patience.best, self.patience.waited = _or_lowest(stopping["best"]), int(stopping["waited"])


def to_plain(parts: Mapping[str, Scores]) -> dict[str, dict[str, float | None]]:
    """Scores as JSON takes them."""
    return {part: asdict(scores) for part, scores in parts.items()}


def from_plain(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Scores]:
    """The inverse of `to_plain`."""
    return {str(part): Scores(float(of["loss"]), _number(of["accuracy"])) for part, of in parts.items()}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _finite(value: float) -> float | None:
    """Infinite is what nothing has been compared with yet, and what is best without validation."""
    return value if isfinite(value) else None


def _or_lowest(value: Any) -> float:
    return -inf if value is None else float(value)
