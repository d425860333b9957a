"""Descriptions of cohorts."""

from dlhw.execution.grouping import describe, group
from dlhw.hydra_support.compose import compose

STEP = "[{weight: [[1, 0], [0, 1]], bias: [0, 0], activation: step}, {weight: [[1, 1]], bias: [%s], activation: step}]"


def test_the_layers_of_a_net_built_by_hand_are_cut_short() -> None:
    base = ["data=triangle", "model=hand_built", "loss=binary_squared_error", "trainer.epochs=0"]
    configs = [compose([*base, f"model.layers={STEP % bias}"]) for bias in (0, 1)]
    description = describe(configs, group(configs))
    assert description.startswith("2 runs, trained together in 2 groups (1 × model.layers=[{'weight': [[1")
    assert len(description) < 170
    assert description.count("…") == 2


def test_short_values_are_shown_whole() -> None:
    configs = [compose([f"trainer.batch_size={size}"]) for size in (16, 64, 16)]
    assert describe(configs, group(configs)) == (
        "3 runs, trained together in 2 groups (2 × trainer.batch_size=16, 1 × trainer.batch_size=64)"
    )
