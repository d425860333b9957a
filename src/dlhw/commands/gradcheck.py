"""`dlhw-gradcheck`: are the hand-written gradients right?"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlhw.commands.cli import run_command
from dlhw.commands.gradcheck_output import Row, print_json, print_table

if TYPE_CHECKING:
    from dlhw.config.loss import LossName
    from dlhw.config.root import TrainConfig

EPILOG = """\
examples:
  dlhw-gradcheck model=cnn model.pooling=max regularizer=l2
  dlhw-gradcheck model=mlp "model.hidden=[20,10]" model.dropout=0.3
  dlhw-gradcheck --all
  dlhw-gradcheck --only sigmoid --only cross_entropy --timeout 10 --json
  dlhw-gradcheck --identities

Everything runs in float64, at random parameters, inputs and cotangents. "autograd" is max |manual - autograd|
divided by max |autograd|; "differences" is the same against central differences at some coordinates. At a
kink (ReLU at 0, a tie of a maximum) differences mean nothing: such coordinates are left out and counted.
--identities compares textbook formulas of softmax, sigmoid and their losses with autograd instead.
A wrong gradient is explained below the table: the wrong layer nearest to the output, its file and line, and
the factor where there is one. What raises an exception or takes too long fails alone; the others are checked.
Exit status 0: all within tolerance; 1: not.
"""
# The shape of tables is not known before they are read, and any will do to check gradients.
TABLE_SHAPE = (7,)
SAMPLES = 4
# What the checks of a part import.
IMPORTED = (
    "dlhw.hydra_support.compose", "dlhw.models.build", "dlhw.nn.gradcheck", "dlhw.nn.registry",
    "dlhw.optim.regularizers",
)  # fmt: skip
IDENTITY_SAMPLES = 1000


def main() -> None:
    """Entry point of the command."""
    run_command("dlhw-gradcheck", lambda: gradcheck(sys.argv[1:]))


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dlhw-gradcheck",
        description="Compare hand-written gradients with autograd and with central differences.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for dlhw-train")
    parser.add_argument("--all", action="store_true", help="every layer, loss, model and regularizer")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="of --all, only this part; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="fail a part that takes longer (default: no limit)"
    )
    parser.add_argument("--identities", action="store_true", help="textbook identities, instead of gradients")
    parser.add_argument("--tolerance", type=float, default=1e-9, help="against autograd (default 1e-9)")
    parser.add_argument(
        "--difference-tolerance", type=float, default=1e-6, help="against differences (default 1e-6)"
    )
    parser.add_argument("--runs", type=int, default=3, help="length of the run axis (default 3)")
    parser.add_argument("--probes", type=int, default=30, help="coordinates per variable (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    return parser.parse_args(argv)


def gradcheck(argv: list[str]) -> int:
    """Run the checks, print the table, return the exit status."""
    args = parse(argv)
    from dlhw.errors import ConfigError

    if args.identities:
        return _identities(args)
    args.all = args.all or args.only is not None
    if args.all and args.overrides:
        raise ConfigError("--all and --only check what is registered and take no overrides")
    if args.timeout is not None and not (math.isfinite(args.timeout) and args.timeout > 0):
        raise ConfigError(f"--timeout must be > 0 seconds, got {args.timeout}")
    if args.runs < 1 or args.probes < 0:
        raise ConfigError(f"--runs must be >= 1 and --probes >= 0, got {args.runs} and {args.probes}")
    rows = list(_all_rows(args) if args.all else _config_rows(args))
    if args.json:
        return print_json(rows, args)
    return print_table(rows, args)


def _identities(args: argparse.Namespace) -> int:
    from dlhw.errors import ConfigError

    if args.all or args.overrides:
        raise ConfigError("--identities checks formulas, and takes neither --all nor overrides")
    from dlhw.procedures.identities import measure, print_identities

    return print_identities(measure(args.seed, IDENTITY_SAMPLES))


def _config_rows(args: argparse.Namespace) -> Iterator[Row]:
    from dlhw.errors import ConfigError, listing
    from dlhw.hydra_support.compose import compose

    config = compose(args.overrides)
    problems = [*config.model.problems(), *config.regularizer.problems(), *config.data.problems()]
    allowed = config.model.losses
    if config.resolved_loss() not in allowed:
        problems.append(f"loss must be one of {listing(allowed)} for this model, got {config.loss}")
    if problems:
        raise ConfigError("\n".join(problems))
    yield from _guarded(config.model.name, lambda: _model_rows(config, args), args)


def _guarded(part: str, rows: Callable[[], Iterator[Row]], args: argparse.Namespace) -> list[Row]:
    """The rows of a part; one that fails has a single row which says why."""
    from dlhw.errors import UserError
    from dlhw.nn.faults import Fault, raised_at, time_limit
    from dlhw.nn.gradcheck import GradientCheck

    for module in IMPORTED:  # a module whose import is cut off would be broken for the next part
        import_module(module)
    try:
        with time_limit(args.timeout):
            return list(rows())
    except UserError:
        raise
    except Exception as error:
        text = f"raised {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return [(part, GradientCheck.failed("", Fault(part, raised_at(error), text)))]


def _model_rows(config: "TrainConfig", args: argparse.Namespace) -> Iterator[Row]:
    """Checks of a composed model: its layers, its loss, its regularizer."""
    import torch

    from dlhw.config.regularizer import PenaltyConfig
    from dlhw.models.build import build_model
    from dlhw.nn.gradcheck import check_model, check_regularizer
    from dlhw.nn.linear import Affine
    from dlhw.nn.losses import LOSSES
    from dlhw.nn.parameters import ParameterLayout
    from dlhw.optim.regularizers import build_regularizer

    needed = config.model.num_inputs()
    shape = (config.data.input_shape or TABLE_SHAPE) if needed is None else (needed,)
    loss = config.resolved_loss()
    model = build_model([config.model] * args.runs, shape, _outputs(config))
    generator = torch.Generator().manual_seed(args.seed)
    x_1N = torch.randn(1, SAMPLES, *shape, generator=generator, dtype=torch.float64)
    name = config.model.name
    for check in check_model(
        model, LOSSES[loss], x_1N, num_runs=args.runs, probes=args.probes, seed=args.seed
    ):
        yield f"{name} {loss}" if check.name == "loss" else name, check
    if isinstance(config.regularizer, PenaltyConfig) and config.regularizer.alpha > 0:
        # elementwise, so a small example says all; differences of a sum over a large model are only rounding
        layout = ParameterLayout({"fc": Affine(5, 4).specs()})
        like_RP = layout.zeros(args.runs, torch.float64, torch.device("cpu"))
        regularizer = build_regularizer([config.regularizer] * args.runs, layout, like_RP)
        yield (
            config.regularizer.name,
            check_regularizer(
                regularizer, layout, num_runs=args.runs, probes=args.probes, generator=generator
            ),
        )


def _outputs(config: "TrainConfig") -> int:
    loss = config.resolved_loss()
    if loss.is_binary or loss.is_regression:
        return 1
    return config.data.num_classes_kept() or 3


def _all_rows(args: argparse.Namespace) -> Iterator[Row]:
    """Rows of every registered part, or of those that `--only` names."""
    from dlhw.errors import ConfigError, did_you_mean, listing

    parts = list(_parts(args))
    names = list(dict.fromkeys(name for name, _ in parts))
    for name in args.only or ():
        if name not in names:
            near = did_you_mean(name, names)
            raise ConfigError(f"--only {name}: no such part{near or ';'} there are: {listing(names)}")
    for name, rows in parts:
        if args.only is None or name in args.only:
            yield from _guarded(name, rows, args)


def _parts(args: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
    """Every registered layer and loss by itself, then every model, then every penalty."""
    from dlhw.config.options import OPTIONS
    from dlhw.nn.losses import LOSSES
    from dlhw.nn.registry import all_layers

    for name in all_layers():
        yield name, partial(_layer_rows, name, args)
    for loss in LOSSES:
        yield str(loss), partial(_loss_rows, loss, args)
    for model in OPTIONS["model"]:
        yield model, partial(_composed_rows, f"model={model}", args)
    for name in OPTIONS["regularizer"]:
        if name != "none":
            yield name, partial(_penalty_rows, name, args)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(args.seed)
    return {"num_runs": args.runs, "probes": args.probes, "generator": generator}


def _layer_rows(name: str, args: argparse.Namespace) -> Iterator[Row]:
    import torch

    from dlhw.nn.containers import Sequential
    from dlhw.nn.gradcheck import check_layers
    from dlhw.nn.registry import all_layers

    example, options = all_layers()[name], _options(args)
    model = Sequential({"layer": example.make(args.runs)}, example.input_shape)
    shape = (1, SAMPLES, *example.input_shape)
    x_1N = torch.randn(*shape, generator=options["generator"], dtype=torch.float64)
    for check in check_layers(model, x_1N, **options):
        yield name, check


def _loss_rows(name: "LossName", args: argparse.Namespace) -> Iterator[Row]:
    from dlhw.nn.gradcheck import check_loss
    from dlhw.nn.losses import LOSSES

    yield str(name), check_loss(LOSSES[name], 1 if name.is_binary else 4, **_options(args))


def _composed_rows(override: str, args: argparse.Namespace) -> Iterator[Row]:
    from dlhw.hydra_support.compose import compose

    return _model_rows(compose([override]), args)


def _penalty_rows(name: str, args: argparse.Namespace) -> Iterator[Row]:
    yield list(_composed_rows(f"regularizer={name}", args))[-1]


if __name__ == "__main__":
    main()
