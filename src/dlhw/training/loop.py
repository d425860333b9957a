"""The training loop of a cohort."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from time import perf_counter

from torch import Tensor

from dlhw.config.trainer import TrainMetrics, Unit
from dlhw.optim.optimizers import column
from dlhw.optim.schedules import lr_factor
from dlhw.training.cohort import Cohort
from dlhw.training.engines import ENGINES
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot, Status, Tracker
from dlhw.training.pool import Pool, num_batches
from dlhw.training.progress import Progress
from dlhw.training.scoring import Evaluator, RunningScores
from dlhw.training.streams import OrderStream, UniformStream

Pools = Mapping[str, Pool]


class Loop:
    """Train R runs together, evaluate them, and tell their trackers.

    Args:
        cohort: model, parameters and update rule.
        pools: "train", and "val" and "test" where there are any.
        trackers: a list for each run.
        class_names: of the labels; empty for regression.
    """

    def __init__(
        self,
        cohort: Cohort,
        pools: Pools,
        trackers: Sequence[Sequence[Tracker]],
        class_names: Sequence[str] = (),
    ) -> None:
        self.cohort, self.pools, self.trackers = cohort, pools, trackers
        self.num_classes = len(class_names)
        self.trainer = cohort.config.trainer
        self.batch_size = self.trainer.batch_size or pools["train"].num_samples
        seeds = [config.seed for config in cohort.configs]
        num_samples = pools["train"].num_samples
        self.order = OrderStream(seeds, num_samples, shuffle=self.trainer.shuffle)
        self.uniform = UniformStream(seeds, cohort.dtype)
        self.engine = ENGINES[self.trainer.engine](cohort, self.uniform)
        self.evaluator = Evaluator(cohort.model, cohort.loss)
        self.running = RunningScores(cohort.loss, cohort.num_runs)
        self.runs = [Progress(config) for config in cohort.configs]
        self.errors: dict[int, Exception] = {}
        self.best_RP = cohort.params_RP.clone()
        self.steps_per_epoch = num_batches(num_samples, self.batch_size, drop_last=self.trainer.drop_last)
        self.total_steps = self.steps_per_epoch * self.trainer.epochs
        self.step = 0
        self._norms: dict[tuple[str, str], list[float]] | None = None

    def run(self, infos: Sequence[RunInfo]) -> list[RunResult]:
        """Train until every run has ended; tell the trackers; return how each run ended."""
        for number, info in enumerate(infos):
            self._tell(number, partial(self._start_tracker, info))
        self.started = perf_counter()
        for epoch in range(self.trainer.epochs):
            self.train_epoch(epoch)
            if not any(run.active for run in self.runs):
                break
        for run in self.runs:
            run.status = run.status or Status.completed
        return self._finish()

    def _start_tracker(self, info: RunInfo, tracker: Tracker) -> None:
        tracker.start(info, self.snapshot(info.index))

    def snapshot(self, run: int) -> Snapshot:
        """What trackers may look at of one run, as it is now."""
        cohort = self.cohort
        return Snapshot(
            parameters=partial(cohort.layout.of_run, cohort.params_RP, run),
            gradients=partial(self._gradients_of, run),
            norms=lambda: {key: values[run] for key, values in self.norms().items()},
            optimizer=partial(cohort.optimizer.state_of, run),
            progress=self.runs[run].to_dict,
        )

    def norms(self) -> dict[tuple[str, str], list[float]]:
        """Norms of all runs at this step; runs of a cohort share the computation."""
        if self._norms is None:
            self._norms = self.cohort.norms()
        return self._norms

    def _gradients_of(self, run: int) -> dict[str, Tensor]:
        return self.cohort.layout.of_run(self.cohort.grads_RP, run) if self.step else {}

    def train_epoch(self, epoch: int) -> None:
        """One pass over the training part, with the evaluations that fall into it."""
        self.uniform.epoch(epoch)
        self._set_lr(epoch)
        batches = self.pools["train"].batches(
            self.order.epoch(epoch),
            self.batch_size,
            drop_last=self.trainer.drop_last,
            work=self.engine.context.workspace,
        )
        for x, targets in batches:
            self._update(x, targets)
            if self._evaluation_is_due():
                self._evaluate()
                if not any(run.active for run in self.runs):
                    return
                self._set_lr(epoch)

    def _update(self, x: Tensor, targets: Tensor) -> None:
        cohort = self.cohort
        out_RNK = self.engine.gradients(x, targets)
        self.step += 1
        self.running.add(self.step, out_RNK, targets)
        cohort.regularizer.add_gradient(cohort.params_RP, cohort.grads_RP)
        cohort.optimizer.step(cohort.grads_RP, self.lr_R1)

    def _set_lr(self, epoch: int) -> None:
        """Learning rates of this epoch; a run that has ended keeps its parameters by a rate of 0."""
        self.lrs = [
            config.optimizer.lr * lr_factor(config.schedule, epoch, self.trainer.epochs)
            if run.active
            else 0.0
            for config, run in zip(self.cohort.configs, self.runs, strict=True)
        ]
        self.lr_R1 = column(self.lrs, self.cohort.params_RP)

    def _evaluation_is_due(self) -> bool:
        every = self.trainer.eval_every
        if self.trainer.eval_unit is Unit.epoch:
            every *= self.steps_per_epoch
        return self.step % every == 0 or self.step == self.total_steps

    def _evaluate(self) -> None:
        scores = {"train": self._train_scores()}
        if "val" in self.pools:
            scores["val"] = self._scores(self.cohort.params_RP, "val")
        seconds = perf_counter() - self.started
        epoch = self.step / self.steps_per_epoch
        self._norms = None
        for number, run in enumerate(self.runs):
            if run.active:
                mine = {part: of_runs[number] for part, of_runs in scores.items()}
                is_best = run.take(mine, epoch, self.step, seconds)
                run.find_divergence(self.running.diverged_at[number])
                self._keep_best(number, is_best and run.diverged_at is None)
                self._tell_scores(number, mine, is_best=is_best)

    def _train_scores(self) -> list[Scores]:
        running = self.running.take()
        if self.trainer.train_metrics is TrainMetrics.running:
            return running
        return self._scores(self.cohort.params_RP, "train")

    def _scores(self, params_RP: Tensor, part: str) -> list[Scores]:
        views = self.cohort.layout.views(params_RP)
        return self.evaluator.scores(views, self.pools[part], self.cohort.num_runs)

    def _keep_best(self, number: int, is_best: bool) -> None:
        if is_best:
            self.best_RP[number].copy_(self.cohort.params_RP[number])

    def _tell(self, number: int, say: Callable[[Tracker], None]) -> None:
        """Tell the trackers of one run; if one of them fails, so does its run, and the others go on."""
        try:
            for tracker in self.trackers[number]:
                say(tracker)
        except Exception as error:
            if self.cohort.num_runs == 1:
                raise
            self.runs[number].status, self.errors[number] = Status.failed, error
            with suppress(Exception), ExitStack() as told:
                for tracker in self.trackers[number]:
                    told.callback(tracker.abort, Status.failed, str(error) or repr(error))

    def _tell_scores(self, number: int, scores: Mapping[str, Scores], *, is_best: bool) -> None:
        run = self.runs[number]
        evaluation = Evaluation(
            epoch=run.epoch,
            step=run.step,
            seconds=perf_counter() - self.started,
            lr=self.lrs[number],
            scores=scores,
            is_best=is_best,
        )
        self._tell(number, lambda tracker: tracker.evaluated(evaluation, self.snapshot(number)))

    def _finish(self) -> list[RunResult]:
        final, best = self._ending(self.cohort.params_RP), self._ending(self.best_RP)
        selected_RP = self.best_RP if self.trainer.select == "best" else self.cohort.params_RP
        confusion_part, confusion_RKK = self._confusion(selected_RP)
        results = []
        for number, run in enumerate(self.runs):
            assert run.status is not None
            chosen = best if self.trainer.select == "best" else final
            if chosen and number not in self.errors:
                self._tell_scores(number, {"test": chosen[number]}, is_best=False)
            results.append(
                RunResult(
                    status=run.status,
                    final={**run.last, **({"test": final[number]} if final else {})},
                    best={**(run.best or run.last), **({"test": best[number]} if best else {})},
                    best_epoch=run.best_epoch,
                    best_step=run.best_step,
                    epochs=run.epoch,
                    steps=run.step,
                    seconds=run.seconds,
                    diverged_at=run.diverged_at,
                    confusion_KK=None if confusion_RKK is None else confusion_RKK[number],
                    confusion_part=confusion_part,
                )
            )
            if number not in self.errors:
                self._tell(number, partial(self._finish_tracker, results[-1], number))
        return [self._with_failure(number, result) for number, result in enumerate(results)]

    def _finish_tracker(self, result: RunResult, number: int, tracker: Tracker) -> None:
        tracker.finish(result, self.snapshot(number))

    def _with_failure(self, number: int, result: RunResult) -> RunResult:
        """A run whose trackers failed at its very end has failed too."""
        error = self.errors.get(number)
        if error is None:
            return result
        return replace(result, status=Status.failed, error=error, message=str(error) or repr(error))

    def _ending(self, params_RP: Tensor) -> list[Scores]:
        return self._scores(params_RP, "test") if "test" in self.pools else []

    def _confusion(self, params_RP: Tensor) -> tuple[str | None, Tensor | None]:
        if not self.num_classes:
            return None, None
        part = next(name for name in ("test", "val", "train") if name in self.pools)
        views = self.cohort.layout.views(params_RP)
        counts = self.evaluator.confusion(views, self.pools[part], self.cohort.num_runs, self.num_classes)
        return part, counts
