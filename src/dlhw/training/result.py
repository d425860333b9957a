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


def failure(
    result: RunResult, config: TrainConfig, advice: str = "", *, is_single: bool = False
) -> DivergedError | None:
    """The error that a diverged run ends with; None if it did not diverge, or that is accepted.

    A sweep lists its diverged runs by itself, so there only `trainer.on_divergence=error` makes it an error.

    Args:
        result: of the run.
        config: of the run.
        advice: as for `divergence_text`.
        is_single: whether it is the command's only run.
    """
    choice = config.trainer.on_divergence
    is_stop = is_single and choice is OnDivergence.stop
    if result.status is not Status.diverged or not (is_stop or choice is OnDivergence.error):
        return None
    hint = "; trainer.on_divergence=accept exits with 0" if is_stop else ""
    return DivergedError(divergence_text(result, advice) + hint)


def divergence_text(result: RunResult, advice: str = "") -> str:
    """Where a run diverged, and what may be done about it.

    Args:
        result: of a diverged run.
        advice: how its data looks and what to try; empty where that was said before.
    """
    where = f"diverged at step {result.diverged_at}: its loss or gradient is not finite"
    return "; ".join(filter(None, [where, advice]))
