"""A closed-form solution in the place of training."""

from dlhw.config.optimizer import SolverConfig
from dlhw.optim.closed_form import Solver, build_solver
from dlhw.training.cohort import Cohort
from dlhw.training.pool import Pool


def solver_of(cohort: Cohort) -> Solver | None:
    """What solves the runs of a cohort; None if they are trained step by step."""
    if not isinstance(cohort.config.optimizer, SolverConfig):
        return None
    configs = cohort.configs
    return build_solver([config.optimizer for config in configs], [config.seed for config in configs])


def solve(cohort: Cohort, solver: Solver, pool: Pool) -> None:
    """Put the solution for these samples in the place of the weights."""
    weights_RIK = solver.solve(pool.inputs.flatten(2), pool.targets)
    ((views,),) = (of_layer.values() for of_layer in cohort.params.values())
    views.copy_(weights_RIK)
