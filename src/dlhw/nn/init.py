"""Initial weights and biases, drawn for each run from its own generator."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Generator, Tensor

from dlhw.config.model_base import InitConfig
from dlhw.config.registry import import_builder
from dlhw.nn.layer import ParameterSpec
from dlhw.nn.parameters import ParameterLayout


def _default(value: float | None, default: float) -> float:
    return default if value is None else value


def zeros(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w = 0"""
    weight.zero_()


def constant(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w = value"""
    weight.fill_(_default(config.value, 0))


def normal(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ N(mean, std^2)"""
    weight.normal_(_default(config.mean, 0), _default(config.std, 0.01), generator=generator)


def uniform(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ U(-bound, bound)"""
    _draw_uniform(weight, _default(config.bound, 1), generator)


def xavier_uniform(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ U(-b, b),   b = sqrt(3) gain sqrt(2 / (fan_in + fan_out))        (Glorot & Bengio 2010)"""
    _draw_uniform(weight, sqrt(3) * _xavier_std(spec, config), generator)


def xavier_normal(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ N(0, std^2),   std = gain sqrt(2 / (fan_in + fan_out))        (Glorot & Bengio 2010)"""
    weight.normal_(0, _xavier_std(spec, config), generator=generator)


def kaiming_uniform(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ U(-b, b),   b = sqrt(3) gain / sqrt(fan_in)        (He et al. 2015)"""
    _draw_uniform(weight, sqrt(3) * _kaiming_std(spec, config), generator)


def kaiming_normal(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ N(0, std^2),   std = gain / sqrt(fan_in)        (He et al. 2015)"""
    weight.normal_(0, _kaiming_std(spec, config), generator=generator)


def torch_default(weight: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """w ~ U(-b, b),   b = 1 / sqrt(fan_in), as torch's Linear and Conv2d"""
    _draw_uniform(weight, 1 / sqrt(spec.fan_in), generator)


def _draw_uniform(weight: Tensor, bound: float, generator: Generator) -> None:
    weight.uniform_(-bound, bound, generator=generator)


def _xavier_std(spec: ParameterSpec, config: InitConfig) -> float:
    return _default(config.gain, 1) * sqrt(2 / (spec.fan_in + spec.fan_out))


def _kaiming_std(spec: ParameterSpec, config: InitConfig) -> float:
    return _default(config.gain, 1) / sqrt(spec.fan_in)


def initialise(
    layout: ParameterLayout,
    configs: Sequence[InitConfig],
    generators: Sequence[Generator],
    dtype: torch.dtype,
) -> Tensor:
    """Draw the initial parameters of every run; a parameter with an `initial_value` takes that.

    Args:
        layout: of the parameters.
        configs: one a run.
        generators: one a run, on the CPU; runs with equal generators and configs start from equal parameters.
        dtype: float32 or float64.

    Returns:
        Flat buffer (R, P) on the CPU.
    """
    flat_RP = layout.zeros(len(configs), dtype, torch.device("cpu"))
    for name, view in layout.named(flat_RP):
        spec = layout.specs[name]
        if spec.initial_value is not None:
            view.copy_(spec.initial_value)
            continue
        for run, (config, generator) in enumerate(zip(configs, generators, strict=True)):
            _fill(view[run], spec, config, generator)
    return flat_RP


def _fill(tensor: Tensor, spec: ParameterSpec, config: InitConfig, generator: Generator) -> None:
    """Fill a parameter without an `initial_value`."""
    if spec.is_weight:
        import_builder(config.scheme)(tensor, spec, config, generator)
    elif config.bias is not None:
        tensor.fill_(config.bias)
    elif config.scheme.draws_bias:
        import_builder(config.scheme)(tensor, spec, config, generator)
