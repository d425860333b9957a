"""`dlhw-gradcheck`: are the hand-written gradients right?"""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dlhw.cli import run_command

if TYPE_CHECKING:
    from dlhw.config.root import TrainConfig
    from dlhw.nn.check import Check

EPILOG = """\
examples:
  dlhw-gradcheck model=cnn model.pooling=max regularizer=l2
  dlhw-gradcheck model=mlp "model.hidden=[20,10]" model.dropout=0.3
  dlhw-gradcheck --all
  dlhw-gradcheck --identities

Everything runs in float64, at random parameters, inputs and cotangents. "autograd" is max |manual - autograd|
divided by max |autograd|; "differences" is the same against central differences at some coordinates. At a
kink (ReLU at 0, a tie of a maximum) differences mean nothing: such coordinates are left out and counted.
--identities compares textbook formulas of softmax, sigmoid and their losses with autograd instead.
Exit status 0: all within tolerance; 1: not.
"""
# Images have a known shape; tables do not before they are read, and any will do to check gradients.
SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "octmnist": (1, 28, 28)}
TABLE_SHAPE = (7,)
SAMPLES = 4
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
    if args.all and args.overrides:
        raise ConfigError("--all checks everything registered and takes no overrides")
    if args.runs < 1 or args.probes < 0:
        raise ConfigError(f"--runs must be >= 1 and --probes >= 0, got {args.runs} and {args.probes}")
    rows = list(_all_rows(args) if args.all else _config_rows(args))
    return _print_table(rows, args)


def _identities(args: argparse.Namespace) -> int:
    from dlhw.errors import ConfigError

    if args.all or args.overrides:
        raise ConfigError("--identities checks formulas, and takes neither --all nor overrides")
    from dlhw.procedures.identities import measure
    from dlhw.procedures.identity_table import print_identities

    return print_identities(measure(args.seed, IDENTITY_SAMPLES))


def _config_rows(args: argparse.Namespace) -> Iterator[tuple[str, "Check"]]:
    from dlhw.config.compose import compose
    from dlhw.config.root import MODEL_LOSSES
    from dlhw.errors import ConfigError, listing

    config = compose(args.overrides)
    problems = [*config.model.problems(), *config.regularizer.problems(), *config.data.problems()]
    allowed = MODEL_LOSSES[config.model.name]
    if config.resolved_loss() not in allowed:
        problems.append(f"loss must be one of {listing(allowed)} for this model, got {config.loss}")
    if problems:
        raise ConfigError("\n".join(problems))
    yield from _model_rows(config, args)


def _model_rows(config: "TrainConfig", args: argparse.Namespace) -> Iterator[tuple[str, "Check"]]:
    """Checks of a composed model: its layers, its loss, its regularizer."""
    import torch

    from dlhw.config.regularizer import PenaltyConfig
    from dlhw.models.build import build_model
    from dlhw.nn.affine import Affine
    from dlhw.nn.check import check_model, check_regularizer
    from dlhw.nn.losses import LOSSES
    from dlhw.nn.parameters import Layout
    from dlhw.optim.regularizers import build_regularizer

    needed = config.model.num_inputs()
    shape = SHAPES.get(config.data.name, TABLE_SHAPE) if needed is None else (needed,)
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
        layout = Layout({"fc": Affine(5, 4).specs()})
        like_RP = layout.zeros(args.runs, torch.float64, torch.device("cpu"))
        regularizer = build_regularizer([config.regularizer] * args.runs, layout, like_RP)
        yield (
            config.regularizer.name,
            check_regularizer(
                regularizer, layout, num_runs=args.runs, probes=args.probes, generator=generator
            ),
        )


def _outputs(config: "TrainConfig") -> int:
    from dlhw.config.root import BINARY, SQUARED

    loss = config.resolved_loss()
    if loss in BINARY or loss in SQUARED:
        return 1
    return config.data.num_classes_kept() or 3


def _all_rows(args: argparse.Namespace) -> Iterator[tuple[str, "Check"]]:
    """Every registered layer and loss by itself, then every model, then every penalty."""
    import torch

    from dlhw.config.compose import compose
    from dlhw.config.model import MODELS
    from dlhw.config.regularizer import REGULARIZERS
    from dlhw.config.root import BINARY
    from dlhw.nn.check import check_layers, check_loss
    from dlhw.nn.losses import LOSSES
    from dlhw.nn.registry import LAYERS
    from dlhw.nn.sequential import Sequential

    generator = torch.Generator().manual_seed(args.seed)
    options = {"num_runs": args.runs, "probes": args.probes, "generator": generator}
    for name, example in LAYERS.items():
        model = Sequential({"layer": example.make(args.runs)}, example.input_shape)
        x_1N = torch.randn(1, SAMPLES, *example.input_shape, generator=generator, dtype=torch.float64)
        for check in check_layers(model, x_1N, **options):
            yield name, check
    for loss_name, loss in LOSSES.items():
        yield loss_name, check_loss(loss, 1 if loss_name in BINARY else 4, **options)
    for model_name in MODELS:
        yield from _model_rows(compose([f"model={model_name}"]), args)
    for regularizer in REGULARIZERS:
        if regularizer != "none":
            yield list(_model_rows(compose([f"regularizer={regularizer}"]), args))[-1]


def _print_table(rows: list[tuple[str, "Check"]], args: argparse.Namespace) -> int:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title="manual gradients, float64", title_justify="left")
    for heading in ("part", "gradient of"):
        table.add_column(heading)
    for heading in ("autograd", "differences", "probes", "kinks", "max |gradient|"):
        table.add_column(heading, justify="right")
    table.add_column("")
    failed = 0
    for part, check in rows:
        passes = check.passes(args.tolerance, args.difference_tolerance)
        failed += not passes
        numbers = (f"{check.error:.1e}", f"{check.difference_error:.1e}", str(check.probes), str(check.kinks))
        verdict = "ok" if passes else "[red bold]WRONG"
        table.add_row(part, check.name, *numbers, f"{check.scale:.1e}", verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else 110).print(table)
    tolerances = f"tolerances {args.tolerance:.0e} and {args.difference_tolerance:.0e}"
    told = (
        f"{failed} of {len(rows)} gradients are WRONG" if failed else f"all {len(rows)} gradients are right"
    )
    print(f"{told} ({tolerances})")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
