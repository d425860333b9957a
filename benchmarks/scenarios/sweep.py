"""The experiment `cs7643/lr` as a command, compared with the same runs in Lightning."""

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
# Initial weights and order of the samples differ: the tolerance is that of the experiment's published
# numbers, with which dlhw's mean over seeds is compared in the same way.
SAME_ACCURACY = 0.015


@dataclass(frozen=True)
class Lightning:
    """What the script measured.

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
        """Seconds of the whole process for a given number of epochs of all runs."""
        return self.wall + self.fits * (epochs / self.epochs - 1)


def measure(full: bool, epochs: int = EPOCHS) -> Report:
    """Seconds of whole commands."""
    reason = why_absent(LIGHTNING)
    if reason is not None:
        aims = [Aim(what, LIMIT, reason=f"{LIGHTNING} {reason}") for what in (WHOLE, FOUR)]
        return Report(title="A whole sweep", aims=aims)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = lightning(list(RATES) if full else ["0.1"], epochs if full else 1)
        whole, accuracies = dlhw_sweep(folder / "whole", SEEDS, epochs)
        four, _ = dlhw_sweep(folder / "four", 1, epochs)
    runs, is_whole = len(RATES), peer.epochs == len(RATES) * epochs
    all_peer, four_peer = (peer.scaled(count * runs * epochs) for count in (SEEDS, 1))
    rows = [
        ["12 runs", three_digits(whole), f"{three_digits(all_peer)}, scaled"],
        ["4 runs", three_digits(four), three_digits(four_peer) + ("" if is_whole else ", scaled")],
    ]
    return Report(
        title="A whole sweep",
        notes=[_note(peer)],
        tables=[Table("Seconds of the whole command:", ("`cs7643/lr`", "dlhw", LIGHTNING), rows)],
        aims=[Aim(WHOLE, LIMIT, [whole / all_peer]), Aim(FOUR, LIMIT, [four / four_peer])],
        wrong=unequal(accuracies, peer.accuracies) if is_whole and epochs == EPOCHS else [],
    )


def _note(peer: Lightning) -> str:
    seconds = peer.fits / peer.epochs
    return (
        "`dlhw-train experiment=cs7643/lr` unchanged (4 learning rates, 3 seeds, 10 epochs, its report, "
        "figures, checkpoints and TensorBoard events), and with one seed. Lightning: one script, one Trainer "
        "per run, loaders of torchvision's MNIST, validation after each epoch, CSV logger, best checkpoint, "
        f"test. Of its epochs {peer.epochs} were measured ({seconds:.2f} s each with validation); a "
        "number marked scaled has its fits multiplied to 10 epochs per run, and its start counted once."
    )


def dlhw_sweep(folder: Path, seeds: int, epochs: int) -> tuple[float, list[float]]:
    """Wall time of dlhw's command, and the final test accuracy at each learning rate, averaged over seeds."""
    data = [override for override in data_overrides() if override.startswith("data.root")]
    options = [f"seeds={seeds}", f"trainer.epochs={epochs}", "hydra.sweep.dir=sweep", "tracking.console=none"]
    seconds, _ = run(train_command("experiment=cs7643/lr", *data, *options), folder)
    scores = accuracies_of_test(folder / "sweep", "final")
    return seconds, [fmean(scores[name] for name in scores if _is_of(name, rate)) for rate in RATES]


def _is_of(name: str, rate: str) -> bool:
    """Whether a run's folder, such as `lr=0.1,seed=0`, is of a learning rate."""
    return any(word in (f"lr={rate}", f"optimizer.lr={rate}") for word in name.split(","))


def lightning(rates: list[str], epochs: int) -> Lightning:
    """Run the script."""
    command = [sys.executable, "-m", "benchmarks.peers.lightning_sweep", "--epochs", str(epochs)]
    wall, out = run([*command, "--lrs", *rates], ROOT)
    output = json.loads(out.splitlines()[-1])
    return Lightning(wall, output["fit_seconds"], epochs * len(rates), output["accuracies"])


def unequal(own_accuracies: list[float], others: list[float]) -> list[str]:
    """A sentence for each learning rate whose test accuracies are too far apart."""
    return [
        f"cs7643/lr: test accuracy at lr {rate} is {own:.4f} with dlhw (mean), {other:.4f} with Lightning; "
        f"{SAME_ACCURACY} is allowed"
        for rate, own, other in zip(RATES, own_accuracies, others, strict=True)
        if not abs(own - other) <= SAME_ACCURACY
    ]
