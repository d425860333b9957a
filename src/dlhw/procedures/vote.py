"""Procedure `vote`: networks whose weights are all one shared number, for several numbers, and their vote."""

from dataclasses import replace
from itertools import combinations

import torch
from torch import Tensor

from dlhw.config.model import InitConfig, InitScheme
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.errors import ConfigError
from dlhw.procedures.findings import Findings
from dlhw.training.batches import DeviceDataset
from dlhw.training.device import DTYPES
from dlhw.training.fit import prepare
from dlhw.training.metrics import Evaluator

SPLITS = ("test", "val", "train")


def vote(config: TrainConfig) -> Findings:
    """Classify by every shared weight of `procedure.weights`, and by their majority.

    All weights and biases of the untrained model are one number w; nothing is learned. The vote for a sample
    is the class that most w predict; in a tie the smallest class. Accuracies are on the test split (or
    val, or train, where there is none).

    Values: `accuracy_<w>` for each w, `best_accuracy` of the w that is best on the training split,
    `vote_accuracy`, and `agreement`: the share of samples on which two of the w predict the same class, mean
    over all pairs (1 where the weight does not matter).

    Source: Gaier & Ha, "Weight Agnostic Neural Networks", 2019 (their ensemble over shared weights).

    Raises:
        ConfigError: if the data has no classes, or the parameters of the model are given.
        DataError: if the data cannot be read.
    """
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    if dataset.num_classes is None:
        raise ConfigError(f"procedure=vote needs classes, data={config.data.name} has numbers as targets")
    weights = config.procedure.weights  # type: ignore[attr-defined]
    cohort = prepare([_with_shared_weight(config, weight) for weight in weights], [dataset])
    name = next(split for split in SPLITS if split in dataset.splits)
    pool = DeviceDataset.of([dataset.splits[name]], cohort.device)
    evaluator = Evaluator(cohort)
    predicted_RN = evaluator.predictions(cohort.params_RP, pool).cpu()
    targets_N = pool.targets[0].cpu()
    accuracies = (predicted_RN == targets_N).double().mean(1).tolist()
    train = DeviceDataset.of([dataset.splits["train"]], cohort.device)
    hits_RN = evaluator.predictions(cohort.params_RP, train) == train.targets
    best = int(hits_RN.double().mean(1).argmax())
    voted = (majority(predicted_RN, dataset.num_classes) == targets_N).double().mean().item()
    rows = [{"weight": w, "accuracy": a} for w, a in zip(weights, accuracies, strict=True)]
    return Findings(
        values={f"accuracy_{row['weight']:g}": row["accuracy"] for row in rows}
        | {"best_accuracy": accuracies[best], "vote_accuracy": voted, "agreement": agreement(predicted_RN)},
        sentences=[f"{name} accuracy of the vote of {len(weights)} shared weights: {voted:.4f}"],
        tables={"shared_weights": [*rows, {"weight": "vote", "accuracy": voted}]},
        num_samples={name: pool.num_samples},
        split_hashes={name: dataset.hashes[name]},
    )


def majority(predicted_RN: Tensor, num_classes: int) -> Tensor:
    """The class that most runs predict for each sample, (N,); in a tie the smallest.

    >>> majority(torch.tensor([[0, 2, 1], [1, 2, 2], [1, 0, 0]]), 3).tolist()
    [1, 2, 0]
    """
    votes_NK = torch.nn.functional.one_hot(predicted_RN, num_classes).sum(0)
    return votes_NK.argmax(1)


def agreement(predicted_RN: Tensor) -> float:
    """The share of samples on which two runs predict the same class, mean over pairs; 1 for a single run.

    >>> agreement(torch.tensor([[0, 2], [0, 1], [0, 1]]))
    0.6666666666666666
    """
    pairs = list(combinations(predicted_RN, 2))
    same = [(one == other).double().mean().item() for one, other in pairs]
    return sum(same) / len(same) if same else 1.0


def _with_shared_weight(config: TrainConfig, weight: float) -> TrainConfig:
    init = InitConfig(scheme=InitScheme.constant, value=weight, bias=weight)
    return replace(config, model=replace(config.model, init=init))
