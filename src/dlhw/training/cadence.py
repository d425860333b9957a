"""How many steps run between host checks, and when a checkpoint is due."""

from time import perf_counter

from dlhw.config.trainer import CheckpointUnit, TrainerConfig

# Longest that training goes on without looking whether it is to end, or keep a checkpoint, in seconds.
SLICE_SECONDS = 0.4
# The first steps tell little of how long the next ones take.
GROWTH = 4
# Without `trainer.checkpoint_every`: writing takes at most a twentieth of the time, no file is written twice
# within a second, and between evaluations that are far apart about a minute of work can be lost.
SHARE, SHORTEST, LONGEST = 1 / 20, 1.0, 60.0


class Slices:
    """How many steps to make at once. No number depends on it."""

    def __init__(self) -> None:
        self.count = 1

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a slice."""
        fitting = int(SLICE_SECONDS * steps / seconds) if seconds > 0 else GROWTH * self.count
        self.count = max(1, min(fitting, GROWTH * self.count))


class Cadence:
    """When checkpoints are due: `trainer.checkpoint_every` and its unit.

    Args:
        trainer: the cohort's.
        steps_per_epoch: updates in an epoch.
    """

    def __init__(self, trainer: TrainerConfig, steps_per_epoch: int) -> None:
        self.every, self.unit = trainer.checkpoint_every, trainer.checkpoint_unit
        self.steps_per_epoch = steps_per_epoch
        self._written = perf_counter()
        self._pause = 0.0

    def is_due(self, step: int, *, is_evaluated: bool) -> bool:
        """Whether to write one now.

        Args:
            step: updates made.
            is_evaluated: whether the runs have just been evaluated.
        """
        since = perf_counter() - self._written
        if self.every is None:
            return since >= self._pause + (0 if is_evaluated else LONGEST)
        if self.unit is CheckpointUnit.minute:
            return since >= 60 * self.every
        return step > 0 and step % (int(self.every) * self.steps_per_epoch) == 0

    def wrote(self, seconds: float) -> None:
        """A checkpoint was written, and took so long."""
        self._written = perf_counter()
        self._pause = max(SHORTEST, seconds / SHARE)
