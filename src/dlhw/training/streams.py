"""Random numbers of a cohort: what each run would draw alone, drawn once for runs of the same seed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlhw.random import generator


class OrderStream:
    """The order of the samples in each epoch.

    Args:
        seeds: one a run.
        num_samples: n of the training part.
        shuffle: False gives file order.
    """

    def __init__(self, seeds: Sequence[int], num_samples: int, *, shuffle: bool) -> None:
        self.seeds = list(seeds)[:1] if len(set(seeds)) == 1 else list(seeds)
        self.num_samples, self.shuffle = num_samples, shuffle

    def epoch(self, epoch: int) -> Tensor | None:
        """Indices (1, n), or (R, n) where seeds differ; None for file order."""
        if not self.shuffle:
            return None
        orders = {
            seed: torch.randperm(self.num_samples, generator=generator(seed, "order", epoch))
            for seed in set(self.seeds)
        }
        return torch.stack([orders[seed] for seed in self.seeds])


class UniformStream:
    """Uniform numbers for dropout masks, restarted for every epoch.

    Args:
        seeds: one a run.
        dtype: of the numbers.
    """

    def __init__(self, seeds: Sequence[int], dtype: torch.dtype) -> None:
        self.seeds = list(seeds)[:1] if len(set(seeds)) == 1 else list(seeds)
        self.dtype = dtype
        self.epoch(0)

    def epoch(self, epoch: int) -> None:
        """Start an epoch's numbers."""
        self._generators = [generator(seed, "dropout", epoch) for seed in self.seeds]

    def __call__(self, shape: Sequence[int]) -> Tensor:
        """Numbers in [0, 1) of shape (S, *shape)."""
        draws = [torch.rand(*shape, generator=each, dtype=self.dtype) for each in self._generators]
        return torch.stack(draws)
