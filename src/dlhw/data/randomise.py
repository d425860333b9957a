"""Randomised inputs, which say less or nothing about the labels.

Shape suffixes: N samples, C channels, P pixels.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from dlhw.config.data import Inputs
from dlhw.data.split import SPLITS
from dlhw.random import generator

CHUNK = 4096  # images at a time: the permutations of 60,000 MNIST images would take 380 MB


def randomise_inputs(inputs: Mapping[str, Tensor], kind: Inputs, seed: int | None) -> None:
    """Randomise the inputs of all splits, in place.

    shuffled_pixels: one permutation of the pixels for all images of all splits; random_pixels: a permutation
    for each image; gaussian: N(m, s^2) with the mean m and the variance s^2 of all training inputs together.
    Pixels are positions (a permutation moves all channels of a pixel), or the features of a table. What is
    drawn for a split depends on the seed and on which split it is alone.

    Source: Zhang et al., Understanding deep learning requires rethinking generalization (2017), section 2.

    Args:
        inputs: scaled inputs of each split, (N, C, H, W) or (N, P).
        kind: of randomisation.
        seed: of the draws; not needed for the original inputs.
    """
    if kind is Inputs.original:
        return
    assert seed is not None, "random inputs need a seed"
    mean, std = _mean_std(inputs["train"]) if kind is Inputs.gaussian else (0.0, 1.0)
    for name, x in inputs.items():
        stream = generator(seed, "inputs", SPLITS.index(name))
        if kind is Inputs.shuffled_pixels:
            _shuffle(x, generator(seed, "inputs"))
        elif kind is Inputs.random_pixels:
            _shuffle_each(x, stream)
        else:
            _fill(x, mean, std, stream)


def _chunks(x: Tensor) -> Iterator[Tensor]:
    return iter(x.split(CHUNK))


def _pixels(x: Tensor) -> Tensor:
    """A view with pixels last: (N, C, P) of images, (N, P) of a table."""
    return x.flatten(2) if x.ndim > 2 else x


def _shuffle(x: Tensor, stream: torch.Generator) -> None:
    pixels = _pixels(x)
    order_P = torch.randperm(pixels.shape[-1], generator=stream)
    for chunk in _chunks(pixels):
        chunk.copy_(chunk[..., order_P])


def _shuffle_each(x: Tensor, stream: torch.Generator) -> None:
    for chunk in _chunks(_pixels(x)):
        keys_NP = torch.rand(len(chunk), chunk.shape[-1], generator=stream, dtype=torch.float64)
        order_NP = keys_NP.argsort(1)
        order = order_NP[:, None].expand_as(chunk) if chunk.ndim > 2 else order_NP
        chunk.copy_(chunk.gather(-1, order))


def _fill(x: Tensor, mean: float, std: float, stream: torch.Generator) -> None:
    for chunk in _chunks(x):
        noise = torch.randn(chunk.shape, generator=stream, dtype=torch.float64)
        chunk.copy_(noise.mul_(std).add_(mean))


def _mean_std(x: Tensor) -> tuple[float, float]:
    """Over all numbers, in float64."""
    mean = sum(float(chunk.sum(dtype=torch.float64)) for chunk in _chunks(x)) / x.numel()
    squares = sum(float((chunk.double() - mean).square().sum()) for chunk in _chunks(x))
    return mean, (squares / x.numel()) ** 0.5
