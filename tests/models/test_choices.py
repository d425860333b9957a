"""Which models can be trained, and with which losses."""

import pytest

from dlhw.config.load import check
from dlhw.config.loss import LossName
from dlhw.config.model import CNNConfig, MLPConfig, ModelConfig
from dlhw.config.model_base import Activation
from dlhw.config.model_graph import DagConfig, NodeConfig, NodeKind
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose
from dlhw.models.build import build_model

CLASSES = "data.classes=[0,1]"
THRESHOLD_NODE = NodeConfig(name="output", layer=NodeKind("sign"), inputs=["fc"])
HAVE_THRESHOLDS: list[tuple[ModelConfig, bool]] = [
    (MLPConfig(), False),
    (MLPConfig(activation=Activation.step), True),
    (MLPConfig(hidden=[], activation=Activation.step), False),
    (MLPConfig(output=Activation.sign), True),
    (CNNConfig(activation=Activation.sign), True),
    (DagConfig(), False),
    (DagConfig(nodes=[NodeConfig(name="fc", inputs=["input"]), THRESHOLD_NODE]), True),
]


@pytest.mark.parametrize(("config", "expected"), HAVE_THRESHOLDS)
def test_a_config_knows_what_its_layers_are(config: ModelConfig, expected: bool) -> None:
    assert config.has_thresholds() == expected
    assert build_model([config], (1, 8, 8), 3).has_thresholds == expected


@pytest.mark.parametrize("overrides", [["model.activation=step"], ["model=hand_built", CLASSES]])
def test_threshold_units_are_only_evaluated(overrides: list[str]) -> None:
    name = "hand_built" if CLASSES in overrides else "mlp"
    check(compose([*overrides, "trainer.epochs=0"]))
    with pytest.raises(ConfigError) as error:
        check(compose([*overrides, "trainer.epochs=7"]))
    assert str(error.value) == (
        f"trainer.epochs must be 0 for model={name} with step or sign units, which no gradient passes: it can only "
        "be evaluated, got 7"
    )


@pytest.mark.parametrize(
    ("overrides", "loss"),
    [
        (["model=dag"], LossName.cross_entropy),
        (["model=hand_built", CLASSES, "trainer.epochs=0"], LossName.binary_cross_entropy),
        (["model=interval_net", CLASSES, "trainer.epochs=0"], LossName.binary_cross_entropy),
        (
            ["model=quadratic", "data=csv", "data.train=x.csv", "data.task=regression"],
            LossName.quarter_squared_error,
        ),
        (["model.output=sigmoid", CLASSES, "loss=binary_squared_error"], LossName.binary_squared_error),
    ],
)
def test_each_model_has_a_loss_of_its_own(overrides: list[str], loss: LossName) -> None:
    assert check(compose(overrides)).resolved_loss() is loss


@pytest.mark.parametrize("loss", [LossName.binary_cross_entropy, LossName.binary_squared_error])
def test_binary_losses_need_two_classes(loss: LossName) -> None:
    with pytest.raises(ConfigError, match=f"^loss={loss} needs 2 classes, the data has 10: choose two"):
        check(compose([f"loss={loss}"]))


def test_one_number_for_every_weight_and_bias() -> None:
    """Weight-agnostic networks share it."""
    init = compose(
        ["model.init.scheme=constant", "model.init.value=-1.5", "model.init.bias=${model.init.value}"]
    ).model.init
    assert (init.value, init.bias) == (-1.5, -1.5)
