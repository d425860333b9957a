"""The end of training: the test split is measured, once, and every run gets its result."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Predictions, RunResult, Scores
from dlhw.training.progress import Progress
from dlhw.training.scoring import confusion_counts

if TYPE_CHECKING:
    from dlhw.training.loop import Loop


def finish(loop: "Loop") -> list[RunResult]:
    """Measure the test split with the last and the best parameters; tell the trackers; return the results."""
    last_RP, best_RP = loop.cohort.params_RP, loop.best_RP
    for number, run in enumerate(loop.runs):
        if not run.best:  # no evaluation was good: the last one is told as the best, with its parameters
            best_RP[number].copy_(last_RP[number])
    final = _test_scores(loop, last_RP)
    best = final if torch.equal(best_RP, last_RP) else _test_scores(loop, best_RP)
    predictions = _predictions(loop, best_RP if loop.trainer.select == "best" else last_RP)
    results = [
        _with_predictions(
            _result(run, {"test": final[number]} if final else {}, {"test": best[number]} if best else {}),
            predictions[number],
            loop.num_classes,
        )
        for number, run in enumerate(loop.runs)
    ]
    loop.workers.map(lambda number: _tell(loop, number, results[number]), range(len(results)))
    return [_with_failure(loop, number, result) for number, result in enumerate(results)]


def _test_scores(loop: "Loop", params_RP: Tensor) -> Sequence[Scores]:
    return loop.scores(params_RP, "test") if "test" in loop.pools else []


def _predictions(loop: "Loop", params_RP: Tensor) -> Sequence[Predictions | None]:
    """Of every run with its selected parameters; None for regression."""
    if not loop.num_classes:
        return [None] * len(loop.runs)
    split = next(name for name in ("test", "val", "train") if name in loop.pools)
    dtype = torch.uint8 if loop.num_classes <= 256 else torch.int32
    by_shard = loop.workers.map(lambda shard: shard.predictions(params_RP, split, dtype), loop.shards)
    selected = "best" if loop.trainer.select == "best" else "last"
    return [
        Predictions(split=split, parameters=selected, predicted_N=predicted_N, targets_N=targets_N)
        for of_shard in by_shard
        for predicted_N, targets_N in of_shard
    ]


def _with_predictions(result: RunResult, predictions: Predictions | None, num_classes: int) -> RunResult:
    if predictions is None:
        return result
    counts_KK = confusion_counts(predictions.targets_N, predictions.predicted_N, num_classes)
    return replace(result, predictions=predictions, confusion_part=predictions.split, confusion_KK=counts_KK)


def _result(run: Progress, final: dict[str, Scores], best: dict[str, Scores]) -> RunResult:
    assert run.status is not None
    return RunResult(
        status=run.status,
        final={**run.last, **final},
        best={**(run.best or run.last), **best},
        best_epoch=run.best_epoch if run.best else run.epoch,
        best_step=run.best_step if run.best else run.step,
        epochs=run.epoch,
        steps=run.step,
        seconds=run.seconds,
        own_seconds=run.own_seconds,
        diverged_at=run.diverged_at,
    )


def _tell(loop: "Loop", number: int, result: RunResult) -> None:
    chosen = result.best if loop.trainer.select == "best" else result.final
    if "test" in chosen and number not in loop.callbacks.errors:
        loop.tell_scores(number, {"test": chosen["test"]}, False)
    if number not in loop.callbacks.errors:
        loop.callbacks.dispatch(number, partial(_end, loop, number, result))


def _end(loop: "Loop", number: int, result: RunResult, callback: Callback) -> None:
    callback.on_end(result, loop.snapshot(number))


def _with_failure(loop: "Loop", number: int, result: RunResult) -> RunResult:
    """A run whose trackers failed at its very end has failed too."""
    error = loop.callbacks.errors.get(number)
    if error is None:
        return result
    return replace(result, status=Status.failed, error=error, message=str(error) or repr(error))
