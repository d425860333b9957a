"""The same runs on a GPU; skipped, with the reason, where there is none."""

import pytest
from training_runs import largest_difference, small, train_together

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
