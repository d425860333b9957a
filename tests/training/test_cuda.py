"""The same runs on a GPU; skipped, with the reason, where there is none."""

import pytest
import torch
from training_runs import largest_difference, regression, small, train_together

from dlhw.status import Status

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize(
    "overrides",
    [("model.hidden=[12]", "model.dropout=0.2"), ("model=cnn", "model.filters=[3]", "model.pooling=max")],
    ids=["mlp", "cnn"],
)
def test_a_gpu_gives_the_numbers_of_the_cpu(overrides: tuple[str, ...]) -> None:
    on_cpu, on_gpu = (
        train_together([small(*overrides, f"trainer.device={device}", f"seed={seed}") for seed in range(3)])
        for device in ("cpu", "cuda")
    )
    for cpu, gpu in zip(on_cpu, on_gpu, strict=True):
        assert largest_difference(cpu.first, gpu.first) == 0
        assert largest_difference(cpu.last, gpu.last) < 1e-9


def test_a_gpu_gives_the_same_bits_again() -> None:
    overrides = (
        "model=cnn",
        "model.filters=[3]",
        "model.dropout=0.2",
        "trainer.device=cuda",
        "trainer.dtype=float32",
    )
    first, again = (
        train_together([small(*overrides, f"seed={seed}") for seed in range(3)]) for _ in range(2)
    )
    assert torch.are_deterministic_algorithms_enabled()
    for one, other in zip(first, again, strict=True):
        assert largest_difference(one.last, other.last) == 0


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_captured_step_is_the_step(optimizer: str) -> None:
    """Steps replayed as a graph, and made of single operations of PyTorch; the last batch of an epoch is smaller."""
    replayed, eager = (
        train_together(
            [
                small(f"optimizer={optimizer}", "optimizer.lr=0.01", "trainer.device=cuda",
                      f"trainer.backend={backend}", f"seed={seed}")
                for seed in range(3)
            ]
        )
        for backend in ("cuda_graph", "eager")
    )  # fmt: skip
    for one, other in zip(replayed, eager, strict=True):
        assert one.info is not None
        assert one.info.backend == "cuda_graph"
        assert largest_difference(one.last, other.last) < 1e-12


def test_a_captured_step_sees_what_is_not_finite() -> None:
    configs = [
        small("model=linear", "data=csv", "data.train=unused.csv", "data.task=regression",
              "trainer.device=cuda", "trainer.epochs=30", f"optimizer.lr={lr}")
        for lr in ("1e-3", "3")
    ]  # fmt: skip
    calm, wild = train_together(configs, [regression()])
    assert calm.result.status is Status.completed
    assert wild.result.status is Status.diverged
    assert all(bool(value.isfinite().all()) for value in wild.last.values())
