"""One run at batch 64: the network of the homework, an epoch of 48,000 images."""

from benchmarks.dlhw_side import AUTOGRAD, EAGER
from benchmarks.peers import JAX, LIGHTNING, LOADER, PLAIN, SCIKIT
from benchmarks.problem import Problem, load_images, noisy
from benchmarks.report import Report, aim_against
from benchmarks.sides import compare, matmul_note

BATCH, EPOCH_STEPS = 64, 750


def measure(full: bool, steps: int = EPOCH_STEPS) -> Report:
    """Seconds of an epoch, compared with every peer."""
    name, dataset = load_images()
    problem = Problem("mlp", dataset, BATCH, steps)
    fast = compare(
        "one run, batch 64", problem, [PLAIN, SCIKIT, JAX], 9 if full else 5, per=1, unit="s an epoch",
        backends=[EAGER, AUTOGRAD],
    )  # fmt: skip
    dense = compare(
        "one run, batch 64, noisy images", Problem("mlp", noisy(dataset), BATCH, steps), [PLAIN, JAX],
        9 if full else 5, per=1, unit="s an epoch",
    )  # fmt: skip
    slow = compare(
        "one run, batch 64, with data loaders", problem, [LOADER, LIGHTNING], 3 if full else 1, per=1,
        unit="s an epoch",
    )  # fmt: skip
    return Report(
        title="One run",
        notes=[
            f"784-128-10 with sigmoid, batch {BATCH}, {steps * BATCH:,} images ({name}), SGD, L2; same "
            "initial weights, same batches in the same order on all sides. Of MNIST's pixels 81 % are 0, and "
            "dlhw skips those; in the noisy images of the second table no two pixels are alike.",
            matmul_note(fast),
        ],
        comparisons=[fast, dense, slow],
        aims=[
            aim
            for item in (fast, dense)
            for aim in (aim_against(item, PLAIN, 0.5), aim_against(item, JAX, 1.4, 1.0))
        ],  # fmt: skip
    )
