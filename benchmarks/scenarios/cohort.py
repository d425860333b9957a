"""Many runs at once: a learning rate each, one tensor program."""

from dataclasses import replace
from typing import Any

from benchmarks.machine import EDGE, LargeProducts
from benchmarks.ours import TORCH
from benchmarks.peers import JAX
from benchmarks.problem import Problem, load_images, noisy, spread
from benchmarks.report import Aim, Comparison, Report, aim_against
from benchmarks.sides import compare, matmul_note

BATCH, EPOCH_STEPS = 64, 750
COHORTS = (16, 32)
FLOOR = f"as many operations in products of {EDGE} x {EDGE}"


def measure(full: bool, steps: int | None = None) -> Report:
    """Seconds of an epoch a run beside JAX's vmap, and how much of the machine's arithmetic that is."""
    steps = steps or (EPOCH_STEPS if full else EPOCH_STEPS // 3)
    name, dataset = load_images()
    rounds = 7 if full else 5
    comparisons, dense = [], []
    for count in COHORTS:
        problem = Problem("mlp", dataset, BATCH, steps, spread(count))
        timing: dict[str, Any] = {"per": count, "scale": EPOCH_STEPS / steps, "unit": "s an epoch a run"}
        title = f"{count} learning rates"
        comparisons.append(compare(title, problem, [JAX], rounds, ways=[TORCH], **timing))
        problem = replace(problem, dataset=noisy(dataset))
        floor = {FLOOR: LargeProducts(count * steps * problem.product_flops())}
        dense.append(compare(f"{title}, noisy images", problem, [JAX], rounds, beside=floor, **timing))
    return Report(
        title="Cohorts",
        notes=[
            f"The network and recipe of one run, {steps * BATCH:,} images ({name}) a round, every run with a "
            "learning rate of its own; JAX runs `vmap` over its `scan`. Of MNIST's pixels 81 % are 0, and "
            "ours leaves those out; in noisy images, the same ones, no two pixels are alike. Their tables' "
            "last line is what the step's matrix products would take at the rate that large ones reach on "
            f"all threads ({EDGE} x {EDGE}, float32, the faster of torch's settings).",
            matmul_note(comparisons[0]),
        ],
        comparisons=[*comparisons, *dense],
        aims=[
            *(aim_against(each, JAX, 0.85, 0.7) for each in (*comparisons, *dense)),
            *(share_of_rate(each) for each in dense),
        ],
    )


def share_of_rate(comparison: Comparison) -> Aim:
    """How much of that rate the matrix products of our steps reach, in percent, all else counted as lost."""
    shares = [100 / ratio for ratio in comparison.ratios(FLOOR)]
    what = f"{comparison.title}: share of the rate of large matrix products"
    return Aim(what, 55, shares, at_least=True, unit="%")
