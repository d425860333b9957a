"""The trainer of a cohort: epochs, steps, evaluations, checkpoints, and the end of every run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import nan
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from dlhw import interruption
from dlhw.config.trainer import Backend, TrainMetricsMode
from dlhw.optim.closed_form import Solver
from dlhw.optim.schedules import lr_factor
from dlhw.sections import BEST, GRADIENTS, OPTIMIZER, PARAMETERS, with_prefix
from dlhw.status import Status
from dlhw.training.backends.shard import Shard, make_shards
from dlhw.training.batches import Splits
from dlhw.training.callbacks import Callback, CallbackList
from dlhw.training.cohort import Cohort
from dlhw.training.events import Evaluation, Predictions, RunInfo, RunResult, Scores, Snapshot
from dlhw.training.metrics import confusion_counts
from dlhw.training.schedule import CheckpointSchedule, ChunkSizer, StepSchedule
from dlhw.training.state import ResumeState, RunState


class Trainer:
    """Train R runs together, evaluate them, and call their callbacks.

    Args:
        cohort: model, parameters and update rule.
        splits: "train", and "val" and "test" where there are any.
        schedule: number of steps, and when runs are evaluated.
        callbacks: a list for each run.
        backend: that executes the steps.
        solver: a closed-form solution that replaces the steps; None: the runs are trained step by step.
        num_classes: K of the labels; 0 for regression.
    """

    def __init__(
        self,
        cohort: Cohort,
        splits: Splits,
        schedule: StepSchedule,
        callbacks: Sequence[Sequence[Callback]],
        backend: Backend,
        solver: Solver | None = None,
        num_classes: int = 0,
    ) -> None:
        self.cohort, self.splits, self.schedule = cohort, splits, schedule
        self.solver, self.num_classes = solver, num_classes
        self.config = cohort.config.trainer
        self.workers, self.shards = make_shards(cohort, splits, schedule.batch_size, backend)
        self.runs = [RunState(config) for config in cohort.configs]
        self.callbacks = CallbackList(callbacks, self.runs, self.workers, self.snapshot)
        self.best_RP = cohort.params_RP.clone()
        self.checkpoints = CheckpointSchedule(self.config, schedule.steps_per_epoch)
        self.chunk = ChunkSizer()
        self.lrs = [0.0] * cohort.num_runs
        self.step, self.has_gradients = 0, False
        self.started, self.seconds_before = perf_counter(), 0.0
        self._norms: dict[tuple[str, str], list[float]] | None = None

    def run(self, infos: Sequence[RunInfo]) -> list[RunResult]:
        """Train until every run has ended; return how each run ended.

        Raises:
            Interrupted: after a checkpoint is written, if the process was asked to end.
        """
        with self.workers:
            self.callbacks.on_start(infos)
            self.started = perf_counter()
            try:
                self._train()
                for run in self.runs:
                    run.status = run.status or Status.completed
                return self._finish()
            except interruption.AbandonedError:  # an evaluation, which has changed nothing
                self.callbacks.on_checkpoint()
                interruption.check()
                raise

    # Epochs and steps

    def _train(self) -> None:
        if self._is_evaluation_missing():
            self._evaluate()
        if self.step == 0 and (self.solver is not None or not self.schedule.total_steps):
            if self.solver is not None:
                self._solve(self.solver)
            self._evaluate()
        while self.step < self.schedule.total_steps and self._is_training():
            self._train_epoch(self.step // self.schedule.steps_per_epoch)

    def _is_training(self) -> bool:
        return any(run.active for run in self.runs)

    def _solve(self, solver: Solver) -> None:
        """Replace the weights by the closed-form solution."""
        train = self.splits["train"]
        weights_RIK = solver.solve(train.inputs.flatten(2), train.targets)
        ((view_RIK,),) = (layer.values() for layer in self.cohort.params.values())
        view_RIK.copy_(weights_RIK)
        self.step = 1

    def _train_epoch(self, epoch: int) -> None:
        """One pass over the training split, or the rest of it, with the evaluations that fall into it."""
        if not self.schedule.is_within_epoch(self.step):
            self.workers.map(lambda shard: shard.start_epoch(epoch), self._active_shards())
        end = min((epoch + 1) * self.schedule.steps_per_epoch, self.schedule.total_steps)
        while self.step < end and self._is_training():
            self._set_lrs(epoch)
            self._train_until(self.schedule.next_stop(self.step))
            is_due = self.schedule.is_evaluation_due(self.step)
            if is_due:
                self._evaluate()
            self._poll(is_evaluated=is_due)

    def _set_lrs(self, epoch: int) -> None:
        """Learning rates of this epoch; a rate of 0 keeps the parameters of a run that has ended."""
        self.lrs = [
            config.optimizer.lr * lr_factor(config.schedule, epoch, self.config.epochs) if run.active else 0.0
            for config, run in zip(self.cohort.configs, self.runs, strict=True)
        ]

    def _train_until(self, step: int) -> None:
        """Make updates in chunks; shards whose runs have all ended have nothing to do."""
        active = self._active_shards()
        while self.step < step:
            began, count = perf_counter(), min(self.chunk.count, step - self.step)
            is_last = self.step + count == step
            self.workers.map(partial(self._train_shard, self.step, count, keep_gradients=is_last), active)
            self.step, self.has_gradients = self.step + count, True
            self.chunk.record(count, perf_counter() - began)
            self.callbacks.on_progress(self.step, self.schedule.epoch_of(self.step))
            if self.step < step:
                self._poll(is_evaluated=False)

    def _train_shard(self, step: int, count: int, shard: Shard, *, keep_gradients: bool) -> None:
        shard.train(step, count, self.lrs[shard.rows], keep_gradients=keep_gradients)

    def _active_shards(self) -> list[Shard]:
        return [shard for shard in self.shards if any(run.active for run in self.runs[shard.rows])]

    def _poll(self, *, is_evaluated: bool) -> None:
        """Between two steps: write a checkpoint if one is due, and end if the process was asked to.

        After the last step the end of training writes the last checkpoint.
        """
        is_interrupted = interruption.is_wanted()
        continues = self.step < self.schedule.total_steps and self._is_training()
        if is_interrupted or (continues and self.checkpoints.is_due(self.step, is_evaluated=is_evaluated)):
            began = perf_counter()
            self.callbacks.on_checkpoint()
            self.checkpoints.record(perf_counter() - began)
        if is_interrupted:
            interruption.check()

    def _seconds(self) -> float:
        """Training time until now, that of earlier processes included."""
        return self.seconds_before + perf_counter() - self.started

    # Evaluation

    def _is_evaluation_missing(self) -> bool:
        """Whether the evaluation after the last step was abandoned, and has to be made now."""
        is_behind = any(run.active and run.step < self.step for run in self.runs)
        return is_behind and self.schedule.is_evaluation_due(self.step)

    def _evaluate(self) -> None:
        """Evaluate all runs; update best scores and stopping state."""
        diverged_at = [step for shard in self.shards for step in shard.metrics.diverged_at]
        # whole splits first: an interrupt may abandon this, and nothing must have changed then
        is_running = self.config.train_metrics is TrainMetricsMode.running
        has_batches = is_running and self.step > 0 and self.solver is None
        names = [*([] if has_batches else ["train"]), *(["val"] if "val" in self.splits else [])]
        whole = {name: self._scores(self.cohort.params_RP, name, all_runs=False) for name in names}
        scores = {"train": self._train_scores(diverged_at), **whole}
        seconds, epoch = self._seconds(), self.schedule.epoch_of(self.step)
        self._norms = None
        share = 1 / max(1, sum(run.active for run in self.runs))
        evaluations = []
        for number, run in enumerate(self.runs):
            if run.active:
                run_scores = {name: of_runs[number] for name, of_runs in scores.items()}
                run.add_own_seconds(seconds, share)
                is_best = run.record(run_scores, epoch, self.step, seconds, diverged_at[number])
                if is_best:
                    self.best_RP[number].copy_(self.cohort.params_RP[number])
                evaluations.append((number, self._evaluation(number, run_scores, is_best=is_best)))
        self.callbacks.on_evaluation(evaluations)

    def _train_scores(self, diverged_at: Sequence[int | None]) -> list[Scores]:
        """Scores over the batches since the last evaluation; NaN for runs that have diverged."""
        running = [scores for shard in self.shards for scores in shard.metrics.pop()]
        return [
            scores if step is None else Scores(nan, None if scores.accuracy is None else nan)
            for scores, step in zip(running, diverged_at, strict=True)
        ]

    def _scores(self, params_RP: Tensor, split: str, *, all_runs: bool = True) -> list[Scores]:
        """Scores of every run over a whole split.

        Args:
            params_RP: of all runs.
            split: "train", "val" or "test".
            all_runs: also of runs that have ended; else those get NaN in shards where no run trains.
        """
        shards = self.shards if all_runs else self._active_shards()
        by_shard = self.workers.map(lambda shard: shard.scores(params_RP, split), shards)
        scores = [Scores(nan)] * len(self.runs)
        for shard, of_shard in zip(shards, by_shard, strict=True):
            scores[shard.rows] = of_shard
        return scores

    def _evaluation(self, number: int, scores: Mapping[str, Scores], *, is_best: bool = False) -> Evaluation:
        run = self.runs[number]
        return Evaluation(
            epoch=run.epoch,
            step=run.step,
            seconds=self._seconds(),
            lr=self.lrs[number],
            scores=scores,
            is_best=is_best,
        )

    # Checkpoints

    def snapshot(self, run: int) -> Snapshot:
        """The state of one run, read when a function of it is called."""
        return Snapshot(
            parameters=partial(self._parameters, run),
            gradients=partial(self._gradients, run),
            norms=partial(self._run_norms, run),
            progress=partial(self._progress, run),
            model_state=partial(self._model_state, run),
            state_dict=partial(self._state_dict, run),
        )

    def load_state_dict(self, states: Sequence[ResumeState]) -> None:
        """Load the checkpoints of all runs, before training has begun.

        Args:
            states: one a run; runs that have not ended are at the same step.

        Raises:
            RunFolderError: if a checkpoint does not fit the run.
        """
        for number, state in enumerate(states):
            with state.naming_source():
                self._load_run(number, state)
        active = [state for state, run in zip(states, self.runs, strict=True) if run.active]
        steps = {int(state.progress["step"]) for state in active}
        assert len(steps) <= 1, "the caller groups runs by their step"
        self.step = steps.pop() if steps else max(run.step for run in self.runs)
        self._set_lrs(max(0, self.step - 1) // self.schedule.steps_per_epoch)
        self.seconds_before = max(float(state.progress["seconds"]) for state in states)
        active_shards = self._active_shards()
        for shard in self.shards:
            of_shard = states[shard.rows]
            with of_shard[0].naming_source():
                shard.load_optimizer(of_shard)
                if self.solver is None and shard in active_shards:
                    shard.load_state_dict(of_shard, self.step, self.schedule.steps_per_epoch)

    def _load_run(self, number: int, state: ResumeState) -> None:
        self.runs[number].load_state_dict(state.progress)
        last = state.section(PARAMETERS)
        self._load(self.cohort.params_RP, number, last)
        self._load(self.best_RP, number, state.section(BEST) or last)
        if gradients := state.section(GRADIENTS):  # for the evaluation that has to be made
            self._load(self.cohort.grads_RP, number, gradients)
            self.has_gradients = True

    def _load(self, flat_RP: Tensor, number: int, tensors: Mapping[str, Tensor]) -> None:
        """Copy after a check of the shapes: copying would broadcast."""
        shapes = {name: tuple(spec.shape) for name, spec in self.cohort.layout.specs.items()}
        if shapes != {name: tuple(tensor.shape) for name, tensor in tensors.items()}:
            raise ValueError("its parameters are those of another model")
        self.cohort.layout.load_run(flat_RP, number, tensors)

    def _state_dict(self, number: int) -> dict[str, Tensor]:
        """Every tensor from which a run is resumed, by the names that a checkpoint gives them."""
        tensors = self._model_state(number)
        if not torch.equal(self.best_RP[number], self.cohort.params_RP[number]):
            tensors |= with_prefix(BEST, self.cohort.layout.of_run(self.best_RP, number))
        if self.runs[number].active:
            shard, row = self._shard_of(number)
            within_epoch = self.schedule.is_within_epoch(self.step)
            tensors |= shard.state_dict(row, within_epoch=within_epoch)[0]
            if self._is_evaluation_missing():
                tensors |= with_prefix(GRADIENTS, self._gradients(number))
        return tensors

    def _model_state(self, number: int) -> dict[str, Tensor]:
        parameters, optimizer = self._parameters(number), self._optimizer_state(number)
        return with_prefix(PARAMETERS, parameters) | with_prefix(OPTIMIZER, optimizer)

    def _progress(self, number: int) -> dict[str, Any]:
        """Plain data from which a run is resumed; a run that has ended keeps the values of its end."""
        run = self.runs[number]
        if not run.active:
            return {"step": run.step, "epoch": run.epoch, "seconds": run.seconds, **run.state_dict()}
        shard, row = self._shard_of(number)
        epoch = self.schedule.epoch_of(self.step)
        position = {"step": self.step, "epoch": epoch, "seconds": self._seconds()}
        return {**position, **run.state_dict(), "running": shard.metrics.state_dict(row)[1]}

    def _parameters(self, number: int) -> dict[str, Tensor]:
        return self.cohort.layout.of_run(self.cohort.params_RP, number)

    def _gradients(self, number: int) -> dict[str, Tensor]:
        return self.cohort.layout.of_run(self.cohort.grads_RP, number) if self.has_gradients else {}

    def _run_norms(self, number: int) -> dict[tuple[str, str], float]:
        """Norms at this step; the runs of a cohort share the computation."""
        if self._norms is None:
            self._norms = self.cohort.norms()
        return {key: values[number] for key, values in self._norms.items()}

    def _optimizer_state(self, number: int) -> dict[str, Tensor]:
        if self.solver is not None:
            return {}
        shard, row = self._shard_of(number)
        return shard.optimizer_state(row)

    def _shard_of(self, number: int) -> tuple[Shard, int]:
        """The shard that a run trains in, and its row there."""
        shard = next(shard for shard in self.shards if number < shard.rows.stop)
        return shard, number - shard.rows.start

    # The end

    def _finish(self) -> list[RunResult]:
        """Evaluate the last and the best parameters on the test split; call the callbacks."""
        last_RP, best_RP = self.cohort.params_RP, self.best_RP
        for number, run in enumerate(self.runs):
            if not run.best:  # no evaluation was good: the last one is reported as the best
                best_RP[number].copy_(last_RP[number])
        is_tested = "test" in self.splits
        final = self._scores(last_RP, "test") if is_tested else []
        is_same = torch.equal(best_RP, last_RP)
        best = final if is_same or not is_tested else self._scores(best_RP, "test")
        predictions = self._predictions()
        results = [
            self._result(
                run,
                {"test": final[number]} if final else {},
                {"test": best[number]} if best else {},
                predictions[number],
            )
            for number, run in enumerate(self.runs)
        ]
        self.callbacks.on_end([(number, self._test(number, end), end) for number, end in enumerate(results)])
        return [_with_failure(run, result) for run, result in zip(self.runs, results, strict=True)]

    def _test(self, number: int, result: RunResult) -> Evaluation | None:
        """The test scores of the selected parameters, as a last evaluation."""
        selected = result.best if self.config.select == "best" else result.final
        return self._evaluation(number, {"test": selected["test"]}) if "test" in selected else None

    def _predictions(self) -> Sequence[Predictions | None]:
        """Predictions of every run with its selected parameters; None for regression."""
        if not self.num_classes:
            return [None] * len(self.runs)
        split = next(name for name in ("test", "val", "train") if name in self.splits)
        selected = "best" if self.config.select == "best" else "last"
        params_RP = self.best_RP if selected == "best" else self.cohort.params_RP
        dtype = torch.uint8 if self.num_classes <= 256 else torch.int32
        by_shard: Iterable[list[tuple[Tensor, Tensor]]] = self.workers.map(
            lambda shard: shard.predictions(params_RP, split, dtype), self.shards
        )
        return [
            Predictions(split=split, parameters=selected, predicted_N=predicted_N, targets_N=targets_N)
            for of_shard in by_shard
            for predicted_N, targets_N in of_shard
        ]

    def _result(
        self,
        run: RunState,
        final: Mapping[str, Scores],
        best: Mapping[str, Scores],
        predictions: Predictions | None,
    ) -> RunResult:
        assert run.status is not None
        counts_KK = None
        if predictions is not None:
            counts_KK = confusion_counts(predictions.targets_N, predictions.predicted_N, self.num_classes)
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
            confusion_KK=counts_KK,
            confusion_split=None if predictions is None else predictions.split,
            predictions=predictions,
        )


def _with_failure(run: RunState, result: RunResult) -> RunResult:
    """A run whose callback failed, be it at its end, has failed."""
    if run.error is None:
        return result
    message = str(run.error) or repr(run.error)
    return replace(result, status=Status.failed, error=run.error, message=message)
