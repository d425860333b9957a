"""A run in a cohort is the run alone: same start, same batches, same masks, same numbers."""

from collections.abc import Iterator

import pytest
import torch
from training_runs import largest_difference, regression, small, train_together

from dlhw.config.model_base import ModelConfig
from dlhw.config.optimizer import SolverConfig
from dlhw.config.options import OPTIONS
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset

# Rounding of float64 in sums of another order, after 50 steps; measured: below 1e-13.
ROUNDING = 1e-10
STEPS = 52

MODEL_OVERRIDES: dict[str, tuple[str, ...]] = {
    "mlp": ("model.hidden=[12,8]", "model.activation=tanh"),
    "cnn": ("model.filters=[3]", "model.pooling=max"),
    "softmax": (),
    "logistic": ("data.classes=[3,8]", "data.limit=1300"),
    "perceptron": (),
    "linear": ("data=csv", "data.train=unused.csv", "data.task=regression", "optimizer.lr=0.01"),
    "quadratic": ("data=csv", "data.train=unused.csv", "data.task=regression", "optimizer.lr=0.01"),
    "dag": (),
    "random_graph": (),
}
REGRESSION = ("linear", "quadratic")
# What varies from run to run: everything that may.
LRS = ("0.3", "0.1", "0.05", "0.02", "0.01")


def check_alone(configs: list[TrainConfig], dataset: Dataset | None = None) -> None:
    """Train together, then each alone, and compare parameters, scores and optimizer state."""
    shared = None if dataset is None else [dataset]
    together = train_together(configs, shared)
    for config, in_cohort in zip(configs, together, strict=True):
        (alone,) = train_together([config], shared)
        assert in_cohort.result.steps >= 50
        assert largest_difference(in_cohort.first, alone.first) == 0
        assert largest_difference(in_cohort.last, alone.last) < ROUNDING
        assert largest_difference(in_cohort.last, in_cohort.first) > 1e-6
        assert in_cohort.optimizer.keys() == alone.optimizer.keys()
        for name, state in in_cohort.optimizer.items():
            assert float((state - alone.optimizer[name]).abs().max()) < ROUNDING
        for one, other in zip(in_cohort.evaluations, alone.evaluations, strict=True):
            assert one.step == other.step
            for split, scores in one.scores.items():
                assert scores.loss == pytest.approx(other.scores[split].loss, abs=ROUNDING)
                assert scores.accuracy == other.scores[split].accuracy


def cohort(*overrides: str, same_seed: bool, lr: tuple[str, ...] = LRS) -> list[TrainConfig]:
    """Five runs with different learning rates; with different seeds unless `same_seed`."""
    return [
        small(*overrides, f"optimizer.lr={rate}", f"seed={0 if same_seed else run}", "data.split.seed=0")
        for run, rate in enumerate(lr)
    ]


@pytest.mark.parametrize("same_seed", [True, False], ids=["shared-order", "own-order"])
@pytest.mark.parametrize(
    "model", [name for name, schema in ModelConfig.options.items() if not schema().has_thresholds()]
)
def test_every_model(model: str, same_seed: bool) -> None:
    overrides = (f"model={model}", *MODEL_OVERRIDES[model])
    lrs = ("0.02", "0.01", "0.005", "0.002", "0.001") if model in REGRESSION else LRS
    data = regression() if model in REGRESSION else None
    epochs = "trainer.epochs=6" if model in (*REGRESSION, "logistic") else "trainer.epochs=4"
    check_alone(cohort(*overrides, epochs, same_seed=same_seed, lr=lrs), data)


@pytest.mark.parametrize("same_seed", [True, False], ids=["shared-order", "own-order"])
@pytest.mark.parametrize(
    "optimizer",
    [name for name, schema in OPTIONS["optimizer"].items() if not issubclass(schema, SolverConfig)],
)
def test_every_optimizer(optimizer: str, same_seed: bool) -> None:
    lrs = LRS if optimizer == "sgd" else ("0.01", "0.003", "0.001", "0.02", "0.005")
    configs = cohort("model.hidden=[12]", f"optimizer={optimizer}", same_seed=same_seed, lr=lrs)
    check_alone(configs)


@pytest.mark.parametrize("regularizer", OPTIONS["regularizer"])
def test_every_regularizer(regularizer: str) -> None:
    configs = cohort("model.hidden=[12]", f"regularizer={regularizer}", same_seed=True)
    for run, config in enumerate(configs):
        if regularizer != "none":
            config.regularizer.alpha = 0.01 * run  # type: ignore[attr-defined]
    check_alone(configs)


@pytest.mark.parametrize("same_seed", [True, False], ids=["shared-masks", "own-masks"])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_dropout_with_a_rate_of_its_own(model: str, same_seed: bool) -> None:
    configs = cohort(f"model={model}", *MODEL_OVERRIDES[model], same_seed=same_seed)
    for run, config in enumerate(configs):
        config.model.dropout = 0.15 * run  # type: ignore[attr-defined]
    check_alone(configs)


def test_momentum_and_initial_scale_of_its_own() -> None:
    configs = cohort("model.hidden=[12]", "model.init.scheme=normal", same_seed=False, lr=("0.05",) * 5)
    for run, config in enumerate(configs):
        config.optimizer.momentum = 0.2 * run  # type: ignore[attr-defined]
        config.model.init.std = 0.05 * (run + 1)
    check_alone(configs)


@pytest.mark.parametrize("normalize", ["unit", "standardize"])
def test_a_split_of_its_own(normalize: str) -> None:
    configs = [small("model.hidden=[12]", f"data.normalize={normalize}", f"seed={run}") for run in range(5)]
    check_alone(configs)


def test_a_diverging_run_leaves_the_others_as_they_are() -> None:
    good = [small("model.hidden=[12]", f"seed={run}", "data.split.seed=0") for run in range(3)]
    # half of the cohort runs away at once: NaN fills its slices only
    bad = small("model.hidden=[12]", "optimizer.lr=1e200", "seed=7", "data.split.seed=0")
    together = train_together([good[0], bad, good[1], bad, good[2]])
    assert [run.result.status for run in together] == [
        "completed", "diverged", "completed", "diverged", "completed",
    ]  # fmt: skip
    for run, config in zip((0, 2, 4), good, strict=True):
        (alone,) = train_together([config])
        assert largest_difference(together[run].last, alone.last) < ROUNDING


def test_float32_cohort_agrees_to_float32_rounding() -> None:
    configs = [small("model.hidden=[12]", "trainer.dtype=float32", f"optimizer.lr={rate}") for rate in LRS]
    together = train_together(configs)
    for config, in_cohort in zip(configs, together, strict=True):
        (alone,) = train_together([config])
        assert in_cohort.last["fc1.weight"].dtype == alone.last["fc1.weight"].dtype
        assert largest_difference(in_cohort.last, alone.last) < 1e-5


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("backend", ["compiled", "eager"])
def test_a_run_beside_one_with_momentum_has_the_bits_of_the_run_alone(backend: str) -> None:
    own = ("model.hidden=[12]", "trainer.dtype=float32", f"trainer.backend={backend}", "regularizer=l2")
    without, with_it = small(*own), small(*own, "optimizer.momentum=0.9")
    beside, _ = train_together([without, with_it])
    (alone,) = train_together([without])
    assert largest_difference(beside.last, alone.last) == 0
    assert beside.optimizer.keys() == alone.optimizer.keys()


def test_the_runs_own_seconds_sum_to_the_wall_time_of_their_cohort() -> None:
    """A run that stops early takes no share of the time after that."""
    stopping = ("trainer.early_stopping.patience=1", "trainer.early_stopping.min_delta=9")
    runs = train_together([small(*stopping), small("seed=1"), small("seed=2")])
    own = [run.result.own_seconds or 0.0 for run in runs]
    assert runs[0].result.steps < runs[1].result.steps
    assert 0 < own[0] < own[1] == pytest.approx(own[2])
    assert sum(own) == pytest.approx(runs[1].result.seconds)
    (alone,) = train_together([small()])
    assert alone.result.own_seconds == pytest.approx(alone.result.seconds)
