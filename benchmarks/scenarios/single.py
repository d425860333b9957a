"""One run at batch 64: the network of the homework, an epoch of 48,000 images."""

from benchmarks.ours import AUTOGRAD, TORCH
from benchmarks.peers import JAX, LIGHTNING, LOADER, PLAIN, SCIKIT
from benchmarks.problem import Problem, load_images
from benchmarks.report import Report, aim_against
from benchmarks.sides import compare, matmul_note

BATCH, EPOCH_STEPS = 64, 750


def measure(full: bool, steps: int = EPOCH_STEPS) -> Report:
    """Seconds of an epoch, beside every peer."""
    name, dataset = load_images()
    problem = Problem("mlp", dataset, BATCH, steps)
    fast = compare(
        "one run, batch 64", problem, [PLAIN, SCIKIT, JAX], 9 if full else 5, per=1, unit="s an epoch",
        ways=[TORCH, AUTOGRAD],
    )  # fmt: skip
    slow = compare(
        "one run, batch 64, with data loaders", problem, [LOADER, LIGHTNING], 3 if full else 1, per=1,
        unit="s an epoch",
    )  # fmt: skip
    return Report(
        title="One run",
        notes=[
            f"784-128-10 with sigmoid, batch {BATCH}, {steps * BATCH:,} images ({name}), SGD, L2; same first "
            "weights, same batches in the same order on all sides.",
            matmul_note(fast),
        ],
        comparisons=[fast, slow],
        aims=[aim_against(fast, PLAIN, 0.5), aim_against(fast, JAX, 1.4, 1.0)],
    )
