"""Small problems for the benchmark's sides."""

import pytest

from benchmarks.problem import Problem, random_images, spread


@pytest.fixture(scope="session")
def problems() -> dict[str, Problem]:
    """One run and a cohort of the MLP, and the CNN, on 96 random images."""
    images = random_images(96)
    return {
        "mlp": Problem("mlp", images, 16, 5, width=12),
        "cohort": Problem("mlp", images, 16, 5, spread(3), width=12),
        "cnn": Problem("cnn", images, 8, 4),
    }
