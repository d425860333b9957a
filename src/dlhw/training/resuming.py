"""Going on where a checkpoint was made, to the same bits.

A checkpoint holds what cannot be computed again: parameters, the best ones where these are others, the
optimizer's state, scores and counters. The order of an epoch is a function of seed and epoch. Within an epoch
the states of the random streams and the outputs that wait to be scored are kept as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from dlhw.config.trainer import Kernels
from dlhw.errors import RunFolderError
from dlhw.training.backends.shard import Shard

if TYPE_CHECKING:
    from dlhw.training.loop import Loop


@dataclass(frozen=True)
class Saved:
    """What one run goes on from.

    Args:
        source: the file, for messages.
        tensors: as `Snapshot` names them, under "parameters/", "optimizer/", "best/", "running/", "streams/",
            "gradients/".
        progress: as `Snapshot.progress` told it.
        matmul: torch's matrix-product setting then; another one rounds differently.
        kernels: what made the steps; others round differently.
        split_hashes: of the data that the run was trained with.
    """

    source: Path
    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]
    matmul: str
    kernels: Kernels
    split_hashes: Mapping[str, str]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Tensors of one kind, without the prefix."""
        start = f"{prefix}/"
        return {name.removeprefix(start): of for name, of in self.tensors.items() if name.startswith(start)}


def check_data(saved: Sequence[Saved], hashes: Sequence[Mapping[str, str]]) -> None:
    """Make sure that the data is what it was.

    Args:
        saved: one a run.
        hashes: split -> its hash; one a run, or one for all.

    Raises:
        RunFolderError: naming the parts that are other samples now.
    """
    for run, each in enumerate(saved):
        now = hashes[run % len(hashes)]
        other = [part for part in now if each.split_hashes.get(part) != now[part]]
        if other:
            raise RunFolderError(
                f"{each.source} cannot be resumed: the data has changed since, in {', '.join(other)}; "
                "a new run trains with the data as it is now"
            )


def restore(loop: "Loop", saved: Sequence[Saved]) -> None:
    """Put a cohort where its runs' checkpoints were made.

    Args:
        loop: that has not begun.
        saved: one a run; runs that have not ended stand at the same step.

    Raises:
        RunFolderError: if a checkpoint does not fit the run.
    """
    for run, each in enumerate(saved):
        with _told(each):
            _restore_run(loop, run, each)
    steps = {int(each.progress["step"]) for each, run in zip(saved, loop.runs, strict=True) if run.active}
    assert len(steps) <= 1, "the caller groups runs by their step"
    loop.step = steps.pop() if steps else max(run.step for run in loop.runs)
    loop.set_lr(max(0, loop.step - 1) // loop.times.steps_per_epoch)
    loop.seconds_before = max(float(each.progress["seconds"]) for each in saved)
    for shard in loop.shards:
        with _told(saved[shard.rows.start]):
            _restore_shard(loop, shard, saved[shard.rows])


@contextmanager
def _told(saved: Saved) -> Iterator[None]:
    """Say which file something is wrong with."""
    try:
        yield
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise RunFolderError(
            f"{saved.source} cannot be resumed: it is not what this version writes for this model "
            f"({' '.join(str(error).split())[:120]})"
        ) from error


def _restore_run(loop: "Loop", run: int, saved: Saved) -> None:
    loop.runs[run].restore(saved.progress)
    last = saved.under("parameters")
    _check_shapes(loop, last)
    loop.cohort.load_run(run, last)
    best = saved.under("best") or last
    _check_shapes(loop, best)
    loop.cohort.layout.load_run(loop.best_RP, run, best)
    if gradients := saved.under("gradients"):  # of the last step, for the evaluation that is still to be made
        _check_shapes(loop, gradients)
        loop.cohort.layout.load_run(loop.cohort.grads_RP, run, gradients)
        loop.has_gradients = True


def _check_shapes(loop: "Loop", tensors: Mapping[str, Tensor]) -> None:
    """Copying would broadcast."""
    wanted = {name: tuple(spec.shape) for name, spec in loop.cohort.layout.specs.items()}
    if wanted != {name: tuple(tensor.shape) for name, tensor in tensors.items()}:
        raise ValueError("its parameters are those of another model")


def _restore_shard(loop: "Loop", shard: Shard, saved: Sequence[Saved]) -> None:
    for row, each in enumerate(saved):
        if state := each.under("optimizer"):
            shard.cohort.optimizer.load_state_dict(row, state)
    if loop.solver is not None or not any(run.active for run in loop.runs[shard.rows]):
        return
    shard.cohort.optimizer.steps = loop.step
    states = [(each.under("running"), each.progress["running"]) for each in saved]
    shard.running.restore(states, like=loop.cohort.params_RP)
    if loop.times.is_within_epoch(loop.step):
        shard.start_epoch(*divmod(loop.step, loop.times.steps_per_epoch))
        shard.uniform.restore([each.tensors["streams/dropout"] for each in saved])
