"""Random numbers of a cohort: what each run would draw alone, drawn once for runs of the same seed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlhw.config.trainer import Sampling
from dlhw.random import generator


class OrderStream:
    """The order of the samples in each epoch.

    Args:
        seeds: one a run.
        num_samples: n of the training split.
        batch_size: B; a batch is B consecutive places of the order.
        sampling: see `dlhw.config.trainer.Sampling`; None: file order.
    """

    def __init__(
        self, seeds: Sequence[int], num_samples: int, batch_size: int, sampling: Sampling | None
    ) -> None:
        self.seeds = list(seeds)[:1] if len(set(seeds)) == 1 else list(seeds)
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
        draws = -(-self.num_samples // self.batch_size)
        batches = [
            torch.randperm(self.num_samples, generator=stream)[: self.batch_size] for _ in range(draws)
        ]
        return torch.cat(batches)[: self.num_samples]


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

    def state_of(self, run: int) -> Tensor:
        """Where one run's numbers have got to, as bytes."""
        return self._generators[run % len(self._generators)].get_state()

    def restore(self, states: Sequence[Tensor]) -> None:
        """Go on from the states of all runs.

        Raises:
            RuntimeError, TypeError: if one of them is no state of a generator.
        """
        for generator_, state in zip(self._generators, states, strict=False):  # one for all, or one each
            generator_.set_state(state)

    def __call__(self, shape: Sequence[int]) -> Tensor:
        """Numbers in [0, 1) of shape (S, *shape)."""
        draws = [torch.rand(*shape, generator=each, dtype=self.dtype) for each in self._generators]
        return torch.stack(draws)
