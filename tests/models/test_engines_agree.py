"""Ten steps by dlhw's backward passes and ten by autograd give the same parameters, for every model."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.data import DigitsConfig
from dlhw.config.loss import LossName, Targets, losses_for
from dlhw.config.model import (
    Activation,
    CNNConfig,
    LinearConfig,
    LogisticConfig,
    MLPConfig,
    ModelConfig,
    PerceptronConfig,
    Pooling,
    QuadraticConfig,
    SoftmaxConfig,
)
from dlhw.config.model_graph import DagConfig, RandomGraphConfig
from dlhw.config.optimizer import AdamConfig, ConstantConfig, OptimizerConfig, SGDConfig
from dlhw.config.regularizer import L1Config, L2Config, RegularizerConfig
from dlhw.config.root import TrainConfig
from dlhw.optim.optimizers import column
from dlhw.training.backends.eager import AutogradGradient, BatchGradient, ManualGradient
from dlhw.training.batches import DropoutRNG
from dlhw.training.cohort import Cohort

SHAPE, SEEDS, STEPS = (1, 6, 6), (0, 1, 5), 10
RATES = {0: 0.05, 1: 0.01, 5: 0.1}
DROPOUT = {0: 0.0, 1: 0.3, 5: 0.6}
CASES: dict[str, list[ModelConfig]] = {
    "mlp": [MLPConfig(hidden=[8])] * 3,
    "mlp-deep": [
        MLPConfig(hidden=[7, 5], activation=Activation.tanh, dropout=DROPOUT[seed]) for seed in SEEDS
    ],
    "mlp-sigmoid": [MLPConfig(hidden=[8], activation=Activation.sigmoid)] * 3,
    "mlp-identity": [MLPConfig(hidden=[8], activation=Activation.identity)] * 3,
    "softmax": [SoftmaxConfig()] * 3,
    "logistic": [LogisticConfig()] * 3,
    "perceptron": [PerceptronConfig()] * 3,
    "linear": [LinearConfig()] * 3,
    "linear-no-bias": [LinearConfig(bias=False)] * 3,
    "quadratic": [QuadraticConfig()] * 3,
    "dag": [DagConfig()] * 3,
    "random_graph": [RandomGraphConfig(hidden=[12, 11], fan_in=4)] * 3,
    "mlp-output": [
        MLPConfig(hidden=[3], activation=Activation.sigmoid, output=Activation.sigmoid) for _ in SEEDS
    ],
    "cnn": [CNNConfig(filters=[4])] * 3,
    "cnn-max": [CNNConfig(filters=[3, 4], pooling=Pooling.max, dropout=DROPOUT[seed]) for seed in SEEDS],
    "cnn-avg": [CNNConfig(filters=[3], kernel=2, stride=2, padding=1, pooling=Pooling.avg)] * 3,
}
LOSSES: dict[str, list[LossName]] = {
    "linear": list(losses_for(Targets.numbers)),
    "mlp-output": [LossName.binary_squared_error],
    "mlp": [
        LossName.cross_entropy,
        LossName.perceptron,
        LossName.binary_cross_entropy,
        LossName.squared_error,
    ],
}
PAIRS = [(name, loss) for name in CASES for loss in LOSSES.get(name, [LossName.auto])]


def configs_of(
    name: str, loss: LossName, optimizer: Callable[..., OptimizerConfig], regularizer: RegularizerConfig
) -> list[TrainConfig]:
    """Runs that differ in seed, learning rate and dropout."""
    return [
        TrainConfig(
            seed=seed,
            loss=loss,
            model=model,
            data=DigitsConfig(),
            optimizer=optimizer(lr=RATES[seed]),
            schedule=ConstantConfig(),
            regularizer=regularizer,
        )
        for seed, model in zip(SEEDS, CASES[name], strict=True)
    ]


def outputs_of(loss: LossName) -> int:
    return 1 if loss.is_binary or loss.is_regression else 4


def random_batches(loss: LossName) -> list[tuple[Tensor, Tensor]]:
    """Batches that the runs share; the last of every epoch is smaller."""
    generator, batches = Generator().manual_seed(0), []
    for step in range(STEPS):
        samples = 5 if step % 4 == 3 else 8
        x = torch.randn(1, samples, *SHAPE, generator=generator, dtype=torch.float64)
        labels = torch.randint(max(2, outputs_of(loss)), (1, samples), generator=generator)
        targets = labels.double().unsqueeze(2) if loss.is_regression else labels
        batches.append((x, targets))
    return batches


def trained(configs: list[TrainConfig], gradient: type[BatchGradient] = ManualGradient) -> Cohort:
    """The cohort after all steps."""
    loss = configs[0].resolved_loss()
    cohort = Cohort(configs, SHAPE, outputs_of(loss), torch.device("cpu"), torch.float64)
    uniform = DropoutRNG([config.seed for config in configs], torch.float64)
    gradients = gradient(cohort, uniform).compute
    lr_R1 = column([config.optimizer.lr for config in configs], cohort.params_RP)
    for x, targets in random_batches(loss):
        gradients(x, targets)
        cohort.regularizer.add_gradient(cohort.params_RP, cohort.grads_RP)
        cohort.optimizer.step(cohort.grads_RP, lr_R1)
    return cohort


def assert_engines_agree(configs: list[TrainConfig]) -> None:
    manual, autograd = trained(configs), trained(configs, AutogradGradient)
    start = Cohort(configs, SHAPE, manual.model.output_shape[0], torch.device("cpu"), torch.float64)
    torch.testing.assert_close(manual.params_RP, autograd.params_RP, rtol=0, atol=1e-12)
    moved = (manual.params_RP - start.params_RP).abs().amax(1)
    assert bool((moved > 1e-3).all())


def test_no_model_is_left_out() -> None:
    trained = {schema for schema in ModelConfig.options.values() if not schema().has_thresholds()}
    assert {type(model) for models in CASES.values() for model in models} == trained


@pytest.mark.parametrize(("name", "loss"), PAIRS, ids=[f"{name}-{loss}" for name, loss in PAIRS])
def test_both_engines_train_alike(name: str, loss: LossName) -> None:
    assert_engines_agree(configs_of(name, loss, partial(SGDConfig, momentum=0.9), L2Config(alpha=0.01)))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_both_engines_train_alike_under_other_rules(name: str) -> None:
    assert_engines_agree(configs_of(name, LossName.auto, AdamConfig, L1Config(alpha=0.01)))


@pytest.mark.parametrize("run", range(len(SEEDS)))
@pytest.mark.parametrize("name", CASES)
def test_a_run_of_a_cohort_trains_as_it_trains_alone(name: str, run: int) -> None:
    configs = configs_of(name, LossName.auto, SGDConfig, L2Config(alpha=0.01))
    together = trained(configs)
    alone = trained([configs[run]])
    torch.testing.assert_close(
        together.layout.of_run(together.params_RP, run),
        alone.layout.of_run(alone.params_RP, 0),
        rtol=0,
        atol=1e-10,
    )
