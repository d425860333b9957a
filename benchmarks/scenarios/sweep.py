"""The experiment `cs7643/lr` as a command, beside the same runs with a Lightning trainer."""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.commands import ROOT, accuracies_of_test, data_overrides, run, train_command
from benchmarks.page import three_digits
from benchmarks.peers import LIGHTNING, why_absent
from benchmarks.report import Aim, Report, Table

RATES, EPOCHS, SEEDS = ("1", "0.1", "0.05", "0.01"), 10, 3
LIMIT = 1 / 20
WHOLE, FOUR = "cs7643/lr, 12 runs: dlhw / Lightning", "cs7643/lr with one seed, 4 runs: dlhw / Lightning"
# Other first weights, another order of the samples: what the experiment allows its published numbers, which
# our mean over seeds is compared with in the same way.
SAME_ACCURACY = 0.015


@dataclass(frozen=True)
class Lightning:
    """What the script took.

    Args:
        wall: seconds of the whole process.
        fits: seconds of all its fits.
        epochs: of all its runs.
        accuracies: test accuracy of each run.
    """

    wall: float
    fits: float
    epochs: int
    accuracies: list[float]

    def scaled(self, epochs: int) -> float:
        """Seconds of the whole process with so many epochs of all runs."""
        return self.wall + self.fits * (epochs / self.epochs - 1)


def measure(full: bool, epochs: int = EPOCHS) -> Report:
    """Seconds of whole commands."""
    reason = why_absent(LIGHTNING)
    if reason is not None:
        aims = [Aim(what, LIMIT, reason=f"{LIGHTNING} {reason}") for what in (WHOLE, FOUR)]
        return Report(title="A whole sweep", aims=aims)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs = lightning(list(RATES) if full else ["0.1"], epochs if full else 1)
        whole, accuracies = ours(folder / "whole", SEEDS, epochs)
        four, _ = ours(folder / "four", 1, epochs)
    runs, is_whole = len(RATES), theirs.epochs == len(RATES) * epochs
    all_theirs, four_theirs = (theirs.scaled(count * runs * epochs) for count in (SEEDS, 1))
    rows = [
        ["12 runs", three_digits(whole), f"{three_digits(all_theirs)}, scaled"],
        ["4 runs", three_digits(four), three_digits(four_theirs) + ("" if is_whole else ", scaled")],
    ]
    return Report(
        title="A whole sweep",
        notes=[_note(theirs)],
        tables=[Table("Seconds of the whole command:", ("`cs7643/lr`", "dlhw", LIGHTNING), rows)],
        aims=[Aim(WHOLE, LIMIT, [whole / all_theirs]), Aim(FOUR, LIMIT, [four / four_theirs])],
        wrong=unequal(accuracies, theirs.accuracies) if is_whole and epochs == EPOCHS else [],
    )


def _note(theirs: Lightning) -> str:
    each = theirs.fits / theirs.epochs
    return (
        "`dlhw-train experiment=cs7643/lr` as it stands (4 learning rates, 3 seeds, 10 epochs, its report, "
        "figures, checkpoints and TensorBoard events), and with one seed. Lightning: one script, a Trainer a "
        "run, loaders of torchvision's MNIST, validation after each epoch, CSV logger, best checkpoint, "
        f"test. Of its epochs {theirs.epochs} were measured ({each:.2f} s each with validation); where a "
        "number says scaled, its fits are multiplied to 10 epochs a run, and its start is counted once."
    )


def ours(folder: Path, seeds: int, epochs: int) -> tuple[float, list[float]]:
    """Wall time of our command, and the final test accuracy at each learning rate, averaged over seeds."""
    data = [each for each in data_overrides() if each.startswith("data.root")]
    options = [f"seeds={seeds}", f"trainer.epochs={epochs}", "hydra.sweep.dir=sweep", "tracking.console=none"]
    seconds, _ = run(train_command("experiment=cs7643/lr", *data, *options), folder)
    found = accuracies_of_test(folder / "sweep", "final")
    return seconds, [fmean(found[name] for name in found if _is_of(name, rate)) for rate in RATES]


def _is_of(name: str, rate: str) -> bool:
    """Whether a run's folder, such as `lr=0.1,seed=0`, is of a learning rate."""
    return any(word in (f"lr={rate}", f"optimizer.lr={rate}") for word in name.split(","))


def lightning(rates: list[str], epochs: int) -> Lightning:
    """Run the script."""
    command = [sys.executable, "-m", "benchmarks.peers.lightning_sweep", "--epochs", str(epochs)]
    wall, out = run([*command, "--lrs", *rates], ROOT)
    told = json.loads(out.splitlines()[-1])
    return Lightning(wall, told["fit_seconds"], epochs * len(rates), told["accuracies"])


def unequal(ours: list[float], theirs: list[float]) -> list[str]:
    """A sentence for each learning rate whose test accuracies are too far apart."""
    return [
        f"cs7643/lr: test accuracy at lr {rate} is {mine:.4f} with dlhw (mean), {other:.4f} with Lightning; "
        f"{SAME_ACCURACY} is allowed"
        for rate, mine, other in zip(RATES, ours, theirs, strict=True)
        if not abs(mine - other) <= SAME_ACCURACY
    ]
