"""`dlhw-gradcheck`: are the hand-written gradients right?"""

import argparse
import math
import sys

from dlhw.commands.cli import run_command
from dlhw.commands.gradcheck_output import print_json, print_table
from dlhw.errors import ConfigError

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
    if args.identities:
        return _identities(args)
    args.all = args.all or args.only is not None
    if args.all and args.overrides:
        raise ConfigError("--all and --only check what is registered and take no overrides")
    if args.timeout is not None and not (math.isfinite(args.timeout) and args.timeout > 0):
        raise ConfigError(f"--timeout must be > 0 seconds, got {args.timeout}")
    if args.runs < 1 or args.probes < 0:
        raise ConfigError(f"--runs must be >= 1 and --probes >= 0, got {args.runs} and {args.probes}")
    from dlhw.hydra_support.compose import compose
    from dlhw.models.gradient_checks import CheckOptions, check_config, check_registered

    options = CheckOptions(num_runs=args.runs, probes=args.probes, seed=args.seed, timeout=args.timeout)
    if args.all:
        rows = list(check_registered(options, compose, args.only))
    else:
        rows = check_config(compose(args.overrides), options)
    if args.json:
        return print_json(rows, args)
    return print_table(rows, args)


def _identities(args: argparse.Namespace) -> int:
    if args.all or args.overrides:
        raise ConfigError("--identities checks formulas, and takes neither --all nor overrides")
    from dlhw.procedures.identities import measure, print_identities

    return print_identities(measure(args.seed, IDENTITY_SAMPLES))


if __name__ == "__main__":
    main()
