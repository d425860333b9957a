"""Time several sides in turn."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

Work = Callable[[int], None]


def in_turn(sides: Mapping[str, Work], rounds: int, warm_ups: int = 1) -> dict[str, list[float]]:
    """Seconds of each side in each round.

    Every round runs every side once and starts with another side each time, so that a slow moment of the
    machine, or caches that another side has warmed, do not always affect the same side. Warm-ups run like
    rounds and are dropped.

    Args:
        sides: name -> the work of a round, called with the round's number, warm-ups included.
        rounds: number of rounds to keep.
        warm_ups: number of rounds to drop.
    """
    names = list(sides)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with old_objects_set_aside():
        for number in range(warm_ups + rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                taken = timed(sides[name], number)
                if number >= warm_ups:
                    seconds[name].append(taken)
    return seconds


@contextmanager
def old_objects_set_aside() -> Iterator[None]:
    """Freeze existing objects, so that the garbage collector does not traverse one side's objects in the
    time of another; it still collects what the sides create."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    work(*arguments)
    return perf_counter() - start


def fastest(work: Callable[[], object], times: int) -> float:
    """Shortest time of some calls, after one that is dropped: the machine's speed when undisturbed."""
    work()
    return min(timed(work) for _ in range(times))
