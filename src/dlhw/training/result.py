"""What a run's result means to others."""

from dlhw.config.root import TrainConfig
from dlhw.config.trainer import OnDivergence
from dlhw.errors import DivergedError
from dlhw.runs.status import Status
from dlhw.training.events import RunResult


def objective(result: RunResult) -> float | None:
    """The one number that a sweeper sees: best validation accuracy, or loss; None without validation."""
    scores = result.best.get("val")
    if scores is None:
        return None
    return scores.loss if scores.accuracy is None else scores.accuracy


def failure(result: RunResult, config: TrainConfig) -> DivergedError | None:
    """The error that a diverged run of a sweep ends with; None for a run that did not diverge.

    A sweep lists its diverged runs by itself, so there only `trainer.on_divergence=error` makes it an error.
    """
    is_error = config.trainer.on_divergence is OnDivergence.error
    if result.status is not Status.diverged or not is_error:
        return None
    return DivergedError(divergence_text(result))


def divergence_text(result: RunResult, advice: str = "") -> str:
    """Where a run diverged, and what may be done about it.

    Args:
        result: of a diverged run.
        advice: how its data looks and what to try; empty where that was said before.
    """
    where = f"diverged at step {result.diverged_at}: its loss or gradient is not finite"
    return "; ".join(filter(None, [where, advice]))
