"""When things happen: evaluations, checkpoints, and how many steps run between host checks."""

from time import perf_counter

from dlhw.config.trainer import CheckpointUnit, TrainerConfig, Unit
from dlhw.training.batches import num_batches

# Longest time without a host check (an interrupt, a checkpoint that is due), in seconds.
CHUNK_SECONDS = 0.4
# The first steps say little about how long the next ones take.
GROWTH = 4
# Without `trainer.checkpoint_every`: writing takes at most a twentieth of the time, no file is written twice
# within a second, and between evaluations that are far apart about a minute of work can be lost.
WRITE_SHARE, SHORTEST, LONGEST = 1 / 20, 1.0, 60.0


class StepSchedule:
    """Number of steps of a training, and the steps after which runs are evaluated.

    Args:
        trainer: the cohort's config.
        num_samples: n of the training split.
        is_solved: whether a closed-form solution replaces all steps, and counts as one.
    """

    def __init__(self, trainer: TrainerConfig, num_samples: int, *, is_solved: bool) -> None:
        self.trainer, self.is_solved = trainer, is_solved
        self.batch_size = trainer.batch_size or num_samples
        self.steps_per_epoch = num_batches(num_samples, self.batch_size, drop_last=trainer.drop_last)
        self.total_steps = self.steps_per_epoch * trainer.epochs
        if trainer.max_steps is not None:
            self.total_steps = min(self.total_steps, trainer.max_steps)
        if is_solved:
            self.steps_per_epoch = self.total_steps = 1

    def epoch_of(self, step: int) -> float:
        """Epochs done after this number of steps, a fraction within an epoch."""
        return step / self.steps_per_epoch

    def is_within_epoch(self, step: int) -> bool:
        """Whether some batches of an epoch have been used, and others not."""
        return not self.is_solved and step % self.steps_per_epoch != 0

    def next_stop(self, step: int) -> int:
        """The next step after which an epoch or the training ends, or an evaluation is due."""
        end = (step // self.steps_per_epoch + 1) * self.steps_per_epoch
        return min(end, self.total_steps, self._next_evaluation(step))

    def _next_evaluation(self, step: int) -> int:
        first = step + 1
        return first + (self.trainer.eval_offset - first) % self._steps_between_evaluations()

    def is_evaluation_due(self, step: int) -> bool:
        """Whether runs are evaluated after this step."""
        since = step - self.trainer.eval_offset
        return since % self._steps_between_evaluations() == 0 or step == self.total_steps

    def _steps_between_evaluations(self) -> int:
        unit = self.steps_per_epoch if self.trainer.eval_unit is Unit.epoch else 1
        return self.trainer.eval_every * unit


class ChunkSizer:
    """How many steps to run before the next host check. No number of a run depends on it.

    Args:
        seconds: longest time that a chunk should take.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.count = 1
        self._seconds = CHUNK_SECONDS if seconds is None else seconds

    def record(self, steps: int, seconds: float) -> None:
        """Adapt to the time that a chunk took."""
        fitting = int(self._seconds * steps / seconds) if seconds > 0 else GROWTH * self.count
        self.count = max(1, min(fitting, GROWTH * self.count))


class CheckpointSchedule:
    """When checkpoints are due: `trainer.checkpoint_every` and its unit.

    Args:
        trainer: the cohort's config.
        steps_per_epoch: updates in an epoch.
        shortest: seconds between two checkpoints at least, without `trainer.checkpoint_every`.
        longest: seconds between two checkpoints at most, without `trainer.checkpoint_every`.
    """

    def __init__(
        self,
        trainer: TrainerConfig,
        steps_per_epoch: int,
        *,
        shortest: float = SHORTEST,
        longest: float = LONGEST,
    ) -> None:
        self.every, self.unit = trainer.checkpoint_every, trainer.checkpoint_unit
        self.steps_per_epoch, self.shortest, self.longest = steps_per_epoch, shortest, longest
        self._written = perf_counter()
        self._pause = 0.0

    def is_due(self, step: int, *, is_evaluated: bool) -> bool:
        """Whether to write a checkpoint now.

        Args:
            step: updates done.
            is_evaluated: whether the runs have just been evaluated.
        """
        since = perf_counter() - self._written
        if self.every is None:
            return since >= self._pause + (0 if is_evaluated else self.longest)
        if self.unit is CheckpointUnit.minute:
            return since >= 60 * self.every
        return step > 0 and step % (int(self.every) * self.steps_per_epoch) == 0

    def record(self, seconds: float) -> None:
        """Note that a checkpoint has just been written, and the seconds that it took."""
        self._written = perf_counter()
        self._pause = max(self.shortest, seconds / WRITE_SHARE)
