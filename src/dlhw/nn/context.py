"""What a forward or backward pass may use besides its arguments: buffers and random numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Uniform = Callable[[Sequence[int]], Tensor]


class Workspace:
    """Buffers made once and written again at every step.

    Fresh memory costs page faults: for a cohort of 16 MLPs they are a third of a step. `reuse=False` hands
    out nothing, so that torch allocates (autograd needs tensors that nobody overwrites).
    """

    def __init__(self, *, reuse: bool) -> None:
        self.reuse = reuse
        self._buffers: dict[tuple[int, str, tuple[int, ...]], Tensor] = {}

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """The buffer that `owner` calls `name`, uninitialised the first time; None without reuse.

        Of the shape of `like` it also takes the order in memory, so that elementwise layers after a
        convolution write as they read.
        """
        if not self.reuse:
            return None
        key = (id(owner), name, shape)
        found = self._buffers.get(key)
        if found is None:
            same = shape == tuple(like.shape)
            found = torch.empty_like(like) if same else like.new_empty(shape)
            self._buffers[key] = found
        return found


@dataclass
class Context:
    """One kind of pass.

    Args:
        training: whether dropout is active.
        workspace: where outputs are written.
        uniform: shape without run axis -> numbers in [0, 1) of shape (S, *shape); dropout draws from it.
    """

    training: bool = False
    workspace: Workspace = field(default_factory=lambda: Workspace(reuse=False))
    uniform: Uniform | None = None

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """See `Workspace.buffer`."""
        return self.workspace.buffer(owner, name, shape, like)
