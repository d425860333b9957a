"""The experiments on OctMNIST, with a small file of the same form: they run whole, and compare every number."""

from pathlib import Path

import numpy as np
import pytest
from commands import run

from dlhw.hydra_support.compose import load_experiment

# experiment -> cells for one seed
EXPERIMENTS = {"ist/perceptron": 1, "ist/mlp_lr": 4, "ist/mlp_regularization": 3}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Folder with an octmnist.npz of noise: 64, 16 and 24 images, four classes in turn."""
    random, arrays = np.random.default_rng(0), {}
    for split, count in (("train", 64), ("val", 16), ("test", 24)):
        arrays[f"{split}_images"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 4)[:, None].astype(np.uint8)
    np.savez(tmp_path / "octmnist.npz", **arrays)  # type: ignore[arg-type]
    return tmp_path


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_on_a_small_file(root: Path, name: str) -> None:
    cells = EXPERIMENTS[name]
    small = ["data.test_per_class=[1,2,3,4]", "trainer.epochs=2", "trainer.batch_size=16", "seeds=1"]
    own = [f"data.root={root}", "data.download=false", "tracking.console=none", "tracking.tensorboard=false"]
    done = run("dlhw-train", f"experiment={name}", *small, *own, cwd=root)
    assert done.returncode == 0, done.stderr
    folder = f"runs/experiments/{name.replace('/', '-')}"
    assert f"{cells} run{'s' * (cells > 1)}: {cells} completed in {folder}" in done.stdout
    experiment = load_experiment(name)
    published = len(experiment.deciding_values())
    checks = sum(check.decides for check in experiment.checks)
    (headline,) = [line for line in done.stdout.splitlines() if " published values agree" in line]
    assert f" of {published} published values agree" in headline
    assert (f" of {checks} checks shown" in headline) == bool(checks)
    assert "incomplete" not in headline
