"""The training loop of a cohort."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from time import perf_counter

import torch
from torch import Tensor

from dlhw.config.optimizer import SolverConfig
from dlhw.config.trainer import TrainMetrics, Unit
from dlhw.optim.closed_form import Solver, build_solver
from dlhw.optim.schedules import lr_factor
from dlhw.training.cohort import Cohort
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot, Status, Tracker
from dlhw.training.planning import plan_of
from dlhw.training.pool import num_batches
from dlhw.training.progress import Progress
from dlhw.training.shard import Pools, Shard
from dlhw.training.workers import Workers


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
        num_samples = pools["train"].num_samples
        self.batch_size = self.trainer.batch_size or num_samples
        plan = plan_of(cohort, self.batch_size)
        self.workers = Workers(plan)
        parts = [cohort] if len(plan.rows) == 1 else [cohort.part(rows) for rows in plan.rows]
        self.shards = [
            Shard(part, {name: pool.rows(rows) for name, pool in pools.items()}, rows, self.workers.stopped)
            for part, rows in zip(parts, plan.rows, strict=True)
        ]
        self.runs = [Progress(config) for config in cohort.configs]
        self.errors: dict[int, Exception] = {}
        self.best_RP = cohort.params_RP.clone()
        self.steps_per_epoch = num_batches(num_samples, self.batch_size, drop_last=self.trainer.drop_last)
        self.total_steps = self.steps_per_epoch * self.trainer.epochs
        if self.trainer.max_steps is not None:
            self.total_steps = min(self.total_steps, self.trainer.max_steps)
        self.solver = self._build_solver()
        if self.solver is not None:
            self.steps_per_epoch = self.total_steps = 1
        self.step = 0
        self.lrs = [0.0] * cohort.num_runs
        self._norms: dict[tuple[str, str], list[float]] | None = None

    def run(self, infos: Sequence[RunInfo]) -> list[RunResult]:
        """Train until every run has ended; tell the trackers; return how each run ended."""
        with self.workers:
            self.workers.map(lambda info: self._tell(info.index, partial(self._start_tracker, info)), infos)
            self.started = perf_counter()
            self._train()
            for run in self.runs:
                run.status = run.status or Status.completed
            return self._finish()

    def _build_solver(self) -> Solver | None:
        if not isinstance(self.cohort.config.optimizer, SolverConfig):
            return None
        configs = self.cohort.configs
        return build_solver([config.optimizer for config in configs], [config.seed for config in configs])

    def _train(self) -> None:
        if self.solver is not None:
            self._solve(self.solver)
        if self.solver is not None or not self.total_steps:
            self._evaluate()
        epoch = 0
        while self.step < self.total_steps and any(run.active for run in self.runs):
            self.train_epoch(epoch)
            epoch += 1

    def _solve(self, solver: Solver) -> None:
        """Put the closed-form solution in the place of the weights, which counts as one step."""
        pool = self.pools["train"]
        weights_RIK = solver.solve(pool.inputs.flatten(2), pool.targets)
        ((views,),) = (of_layer.values() for of_layer in self.cohort.params.values())
        views.copy_(weights_RIK)
        self.step = 1

    def _start_tracker(self, info: RunInfo, tracker: Tracker) -> None:
        tracker.start(info, self.snapshot(info.index))

    def snapshot(self, run: int) -> Snapshot:
        """What trackers may look at of one run, as it is now."""
        cohort = self.cohort
        return Snapshot(
            parameters=partial(cohort.layout.of_run, cohort.params_RP, run),
            gradients=partial(self._gradients_of, run),
            norms=lambda: {key: values[run] for key, values in self.norms().items()},
            optimizer=partial(self._optimizer_state, run),
            progress=self.runs[run].to_dict,
        )

    def norms(self) -> dict[tuple[str, str], list[float]]:
        """Norms of all runs at this step; runs of a cohort share the computation."""
        if self._norms is None:
            self._norms = self.cohort.norms()
        return self._norms

    def _gradients_of(self, run: int) -> dict[str, Tensor]:
        has_gradients = self.step > 0 and self.solver is None
        return self.cohort.layout.of_run(self.cohort.grads_RP, run) if has_gradients else {}

    def _optimizer_state(self, run: int) -> dict[str, Tensor]:
        if self.solver is not None:
            return {}
        shard = next(shard for shard in self.shards if run < shard.rows.stop)
        return shard.cohort.optimizer.state_of(run - shard.rows.start)

    def train_epoch(self, epoch: int) -> None:
        """One pass over the training part, with the evaluations that fall into it."""
        self.workers.map(lambda shard: shard.start_epoch(epoch), self.shards)
        end = min(self.step + self.steps_per_epoch, self.total_steps)
        while self.step < end and any(run.active for run in self.runs):
            self._set_lr(epoch)
            self._train_until(min(end, self._next_evaluation()))
            if self._evaluation_is_due():
                self._evaluate()

    def _train_until(self, step: int) -> None:
        """Make updates; shards whose runs have all ended have nothing to do."""
        before, count = self.step, step - self.step
        active = [shard for shard in self.shards if any(run.active for run in self.runs[shard.rows])]
        self.workers.map(lambda shard: shard.train(before, count, self.lrs[shard.rows]), active)
        self.step = step

    def _set_lr(self, epoch: int) -> None:
        """Learning rates of this epoch; a run that has ended keeps its parameters by a rate of 0."""
        self.lrs = [
            config.optimizer.lr * lr_factor(config.schedule, epoch, self.trainer.epochs)
            if run.active
            else 0.0
            for config, run in zip(self.cohort.configs, self.runs, strict=True)
        ]

    def _steps_between_evaluations(self) -> int:
        each = self.steps_per_epoch if self.trainer.eval_unit is Unit.epoch else 1
        return self.trainer.eval_every * each

    def _next_evaluation(self) -> int:
        first = self.step + 1
        return first + (self.trainer.eval_offset - first) % self._steps_between_evaluations()

    def _evaluation_is_due(self) -> bool:
        since = self.step - self.trainer.eval_offset
        return since % self._steps_between_evaluations() == 0 or self.step == self.total_steps

    def _evaluate(self) -> None:
        scores = {"train": self._train_scores()}
        if "val" in self.pools:
            scores["val"] = self._scores(self.cohort.params_RP, "val")
        seconds = perf_counter() - self.started
        epoch = self.step / self.steps_per_epoch
        diverged_at = [step for shard in self.shards for step in shard.running.diverged_at]
        self._norms = None
        told = []
        for number, run in enumerate(self.runs):
            if run.active:
                mine = {part: of_runs[number] for part, of_runs in scores.items()}
                is_best = run.take(mine, epoch, self.step, seconds)
                run.find_divergence(diverged_at[number])
                self._keep_best(number, is_best and run.diverged_at is None)
                told.append((number, mine, is_best))
        # runs are told side by side: much of it is waiting for files, and packing pictures
        self.workers.map(lambda each: self._tell_scores(*each), told)

    def _train_scores(self) -> list[Scores]:
        running = [scores for shard in self.shards for scores in shard.running.take()]
        has_batches = self.step > 0 and self.solver is None
        if self.trainer.train_metrics is TrainMetrics.running and has_batches:
            return running
        return self._scores(self.cohort.params_RP, "train")

    def _scores(self, params_RP: Tensor, part: str) -> list[Scores]:
        of_shards = self.workers.map(lambda shard: shard.scores(params_RP, part), self.shards)
        return [scores for of_shard in of_shards for scores in of_shard]

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

    def _tell_scores(self, number: int, scores: Mapping[str, Scores], is_best: bool) -> None:
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
        final = self._ending(self.cohort.params_RP)
        is_same = torch.equal(self.best_RP, self.cohort.params_RP)
        best = final if is_same else self._ending(self.best_RP)
        takes_best = self.trainer.select == "best"
        confusion_part, confusion_RKK = self._confusion(self.best_RP if takes_best else self.cohort.params_RP)
        results = [
            self._result(
                run,
                {"test": final[number]} if final else {},
                {"test": best[number]} if best else {},
                confusion_part,
                None if confusion_RKK is None else confusion_RKK[number],
            )
            for number, run in enumerate(self.runs)
        ]
        self.workers.map(lambda number: self._tell_end(number, results[number]), range(len(results)))
        return [self._with_failure(number, result) for number, result in enumerate(results)]

    def _result(
        self,
        run: Progress,
        final: dict[str, Scores],
        best: dict[str, Scores],
        confusion_part: str | None,
        confusion_KK: Tensor | None,
    ) -> RunResult:
        assert run.status is not None
        return RunResult(
            status=run.status,
            final={**run.last, **final},
            best={**(run.best or run.last), **best},
            best_epoch=run.best_epoch,
            best_step=run.best_step,
            epochs=run.epoch,
            steps=run.step,
            seconds=run.seconds,
            diverged_at=run.diverged_at,
            confusion_KK=confusion_KK,
            confusion_part=confusion_part,
        )

    def _tell_end(self, number: int, result: RunResult) -> None:
        chosen = result.best if self.trainer.select == "best" else result.final
        if "test" in chosen and number not in self.errors:
            self._tell_scores(number, {"test": chosen["test"]}, False)
        if number not in self.errors:
            self._tell(number, partial(self._finish_tracker, result, number))

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
        counts = self.workers.map(
            lambda shard: shard.confusion(params_RP, part, self.num_classes), self.shards
        )
        return part, torch.cat(counts)
