"""What trackers may look at of a run while it trains."""

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dlhw.training.events import Snapshot

if TYPE_CHECKING:
    from dlhw.training.loop import Loop


def snapshot(loop: "Loop", run: int) -> Snapshot:
    """One run, as it is whenever something is called."""
    cohort = loop.cohort
    return Snapshot(
        parameters=partial(cohort.layout.of_run, cohort.params_RP, run),
        gradients=partial(_gradients, loop, run),
        norms=lambda: {key: values[run] for key, values in loop.norms().items()},
        optimizer=partial(_optimizer, loop, run),
        progress=partial(_progress, loop, run),
        extra_state=partial(_extra_state, loop, run),
    )


def _gradients(loop: "Loop", run: int) -> dict[str, Tensor]:
    return loop.cohort.layout.of_run(loop.cohort.grads_RP, run) if loop.has_gradients else {}


def _optimizer(loop: "Loop", run: int) -> dict[str, Tensor]:
    if loop.solver is not None:
        return {}
    shard, row = loop.shard_of(run)
    return shard.cohort.optimizer.state_dict(row)


def _progress(loop: "Loop", run: int) -> dict[str, Any]:
    """A run that has ended stays where it ended."""
    state = loop.runs[run]
    if not state.active:
        return {"step": state.step, "epoch": state.epoch, "seconds": state.seconds, **state.to_dict()}
    shard, row = loop.shard_of(run)
    where = {"step": loop.step, "epoch": loop.times.epoch_of(loop.step), "seconds": loop.seconds()}
    return {**where, **state.to_dict(), "running": shard.running.state_of(row)[1]}


def _extra_state(loop: "Loop", run: int) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    if not torch.equal(loop.best_RP[run], loop.cohort.params_RP[run]):
        best = loop.cohort.layout.of_run(loop.best_RP, run)
        tensors |= {f"best/{name}": of for name, of in best.items()}
    if loop.runs[run].active:
        shard, row = loop.shard_of(run)
        tensors |= {f"running/{name}": of for name, of in shard.running.state_of(row)[0].items()}
        if loop.times.is_within_epoch(loop.step):
            tensors["streams/dropout"] = shard.uniform.state_of(row)
        if loop.is_evaluation_missing():
            tensors |= {f"gradients/{name}": of for name, of in _gradients(loop, run).items()}
    return tensors
