"""How the threads of a team share the steps of a run, in compiled code.

Each thread passes its samples of a batch forward and back, waits for the others, and changes its rows of
the weights by all samples. Nothing is summed across threads but losses, in the order of the samples: where
products are loops, the numbers are the same to the bit however many threads there are.

Partial results of the threads lie in `partials`: the samples' losses (B), then for each thread, a cache line
apart, the number of its correct predictions and whether its gradients are finite.
"""

from typing import Any, NamedTuple

from dlhw.kernels.abi import GIVEN_UP, LINE, MEETINGS, WAITING
from dlhw.kernels.numba_support import atomic_add, compiled, cpu_pause, load_acquire, offset, yield_core
from dlhw.kernels.thresholds import SMALL_BATCH

# How often a thread checks for the others before it yields its core: some tens of microseconds.
SPINS = 2000


class BatchSlice(NamedTuple):
    """A thread's samples of a batch.

    Args:
        part: number of the thread.
        parts: number of threads.
        first: first sample.
        samples: number of samples.
    """

    part: Any
    parts: Any
    first: Any
    samples: Any


@compiled
def partition(count: int, part: int, parts: int) -> int:
    """Return the first row of a part of `count` rows: a multiple of four, as the blocked loops need it to
    compute each number alike however many parts there are."""
    return count if part == parts else count * part // parts // 4 * 4


@compiled
def batch_slice(samples: int, part: int, parts: int) -> Any:
    """Return a thread's slice of a batch; the first thread takes all of a small one."""
    first = partition(samples, part, parts)
    count = partition(samples, part + 1, parts) - first
    if samples // parts <= SMALL_BATCH:
        first, count = 0, samples if part == 0 else 0
    return BatchSlice(part, parts, first, count)


@compiled
def barrier_wait(barrier: Any, parts: int) -> bool:
    """Wait until all threads are here; False if they are to give up."""
    if parts == 1:
        return True
    before = load_acquire(offset(barrier, MEETINGS))
    if atomic_add(offset(barrier, WAITING), 1) == parts - 1:
        atomic_add(offset(barrier, WAITING), -parts)
        atomic_add(offset(barrier, MEETINGS), 1)
        return True
    spins = 0
    while load_acquire(offset(barrier, MEETINGS)) == before:
        if load_acquire(offset(barrier, GIVEN_UP)) != 0:
            return False
        spins += 1
        if spins <= SPINS:
            cpu_pause()
        else:
            yield_core()
    return True


@compiled
def publish(partials: Any, batch: int, part: int, correct: int, is_finite: bool) -> None:
    """Publish this thread's partial results."""
    own = offset(partials, batch + LINE * part)
    own[0], own[1] = float(correct), 1.0 if is_finite else 0.0


@compiled
def reduce(partials: Any, batch: int, samples: int, parts: int) -> Any:
    """Reduce the partial results: (summed loss, correct predictions, whether all gradients are finite).

    Losses are summed one after the other, however many threads there are.
    """
    total, correct, is_finite = 0.0, 0, True
    for n in range(samples):
        total += partials[n]
    for part in range(parts):
        own = offset(partials, batch + LINE * part)
        correct += int(own[0])
        is_finite = is_finite and own[1] != 0
    return total, correct, is_finite
