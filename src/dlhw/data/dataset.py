"""`load_dataset`: from a data config to tensors (select, split, check, scale, randomise, corrupt)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from dlhw.config.data import DataConfig, Inputs, Task
from dlhw.data.checks import check_any_samples, check_range, check_representable, check_splits, count_classes
from dlhw.data.fingerprint import count_in_training, digest
from dlhw.data.normalize import Normalization, fit_normalization
from dlhw.data.randomise import randomise_inputs
from dlhw.data.raw import RawData
from dlhw.data.sources import read_source
from dlhw.data.split import SPLITS, SampleSelection, check_classes, own_splits, select, split_indices
from dlhw.errors import DataError
from dlhw.random import generator


@dataclass(frozen=True)
class Split:
    """One split of a data set, on the CPU.

    >>> len(Split(torch.zeros(5, 2), torch.zeros(5, dtype=torch.int64)))
    5
    """

    inputs: Tensor
    """(n, *input_shape), scaled, of the requested dtype"""
    targets: Tensor
    """(n,) int64 class labels, or (n, 1) numbers of the requested dtype for regression"""

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Dataset:
    """All splits of a data set, and their description."""

    splits: Mapping[str, Split]
    """name -> split: train, then val and test if the data has them"""
    input_shape: tuple[int, ...]
    """(C, H, W) for images, (d,) for tables"""
    class_names: list[str]
    """original name of each label, in the order of the labels; empty for regression"""
    num_classes: int | None
    """None for regression"""
    num_targets: int | None
    """number of targets per sample for regression; None for classification"""
    normalization: Normalization
    """how all inputs were scaled"""
    hashes: Mapping[str, str]
    """split -> SHA-256 of its samples as they are in the source (indices, inputs, targets, in order) and of
    the randomisation applied to them; scaling does not count"""
    in_training: Mapping[str, int] = field(default_factory=dict)
    """split other than train -> number of its samples with the inputs of a training sample, before scaling"""


def load_dataset(config: DataConfig, seed: int | None, dtype: torch.dtype = torch.float32) -> Dataset:
    """Read a source and make its splits.

    In this order:

    1. keep the first `limit` samples of the training pool, `classes` of every split, and `test_per_class` of
       the test set;
    2. cut the pool into splits (those that the source brings are not cut from it: their size in `data.split`
       is ignored);
    3. scale the inputs, randomise them, corrupt the labels of the training split.

    Args:
        config: a validated data config.
        seed: of all random numbers, `config.seed_for(…)` of the run's seed; None if the config draws nothing.
        dtype: of the inputs, and of the targets of a regression.

    Raises:
        DataError: a file is missing or damaged, or lacks what the config requires.

    >>> from dlhw.config.data_generated import GatesConfig
    >>> from dlhw.config.data_base import SplitConfig
    >>> dataset = load_dataset(GatesConfig(gate="and", split=SplitConfig(val=0)), seed=0)
    >>> {name: tuple(split.inputs.shape) for name, split in dataset.splits.items()}
    {'train': (4, 2)}
    """
    raw = read_source(config, seed)
    check_any_samples(raw)
    class_names = _class_names(config, raw)
    pool = select(raw.pool, config.limit, config.classes)
    own = own_splits(config, raw)
    if config.classes is not None:
        class_names = [class_names[label] for label in config.classes]
    splits = _split(config, seed, pool, own)
    check_splits(splits, config.task_kind(), class_names)
    dataset = _assemble(config, raw, splits, class_names, dtype, seed)
    return corrupt_labels(dataset, config.label_corruption, seed)


def corrupt_labels(dataset: Dataset, probability: float, seed: int | None) -> Dataset:
    """Replace each training label, with the given probability, by a uniformly random class.

    y <- k if u < probability, else y;   u uniform in [0, 1), k uniform over the K classes

    u and k depend on the seed alone: a label that is corrupted at one probability is also corrupted at every
    higher one. k can be the true class: at probability 1 about 1/K of the labels stay correct.

    Source: Zhang et al., Understanding deep learning requires rethinking generalization (2017), section 2.

    Args:
        dataset: of a classification task; not changed.
        probability: from 0 to 1.
        seed: of the draws; not needed for 0.

    Returns:
        A data set that shares all other tensors with the given one.
    """
    if probability == 0:
        return dataset
    assert seed is not None, "corruption needs a seed"
    assert dataset.num_classes is not None, "only labels can be corrupted"
    train, stream = dataset.splits["train"], generator(seed, "corruption")
    uniform_N = torch.rand(len(train), generator=stream, dtype=torch.float64)
    drawn_N = torch.randint(dataset.num_classes, (len(train),), generator=stream)
    targets_N = torch.where(uniform_N < probability, drawn_N, train.targets)
    changed = hashlib.sha256(dataset.hashes["train"].encode() + targets_N.numpy().astype("<i8").tobytes())
    return replace(
        dataset,
        splits={**dataset.splits, "train": Split(train.inputs, targets_N)},
        hashes={**dataset.hashes, "train": changed.hexdigest()},
    )


def _class_names(config: DataConfig, raw: RawData) -> list[str]:
    """Names of all classes of the source; every label is checked to be one of them."""
    if config.task_kind() is Task.regression:
        return []
    known = config.all_classes()
    num_classes = known or count_classes(raw)
    remedy = "" if known else " (the largest one of the training data): set data.num_classes"
    for split in raw.splits():
        check_range(split.targets, num_classes, split.location, remedy)
    if config.classes is not None:
        check_classes(config.classes, num_classes)
    return raw.class_names or [str(label) for label in range(num_classes)]


def _split(
    config: DataConfig, seed: int | None, pool: SampleSelection, own: Mapping[str, SampleSelection]
) -> dict[str, SampleSelection]:
    if "test" in own and config.split.test:
        raise DataError(
            f"data.split.test must be null or 0, because {own['test'].raw.location.file} brings a test split "
            f"of its own, got {config.split.test}"
        )
    if not len(pool):
        return {"train": pool}  # check_splits refuses it
    val = 0 if "val" in own else config.split.val
    no_test = "test" in own or config.split.val_from_test
    split = replace(config.split, val=val, test=0 if no_test else config.split.test)
    seed = seed if split.seed is None else split.seed
    cut = {name: pool.take(positions) for name, positions in split_indices(len(pool), split, seed).items()}
    splits = {**cut, **own}
    return {name: splits[name] for name in SPLITS if name in splits}


def _assemble(
    config: DataConfig,
    raw: RawData,
    splits: Mapping[str, SampleSelection],
    class_names: list[str],
    dtype: torch.dtype,
    seed: int | None,
) -> Dataset:
    inputs = {name: _inputs(split) for name, split in splits.items()}
    normalization = fit_normalization(config, inputs["train"], raw.max_value)
    check_representable(normalization.scale, "train", raw.pool.location)
    is_classes = config.task_kind() is Task.classification
    scaled = {
        name: _to_split(name, split, inputs[name], normalization, dtype) for name, split in splits.items()
    }
    randomise_inputs({name: split.inputs for name, split in scaled.items()}, config.inputs, seed)
    randomisation = "" if config.inputs is Inputs.original else f"{config.inputs} {seed}"
    return Dataset(
        splits=scaled,
        input_shape=raw.input_shape,
        class_names=class_names,
        num_classes=len(class_names) if is_classes else None,
        num_targets=None if is_classes else 1,
        normalization=normalization,
        hashes={name: digest(split, inputs[name], raw, randomisation) for name, split in splits.items()},
        in_training=count_in_training(inputs),
    )


def _to_split(
    name: str,
    split: SampleSelection,
    raw_inputs: np.ndarray,
    normalization: Normalization,
    dtype: torch.dtype,
) -> Split:
    inputs, targets = normalization.apply(raw_inputs, dtype), torch.from_numpy(split.targets.copy())
    if targets.is_floating_point():
        targets = targets.to(dtype)[:, None]
        check_representable(targets, name, split.raw.location)
    if split.raw.inputs.dtype != np.uint8:
        check_representable(inputs, name, split.raw.location)
    return Split(inputs, targets)


def _inputs(split: SampleSelection) -> np.ndarray:
    """The raw inputs of a split; a view if they are contiguous."""
    start, stop = int(split.indices[0]), int(split.indices[-1]) + 1
    if np.array_equal(split.indices, np.arange(start, stop)):
        return split.raw.inputs[start:stop]
    return split.raw.inputs[split.indices]
