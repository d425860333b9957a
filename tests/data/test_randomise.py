"""Inputs whose pixels are shuffled, or that are noise."""

from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dlhw.config.data import DigitsConfig, Inputs
from dlhw.data import load_dataset
from dlhw.data.randomise import CHUNK, randomise_inputs

RANDOM = [kind for kind in Inputs if kind is not Inputs.original]
SHAPES = [(3,), (1, 4, 4), (3, 4, 5)]
seeds = st.integers(0, 2**63 - 1)


def splits(shape: tuple[int, ...], train: int = 6) -> dict[str, Tensor]:
    """Inputs of every split, in which every number occurs once."""
    sizes = {"train": train, "val": 4, "test": 5}
    return {
        name: 1000.0 * place + torch.arange(count * prod(shape)).reshape(count, *shape)
        for place, (name, count) in enumerate(sizes.items())
    }


def randomised(shape: tuple[int, ...], kind: Inputs, seed: int, train: int = 6) -> dict[str, Tensor]:
    inputs = splits(shape, train)
    randomise_inputs(inputs, kind, seed)
    return inputs


def pixels(x: Tensor) -> Tensor:
    """Flatten images to (N, C, P)."""
    return x.flatten(2) if x.ndim > 2 else x[:, None]


def orders(before: Tensor, after: Tensor) -> Tensor:
    """The permutation of every channel of every image, (N, C, P)."""
    same = pixels(before)[..., None, :] == pixels(after)[..., None]
    assert bool((same.sum(-1) == 1).all()), "some pixel came from another image or channel"
    return same.int().argmax(-1)


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=seeds)
def test_shuffled_pixels_have_one_permutation(shape: tuple[int, ...], seed: int) -> None:
    before, after = splits(shape), randomised(shape, Inputs.shuffled_pixels, seed)
    permutations = torch.cat([orders(before[split], after[split]).flatten(0, 1) for split in before])
    assert len(permutations.unique(dim=0)) == 1


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=seeds)
def test_random_pixels_have_one_permutation_for_each_image(shape: tuple[int, ...], seed: int) -> None:
    before, after = splits(shape), randomised(shape, Inputs.random_pixels, seed)
    for split in before:
        permutations = orders(before[split], after[split])
        assert len(permutations[0].unique(dim=0)) == 1  # the same for all channels


def test_permutations_of_images_differ_and_every_order_is_as_likely() -> None:
    before = {"train": torch.arange(3.0).repeat(60_000, 1)}
    after = {"train": before["train"].clone()}
    randomise_inputs(after, Inputs.random_pixels, 0)
    _, counts = orders(before["train"], after["train"])[:, 0].unique(dim=0, return_counts=True)
    assert counts.tolist() == [pytest.approx(10_000, abs=400)] * 6  # 4 standard deviations


def test_gaussian_noise_has_the_moments_of_training() -> None:
    inputs = {
        "train": torch.rand(3 * CHUNK, 1, 4, 4).mul_(5).add_(3),
        "test": torch.full((2000, 1, 4, 4), 1e6),
    }
    mean, std = float(inputs["train"].mean()), float(inputs["train"].std())
    randomise_inputs(inputs, Inputs.gaussian, 0)
    for x in inputs.values():
        assert float(x.mean()) == pytest.approx(mean, abs=0.04)
        assert float(x.std()) == pytest.approx(std, rel=0.03)
        standard = (x - mean) / std
        assert float((standard**4).mean()) == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize("kind", RANDOM)
@given(seed=seeds)
def test_the_seed_determines_each_split_and_no_split_depends_on_another(kind: Inputs, seed: int) -> None:
    one, again = (randomised((1, 4, 4), kind, seed) for _ in range(2))
    longer = randomised((1, 4, 4), Inputs.random_pixels, seed, train=9)
    assert all(torch.equal(one[split], again[split]) for split in one)
    if kind is Inputs.random_pixels:
        assert torch.equal(one["val"], longer["val"])
        assert not torch.equal(one["train"], randomised((1, 4, 4), kind, seed ^ 1)["train"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", list(Inputs))
def test_labels_stay_and_hashes_tell_inputs_apart(kind: Inputs, dtype: torch.dtype) -> None:
    plain = load_dataset(DigitsConfig(), 0, dtype)
    config = DigitsConfig(inputs=kind)
    changed, other = (load_dataset(config, seed, dtype) for seed in (0, 1))
    is_same = kind is Inputs.original
    for split in plain.splits:
        assert torch.equal(changed.splits[split].targets, plain.splits[split].targets)
        assert torch.equal(changed.splits[split].inputs, plain.splits[split].inputs) == is_same
        assert (changed.hashes[split] == plain.hashes[split]) == is_same
        assert changed.splits[split].inputs.dtype == dtype
    assert not set(changed.hashes.values()) & set(other.hashes.values())


@pytest.mark.parametrize("kind", RANDOM)
def test_precision_only_rounds_what_is_drawn(kind: Inputs) -> None:
    single, double = (load_dataset(DigitsConfig(inputs=kind), 3, d) for d in (torch.float32, torch.float64))
    torch.testing.assert_close(
        single.splits["val"].inputs, double.splits["val"].inputs.float(), atol=1e-6, rtol=1e-6
    )
