"""The training loop of a cohort."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import nan
from time import perf_counter

from torch import Tensor

from dlhw import interruption
from dlhw.config.trainer import Kernels
from dlhw.optim.schedules import lr_factor
from dlhw.runs.status import Status
from dlhw.training.backends.shard import Pools, Shard, spread
from dlhw.training.cadence import Cadence, Slices
from dlhw.training.callbacks import Callback, CallbackList
from dlhw.training.choice import resolve_kernels
from dlhw.training.cohort import Cohort
from dlhw.training.ending import finish
from dlhw.training.evaluating import evaluate
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot
from dlhw.training.progress import Progress
from dlhw.training.snapshots import snapshot
from dlhw.training.solving import solve, solver_of
from dlhw.training.timetable import Timetable


class Loop:
    """Train R runs together, evaluate them, and call their callbacks.

    Args:
        cohort: model, parameters and update rule.
        pools: "train", and "val" and "test" where there are any.
        callbacks: a list for each run.
        class_names: of the labels; empty for regression.
        kernels: what makes the steps; None: what the config says.
    """

    def __init__(
        self,
        cohort: Cohort,
        pools: Pools,
        callbacks: Sequence[Sequence[Callback]],
        class_names: Sequence[str] = (),
        kernels: Kernels | None = None,
    ) -> None:
        self.cohort, self.pools = cohort, pools
        self.num_classes = len(class_names)
        self.trainer = cohort.config.trainer
        self.solver = solver_of(cohort)
        self.times = Timetable(self.trainer, pools["train"].num_samples, is_solved=self.solver is not None)
        has_steps = self.times.total_steps > 0 and self.solver is None
        self.kernels = kernels or (resolve_kernels(cohort) if has_steps else Kernels.torch)
        self.workers, self.shards = spread(cohort, pools, self.times.batch_size, self.kernels)
        self.runs = [Progress(config) for config in cohort.configs]
        self.callbacks = CallbackList(callbacks, self.runs, self.workers, self.snapshot)
        self.best_RP = cohort.params_RP.clone()
        self.cadence, self.slices = Cadence(self.trainer, self.times.steps_per_epoch), Slices()
        self.lrs = [0.0] * cohort.num_runs
        self.step, self.has_gradients = 0, False
        self.started, self.seconds_before = perf_counter(), 0.0
        self._norms: dict[tuple[str, str], list[float]] | None = None

    def run(self, infos: Sequence[RunInfo]) -> list[RunResult]:
        """Train until every run has ended; call the callbacks; return how each run ended.

        Raises:
            Interrupted: once a checkpoint is written, if the process was told to end.
        """
        with self.workers:
            self.workers.map(self._start, enumerate(infos))
            self.started = perf_counter()
            try:
                self._train()
                for run in self.runs:
                    run.status = run.status or Status.completed
                return finish(self)
            except interruption.AbandonedError:  # an evaluation, which has changed nothing
                self.callbacks.on_checkpoint()
                interruption.check()
                raise

    def is_evaluation_missing(self) -> bool:
        """Whether the evaluation after the last step was abandoned, and is still to be made."""
        is_behind = any(run.active and run.step < self.step for run in self.runs)
        return is_behind and self.times.is_evaluation_due(self.step)

    def _train(self) -> None:
        if self.is_evaluation_missing():
            evaluate(self)
        if self.step == 0 and (self.solver is not None or not self.times.total_steps):
            if self.solver is not None:
                solve(self.cohort, self.solver, self.pools["train"])
                self.step = 1
            evaluate(self)
        while self.step < self.times.total_steps and self.is_training():
            self.train_epoch(self.step // self.times.steps_per_epoch)

    def is_training(self) -> bool:
        """Whether any run still trains."""
        return any(run.active for run in self.runs)

    def train_epoch(self, epoch: int) -> None:
        """One pass over the training split, or what is left of it, with the evaluations that fall into it."""
        if not self.times.is_within_epoch(self.step):
            self.workers.map(lambda shard: shard.start_epoch(epoch), self._active())
        end = min((epoch + 1) * self.times.steps_per_epoch, self.times.total_steps)
        while self.step < end and self.is_training():
            self.set_lr(epoch)
            self._train_until(self.times.next_stop(self.step))
            is_due = self.times.is_evaluation_due(self.step)
            if is_due:
                evaluate(self)
            self._look_up(is_evaluated=is_due)

    def set_lr(self, epoch: int) -> None:
        """Learning rates of this epoch; a run that has ended keeps its parameters by a rate of 0."""
        self.lrs = [
            config.optimizer.lr * lr_factor(config.schedule, epoch, self.trainer.epochs)
            if run.active
            else 0.0
            for config, run in zip(self.cohort.configs, self.runs, strict=True)
        ]

    def _train_until(self, step: int) -> None:
        """Make updates, some at a time; shards whose runs have all ended have nothing to do."""
        active = self._active()
        while self.step < step:
            began, count = perf_counter(), min(self.slices.count, step - self.step)
            is_last = self.step + count == step
            self.workers.map(partial(self._train_shard, self.step, count, keep_gradients=is_last), active)
            self.step, self.has_gradients = self.step + count, True
            self.slices.took(count, perf_counter() - began)
            self.callbacks.on_progress(self.step, self.times.epoch_of(self.step))
            if self.step < step:
                self._look_up(is_evaluated=False)

    def _active(self) -> list[Shard]:
        return [shard for shard in self.shards if any(run.active for run in self.runs[shard.rows])]

    def _train_shard(self, before: int, count: int, shard: Shard, *, keep_gradients: bool) -> None:
        shard.train(before, count, self.lrs[shard.rows], keep_gradients=keep_gradients)

    def _look_up(self, *, is_evaluated: bool) -> None:
        """Between two steps: keep a checkpoint if it is time, and end if somebody wants that.

        After the last step the end of training writes what is to be kept.
        """
        is_wanted = interruption.is_wanted()
        goes_on = self.step < self.times.total_steps and self.is_training()
        if is_wanted or (goes_on and self.cadence.is_due(self.step, is_evaluated=is_evaluated)):
            began = perf_counter()
            self.callbacks.on_checkpoint()
            self.cadence.wrote(perf_counter() - began)
        if is_wanted:
            interruption.check()

    def scores(self, params_RP: Tensor, part: str, *, of_ended: bool = True) -> list[Scores]:
        """Scores of every run over a whole split.

        Args:
            params_RP: of all runs.
            part: of the data.
            of_ended: also of runs that have ended; else NaN stands for those in shards where nothing trains.
        """
        shards = self.shards if of_ended else self._active()
        found = self.workers.map(lambda shard: shard.scores(params_RP, part), shards)
        scores = [Scores(nan)] * len(self.runs)
        for shard, of_shard in zip(shards, found, strict=True):
            scores[shard.rows] = of_shard
        return scores

    def _start(self, told: tuple[int, RunInfo]) -> None:
        number, info = told
        self.callbacks.dispatch(number, lambda callback: callback.on_start(info, self.snapshot(number)))

    def tell_scores(self, number: int, scores: Mapping[str, Scores], is_best: bool) -> None:
        """Tell a run's trackers of an evaluation."""
        run = self.runs[number]
        evaluation = Evaluation(
            epoch=run.epoch,
            step=run.step,
            seconds=self.seconds(),
            lr=self.lrs[number],
            scores=scores,
            is_best=is_best,
        )
        self.callbacks.dispatch(
            number, lambda callback: callback.on_evaluation(evaluation, self.snapshot(number))
        )

    def seconds(self) -> float:
        """Training time until now, that of earlier processes included."""
        return self.seconds_before + perf_counter() - self.started

    def snapshot(self, run: int) -> Snapshot:
        """What trackers may look at of one run."""
        return snapshot(self, run)

    def forget_norms(self) -> None:
        """The parameters are others now."""
        self._norms = None

    def norms(self) -> dict[tuple[str, str], list[float]]:
        """Norms of all runs at this step; runs of a cohort share the computation."""
        if self._norms is None:
            self._norms = self.cohort.norms()
        return self._norms

    def shard_of(self, run: int) -> tuple[Shard, int]:
        """The shard that a run trains in, and its place there."""
        shard = next(shard for shard in self.shards if run < shard.rows.stop)
        return shard, run - shard.rows.start
