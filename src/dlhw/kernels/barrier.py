"""How threads that make the same steps together share them, in compiled code.

Each thread passes its samples of a batch forward and back, waits for the others, and changes its rows of
the weights by all samples. Nothing is summed across threads but losses, in the order of the samples: where
products are loops, the numbers are the same to the bit however many threads there are.

A share is (which of the threads, how many they are, its first sample, how many samples are its own). What
each of them counted stands in `shared`: the samples' losses (B), then of each thread, a cache line apart,
the number of its right predictions and whether its gradients are finite.
"""

from typing import Any

from dlhw.kernels.abi import GIVEN_UP, LINE, MEETINGS, WAITING
from dlhw.kernels.numba_support import atomic_add, compiled, cpu_pause, load_acquire, offset, yield_core
from dlhw.kernels.thresholds import SMALL_BATCH

# Times that a thread looks for the others before it lets another have its core: some tens of microseconds.
LOOKS = 2000


@compiled
def partition(count: int, part: int, parts: int) -> int:
    """Where a part of `count` rows begins: at a multiple of four, as the blocked loops do, so that they
    compute each number alike however many parts there are."""
    return count if part == parts else count * part // parts // 4 * 4


@compiled
def batch_slice(samples: int, part: int, parts: int) -> Any:
    """A thread's share of a batch; few samples are all the first one's."""
    if samples // parts <= SMALL_BATCH:
        return part, parts, 0, samples if part == 0 else 0
    first = partition(samples, part, parts)
    return part, parts, first, partition(samples, part + 1, parts) - first


@compiled
def barrier_wait(meeting: Any, parts: int) -> bool:
    """Wait until all threads are here; False if they are to give up."""
    if parts == 1:
        return True
    before = load_acquire(offset(meeting, MEETINGS))
    if atomic_add(offset(meeting, WAITING), 1) == parts - 1:
        atomic_add(offset(meeting, WAITING), -parts)
        atomic_add(offset(meeting, MEETINGS), 1)
        return True
    looks = 0
    while load_acquire(offset(meeting, MEETINGS)) == before:
        if load_acquire(offset(meeting, GIVEN_UP)) != 0:
            return False
        looks += 1
        if looks <= LOOKS:
            cpu_pause()
        else:
            yield_core()
    return True


@compiled
def publish(shared: Any, batch: int, part: int, right: int, is_finite: bool) -> None:
    """What a thread counted."""
    own = offset(shared, batch + LINE * part)
    own[0], own[1] = float(right), 1.0 if is_finite else 0.0


@compiled
def reduce(shared: Any, batch: int, samples: int, parts: int) -> Any:
    """(Summed loss, right predictions, whether all gradients are finite) of all threads.

    Losses are summed one after the other, however many threads there are.
    """
    total, right, is_finite = 0.0, 0, True
    for n in range(samples):
        total += shared[n]
    for part in range(parts):
        own = offset(shared, batch + LINE * part)
        right += int(own[0])
        is_finite = is_finite and own[1] != 0
    return total, right, is_finite
