"""Check the hand-written gradients of a composed model, or of everything that is registered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch

from dlhw.config.loss import LossName
from dlhw.config.options import OPTIONS
from dlhw.config.regularizer import PenaltyConfig
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError, UserError, did_you_mean, listing
from dlhw.models.build import build_model
from dlhw.nn.containers import Sequential
from dlhw.nn.faults import Fault, raised_at, time_limit
from dlhw.nn.gradcheck import GradientCheck, check_layers, check_loss, check_model, check_regularizer
from dlhw.nn.linear import Affine
from dlhw.nn.losses import LOSSES
from dlhw.nn.parameters import ParameterLayout
from dlhw.nn.registry import all_layers
from dlhw.optim.regularizers import build_regularizer

TABLE_SHAPE = (7,)
SAMPLES = 4

# The name of a part, and the check of one of its gradients.
Row: TypeAlias = "tuple[str, GradientCheck]"
# Composes a config from overrides such as `model=cnn`.
Compose = Callable[[Sequence[str]], TrainConfig]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How gradients are checked.

    Args:
        num_runs: length of the run axis.
        probes: coordinates per variable that are compared with central differences.
        seed: of everything random.
        timeout: seconds after which a part fails; None for no limit.
    """

    num_runs: int = 3
    probes: int = 30
    seed: int = 0
    timeout: float | None = None

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the checks of `dlhw.nn.gradcheck`."""
        generator = torch.Generator().manual_seed(self.seed)
        return {"num_runs": self.num_runs, "probes": self.probes, "generator": generator}


def check_config(config: TrainConfig, options: CheckOptions) -> list[Row]:
    """Check the layers, the loss and the regularizer of a config.

    Raises:
        ConfigError: if a part of the config is not valid, or its loss does not fit its model.
    """
    problems = [*config.model.problems(), *config.regularizer.problems(), *config.data.problems()]
    allowed = config.model.losses
    if config.resolved_loss() not in allowed:
        problems.append(f"loss must be one of {listing(allowed)} for this model, got {config.loss}")
    if problems:
        raise ConfigError("\n".join(problems))
    return _checked(config.model.name, lambda: _model_rows(config, options), options)


def check_registered(
    options: CheckOptions, compose: Compose, only: Sequence[str] | None = None
) -> Iterator[Row]:
    """Check every registered part, or the parts that `only` names.

    Raises:
        ConfigError: if `only` names a part that does not exist.
    """
    parts = list(registered_parts(options, compose))
    names = list(dict.fromkeys(name for name, _ in parts))
    for name in only or ():
        if name not in names:
            near = did_you_mean(name, names)
            raise ConfigError(f"--only {name}: no such part{near or ';'} there are: {listing(names)}")
    for name, rows in parts:
        if only is None or name in only:
            yield from _checked(name, rows, options)


def registered_parts(
    options: CheckOptions, compose: Compose
) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
    """Name and checks of every layer and loss by itself, then of every model, then of every penalty."""
    for name in all_layers():
        yield name, partial(_layer_rows, name, options)
    for loss in LOSSES:
        yield str(loss), partial(_loss_rows, loss, options)
    for model in OPTIONS["model"]:
        yield model, partial(_composed_rows, f"model={model}", options, compose)
    for name in OPTIONS["regularizer"]:
        if name != "none":
            yield name, partial(_penalty_rows, name, options, compose)


def _checked(part: str, rows: Callable[[], Iterator[Row]], options: CheckOptions) -> list[Row]:
    """The rows of a part; a part that raises has a single row with the reason."""
    try:
        with time_limit(options.timeout):
            return list(rows())
    except UserError:
        raise
    except Exception as error:
        text = f"raised {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return [(part, GradientCheck.failed("", Fault(part, raised_at(error), text)))]


def _model_rows(config: TrainConfig, options: CheckOptions) -> Iterator[Row]:
    needed = config.model.num_inputs()
    shape = (config.data.input_shape or TABLE_SHAPE) if needed is None else (needed,)
    loss = config.resolved_loss()
    model = build_model([config.model] * options.num_runs, shape, _outputs(config))
    arguments = options.arguments()
    generator = arguments["generator"]
    x_1N = torch.randn(1, SAMPLES, *shape, generator=generator, dtype=torch.float64)
    name = config.model.name
    for check in check_model(
        model, LOSSES[loss], x_1N, num_runs=options.num_runs, probes=options.probes, seed=options.seed
    ):
        yield f"{name} {loss}" if check.name == "loss" else name, check
    if isinstance(config.regularizer, PenaltyConfig) and config.regularizer.alpha > 0:
        # A penalty is elementwise, so a small example suffices; over a large model, differences are rounding.
        layout = ParameterLayout({"fc": Affine(5, 4).specs()})
        like_RP = layout.zeros(options.num_runs, torch.float64, torch.device("cpu"))
        regularizer = build_regularizer([config.regularizer] * options.num_runs, layout, like_RP)
        yield config.regularizer.name, check_regularizer(regularizer, layout, **arguments)


def _outputs(config: TrainConfig) -> int:
    loss = config.resolved_loss()
    if loss.is_binary or loss.is_regression:
        return 1
    return config.data.num_classes_kept() or 3


def _layer_rows(name: str, options: CheckOptions) -> Iterator[Row]:
    example, arguments = all_layers()[name], options.arguments()
    model = Sequential({"layer": example.make(options.num_runs)}, example.input_shape)
    shape = (1, SAMPLES, *example.input_shape)
    x_1N = torch.randn(*shape, generator=arguments["generator"], dtype=torch.float64)
    for check in check_layers(model, x_1N, **arguments):
        yield name, check


def _loss_rows(name: LossName, options: CheckOptions) -> Iterator[Row]:
    yield str(name), check_loss(LOSSES[name], 1 if name.is_binary else 4, **options.arguments())


def _composed_rows(override: str, options: CheckOptions, compose: Compose) -> Iterator[Row]:
    return _model_rows(compose([override]), options)


def _penalty_rows(name: str, options: CheckOptions, compose: Compose) -> Iterator[Row]:
    yield list(_composed_rows(f"regularizer={name}", options, compose))[-1]
