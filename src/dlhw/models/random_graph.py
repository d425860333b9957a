"""Model `random_graph`: layers with few random connections and many kinds of units."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Generator, Tensor

from dlhw.config.model import RandomGraphConfig
from dlhw.models.activations import ACTIVATIONS
from dlhw.nn.activations import PerUnit
from dlhw.nn.flatten import Flatten
from dlhw.nn.layer import Layer
from dlhw.nn.sequential import Sequential
from dlhw.nn.sparse import SparseAffine
from dlhw.random import generator


def random_graph(
    configs: Sequence[RandomGraphConfig], input_shape: tuple[int, ...], num_outputs: int
) -> Sequential:
    """Flatten, then a sparse affine map and the activations per hidden layer, then a sparse affine map.

    Which units are connected depends on `graph_seed` alone, not on the seed of a run.

    Args:
        configs: one a run; they have the same graph.
        input_shape: shape of one input.
        num_outputs: outputs K.
    """
    first = configs[0]
    stream = generator(first.graph_seed, "graph")
    layers: dict[str, Layer] = {"flatten": Flatten()}
    widths = [prod(input_shape), *first.hidden, num_outputs]
    for number, (num_in, num_out) in enumerate(pairwise(widths), start=1):
        layers[f"fc{number}"] = SparseAffine(num_in, connections(num_in, num_out, first.fan_in, stream))
        if number <= len(first.hidden):
            layers[f"act{number}"] = PerUnit([ACTIVATIONS[kind]() for kind in first.activations])
    return Sequential(layers, input_shape)


def connections(num_in: int, num_out: int, fan_in: int, stream: Generator) -> Tensor:
    """Inputs of each output, (K, O): K = min(fan_in, num_in) of them, drawn without replacement.

    >>> connections(3, 2, 5, torch.Generator()).sort(0).values.tolist()
    [[0, 0], [1, 1], [2, 2]]
    """
    drawn_OI = torch.rand(num_out, num_in, generator=stream, dtype=torch.float64).argsort(1)
    return drawn_OI[:, :fan_in].T.contiguous()
