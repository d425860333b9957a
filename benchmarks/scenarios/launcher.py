"""Whole sweep commands: the fused launcher and Hydra's basic one, with all files of a run."""

import tempfile
from pathlib import Path

from benchmarks.commands import accuracies_of_test, data_overrides, run, train_command
from benchmarks.report import Aim, Comparison, Report

RECIPE = [
    "model.activation=sigmoid", "model.init.scheme=normal", "model.init.std=0.001", "regularizer=l2",
    "regularizer.alpha=1e-3", "tracking.console=none", "hydra.sweep.dir=sweep",
]  # fmt: skip
FOUR = ["1", "0.1", "0.05", "0.01"]
LIMITS = {4: 0.65, 32: 0.45}
ROUNDS = {4: 3, 32: 1}
FUSED, BASIC = "fused", "basic"
# Runs of a cohort differ from separate runs by float32 rounding over thousands of steps.
SAME_ACCURACY = 0.003


def measure(full: bool, epochs: int = 10) -> Report:
    """Seconds of the learning-rate sweep: a few times with 4 values, once with 32, which takes minutes."""
    with tempfile.TemporaryDirectory() as name:
        comparisons = {
            count: _compare(count, epochs, Path(name) / str(count), ROUNDS[count]) for count in LIMITS
        }
        wrong = [line for count in LIMITS for line in _unequal(count, Path(name) / str(count))]
    return Report(
        title="Sweeps: the fused launcher",
        notes=[f"784-128-10 with sigmoid, {epochs} epochs, {data_overrides()[0]}, whole commands, in turn."],
        comparisons=list(comparisons.values()),
        aims=[_aim(count, comparison) for count, comparison in comparisons.items()],
        wrong=wrong,
    )


def _compare(count: int, epochs: int, folder: Path, times: int) -> Comparison:
    rounds: dict[str, list[float]] = {FUSED: [], BASIC: []}
    for number in range(times):
        for launcher, taken in rounds.items():
            lrs = f"optimizer.lr={','.join(rates(count))}"
            options = [f"trainer.epochs={epochs}", f"hydra/launcher={launcher}", *data_overrides(), *RECIPE]
            seconds, _ = run(train_command("-m", lrs, *options), folder / str(number) / launcher)
            taken.append(seconds)
    return Comparison(f"{count} learning rates, whole command", "s", FUSED, rounds)


def _aim(count: int, comparison: Comparison) -> Aim:
    what = f"{count} learning rates, whole command: fused / basic"
    return Aim(what, LIMITS[count], comparison.ratios(BASIC))


def _unequal(count: int, folder: Path) -> list[str]:
    """A sentence if the two launchers reached other scores."""
    fused, basic = (accuracies_of_test(folder / "0" / launcher) for launcher in (FUSED, BASIC))
    if fused.keys() != basic.keys() or len(fused) != count:
        return [f"{count} learning rates: {len(fused)} fused and {len(basic)} basic runs ended"]
    difference = max(abs(fused[run] - basic[run]) for run in fused)
    if difference <= SAME_ACCURACY:
        return []
    return [f"{count} learning rates: test accuracies differ by {difference:.4f}, {SAME_ACCURACY} is allowed"]


def rates(count: int) -> list[str]:
    """The homework's four learning rates, or `count` of them between 0.01 and 1."""
    return FOUR if count == 4 else [f"{10 ** (-2 + 2 * place / (count - 1)):.5g}" for place in range(count)]
