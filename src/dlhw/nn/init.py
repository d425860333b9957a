"""Initial weights and biases, drawn for each run from its own generator."""

from collections.abc import Callable, Sequence
from math import sqrt

import torch
from torch import Generator, Tensor

from dlhw.config.model import InitConfig, InitScheme
from dlhw.nn.layer import Spec
from dlhw.nn.parameters import Layout

Fill = Callable[[Tensor, Spec, InitConfig, Generator], object]


def _uniform(weight: Tensor, bound: float, generator: Generator) -> Tensor:
    return weight.uniform_(-bound, bound, generator=generator)


def _default(value: float | None, default: float) -> float:
    return default if value is None else value


def _xavier_std(spec: Spec, config: InitConfig) -> float:
    return _default(config.gain, 1) * sqrt(2 / (spec.fan_in + spec.fan_out))


def _kaiming_std(spec: Spec, config: InitConfig) -> float:
    return _default(config.gain, 1) / sqrt(spec.fan_in)


# std of the weights: xavier gain*sqrt(2/(in+out)) (Glorot & Bengio 2010), kaiming gain/sqrt(in) (He et al.
# 2015); a uniform draw of the same std has the bound std*sqrt(3). torch's Linear and Conv2d draw from
# +-1/sqrt(in).
INITIALISERS: dict[InitScheme, Fill] = {
    InitScheme.zeros: lambda w, spec, config, g: w.zero_(),
    InitScheme.constant: lambda w, spec, config, g: w.fill_(_default(config.value, 0)),
    InitScheme.normal: lambda w, spec, config, g: w.normal_(
        _default(config.mean, 0), _default(config.std, 0.01), generator=g
    ),
    InitScheme.uniform: lambda w, spec, config, g: _uniform(w, _default(config.bound, 1), g),
    InitScheme.xavier_uniform: lambda w, spec, config, g: _uniform(w, sqrt(3) * _xavier_std(spec, config), g),
    InitScheme.xavier_normal: lambda w, spec, config, g: w.normal_(0, _xavier_std(spec, config), generator=g),
    InitScheme.kaiming_uniform: lambda w, spec, config, g: _uniform(
        w, sqrt(3) * _kaiming_std(spec, config), g
    ),
    InitScheme.kaiming_normal: lambda w, spec, config, g: w.normal_(
        0, _kaiming_std(spec, config), generator=g
    ),
    InitScheme.torch: lambda w, spec, config, g: _uniform(w, 1 / sqrt(spec.fan_in), g),
}


def initialise(
    layout: Layout, configs: Sequence[InitConfig], generators: Sequence[Generator], dtype: torch.dtype
) -> Tensor:
    """Draw the parameters of every run; those whose numbers are given take these.

    Args:
        layout: what there is to fill.
        configs: one a run.
        generators: one a run, on the CPU; two runs with equal generators and configs start equal.
        dtype: float32 or float64.

    Returns:
        Flat buffer (R, P) on the CPU.
    """
    flat_RP = layout.zeros(len(configs), dtype, torch.device("cpu"))
    for name, view in layout.named(flat_RP):
        spec = layout.specs[name]
        if spec.given is not None:
            view.copy_(spec.given)
            continue
        for run, (config, generator) in enumerate(zip(configs, generators, strict=True)):
            _fill(view[run], spec, config, generator)
    return flat_RP


def _fill(tensor: Tensor, spec: Spec, config: InitConfig, generator: Generator) -> None:
    """Fill what no numbers are given for."""
    if spec.is_weight:
        INITIALISERS[config.scheme](tensor, spec, config, generator)
    elif config.bias is not None:
        tensor.fill_(config.bias)
    elif config.scheme in (InitScheme.torch, InitScheme.uniform):
        INITIALISERS[config.scheme](tensor, spec, config, generator)
