"""Measuring in the way that a cohort trains: compiled where its steps are, and where that is faster."""

from collections.abc import Iterator
from time import perf_counter

from torch import Tensor

from dlhw import interruption
from dlhw.config.trainer import Kernels
from dlhw.kernels.chain import takes_lists
from dlhw.kernels.program import Program, Tally
from dlhw.kernels.team import Team
from dlhw.training.cadence import Slices
from dlhw.training.cohort import Cohort
from dlhw.training.compiled import program_of
from dlhw.training.events import Scores
from dlhw.training.pool import Pool
from dlhw.training.scoring import Evaluator, Sums

# Samples that pass through the layers together: their activations stay in a core's cache.
TOGETHER = 256


class CompiledEvaluator(Evaluator):
    """Scores samples that are listed by compiled forward passes, others as the layers compute them.

    Args:
        cohort: whose steps are compiled.
        team: threads that measure together; None: the caller's own.
    """

    def __init__(self, cohort: Cohort, team: Team | None) -> None:
        super().__init__(cohort)
        self.cohort, self.team = cohort, team
        self._programs: list[tuple[Pool, Program]] = []
        self._slices = Slices()

    def scores(self, params_RP: Tensor, pool: Pool) -> list[Scores]:
        """Scores of each run."""
        if pool.listed is None or not pool.listed.is_whole:
            return super().scores(params_RP, pool)
        program = self._program(pool)
        sums = Sums(program.num_runs, params_RP.device)
        tally = Tally.of(sums.loss, [-1] * program.num_runs)
        for start, stop in self._spans(pool.num_samples):
            program.score(params_RP, tally, start, stop)
        sums.add_counts(tally.right if program.counts_right else None, pool.num_samples)
        return sums.scores()

    def _spans(self, num_samples: int) -> Iterator[tuple[int, int]]:
        """Places of the samples of each call, which a signal waits for; no number depends on them."""
        start = 0
        while start < num_samples:
            interruption.abandon_if_wanted()
            began, stop = perf_counter(), min(start + self._slices.count * TOGETHER, num_samples)
            yield start, stop
            self._slices.took(-(-(stop - start) // TOGETHER), perf_counter() - began)
            start = stop

    def _program(self, pool: Pool) -> Program:
        for known, program in self._programs:
            if known is pool:
                return program
        program = program_of(self.cohort, pool, TOGETHER, self.team)
        self._programs.append((pool, program))
        return program


def evaluator_of(cohort: Cohort, kernels: Kernels, team: Team | None = None) -> Evaluator:
    """What measures a cohort whose steps are made so."""
    return CompiledEvaluator(cohort, team) if kernels is Kernels.compiled else Evaluator(cohort)


def laid_out(cohort: Cohort, kernels: Kernels, pool: Pool) -> Pool:
    """The samples as this cohort's steps and measurements take them: listed, where that is faster."""
    return pool.with_lists() if kernels is Kernels.compiled and takes_lists(cohort.model) else pool
