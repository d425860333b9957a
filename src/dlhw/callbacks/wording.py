"""The words and tables of the console, in plain text that fits any terminal."""

from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.table import Table

from dlhw.config.trainer import Backend
from dlhw.runs.status import Status
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores

ENDED = {Status.completed: "finished", Status.early_stopped: "stopped early"}

# What computes the gradients.
GRADIENT_CODE = {
    Backend.compiled: "compiled copies of the layers",
    Backend.cuda_graph: "the layers' backward as a CUDA graph",
    Backend.eager: "the layers' backward",
}


def head_line(info: RunInfo, num_runs: int = 1) -> str:
    """What will train, on what data and device, by which code, and how exact its gradients are."""
    names = {"val": "val (THE TEST SET)"} if info.config.data.split.val_from_test else {}
    sizes = ", ".join(f"{size:,} {names.get(part, part)}" for part, size in info.num_samples.items() if size)
    pieces = [
        f"{info.config.model.name}, {info.num_parameters:,} parameters",
        f"{info.config.data.name}: {sizes}",
        info.device,
        gradients_text(info),
    ]
    if num_runs > 1:
        pieces.append(f"training {num_runs} runs together; this line shows run 1 of {num_runs}")
    return "  |  ".join(pieces)


def gradients_text(info: RunInfo) -> str:
    """Which code computes the gradients, and the outcome of their check."""
    optimizer = info.config.optimizer
    if optimizer.is_closed_form:
        return f"solved at once by optimizer={optimizer.name}"
    if info.total_steps == 0:
        return "no training, evaluation only"
    if info.backend == Backend.autograd:
        return "gradients by autograd"
    code = GRADIENT_CODE[Backend(info.backend)]
    if info.gradcheck is None:
        return f"gradients by {code}, NOT CHECKED"
    return f"gradients by {code}, checked: largest relative error {info.gradcheck:.1e}"


def epoch_text(epoch: float, total: int) -> str:
    """`epoch 3/20`, or `epoch 2.5/20` within an epoch."""
    return f"epoch {epoch:.4g}/{total}" if epoch < 1000 else f"epoch {epoch:.0f}/{total}"


def evaluation_line(evaluation: Evaluation, total_epochs: int, best_epoch: float | None = None) -> str:
    """Everything about one evaluation in one line.

    Args:
        evaluation: one during training, or of the test split at the end.
        total_epochs: epochs planned.
        best_epoch: of the parameters that the test split is measured with; None: they are the last.
    """
    scores = [f"{part} {_both(each)}" for part, each in evaluation.scores.items()]
    where = [epoch_text(evaluation.epoch, total_epochs), f"step {evaluation.step}"]
    if set(evaluation.scores) == {"test"}:
        which = "last" if best_epoch is None else f"best (epoch {best_epoch:.4g})"
        return "  ".join([*where, *scores, f"with the {which} parameters", f"{evaluation.seconds:.1f} s"])
    return "  ".join([*where, *scores, f"lr {evaluation.lr:.4g}", f"{evaluation.seconds:.1f} s"])


def _both(scores: Scores) -> str:
    accuracy = "" if scores.accuracy is None else f" acc {scores.accuracy:.4f}"
    return f"loss {loss_text(scores.loss)}{accuracy}"


def loss_text(loss: float) -> str:
    """Four decimals, or four digits of what would be a row of zeros.

    >>> loss_text(0.25), loss_text(4.394e29)
    ('0.2500', '4.394e+29')
    """
    return f"{loss:.4f}" if abs(loss) < 1e6 else f"{loss:.4g}"


def score_text(evaluation: Evaluation) -> str:
    """The numbers beside a progress bar: the training loss, and how validation does."""
    pieces = []
    if (train := evaluation.scores.get("train")) is not None:
        pieces.append(f"train loss {loss_text(train.loss)}")
    if (val := evaluation.scores.get("val")) is not None:
        best = (
            f"val loss {loss_text(val.loss)}" if val.accuracy is None else f"val accuracy {val.accuracy:.4f}"
        )
        pieces.append(best)
    return "  ".join(pieces)


def table(result: RunResult) -> Table:
    """Splits by loss and accuracy, last and best."""
    parts = list(dict.fromkeys([*result.final, *result.best]))
    has_accuracy = any(
        scores.accuracy is not None for scores in [*result.final.values(), *result.best.values()]
    )
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.add_column("")
    for when in (f"epoch {result.epochs:.4g}", f"best: epoch {result.best_epoch:.4g}"):
        drawn.add_column(f"{when}\nloss", justify="right", no_wrap=True)
        if has_accuracy:
            drawn.add_column("\naccuracy", justify="right", no_wrap=True)
    for part in parts:
        drawn.add_row(
            part, *_cells(result.final.get(part), has_accuracy), *_cells(result.best.get(part), has_accuracy)
        )
    return drawn


def _cells(scores: Scores | None, has_accuracy: bool) -> Iterable[str]:
    yield "" if scores is None else loss_text(scores.loss)
    if has_accuracy:
        yield "" if scores is None or scores.accuracy is None else f"{scores.accuracy:.4f}"


def closing_line(result: RunResult, folder: Path) -> str:
    """How the run ended, how long it took, and where its files are."""
    status = ENDED.get(result.status, str(result.status))
    if result.diverged_at is not None:
        status += f" (loss not finite at step {result.diverged_at})"
    if result.message:
        status += f" ({result.message})"
    epochs = f"{result.epochs:.4g} epoch{'s' * (result.epochs != 1)}"
    joined = ":" if result.status is Status.completed else " after"
    return f"{status}{joined} {epochs}, {result.steps:,} steps, {result.seconds:.1f} s: {folder}"
