"""What a run's result means to others."""

from dlhw.training.events import RunResult


def objective(result: RunResult) -> float | None:
    """The one number that a sweeper sees: best validation accuracy, or loss; None without validation."""
    scores = result.best.get("val")
    if scores is None:
        return None
    return scores.loss if scores.accuracy is None else scores.accuracy
