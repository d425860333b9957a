"""Scaling of inputs."""

import json

import numpy as np
import pytest
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from dlhw.config.data import DataConfig, Normalize, Statistics
from dlhw.data.normalize import Normalization, fit_normalization
from dlhw.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 200, (9, 1, 4, 4), dtype=np.uint8)
TABLE = np.random.default_rng(1).normal(50, 9, (5000, 3))  # more rows than one chunk has


def fit(
    normalize: Normalize,
    train: np.ndarray,
    max_value: float | None = None,
    statistics: Statistics = Statistics.auto,
) -> Normalization:
    return fit_normalization(DataConfig(normalize=normalize, statistics=statistics), train, max_value)


@pytest.mark.parametrize("max_value", [16, 255])
@pytest.mark.parametrize(
    ("normalize", "expected"), [("none", [0, 1]), ("unit", [0, 1]), ("symmetric", [-1, 1])]
)
def test_a_known_range_is_reached_exactly(normalize: str, expected: list[float], max_value: int) -> None:
    ends = np.array([0, max_value], dtype=np.uint8).reshape(2, 1, 1, 1)
    scaled = fit(Normalize(normalize), IMAGES, max_value).apply(ends, torch.float32)
    factor = max_value if normalize == "none" else 1
    assert scaled.flatten().tolist() == [end * factor for end in expected]


@pytest.mark.parametrize("statistics", list(Statistics))
def test_a_known_range_needs_no_statistics(statistics: Statistics) -> None:
    assert fit(Normalize.unit, IMAGES, 255, statistics).record() == {"kind": "unit", "shift": 0, "scale": 255}


@pytest.mark.parametrize(("normalize", "low"), [(Normalize.unit, 0), (Normalize.symmetric, -1)])
def test_an_unknown_range_is_that_of_training(normalize: Normalize, low: int) -> None:
    scaled = fit(normalize, TABLE).apply(TABLE, torch.float64)
    expected = MinMaxScaler((low, 1)).fit_transform(TABLE)
    np.testing.assert_allclose(scaled, expected, atol=1e-12)


def test_standardize_agrees_with_scikit_learn() -> None:
    scaled = fit(Normalize.standardize, TABLE).apply(TABLE, torch.float64)
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(TABLE), atol=1e-12)


@pytest.mark.parametrize(
    ("train", "statistics", "shape"),
    [
        (IMAGES, Statistics.auto, ()),
        (IMAGES, Statistics.all, ()),
        (IMAGES, Statistics.feature, (1, 4, 4)),
        (TABLE, Statistics.auto, (3,)),
        (TABLE, Statistics.all, ()),
        (TABLE, Statistics.feature, (3,)),
    ],
)
@pytest.mark.parametrize("normalize", [Normalize.standardize, Normalize.unit])
def test_statistics(
    train: np.ndarray, statistics: Statistics, shape: tuple[int, ...], normalize: Normalize
) -> None:
    scaling = fit(normalize, train, None, statistics)
    assert scaling.shift.shape == scaling.scale.shape == shape
    assert scaling.scale.dtype == torch.float64
    json.dumps(scaling.record())


@pytest.mark.parametrize("normalize", [kind for kind in Normalize if kind is not Normalize.unit_256])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 / 3])
def test_a_constant_feature_divides_by_nothing(normalize: Normalize, constant: float) -> None:
    table = np.full((7, 2), constant)
    table[:, 1] = np.arange(7)
    scaled = fit(normalize, table).apply(table, torch.float64)
    expected = constant if normalize in (Normalize.none, Normalize.auto) else 0.0
    np.testing.assert_allclose(scaled[:, 0], expected, atol=1e-6)


def test_a_large_offset_keeps_its_digits() -> None:
    table = 1e9 + np.arange(10.0)[:, None]
    scaled = fit(Normalize.unit, table).apply(table, torch.float32)
    np.testing.assert_allclose(scaled[:, 0], np.arange(10) / 9, atol=1e-7)


def test_raw_inputs_are_not_changed() -> None:
    before = TABLE.copy()
    fit(Normalize.standardize, TABLE).apply(TABLE, torch.float64)
    np.testing.assert_array_equal(TABLE, before)


def test_bytes_over_256_are_exact() -> None:
    every_NI = np.arange(256, dtype=np.uint8)[:, None]
    scaled = fit(Normalize.unit_256, every_NI, 255).apply(every_NI, torch.float32)
    assert (scaled[:, 0] * 256).tolist() == list(range(256))


@pytest.mark.parametrize("max_value", [None, 16])
def test_only_bytes_are_divided_by_256(max_value: float | None) -> None:
    with pytest.raises(DataError, match=r"^data.normalize=unit_256 divides bytes \(0 to 255\) by 256, but"):
        fit(Normalize.unit_256, IMAGES, max_value)


@pytest.mark.parametrize(("train", "max_value", "unit"), [(IMAGES, 255, 255), (TABLE, None, 1)])
def test_given_constants_are_those_of_the_unit_scale(
    train: np.ndarray, max_value: float | None, unit: float
) -> None:
    config = DataConfig(normalize=Normalize.standardize, mean=0.1307, std=0.3081)
    scaled = fit_normalization(config, train, max_value).apply(train, torch.float64)
    np.testing.assert_allclose(scaled, (train / unit - 0.1307) / 0.3081, atol=1e-12)


def test_the_constants_of_the_training_split_itself_change_nothing() -> None:
    own = fit(Normalize.standardize, IMAGES, 255)
    config = DataConfig(
        normalize=Normalize.standardize, mean=float(own.shift) / 255, std=float(own.scale) / 255
    )
    given = fit_normalization(config, IMAGES, 255)
    torch.testing.assert_close(given.apply(IMAGES, torch.float64), own.apply(IMAGES, torch.float64))
