"""Inputs of which only those are listed that are not 0."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlhw.kernels.shapes import SPARSE

# Samples that are looked at together, so that nothing as large as all of them is made on the way.
TOGETHER = 4096


@dataclass(frozen=True)
class Listed:
    """Sets of samples by their inputs that are not 0 ("compressed sparse rows").

    Args:
        is_listed: (S,), int64: 1 for the sets that are listed, 0 for the others, whose lists are empty. Each
            set is judged by itself, so that a run's bits do not depend on those that it trains with.
        starts: (S n + 1), int64: where each sample's list starts; the last is where the last one ends.
        columns: which inputs, int32.
        entries: their values.
        most: of one sample.
    """

    is_listed: Tensor
    starts: Tensor
    columns: Tensor
    entries: Tensor
    most: int

    @classmethod
    def of(cls, inputs: Tensor, share: float = SPARSE) -> "Listed | None":
        """List the sets (S, n, *shape) of whose inputs at most this share is not 0; None if there is none."""
        sets = inputs.flatten(2)
        is_listed = [int(each.count_nonzero()) <= share * each.numel() for each in sets]
        if not any(is_listed):
            return None
        counts, columns, entries = [], [], []
        for rows, is_wanted in zip(sets, is_listed, strict=True):
            for chunk in rows.split(TOGETHER):
                places = (chunk != 0) & is_wanted
                counts.append(places.sum(1))
                columns.append(places.nonzero()[:, 1].int())
                entries.append(chunk[places])
        of_each = torch.cat(counts)
        starts = torch.cat([of_each.new_zeros(1), of_each.cumsum(0)])
        most = int(of_each.max())
        return cls(torch.tensor(is_listed).long(), starts, torch.cat(columns), torch.cat(entries), most)

    def sets(self, rows: slice, num_samples: int) -> "Listed":
        """Some of the sets, of so many samples each, as views."""
        starts = self.starts[rows.start * num_samples : rows.stop * num_samples + 1]
        return Listed(self.is_listed[rows], starts, self.columns, self.entries, self.most)
