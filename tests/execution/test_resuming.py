"""Which runs of a cohort resume together."""

from pathlib import Path

import pytest

from dlhw.config.trainer import Backend
from dlhw.execution.grouping import starts
from dlhw.training.state import ResumeState

Groups = list[tuple[tuple[int, ...], list[int] | None]]


def saved(
    step: int, status: str | None = None, matmul: str = "highest", backend: Backend = Backend.eager
) -> ResumeState:
    return ResumeState(Path("last"), {}, {"step": step, "status": status}, matmul, backend, {})


def groups(*states: list[ResumeState]) -> Groups:
    """Places of the runs of each group, and the steps from which they resume."""
    return [
        (
            start.places,
            None if start.saved is None else [int(state.progress["step"]) for state in start.saved],
        )
        for start in starts(states)
    ]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([[], []], [((0, 1), None)]),
        ([[saved(40), saved(20)], [saved(40), saved(20)]], [((0, 1), [40, 40])]),
        # killed when only the first had written step 60
        ([[saved(60), saved(40)], [saved(40), saved(20)]], [((0, 1), [40, 40])]),
        # the first one's newest file was damaged
        ([[saved(20)], [saved(40), saved(20)]], [((0, 1), [20, 20])]),
        # killed when only the first had written anything
        ([[saved(20)], [], [saved(20)]], [((1,), None), ((0, 2), [20, 20])]),
        ([[saved(60), saved(50)], [saved(40), saved(20)]], [((0,), [60]), ((1,), [40])]),
        # the first had stopped early, and waits for the others
        (
            [[saved(13, "early_stopped")], [saved(40)], [saved(26, "diverged")]],
            [((0, 2), [13, 26]), ((1,), [40])],
        ),
        ([[saved(40)], [saved(40, None, "medium")]], [((0,), [40]), ((1,), [40])]),
        ([[saved(40)], [saved(40, backend=Backend.compiled)]], [((0,), [40]), ((1,), [40])]),
    ],
)
def test_runs_resume_from_the_largest_step_that_all_have(
    states: list[list[ResumeState]], expected: Groups
) -> None:
    assert groups(*states) == expected
