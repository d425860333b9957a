"""What a run's result means to others."""

from dlhw.config.root import TrainConfig
from dlhw.config.trainer import OnDivergence
from dlhw.errors import DivergedError
from dlhw.training.events import RunResult, Status


def objective(result: RunResult) -> float | None:
    """The one number that a sweeper sees: best validation accuracy, or loss; None without validation."""
    scores = result.best.get("val")
    if scores is None:
        return None
    return scores.loss if scores.accuracy is None else scores.accuracy


def failure(result: RunResult, config: TrainConfig) -> DivergedError | None:
    """The error that a diverged run is with `trainer.on_divergence=error`."""
    if result.status is Status.diverged and config.trainer.on_divergence is OnDivergence.error:
        return DivergedError(f"diverged at step {result.diverged_at} (trainer.on_divergence=error)")
    return None
