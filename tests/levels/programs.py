"""Which program computes which level: for each experiment, its cells and their metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.levels.descent import Measured, Recipe, train
from tests.levels.images import cs7643, ist_on_fashion, tdt4265, twos_and_threes
from tests.levels.regression import least_squares, quadratic


@dataclass(frozen=True)
class Cell:
    """A cell of an experiment whose levels a program computes.

    Args:
        experiment: name of the experiment, such as cs7643/lr.
        settings: settings of the cell in the checks, under `where` and `cell`.
        metrics: metrics with a level.
        program: called with a number of seeds.
        num_seeds: default number of seeds.
    """

    experiment: str
    settings: Mapping[str, Any]
    metrics: Sequence[str]
    program: Callable[[int], Measured]
    num_seeds: int = 10


VAL_LOSS, TRAIN_LOSS = "final/val/loss", "final/train/loss"
WEIGHTS, BIASES, SPREAD = "squared_norm/weights", "squared_norm/biases", "spread/val/accuracy"
LR, ALPHA, SHUFFLE = "optimizer.lr", "regularizer.alpha", "trainer.shuffle"
PATIENCE, SAMPLES = "trainer.early_stopping.patience", "data.num_train"
# Networks take minutes per cell, linear systems milliseconds.
SEEDS_HIDDEN, SEEDS_LINEAR = 6, 100

SOFTMAX = Recipe(splits=cs7643, classes=10, lr=0.1, alpha=1e-3, epochs=10, batch=64, std=1e-3)
NETWORK = replace(SOFTMAX, hidden=128)
TDT = Recipe(splits=tdt4265, classes=10, lr=0.01, epochs=50, batch=128, drop_last=True)
BINARY = replace(TDT, splits=twos_and_threes, classes=2, lr=0.05, train_loss="full")
IN_ORDER = replace(BINARY, epochs=500, shuffle=False)
FASHION = Recipe(splits=ist_on_fashion, classes=4, lr=0.01, epochs=20, batch=16)


def cells() -> Iterator[Cell]:
    """All cells, experiment by experiment."""
    yield from _cs7643()
    yield from _tdt4265()
    yield from _cs229()
    logistic = {"model.name": "softmax", "trainer.batch_size": 16}
    for lr in (0.01, 0.001):
        recipe = replace(FASHION, lr=lr)
        yield _descent("ours/ist_on_fashion", {**logistic, LR: lr}, [TRAIN_LOSS], recipe, 60)


def _descent(
    experiment: str,
    settings: Mapping[str, Any],
    metrics: Sequence[str],
    recipe: Recipe,
    num_seeds: int | None = None,
) -> Cell:
    default = SEEDS_HIDDEN if recipe.hidden else 10
    return Cell(experiment, settings, metrics, partial(train, recipe), num_seeds or default)


def _cs7643() -> Iterator[Cell]:
    for lr, extra in ((1, []), (0.1, [BIASES]), (0.05, [WEIGHTS]), (0.01, [])):
        yield _descent("cs7643/lr", {LR: lr}, [VAL_LOSS, *extra], replace(NETWORK, lr=lr))
    yield _descent("cs7643/alpha", {ALPHA: 1e-4}, [VAL_LOSS], replace(NETWORK, alpha=1e-4))
    yield _descent("cs7643/alpha", {ALPHA: 0.01}, [WEIGHTS, BIASES], replace(NETWORK, alpha=0.01))
    for lr, alpha in (
        (1, 1e-3),
        (0.1, 1e-3),
        (0.05, 1e-3),
        (0.01, 1e-3),
        (0.1, 1),
        (0.1, 0.1),
        (0.1, 0.01),
        (0.1, 1e-4),
    ):
        has_biases = (lr, alpha) == (0.1, 0.01)
        metrics = [TRAIN_LOSS, BIASES] if has_biases else [TRAIN_LOSS]
        recipe = replace(SOFTMAX, lr=lr, alpha=alpha)
        yield _descent("cs7643/softmax", {LR: lr, ALPHA: alpha}, metrics, recipe, 40 if has_biases else None)
    default = {ALPHA: 1e-3, "trainer.batch_size": 64, "model.hidden": [128]}
    yield _descent("cs7643/tuned", default, [VAL_LOSS, BIASES], NETWORK)
    small_batch = replace(NETWORK, batch=12)
    yield _descent("cs7643/tuned", {**default, "trainer.batch_size": 12}, [VAL_LOSS], small_batch, 12)
    ablation = {"trainer.batch_size": 64, "trainer.train_metrics": "running"}
    yield _descent("cs7643/ablation", {**ablation, "optimizer.momentum": 0}, [VAL_LOSS, BIASES], NETWORK)
    with_momentum = replace(NETWORK, momentum=0.9)
    yield _descent("cs7643/ablation", {**ablation, "optimizer.momentum": 0.9}, [VAL_LOSS], with_momentum, 24)
    yield _descent("cs7643/ablation", {"trainer.batch_size": 8}, [VAL_LOSS], replace(NETWORK, batch=8), 12)
    small = replace(NETWORK, lr=1, alpha=1e-4)
    yield _descent("cs7643/tuned_lr_alpha", {ALPHA: 1e-4, LR: 1}, [VAL_LOSS, WEIGHTS], small, 24)


def _tdt4265() -> Iterator[Cell]:
    yield _descent("tdt4265/softmax", {}, [TRAIN_LOSS, WEIGHTS], replace(TDT, train_loss="full"))
    for alpha in (0, 0.001, 0.01, 0.1, 1):
        recipe = replace(TDT, train_loss="full", alpha=alpha, full=True, on_biases=True)
        if not alpha:  # the recipe of tdt4265/softmax, so that it is trained once
            recipe = replace(TDT, train_loss="full")
        yield _descent("tdt4265/l2", {ALPHA: alpha}, [WEIGHTS], recipe)
    file_order = replace(BINARY, val_every=6, shuffle=False)
    yield _descent("tdt4265/shuffle", {SHUFFLE: False}, [SPREAD, VAL_LOSS], file_order)
    yield _descent("tdt4265/shuffle", {SHUFFLE: True}, [SPREAD, WEIGHTS], replace(BINARY, val_every=6))
    stopped = replace(IN_ORDER, val_every=6, patience=10)
    yield _descent("tdt4265/binary", {PATIENCE: 10}, [TRAIN_LOSS, VAL_LOSS], stopped)
    yield _descent("tdt4265/binary", {PATIENCE: None}, [TRAIN_LOSS, VAL_LOSS], IN_ORDER)


def _cs229() -> Iterator[Cell]:
    for alpha, num_train in ((5, 500), (250, 800), (1000, 800)):
        program = partial(least_squares, num_train, alpha)
        settings = {"optimizer.alpha": alpha, SAMPLES: num_train}
        yield Cell("cs229/ridge", settings, [VAL_LOSS], program, SEEDS_LINEAR)
    for num_train in (200, 800):
        program = partial(least_squares, num_train, 0)
        yield Cell("cs229/double_descent", {SAMPLES: num_train}, [VAL_LOSS], program, SEEDS_LINEAR)
    yield Cell("cs229/qp_batch", {"trainer.batch_size": 40}, [VAL_LOSS], quadratic, SEEDS_LINEAR)
    yield Cell("cs229/qp_init", {"model.init.value": 0.1}, [VAL_LOSS], quadratic, SEEDS_LINEAR)
