"""A split of the data on its device, the order of its samples, and the random numbers of dropout.

Each run draws what it would draw alone; runs of the same seed share their draws.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlhw.config.trainer import Sampling
from dlhw.data.dataset import Split
from dlhw.kernels.offset_csr import OffsetCSR, background_of
from dlhw.nn.layer import Workspace
from dlhw.random import generator

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class DeviceDataset:
    """One split for all runs: inputs (S, n, *shape), targets (S, n) or (S, n, K).

    S is 1 where every run has the same samples, which then lie in memory once; inputs may be shared where
    targets are not (runs that differ in their corruption of labels).

    Args:
        inputs: of all samples.
        targets: labels, or numbers for regression.
        sparse: the inputs once more as `OffsetCSR`, for those sets that mostly have one value; None: no set.
    """

    inputs: Tensor
    targets: Tensor
    sparse: OffsetCSR | None = None

    @classmethod
    def of(cls, splits: Sequence[Split], device: torch.device) -> "DeviceDataset":
        """Put the splits of all runs (or the one that they share) on the device."""
        inputs, targets = [split.inputs for split in splits], [split.targets for split in splits]
        return cls(_stacked(inputs, device), _stacked(targets, device))

    def rows(self, rows: slice) -> "DeviceDataset":
        """The samples of some of the runs, as views."""
        inputs, targets = (
            tensor if tensor.shape[0] == 1 else tensor[rows] for tensor in (self.inputs, self.targets)
        )
        sparse = self.sparse
        if sparse is not None and self.inputs.shape[0] > 1:
            sparse = sparse.sets(rows, self.num_samples)
        return DeviceDataset(inputs, targets, sparse)

    def with_sparse(self) -> "DeviceDataset":
        """The same samples, with a sparse copy of those sets for which steps are faster with it."""
        return self.with_backgrounds([background_of(inputs) for inputs in self.inputs])

    def with_backgrounds(self, backgrounds: Sequence[Tensor | None]) -> "DeviceDataset":
        """The same samples, with a sparse copy of those sets that have a background."""
        return replace(self, sparse=OffsetCSR.of(self.inputs, backgrounds))

    @property
    def num_samples(self) -> int:
        """n."""
        return self.inputs.shape[1]

    @property
    def is_all_sparse(self) -> bool:
        """Whether every set has a sparse copy."""
        return self.sparse is not None and self.sparse.is_whole

    def chunks(self, size: int) -> Iterator[Batch]:
        """Batches in file order, as views."""
        for start in range(0, self.num_samples, size):
            yield self.inputs[:, start : start + size], self.targets[:, start : start + size]

    def batches(
        self, order: Tensor | None, size: int, *, drop_last: bool, work: Workspace
    ) -> Iterator[Batch]:
        """Batches of one epoch, (S, B, …) each.

        Args:
            order: indices (1, n) or (R, n) of the epoch; None: file order.
            size: B; the last batch may be smaller.
            drop_last: leave a smaller last batch out.
            work: buffer that inputs are gathered into; the next batch overwrites them. Targets are gathered
                once an epoch, and stay.
        """
        count = num_batches(self.num_samples, size, drop_last=drop_last)
        if order is None:
            chunks = self.chunks(size)
            yield from (next(chunks) for _ in range(count))
            return
        order = order.to(self.inputs.device)
        index_Sn = self._flat_index(order, self.inputs.shape[0])
        inputs = self.inputs.flatten(0, 1)
        targets = self.targets.flatten(0, 1)[self._flat_index(order, self.targets.shape[0])]
        for number in range(count):
            batch = slice(number * size, (number + 1) * size)
            yield _gather(inputs, index_Sn[:, batch], work), targets[:, batch]

    def _flat_index(self, order: Tensor, sets: int) -> Tensor:
        """Indices into the samples of all sets, one set after the other."""
        offsets = torch.arange(sets, device=order.device).unsqueeze(1) * self.num_samples
        return (order + offsets).expand(max(order.shape[0], sets), -1)


# The splits of a cohort's data: "train", and "val" and "test" where there are any.
Splits = Mapping[str, DeviceDataset]


def _stacked(tensors: Sequence[Tensor], device: torch.device) -> Tensor:
    if len({id(tensor) for tensor in tensors}) == 1:
        return tensors[0].to(device).unsqueeze(0)
    return torch.stack([tensor.to(device) for tensor in tensors])


def _gather(samples: Tensor, index_SB: Tensor, work: Workspace) -> Tensor:
    shape = (index_SB.numel(), *samples.shape[1:])
    out = work.buffer(work, "inputs", shape, samples)
    return torch.index_select(samples, 0, index_SB.reshape(-1), out=out).unflatten(0, tuple(index_SB.shape))


def num_batches(num_samples: int, size: int, *, drop_last: bool) -> int:
    """Updates in an epoch.

    >>> num_batches(130, 64, drop_last=False), num_batches(130, 64, drop_last=True)
    (3, 2)
    """
    return num_samples // size if drop_last else -(-num_samples // size)


class BatchSampler:
    """The order of the samples in each epoch; a batch is B consecutive places of it.

    The order is a function of seed and epoch, so there is no state to store.

    Args:
        seeds: one a run.
        num_samples: n of the training split.
        batch_size: B.
        sampling: see `dlhw.config.trainer.Sampling`; None: file order.
    """

    def __init__(
        self, seeds: Sequence[int], num_samples: int, batch_size: int, sampling: Sampling | None
    ) -> None:
        self.seeds = _distinct(seeds)
        self.num_samples, self.batch_size, self.sampling = num_samples, batch_size, sampling

    def epoch(self, epoch: int) -> Tensor | None:
        """Indices (1, n), or (R, n) where seeds differ; None for file order."""
        if self.sampling is None:
            return None
        orders = {seed: self._draw(generator(seed, "order", epoch)) for seed in set(self.seeds)}
        return torch.stack([orders[seed] for seed in self.seeds])

    def _draw(self, stream: torch.Generator) -> Tensor:
        if self.sampling is Sampling.epoch:
            return torch.randperm(self.num_samples, generator=stream)
        if self.sampling is Sampling.with_replacement:
            return torch.randint(self.num_samples, (self.num_samples,), generator=stream)
        draws = num_batches(self.num_samples, self.batch_size, drop_last=False)
        batches = [
            torch.randperm(self.num_samples, generator=stream)[: self.batch_size] for _ in range(draws)
        ]
        return torch.cat(batches)[: self.num_samples]


class DropoutRNG:
    """Uniform numbers for dropout masks, restarted for every epoch.

    Args:
        seeds: one a run.
        dtype: of the numbers.
    """

    def __init__(self, seeds: Sequence[int], dtype: torch.dtype) -> None:
        self.seeds, self.dtype = _distinct(seeds), dtype
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Restart the generators for an epoch."""
        self._generators = [generator(seed, "dropout", epoch) for seed in self.seeds]

    def state_dict(self, run: int) -> dict[str, Tensor]:
        """The state of one run's generator, as bytes."""
        return {"dropout": self._generators[run % len(self._generators)].get_state()}

    def load_state_dict(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Load the states of all runs.

        Raises:
            LookupError, RuntimeError, TypeError: if one of them is no state of a generator.
        """
        for generator_, state in zip(self._generators, states, strict=False):  # one for all, or one for each
            generator_.set_state(state["dropout"])

    def __call__(self, shape: Sequence[int]) -> Tensor:
        """Numbers in [0, 1) of shape (S, *shape)."""
        draws = [torch.rand(*shape, generator=stream, dtype=self.dtype) for stream in self._generators]
        return torch.stack(draws)


def _distinct(seeds: Sequence[int]) -> list[int]:
    """One seed where all are equal, else a seed for each run."""
    return list(seeds)[:1] if len(set(seeds)) == 1 else list(seeds)
