"""Which runs of a cohort go on together, and from which of their checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlhw.training.state import ResumeState


@dataclass(frozen=True)
class Start:
    """Runs that train together from the same step.

    Args:
        places: of the runs, in their order.
        saved: what each goes on from; None: they start from the beginning.
    """

    places: tuple[int, ...]
    saved: tuple[ResumeState, ...] | None = None


def starts(found: Sequence[Sequence[ResumeState]]) -> list[Start]:
    """Group the runs of a cohort.

    Runs without a checkpoint start together. Runs that had ended and only wait for the others are by
    themselves. The rest go on from the largest step that all of them have a checkpoint of; a kill between two
    files leaves some runs one checkpoint behind. Where there is no such step, each goes on from its newest.

    Args:
        found: the sound checkpoints of each run, newest first.
    """
    fresh = tuple(place for place, of in enumerate(found) if not of)
    ended = {place: of[0] for place, of in enumerate(found) if of and _has_ended(of[0])}
    rest = {place: of for place, of in enumerate(found) if of and place not in ended}
    groups = [Start(fresh)] if fresh else []
    return groups + _grouped(ended, by_step=False) + _grouped(_chosen(rest), by_step=True)


def _has_ended(saved: ResumeState) -> bool:
    return saved.progress.get("status") is not None


def _step(saved: ResumeState) -> int:
    return int(saved.progress["step"])


def _chosen(found: Mapping[int, Sequence[ResumeState]]) -> dict[int, ResumeState]:
    steps = [{_step(each) for each in of} for of in found.values()]
    common = set.intersection(*steps) if steps else set()
    if not common:
        return {place: of[0] for place, of in found.items()}
    return {place: next(each for each in of if _step(each) == max(common)) for place, of in found.items()}


def _grouped(chosen: Mapping[int, ResumeState], *, by_step: bool) -> list[Start]:
    """Runs that were trained by other kernels or matrix products stay apart: these round differently."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for place, saved in chosen.items():
        key = (_step(saved) if by_step else 0, saved.matmul, str(saved.kernels))
        groups.setdefault(key, []).append(place)
    return [Start(tuple(places), tuple(chosen[place] for place in places)) for places in groups.values()]
