"""A split as a cohort sees it, on the device, and the batches taken from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlhw.data.dataset import Split
from dlhw.kernels.offset_csr import OffsetCSR, background_of
from dlhw.nn.layer import Workspace

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Pool:
    """Samples of all runs: inputs (S, n, *shape), targets (S, n) or (S, n, K).

    S is 1 where every run has the same ones, which then lie in memory once; inputs may be shared where
    targets are not (runs that differ in their corruption of labels). Inputs that mostly have one value may be
    listed.
    """

    inputs: Tensor
    targets: Tensor
    listed: OffsetCSR | None = None

    @classmethod
    def of(cls, parts: Sequence[Split], device: torch.device) -> "Pool":
        """Put the parts of all runs (or the one that they share) on the device."""
        inputs, targets = [part.inputs for part in parts], [part.targets for part in parts]
        return cls(_stacked(inputs, device), _stacked(targets, device))

    def rows(self, rows: slice) -> "Pool":
        """The samples of some of the runs, as views."""
        inputs, targets = (each if each.shape[0] == 1 else each[rows] for each in (self.inputs, self.targets))
        listed = self.listed
        if listed is not None and self.inputs.shape[0] > 1:
            listed = listed.sets(rows, self.num_samples)
        return Pool(inputs, targets, listed)

    def with_lists(self) -> "Pool":
        """The same samples, with those sets listed for which steps are faster so."""
        return self.listed_beside([background_of(rows) for rows in self.inputs])

    def listed_beside(self, backgrounds: Sequence[Tensor | None]) -> "Pool":
        """The same samples, with those sets listed that have a background."""
        return replace(self, listed=OffsetCSR.of(self.inputs, backgrounds))

    @property
    def num_samples(self) -> int:
        """n."""
        return self.inputs.shape[1]

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
            work: buffer that inputs are gathered into; they are gone when the next batch is asked for.
                Targets are gathered once an epoch, and stay.
        """
        count = self.num_samples // size if drop_last else -(-self.num_samples // size)
        if order is None:
            whole = self.chunks(size)
            yield from (next(whole) for _ in range(count))
            return
        order = order.to(self.inputs.device)
        index_Sn = self._flat_index(order, self.inputs.shape[0])
        inputs = self.inputs.flatten(0, 1)
        targets = self.targets.flatten(0, 1)[self._flat_index(order, self.targets.shape[0])]
        for number in range(count):
            batch = slice(number * size, (number + 1) * size)
            yield _take(inputs, index_Sn[:, batch], work), targets[:, batch]

    def _flat_index(self, order: Tensor, sets: int) -> Tensor:
        """Indices into the samples of all sets one after the other."""
        offsets = torch.arange(sets, device=order.device).unsqueeze(1) * self.num_samples
        return (order + offsets).expand(max(order.shape[0], sets), -1)


def _stacked(tensors: Sequence[Tensor], device: torch.device) -> Tensor:
    if len({id(tensor) for tensor in tensors}) == 1:
        return tensors[0].to(device).unsqueeze(0)
    return torch.stack([tensor.to(device) for tensor in tensors])


def _take(samples: Tensor, index_SB: Tensor, work: Workspace) -> Tensor:
    shape = (index_SB.numel(), *samples.shape[1:])
    out = work.buffer(work, "inputs", shape, samples)
    return torch.index_select(samples, 0, index_SB.reshape(-1), out=out).unflatten(0, tuple(index_SB.shape))


def num_batches(num_samples: int, size: int, *, drop_last: bool) -> int:
    """Updates in an epoch.

    >>> num_batches(130, 64, drop_last=False), num_batches(130, 64, drop_last=True)
    (3, 2)
    """
    return num_samples // size if drop_last else -(-num_samples // size)
