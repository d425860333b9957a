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


def failure(result: RunResult, config: TrainConfig, *, is_single: bool = False) -> DivergedError | None:
    """The error that a diverged run ends with, with advice; None for a run that did not diverge.

    A sweep lists its diverged runs by itself, so there only `trainer.on_divergence=error` makes it an error.

    Args:
        result: of the run.
        config: of the run.
        is_single: whether it is the command's only run.
    """
    choice = config.trainer.on_divergence
    is_error = choice is OnDivergence.error or (is_single and choice is OnDivergence.stop)
    if result.status is not Status.diverged or not is_error:
        return None
    advice = f"try optimizer.lr={config.optimizer.lr / 10:.3g}" if config.optimizer.lr else "check the data"
    accepted = (
        "; trainer.on_divergence=accept exits with 0" if is_single and choice is OnDivergence.stop else ""
    )
    return DivergedError(
        f"diverged at step {result.diverged_at}: its loss or gradient is not finite; {advice}{accepted}"
    )
