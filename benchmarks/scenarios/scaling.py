"""How cost grows with the number of runs, the batch, the width and the data."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from benchmarks.dlhw_side import NAME
from benchmarks.peers import JAX, PLAIN
from benchmarks.problem import Problem, load_images, spread
from benchmarks.report import Comparison, Curve, Report
from benchmarks.sides import compare
from dlhw.data.dataset import Dataset, Split

BATCH = 64
RUNS = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 4, 16, 64, 256, 1024)
# At 0.1 networks of 1024 hidden units oscillate and amplify a rounding error to 1e-3 within a hundred steps,
# so no two sides could be compared.
WIDTHS_LR = 0.01
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
IMAGES = (1500, 3000, 6000, 12_000, 24_000, 48_000)

Make = Callable[[int], Problem]


def measure(full: bool, effort: float | None = None) -> Report:
    """Curves of dlhw and of the peers.

    Args:
        full: measure every point, and longer.
        effort: steps per point, as a multiple of the quick ones.
    """
    effort = effort or (4.0 if full else 1.0)
    name, dataset = load_images()
    step = 1 if full else 2
    curves, wrong = [], []
    for curve, make, xs, peers in _plans(dataset, effort):
        comparisons = [_point(make(x), peers, 5 if full else 3) for x in xs[::step]]
        curves.append(_filled(curve, xs[::step], comparisons, per=curve.name))
        wrong += [line for item in comparisons for line in item.disagreements()]
    notes = [
        f"784-128-10 with sigmoid, batch {BATCH}, SGD, L2 ({name}), unless stated otherwise.",
        f"Networks of more or fewer hidden units are trained at a learning rate of {WIDTHS_LR}.",
    ]
    return Report(title="How cost grows", notes=notes, curves=curves, wrong=wrong)


def _plans(dataset: Dataset, effort: float) -> list[tuple[Curve, Make, Sequence[int], Sequence[str]]]:
    def steps(count: float) -> int:
        return max(2, round(effort * count))

    def problem(count: float, batch: int = BATCH) -> Problem:
        return Problem("mlp", dataset, batch, min(steps(count), len(dataset.splits["train"]) // batch))

    def of_size(images: int) -> Problem:
        return replace(problem(1), dataset=first_images(dataset, images), steps=images // BATCH)

    update, both = "µs an update", (PLAIN, JAX)
    return [
        (
            Curve("runs", "Runs in a cohort", "runs", f"{update} a run", (), {}),
            lambda runs: replace(problem(200 / runs**0.7), lrs=spread(runs)), RUNS, (JAX,),
        ),
        (
            Curve("batch", "Batch size", "batch", "µs an image", (), {}),
            lambda batch: problem(3000 / (batch + 16), batch), BATCHES, both,
        ),
        (
            Curve("width", "Hidden units", "hidden units", update, (), {}),
            lambda width: replace(problem(6000 / (width + 40)), width=width, lrs=(WIDTHS_LR,)), WIDTHS, both,
        ),
        (
            Curve("data", "Images", "images", "s an epoch", (), {}),
            of_size, IMAGES[: 3 if effort < 1 else None], both,
        ),
    ]  # fmt: skip


def first_images(dataset: Dataset, count: int) -> Dataset:
    """The data set with its first `count` training images."""
    train = dataset.splits["train"]
    return replace(dataset, splits={"train": Split(train.inputs[:count], train.targets[:count])})


def _point(problem: Problem, peers: Sequence[str], rounds: int) -> Comparison:
    title = f"{len(problem.lrs)} runs, batch {problem.batch_size}, width {problem.width}"
    return compare(title, problem, peers, rounds, per=problem.steps * len(problem.lrs), unit="s an update")


def _filled(curve: Curve, xs: Sequence[int], comparisons: Sequence[Comparison], per: str) -> Curve:
    """The curve with the medians of the comparisons, in its unit."""
    units: dict[str, Callable[[int], float]] = {
        "batch": lambda batch: 1e6 / batch,
        "data": lambda images: float(images // BATCH),
    }
    unit = units.get(per, lambda x: 1e6)
    sides = [side for side in (NAME, PLAIN, JAX) if side in comparisons[0].rounds]
    return replace(
        curve,
        x=list(xs),
        sides={
            side: [unit(x) * median(item.rounds[side]) for x, item in zip(xs, comparisons, strict=True)]
            for side in sides
        },
    )
