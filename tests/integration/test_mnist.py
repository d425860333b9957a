"""The published two-layer network on the real MNIST (Georgia Tech CS 7643, homework 1)."""

from pathlib import Path

import pytest
from commands import run, summary, train

pytestmark = pytest.mark.mnist

RECIPE = [
    "data=mnist", "model=mlp", "model.hidden=[128]", "model.activation=sigmoid", "model.init.scheme=normal",
    "model.init.std=0.001", "regularizer=l2", "regularizer.alpha=1e-3", "trainer.epochs=10",
]  # fmt: skip
# lr -> train and test accuracy of two reports, and the tolerance against the nearer one
PUBLISHED = {"0.1": ((0.9218, 0.9214), (0.9250, 0.9267), 0.004)}


@pytest.mark.parametrize("lr", PUBLISHED)
def test_published_accuracy(lr: str, tmp_path: Path) -> None:
    train_published, test_published, tolerance = PUBLISHED[lr]
    folder = train(*RECIPE, f"optimizer.lr={lr}", "seed=0", cwd=tmp_path)
    record = summary(folder)
    assert record["num_samples"] == {"train": 48_000, "val": 12_000, "test": 10_000}
    for split, published in (("train", train_published), ("test", test_published)):
        accuracy = record["final" if split == "train" else "best"][split]["accuracy"]
        assert min(abs(accuracy - value) for value in published) <= tolerance, (split, accuracy)
    again = run("dlhw-eval", str(folder), cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
