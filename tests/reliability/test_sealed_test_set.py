"""The test set is measured once, at the end: no bit of anything before depends on its data."""

import gzip
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from training_runs import Listener, train_together

from dlhw.config.data import DataConfig, Normalize
from dlhw.config.root import TrainConfig
from dlhw.data import dataset as dataset_module
from dlhw.data import load_dataset
from dlhw.data.normalize import Normalization, fit_normalization
from dlhw.errors import DataError
from dlhw.hydra_support.compose import compose

Arrays = Mapping[str, np.ndarray]
FAST = [
    "model=mlp", "model.hidden=[5]", "trainer.epochs=4", "trainer.batch_size=8", "trainer.gradcheck=false",
    "trainer.matmul=highest", "trainer.early_stopping.patience=2", "trainer.train_metrics=full",
]  # fmt: skip


def arrays(kind: type) -> dict[str, np.ndarray]:
    """Training, validation and test images of noise, in three classes."""
    random = np.random.default_rng(0)
    content: dict[str, np.ndarray] = {}
    for split, count in (("train", 60), ("val", 20), ("test", 20)):
        content[f"{split}_x"] = random.integers(0, 200, (count, 4, 4)).astype(kind)
        content[f"{split}_y"] = np.arange(count) % 3
    return content


# Name of a change -> the changed arrays of the test split.
LEAKS: dict[str, Callable[[Arrays], Arrays]] = {
    "a wild constant": lambda a: {"test_x": np.full_like(a["test_x"], 255)},
    "numbers of another dtype": lambda a: {"test_x": a["test_x"].astype(np.float64) * 1e6},
    "other labels": lambda a: {"test_y": (a["test_y"] + 1) % 3},
    "more samples": lambda a: {"test_x": a["test_x"].repeat(9, 0), "test_y": a["test_y"].repeat(9)},
    "the training split": lambda a: {"test_x": a["train_x"], "test_y": a["train_y"]},
}


def config(path: Path, *overrides: str) -> TrainConfig:
    return compose(["data=npz", f"data.path={path}", *FAST, *overrides])


def written(path: Path, content: Arrays) -> Path:
    np.savez(path, allow_pickle=False, **content)
    return path


def reported(listener: Listener) -> object:
    """All scores of training and validation, and all parameters as bytes, that trackers received."""
    scores = [
        {split: scores_of_split for split, scores_of_split in evaluation.scores.items() if split != "test"}
        for evaluation in listener.evaluations
    ]
    result = listener.result
    ended = (result.status, result.best_step, result.steps, result.best["val"], result.final["train"])
    return (
        scores,
        ended,
        [{name: bits(value) for name, value in params.items()} for params in listener.parameters],
    )


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def check_data(one: TrainConfig, other: TrainConfig) -> None:
    """Their data differ in the test split alone."""
    first, second = (load_dataset(run_config.data, run_config.data_seed()) for run_config in (one, other))
    for split in ("train", "val"):
        assert torch.equal(first.splits[split].inputs, second.splits[split].inputs)
        assert first.hashes[split] == second.hashes[split]
    assert first.hashes["test"] != second.hashes["test"]
    assert first.normalization.record() == second.normalization.record()


def check_sealed(one: TrainConfig, other: TrainConfig) -> None:
    """Their data differ in the test split alone, and both train to the same bits."""
    check_data(one, other)
    assert reported(train_together([one])[0]) == reported(train_together([other])[0])


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize("leak", LEAKS)
def test_no_bit_changes(leak: str, kind: type, tmp_path: Path) -> None:
    content = arrays(kind)
    paths = (
        written(tmp_path / "one.npz", content),
        written(tmp_path / "other.npz", {**content, **LEAKS[leak](content)}),
    )
    one, other = (config(path, "data.normalize=standardize") for path in paths)
    check_sealed(one, other)
    for normalize in Normalize:
        if normalize is not Normalize.unit_256 or kind is np.uint8:
            check_data(*(with_scaling(run_config, normalize) for run_config in (one, other)))


def with_scaling(base: TrainConfig, normalize: Normalize) -> TrainConfig:
    return replace(base, data=replace(base.data, normalize=normalize))


def test_a_test_split_that_is_cut_from_the_pool(tmp_path: Path) -> None:
    content = arrays(np.float64)
    one = {"x": content["train_x"], "y": content["train_y"]}
    other = {**one, "x": np.concatenate([one["x"][:48], one["x"][48:] * -1e6])}
    paths = written(tmp_path / "one.npz", one), written(tmp_path / "other.npz", other)
    split = "data.split={train:36,val:12,test:12,order:sequential}"
    check_sealed(*(config(path, split, "data.normalize=standardize") for path in paths))


@pytest.mark.parametrize("inputs", ["shuffled_pixels", "random_pixels", "gaussian"])
def test_no_bit_changes_with_randomised_inputs_and_labels(inputs: str, tmp_path: Path) -> None:
    content = arrays(np.float64)
    other = {**content, "test_x": content["test_x"] * 1e6}
    paths = written(tmp_path / "one.npz", content), written(tmp_path / "other.npz", other)
    check_sealed(*(config(path, f"data.inputs={inputs}", "data.label_corruption=0.3") for path in paths))


def test_a_planted_leak_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics over all splits, a common mistake in notebooks: the same comparison detects them."""
    content = arrays(np.float64)
    other = {**content, "test_x": np.full_like(content["test_x"], 1e6)}
    paths = written(tmp_path / "one.npz", content), written(tmp_path / "other.npz", other)
    configs = [config(path, "data.normalize=standardize") for path in paths]
    check_sealed(*configs)

    def leaky(data: DataConfig, train: np.ndarray, max_value: float | None) -> Normalization:
        everything = np.load(data.path, allow_pickle=False)  # type: ignore[attr-defined]
        images = [everything[f"{split}_x"][:, None] for split in ("train", "val", "test")]
        return fit_normalization(data, np.concatenate(images), max_value)

    monkeypatch.setattr(dataset_module, "fit_normalization", leaky)
    with pytest.raises(AssertionError):
        check_sealed(*configs)


def test_a_label_that_only_the_test_split_has_makes_no_output(tmp_path: Path) -> None:
    content = arrays(np.float64)
    content["test_y"][3] = 7
    path = written(tmp_path / "data.npz", content)
    sentence = (
        r"array test_y, index 3 must be a class label from 0 to 2, got 7 \(the largest one of the training data\): "
        r"set data.num_classes$"
    )
    with pytest.raises(DataError, match=sentence):
        load_dataset(config(path).data, 0)
    assert load_dataset(replace(config(path).data, num_classes=8), 0).num_classes == 8  # type: ignore[call-arg]


def test_mnist_is_sealed_too(tmp_path: Path) -> None:
    configs = []
    for name, test in (("one", 3), ("other", 250)):
        raw = tmp_path / name / "MNIST/raw"
        raw.mkdir(parents=True)
        for prefix, count, value in (("train", 60, None), ("t10k", 30, test)):
            images = np.random.default_rng(1).integers(0, 255, (count, 28, 28), dtype=np.uint8)
            content = images if value is None else np.full_like(images, value)
            for kind, array in (("images-idx3", content), ("labels-idx1", np.arange(count) % 10)):
                head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
                packed = gzip.compress(head + array.astype(np.uint8).tobytes())
                (raw / f"{prefix}-{kind}-ubyte.gz").write_bytes(packed)
        options = [f"data.root={tmp_path / name}", "data.download=false", "data.normalize=standardize"]
        configs.append(compose(["data=mnist", *options, *FAST]))
    check_sealed(*configs)
