"""The lines and the table that the console callback prints."""

from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.table import Table

from dlhw.config.trainer import Backend
from dlhw.status import Status
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores

ENDED = {Status.completed: "finished", Status.early_stopped: "stopped early"}

# What computes the gradients.
GRADIENT_CODE = {
    Backend.compiled: "compiled kernels",
    Backend.cuda_graph: "hand-written backward as a CUDA graph",
    Backend.eager: "hand-written backward",
}


def head_line(info: RunInfo, num_runs: int = 1) -> str:
    """Model, data, device, and the code that computes the gradients with the error that its check measured.

    Args:
        info: of the run that is shown.
        num_runs: number of runs that train together.
    """
    names = {"val": "val (THE TEST SET)"} if info.config.data.split.val_from_test else {}
    sizes = ", ".join(
        f"{size:,} {names.get(split, split)}" for split, size in info.num_samples.items() if size
    )
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
    """The code that computes the gradients, and the result of the gradient check."""
    optimizer = info.config.optimizer
    if optimizer.is_closed_form:
        return f"solved directly by optimizer={optimizer.name}"
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
    """One line with everything about an evaluation.

    Args:
        evaluation: during training, or of the test split at the end.
        total_epochs: epochs planned.
        best_epoch: of the parameters with which the test split is measured; None: they are the last.
    """
    score_texts = [f"{split} {_loss_and_accuracy(scores)}" for split, scores in evaluation.scores.items()]
    position = [epoch_text(evaluation.epoch, total_epochs), f"step {evaluation.step}"]
    seconds = f"{evaluation.seconds:.1f} s"
    if set(evaluation.scores) == {"test"}:
        which = "last" if best_epoch is None else f"best (epoch {best_epoch:.4g})"
        return "  ".join([*position, *score_texts, f"with the {which} parameters", seconds])
    return "  ".join([*position, *score_texts, f"lr {evaluation.lr:.4g}", seconds])


def _loss_and_accuracy(scores: Scores) -> str:
    accuracy = "" if scores.accuracy is None else f" acc {scores.accuracy:.4f}"
    return f"loss {loss_text(scores.loss)}{accuracy}"


def loss_text(loss: float) -> str:
    """Four decimals, or four significant digits of a huge loss.

    >>> loss_text(0.25), loss_text(4.394e29)
    ('0.2500', '4.394e+29')
    """
    return f"{loss:.4f}" if abs(loss) < 1e6 else f"{loss:.4g}"


def score_text(evaluation: Evaluation) -> str:
    """The scores beside the progress bar: training loss, and validation accuracy (or loss)."""
    pieces = []
    if (train := evaluation.scores.get("train")) is not None:
        pieces.append(f"train loss {loss_text(train.loss)}")
    if (val := evaluation.scores.get("val")) is not None:
        has_accuracy = val.accuracy is not None
        pieces.append(
            f"val accuracy {val.accuracy:.4f}" if has_accuracy else f"val loss {loss_text(val.loss)}"
        )
    return "  ".join(pieces)


def score_table(result: RunResult) -> Table:
    """Table of the loss and accuracy of each split, with the last and with the best parameters."""
    splits = list(dict.fromkeys([*result.final, *result.best]))
    has_accuracy = any(
        scores.accuracy is not None for scores in [*result.final.values(), *result.best.values()]
    )
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for when in (f"epoch {result.epochs:.4g}", f"best: epoch {result.best_epoch:.4g}"):
        table.add_column(f"{when}\nloss", justify="right", no_wrap=True)
        if has_accuracy:
            table.add_column("\naccuracy", justify="right", no_wrap=True)
    for split in splits:
        last, best = result.final.get(split), result.best.get(split)
        table.add_row(split, *_cells(last, has_accuracy), *_cells(best, has_accuracy))
    return table


def _cells(scores: Scores | None, has_accuracy: bool) -> Iterable[str]:
    yield "" if scores is None else loss_text(scores.loss)
    if has_accuracy:
        yield "" if scores is None or scores.accuracy is None else f"{scores.accuracy:.4f}"


def closing_line(result: RunResult, folder: Path) -> str:
    """How the run ended, how long it took, and the folder of its files."""
    status = ENDED.get(result.status, str(result.status))
    if result.diverged_at is not None:
        status += f" (loss not finite at step {result.diverged_at})"
    if result.message:
        status += f" ({result.message})"
    epochs = f"{result.epochs:.4g} epoch{'s' * (result.epochs != 1)}"
    joint = ":" if result.status is Status.completed else " after"
    return f"{status}{joint} {epochs}, {result.steps:,} steps, {result.seconds:.1f} s: {folder}"
