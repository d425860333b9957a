"""The small CNN: 32 filters 3x3, ReLU, affine."""

from benchmarks.dlhw_side import AUTOGRAD
from benchmarks.peers import JAX, PLAIN
from benchmarks.problem import Problem, load_images
from benchmarks.report import Report, aim_against
from benchmarks.sides import compare, matmul_note

# At 0.1 the kinks amplify a rounding error to 1e-3 within four rounds, and no two sides could be compared.
BATCH, LR = 64, 0.01


def measure(full: bool, steps: int = 200) -> Report:
    """Seconds for 12,800 images, with hand-written backward passes and with autograd."""
    name, dataset = load_images()
    problem = Problem("cnn", dataset, BATCH, steps, (LR,))
    images = f"{steps * BATCH:,} images"
    comparison = compare(
        f"small CNN, {images}", problem, [PLAIN, JAX], 7 if full else 3, per=1, unit="s", backends=[AUTOGRAD]
    )
    medium = compare(
        f"small CNN, {images}, torch's products at medium", problem, [PLAIN], 7 if full else 3, per=1,
        unit="s", overrides=["trainer.matmul=medium"],
    )  # fmt: skip
    return Report(
        title="Small CNN",
        notes=[
            f"32 filters 3x3, ReLU, affine; batch {BATCH}, learning rate {LR} ({name}).",
            matmul_note(comparison),
            matmul_note(medium),
        ],
        comparisons=[comparison, medium],
        aims=[aim_against(item, PLAIN, 0.8) for item in (comparison, medium)],
    )
