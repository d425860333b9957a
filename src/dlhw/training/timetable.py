"""Steps and epochs of a training, and after which steps it is evaluated."""

from dlhw.config.trainer import TrainerConfig, Unit
from dlhw.training.pool import num_batches


class Timetable:
    """When what happens, in steps.

    Args:
        trainer: the cohort's.
        num_samples: n of the training split.
        is_solved: whether a closed-form solution takes the place of all steps, and counts as one.
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
        """Epochs done after so many steps."""
        return step / self.steps_per_epoch

    def is_within_epoch(self, step: int) -> bool:
        """Whether some batches of an epoch have been taken, and others not."""
        return not self.is_solved and step % self.steps_per_epoch != 0

    def next_stop(self, step: int) -> int:
        """The step after which an epoch, the training, or the wait for an evaluation ends."""
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
        each = self.steps_per_epoch if self.trainer.eval_unit is Unit.epoch else 1
        return self.trainer.eval_every * each
