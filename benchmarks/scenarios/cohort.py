"""Many runs at once: a learning rate each, one tensor program."""

from dataclasses import replace
from typing import Any

from benchmarks.dlhw_side import EAGER
from benchmarks.machine import EDGE, LargeProducts
from benchmarks.peers import JAX
from benchmarks.problem import Problem, load_images, noisy, spread
from benchmarks.report import Aim, Comparison, Report, aim_against
from benchmarks.sides import compare, matmul_note

BATCH, EPOCH_STEPS = 64, 750
COHORTS = (16, 32)
FLOOR = f"as many operations in products of {EDGE} x {EDGE}"


def measure(full: bool, steps: int | None = None) -> Report:
    """Seconds per epoch and run, compared with JAX's vmap, and the share of the machine's arithmetic."""
    steps = steps or (EPOCH_STEPS if full else EPOCH_STEPS // 3)
    name, dataset = load_images()
    rounds = 7 if full else 5
    comparisons, dense = [], []
    for count in COHORTS:
        problem = Problem("mlp", dataset, BATCH, steps, spread(count))
        timing: dict[str, Any] = {"per": count, "scale": EPOCH_STEPS / steps, "unit": "s an epoch a run"}
        title = f"{count} learning rates"
        comparisons.append(compare(title, problem, [JAX], rounds, backends=[EAGER], **timing))
        problem = replace(problem, dataset=noisy(dataset))
        floor = {FLOOR: LargeProducts(count * steps * problem.product_flops())}
        dense.append(compare(f"{title}, noisy images", problem, [JAX], rounds, beside=floor, **timing))
    return Report(
        title="Cohorts",
        notes=[
            f"The network and recipe of one run, {steps * BATCH:,} images ({name}) a round, each run with "
            "its own learning rate; JAX runs `vmap` over its `scan`. Of MNIST's pixels 81 % are 0, and dlhw "
            "skips those; in noisy images, which are the same images plus noise, no two pixels are alike. "
            "The last line of their tables is the time that the step's matrix products would take at the "
            f"rate that large ones reach on all threads ({EDGE} x {EDGE}, float32, the faster of torch's "
            "settings).",
            matmul_note(comparisons[0]),
        ],
        comparisons=[*comparisons, *dense],
        aims=[
            *(aim_against(item, JAX, 0.85, 0.7) for item in (*comparisons, *dense)),
            *(share_of_rate(item) for item in dense),
        ],
    )


def share_of_rate(comparison: Comparison) -> Aim:
    """Share of that rate that dlhw's steps reach, in percent, if all other work counts as lost."""
    shares = [100 / ratio for ratio in comparison.ratios(FLOOR)]
    what = f"{comparison.title}: share of the rate of large matrix products"
    return Aim(what, 55, shares, at_least=True, unit="%")
