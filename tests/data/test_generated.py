"""Generated data sets: their content, their seeds, and that larger sets contain smaller ones."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlhw.config.data import DataConfig
from dlhw.config.data_generated import (
    Gate,
    GatesConfig,
    GeneratedConfig,
    IntervalConfig,
    LinearTeacherConfig,
    Teacher,
    TriangleConfig,
)
from dlhw.data import Dataset, load_dataset
from dlhw.data.generators import depth, draw_teacher, make_interval, make_triangle, sign_vectors
from dlhw.errors import DataError
from dlhw.hydra_support.compose import compose

seeds = st.integers(0, 2**63 - 1)
FUNCTIONS = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "nand": lambda a, b: not (a and b),
    "nor": lambda a, b: not (a or b),
}

GENERATED = [name for name, schema in DataConfig.options.items() if schema.is_generated]


def load(config: DataConfig, seed: int = 0) -> Dataset:
    return load_dataset(config, config.seed_for(seed), torch.float64)


# What holds for all of them.


@pytest.mark.parametrize("name", GENERATED)
def test_the_run_seed_or_that_of_the_data_says_which_samples(name: str) -> None:
    config = DataConfig.options[name]()
    assert isinstance(config, GeneratedConfig)
    first, again, other = (load(config, seed) for seed in (1, 1, 2))
    fixed = [load(replace(config, seed=1), seed) for seed in (1, 2)]
    assert first.hashes == again.hashes == fixed[0].hashes == fixed[1].hashes
    assert all(torch.equal(first.splits[split].inputs, again.splits[split].inputs) for split in first.splits)
    differs = bool(set(first.hashes.values()) ^ set(other.hashes.values()))
    assert differs == config.draws_samples() == (config.seed_for(3) is not None)


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_another_dtype_only_rounds(name: str, dtype: torch.dtype) -> None:
    config = DataConfig.options[name]()
    exact, rounded = (load_dataset(config, 0, precision) for precision in (torch.float64, dtype))
    for split_name, split in rounded.splits.items():
        assert split.inputs.dtype == dtype
        assert torch.equal(split.inputs, exact.splits[split_name].inputs.to(dtype))
        assert torch.equal(split.targets, exact.splits[split_name].targets.to(split.targets.dtype))
    assert rounded.hashes == exact.hashes


@pytest.mark.parametrize("name", GENERATED)
def test_made_samples_are_chosen_split_and_randomised_like_those_of_files(name: str) -> None:
    overrides = [f"data={name}", "data.inputs=random_pixels", "data.normalize=standardize"]
    config = compose([*overrides, "data.limit=4", *(["model=linear"] if name == "linear_teacher" else [])])
    assert len(load(replace(config.data, split=replace(config.data.split, val=0))).splits["train"]) == 4


# Gates.


@pytest.mark.parametrize("gate", list(Gate))
def test_gates(gate: Gate) -> None:
    dataset = load(GatesConfig(gate=gate))
    assert list(dataset.splits) == ["train"]
    train = dataset.splits["train"]
    assert train.inputs.tolist() == [list(point) for point in product([0, 1], repeat=2)]
    assert train.targets.tolist() == [int(FUNCTIONS[gate](*point)) for point in product([0, 1], repeat=2)]


# Interval.


@given(st.integers(1, 8), st.integers(-9, 9), st.integers(-9, 9))
def test_interval(dim: int, low: int, high: int) -> None:
    pool = make_interval(IntervalConfig(dim=dim, low=low, high=high)).pool
    assert {tuple(x) for x in pool.inputs.tolist()} == set(product([-1.0, 1.0], repeat=dim))
    assert pool.targets.tolist() == [int(low <= sum(x) <= high) for x in pool.inputs.tolist()]


@given(st.integers(1, 8), st.integers(-9, 9), st.integers(-9, 9))
def test_an_interval_of_one_class_is_refused_before_it_is_made(dim: int, low: int, high: int) -> None:
    config = IntervalConfig(dim=dim, low=low, high=high)
    if list(config.problems()):
        with pytest.raises(DataError, match="holds only class"):
            load(config)
    else:
        assert len(set(load(config).splits["train"].targets.tolist())) == 2


def test_sign_vectors_count_up() -> None:
    assert sign_vectors(10) @ 2.0 ** np.arange(10)[::-1] == pytest.approx(np.arange(-1023, 1024, 2))


# Triangle.


@given(seeds, st.integers(2, 600), st.floats(0, 0.45))
def test_triangle(seed: int, num_samples: int, margin: float) -> None:
    pool = make_triangle(TriangleConfig(num_samples=num_samples, margin=margin), seed).pool
    x1, x2 = pool.inputs.T
    assert len(pool) == num_samples
    assert ((pool.inputs >= 0) & (pool.inputs <= 4)).all()
    assert np.array_equal(pool.targets == 0, (x1 > 0.5) & (x2 > 0.5) & (x1 + x2 < 4))
    assert (_distance_from_border(pool.inputs) >= margin - 1e-12).all()


def _distance_from_border(x_NI: np.ndarray) -> np.ndarray:
    """Distance to the nearest of the triangle's sides, each a segment."""
    corners = np.array([[0.5, 0.5], [3.5, 0.5], [0.5, 3.5]])
    distances = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = end - start
        along_N = np.clip((x_NI - start) @ side / (side @ side), 0, 1)
        distances.append(np.linalg.norm(x_NI - start - along_N[:, None] * side, axis=1))
    return np.min(distances, axis=0)


def test_depth_is_the_distance_inside_and_no_more_outside() -> None:
    x_NI = np.random.default_rng(0).uniform(0, 4, (1000, 2))
    depth_N, distance_N = depth(x_NI), _distance_from_border(x_NI)
    np.testing.assert_allclose(depth_N[depth_N > 0], distance_N[depth_N > 0], atol=1e-12)
    assert (-depth_N[depth_N <= 0] <= distance_N[depth_N <= 0] + 1e-12).all()


def test_points_of_the_triangle_are_uniform() -> None:
    pool = make_triangle(TriangleConfig(num_samples=20_000), 0).pool
    assert (pool.targets == 0).mean() == pytest.approx(4.5 / 16, abs=0.012)  # 4 standard errors
    assert pool.inputs.mean(axis=0) == pytest.approx([2, 2], abs=0.04)


def test_points_in_no_triangle_on_its_border_are_outside() -> None:
    border = np.array([[0.5, 1], [1, 0.5], [2, 2], [0.5, 0.5]])
    assert (depth(border) <= 0).all()


# Linear teacher.


@given(
    seeds, st.integers(1, 150), st.integers(1, 150), st.integers(1, 9), st.sampled_from(["gaussian", "unit"])
)
def test_training_sets_contain_each_other(seed: int, one: int, other: int, dim: int, teacher: str) -> None:
    config = LinearTeacherConfig(dim=dim, num_val=5, noise=0.5, teacher=Teacher(teacher))
    small, large = (load(replace(config, num_train=n), seed).splits for n in sorted((one, other)))
    count = len(small["train"])
    assert torch.equal(small["train"].inputs, large["train"].inputs[:count])
    assert torch.equal(small["train"].targets, large["train"].targets[:count])
    assert torch.equal(small["val"].inputs, large["val"].inputs)
    assert torch.equal(small["val"].targets, large["val"].targets)


@given(seeds, st.sampled_from(list(Teacher)))
def test_targets_without_noise_are_those_of_the_teacher(seed: int, teacher: Teacher) -> None:
    config = LinearTeacherConfig(dim=8, num_train=9, teacher=teacher, num_ones=3)
    beta_I = torch.from_numpy(draw_teacher(config, seed))
    clean, noisy = (load(replace(config, noise=noise), seed).splits for noise in (0, 0.5))
    for split in ("train", "val"):
        torch.testing.assert_close(clean[split].targets[:, 0], clean[split].inputs @ beta_I)
        assert torch.equal(clean[split].inputs, noisy[split].inputs)


def test_teachers() -> None:
    config = LinearTeacherConfig(dim=2000, num_ones=5)
    gaussian, unit, sparse = (draw_teacher(replace(config, teacher=teacher), 0) for teacher in Teacher)
    assert gaussian @ gaussian == pytest.approx(1, abs=0.13)  # 4 standard deviations of chi^2_d / d
    assert unit @ unit == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(unit, gaussian / np.linalg.norm(gaussian))
    assert (sparse.sum(), sparse @ sparse, set(sparse.tolist())) == (5, 5, {0.0, 1.0})


def test_numbers_are_standard_normal_and_unrelated() -> None:
    splits = load(LinearTeacherConfig(dim=50, num_train=4000, num_val=4000, noise=0.5)).splits
    x_NI, y_N = splits["train"].inputs, splits["train"].targets[:, 0]
    covariance = x_NI.T @ x_NI / 4000
    torch.testing.assert_close(covariance, torch.eye(50, dtype=torch.float64), atol=0.11, rtol=0)
    beta_I = torch.from_numpy(draw_teacher(LinearTeacherConfig(dim=50), 0))
    noise_N = y_N - x_NI @ beta_I
    assert float(noise_N.std()) == pytest.approx(0.5, abs=0.03)
    assert float((x_NI.T @ noise_N / 4000).abs().max()) < 0.04
    assert not set(x_NI[:, 0].tolist()) & set(splits["val"].inputs[:, 0].tolist())


def test_the_least_norm_solution_has_the_error_that_theory_says() -> None:
    """(1/2)[|beta|^2 (1 - n/d) + sigma^2 (1 + n/(d - n - 1))] for n < d (Hastie et al. 2022)."""
    config = LinearTeacherConfig(dim=60, num_train=20, num_val=400, noise=0.5, teacher=Teacher.unit)
    errors = []
    for seed in range(60):
        train, val = load(config, seed).splits.values()
        beta = torch.linalg.pinv(train.inputs) @ train.targets
        errors.append(0.5 * float((val.inputs @ beta - val.targets).square().mean()))
    expected = 0.5 * ((1 - 20 / 60) + 0.25 * (1 + 20 / (60 - 20 - 1)))
    assert np.mean(errors) == pytest.approx(expected, abs=4 * np.std(errors) / np.sqrt(60))


def test_a_teacher_without_validation() -> None:
    assert list(load(LinearTeacherConfig(num_val=0)).splits) == ["train"]
