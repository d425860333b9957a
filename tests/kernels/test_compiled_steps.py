"""Compiled steps compute what torch's operations compute: whole runs, in float64, to rounding."""

from collections.abc import Sequence
from itertools import product

import pytest
import torch
from training_runs import Listener, largest_difference, regression, small, train_together

from dlhw.data.dataset import Dataset, load_dataset
from dlhw.kernels.layer_table import ACTIVATIONS, LOSSES
from dlhw.kernels.offset_csr import background_of
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.nn.losses import LOSSES as ALL_LOSSES

# Sums of float64 in another order, after all steps; measured: below 1e-14.
ROUNDING = 1e-10
# One sample, few with and without a remainder of four, the most that loops take, and matrix products.
BATCHES = (1, 3, 8, SMALL_BATCH, SMALL_BATCH + 1, 40)


def sparse(seed: int, *, lighter: bool = False) -> Dataset:
    """Digits without their paler pixels; or each pixel lighter, by an amount that depends on its position."""
    config = small("data.limit=150")
    dataset = load_dataset(config.data, seed, torch.float64)
    for split in dataset.splits.values():
        split.inputs[split.inputs < 0.8] = 0
        split.inputs[3] = 0
        if lighter:
            split.inputs.add_(torch.linspace(-1.0, 2.0, 64, dtype=torch.float64).view(split.inputs.shape[1:]))
    background = background_of(dataset.splits["train"].inputs)
    assert background is not None
    assert bool(background.any()) == lighter
    return dataset


def check(*overrides: str, data: Sequence[Dataset] | None = None) -> None:
    """Train the same runs with both backends, and compare everything that callbacks get."""
    rates = [f"optimizer.lr={0.02 * (run + 1)}" for run in range(2)]

    def train(backend: str) -> list[Listener]:
        configs = [
            small(
                "data.limit=150",
                "trainer.epochs=2",
                *overrides,
                rate,
                f"trainer.backend={backend}",
                f"seed={run}",
                "data.split.seed=0",
            )
            for run, rate in enumerate(rates)
        ]
        return train_together(configs, data)

    for compiled, by_torch in zip(train("compiled"), train("eager"), strict=True):
        assert compiled.info is not None
        assert compiled.info.backend == "compiled"
        assert by_torch.info is not None
        assert by_torch.info.backend == "eager"
        assert largest_difference(compiled.last, compiled.first) > 1e-6
        for params, expected in zip(compiled.parameters, by_torch.parameters, strict=True):
            assert largest_difference(params, expected) < ROUNDING
        for one, two in zip(compiled.norms[:-1], by_torch.norms[:-1], strict=True):
            assert one == pytest.approx(two, abs=ROUNDING)
        for first, second in zip(compiled.evaluations, by_torch.evaluations, strict=True):
            assert first.scores.keys() == second.scores.keys()
            for split, scores in first.scores.items():
                assert scores.loss == pytest.approx(second.scores[split].loss, abs=ROUNDING)
                assert scores.accuracy == second.scores[split].accuracy


@pytest.mark.parametrize(
    ("activation", "batch"), list(product(["sigmoid", "tanh", "relu", "identity"], BATCHES))
)
def test_activations_and_batches(activation: str, batch: int) -> None:
    check(
        f"model.activation={activation}",
        "model.hidden=[12,8]",
        f"trainer.batch_size={batch}",
    )


def test_all_activations_are_tested() -> None:
    assert {type_.__name__.lower() for type_ in ACTIVATIONS} == {"sigmoid", "tanh", "relu", "identity"}


@pytest.mark.parametrize("batch", [3, SMALL_BATCH + 1])
@pytest.mark.parametrize("images", [
    "model.filters=[3]",
    "model.filters=[4,9] model.activation=sigmoid",
    "model.filters=[5] model.kernel=2 model.stride=2 model.padding=1",
    "model.filters=[2] model.kernel=2 model.stride=3 model.padding=0 model.activation=tanh",
    "model.filters=[2] model.kernel=1 model.padding=2",
    "model.filters=[4] model.pooling=max",
    "model.filters=[4,3] model.pooling=avg model.activation=tanh",
    "model.filters=[8,6] model.pooling=max model.pool_size=3 model.padding=2",
])  # fmt: skip
def test_images(images: str, batch: int) -> None:
    """Filters of few terms and of more, windows that leave pixels out or reach beyond the border."""
    check("model=cnn", *images.split(), f"trainer.batch_size={batch}", "data.limit=100")


def test_an_affine_layer_with_many_inputs() -> None:
    """Few outputs of more inputs than one piece, the last piece not full."""
    check("model=cnn", "model.filters=[18]", "trainer.batch_size=20", "data.limit=100", "regularizer=l2")


@pytest.mark.parametrize("sets", [1, 2], ids=["one set", "a set for each run"])
@pytest.mark.parametrize(
    "more", ["", "regularizer=l1", "optimizer.momentum=0.9 regularizer=l2", "optimizer=adam"]
)
@pytest.mark.parametrize("lighter", [False, True], ids=["black", "gray"])
@pytest.mark.parametrize("batch", [1, SMALL_BATCH, SMALL_BATCH + 1, 40])
def test_inputs_that_mostly_have_one_value(batch: int, lighter: bool, more: str, sets: int) -> None:
    """They are listed; one sample has no other, one input is always the same, and the last batch is small."""
    data = [sparse(seed, lighter=lighter) for seed in range(sets)]
    check("model.hidden=[12]", f"trainer.batch_size={batch}", *more.split(), data=data)


@pytest.mark.parametrize("batch", [SMALL_BATCH, 40])
def test_runs_whose_inputs_have_no_background_0_or_another(batch: int) -> None:
    dense = sparse(1)
    inputs = dense.splits["train"].inputs
    inputs.add_(torch.rand(inputs.shape, dtype=inputs.dtype, generator=torch.Generator().manual_seed(0)))
    assert background_of(inputs) is None
    check("model.hidden=[12]", f"trainer.batch_size={batch}", data=[sparse(0, lighter=True), dense])
    check("model.hidden=[12]", f"trainer.batch_size={batch}", data=[dense, sparse(0)])


@pytest.mark.parametrize("batch", [8, 40])
@pytest.mark.parametrize("penalty", [
    "regularizer=none",
    "regularizer=l2 regularizer.alpha=0.1",
    "regularizer=l2 regularizer.alpha=0.1 regularizer.convention=full regularizer.on=all",
    "regularizer=l1 regularizer.alpha=0.01",
    "regularizer=l1 regularizer.alpha=0.01 regularizer.on=all",
])  # fmt: skip
def test_penalties(penalty: str, batch: int) -> None:
    check(*penalty.split(), f"trainer.batch_size={batch}", "model.hidden=[12]")


@pytest.mark.parametrize("batch", [8, 40])
@pytest.mark.parametrize("penalty", ["none", "l2", "l1"])
def test_momentum(penalty: str, batch: int) -> None:
    check(
        "optimizer.momentum=0.9", f"regularizer={penalty}", f"trainer.batch_size={batch}", "model.hidden=[12]"
    )


@pytest.mark.parametrize("batch", [8, 40])
@pytest.mark.parametrize("optimizer", [
    "optimizer.momentum=0.9 optimizer.nesterov=true",
    "optimizer=adam regularizer=l2",
    "optimizer=adam optimizer.betas=[0.5,0.9] optimizer.eps=0.01 schedule=cosine",
    "optimizer=adamw optimizer.weight_decay=0.3",
])  # fmt: skip
def test_update_rules(optimizer: str, batch: int) -> None:
    check(*optimizer.split(), f"trainer.batch_size={batch}", "model.hidden=[12]")


BINARY = ("data.classes=[3,8]", "data.limit=700")
OF_LOSS = {
    "CrossEntropy": ("model=softmax",),
    "PerceptronLoss": ("model=perceptron",),
    "BinaryCrossEntropy": ("model=logistic", *BINARY),
    "BinarySquaredError": ("model=mlp", "model.hidden=[6]", "model.output=sigmoid", "loss=binary_squared_error",
                           *BINARY),
    "SquaredError": ("model=linear", "data=csv", "data.train=unused.csv", "data.task=regression"),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 40])
@pytest.mark.parametrize("loss", [type_.__name__ for type_ in LOSSES])
def test_losses(loss: str, batch: int) -> None:
    data = [regression()] if loss == "SquaredError" else None
    check(*OF_LOSS[loss], f"trainer.batch_size={batch}", data=data)


def test_every_compiled_loss_is_registered() -> None:
    """The reverse is not required: a run whose loss has no compiled form trains with PyTorch's operations."""
    assert set(LOSSES) <= {type(loss) for loss in ALL_LOSSES.values()}


@pytest.mark.parametrize("how", [
    "trainer.shuffle=false", "trainer.drop_last=true", "trainer.sampling=with_replacement",
    "trainer.eval_unit=step trainer.eval_every=7", "trainer.max_steps=23", "trainer.batch_size=null",
    "schedule=cosine",
])  # fmt: skip
def test_ways_to_train(how: str) -> None:
    check(*how.split(), "model.hidden=[12]")
