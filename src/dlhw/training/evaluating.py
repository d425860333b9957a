"""Measuring all runs of a cohort between two steps, and what that means to each of them."""

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING

from dlhw.config.trainer import TrainMetrics
from dlhw.training.events import Scores

if TYPE_CHECKING:
    from dlhw.training.loop import Loop


def evaluate(loop: "Loop") -> None:
    """Score training and validation split; find who is best, has stopped or diverged; tell the trackers."""
    diverged_at = [step for shard in loop.shards for step in shard.running.diverged_at]
    # what may be abandoned comes before anything changes
    measured = _measured(loop)
    scores = {"train": _train_scores(loop, diverged_at), **measured}
    seconds, epoch = loop.seconds(), loop.times.epoch_of(loop.step)
    loop.forget_norms()
    share, results = 1 / max(1, sum(run.active for run in loop.runs)), []
    for number, run in enumerate(loop.runs):
        if run.active:
            run_scores = {split: of_runs[number] for split, of_runs in scores.items()}
            run.add_own_seconds(seconds, share)
            is_best = run.take(run_scores, epoch, loop.step, seconds, diverged_at[number])
            if is_best:
                loop.best_RP[number].copy_(loop.cohort.params_RP[number])
            results.append((number, run_scores, is_best))
    loop.workers.map(lambda result: loop.tell_scores(*result), results)


def _is_running(loop: "Loop") -> bool:
    """Whether the training split's scores are those of the batches of training."""
    has_batches = loop.step > 0 and loop.solver is None
    return loop.trainer.train_metrics is TrainMetrics.running and has_batches


def _measured(loop: "Loop") -> dict[str, list[Scores]]:
    """Scores over whole splits."""
    splits = [*([] if _is_running(loop) else ["train"]), *(["val"] if "val" in loop.pools else [])]
    return {split: loop.scores(loop.cohort.params_RP, split, of_ended=False) for split in splits}


def _train_scores(loop: "Loop", diverged_at: Sequence[int | None]) -> list[Scores]:
    """Scores over the batches since the last evaluation, which are forgotten."""
    running = [scores for shard in loop.shards for scores in shard.running.take()]
    pairs = zip(running, diverged_at, strict=True)
    return [scores if step is None else _unknown(scores) for scores, step in pairs]


def _unknown(scores: Scores) -> Scores:
    """After the step at which a run diverges there are no batches of it to average over."""
    return Scores(nan, None if scores.accuracy is None else nan)
