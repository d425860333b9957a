import tempfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlhw.callbacks.checkpoints import check_matches, load_checkpoint, save_checkpoint
from dlhw.errors import RunFolderError
from dlhw.sections import under, with_prefix

STATE: dict[str, Any] = {"step": 78, "best": float("inf"), "lr": 0.1 + 0.2, "names": ["a", None, "ü"]}


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "parameters/fc1.weight": torch.randn(4, 3, generator=generator),
        "parameters/fc1.bias": torch.tensor([0.0, -0.0, float("inf")], dtype=torch.float64),
        "optimizer/step": torch.tensor(7),
        "optimizer/empty": torch.zeros(0, 2),
        "optimizer/half": torch.ones(2, dtype=torch.bfloat16),
        "mask": torch.tensor([True, False]),
    }


def assert_same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert sorted(left) == sorted(right)
    for name, value in left.items():
        assert value.dtype == right[name].dtype
        assert value.shape == right[name].shape
        assert torch.equal(value.reshape(-1).view(torch.uint8), right[name].reshape(-1).view(torch.uint8))


def saved_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder) / "file", tensors(), STATE)
        return (Path(folder) / "file").read_bytes()


SAVED = saved_bytes()


def load_bytes(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last.safetensors"
        path.write_bytes(content)
        return load_checkpoint(path)


def test_tensors_and_state_are_read_back_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "last.safetensors"
    save_checkpoint(path, tensors(), STATE)
    loaded, state = load_checkpoint(path)
    assert_same_bits(loaded, tensors())
    assert state == STATE
    assert [entry.name for entry in path.parent.iterdir()] == ["last.safetensors"]


def test_loaded_tensors_are_independent_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, tensors(), STATE)
    loaded, _ = load_checkpoint(path)
    save_checkpoint(path, {"other": torch.zeros(1)}, {})
    for value in loaded.values():
        value.zero_()
    assert list(load_checkpoint(path)[0]) == ["other"]


def test_views_and_gradients_can_be_saved(tmp_path: Path) -> None:
    whole = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    save_checkpoint(tmp_path / "file", {"transposed": whole.T, "row": whole[1]}, {})
    loaded, _ = load_checkpoint(tmp_path / "file")
    assert_same_bits(loaded, {"transposed": whole.detach().T.contiguous(), "row": whole.detach()[1]})


@settings(max_examples=300)
@given(length=st.integers(0, len(SAVED) - 1))
def test_a_truncated_file_is_an_error(length: int) -> None:
    with pytest.raises(RunFolderError, match="last.safetensors"):
        load_bytes(SAVED[:length])


@settings(max_examples=500)
@given(offset=st.integers(0, len(SAVED) - 1), flip=st.integers(1, 255))
def test_a_flipped_bit_is_an_error_or_changes_nothing(offset: int, flip: int) -> None:
    damaged = bytearray(SAVED)
    damaged[offset] ^= flip
    try:
        loaded, state = load_bytes(bytes(damaged))
    except RunFolderError:
        return
    assert_same_bits(loaded, tensors())
    assert state == STATE


@pytest.mark.parametrize("offset", range(8, len(SAVED), 7))
def test_one_flipped_bit_everywhere(offset: int) -> None:
    test = test_a_flipped_bit_is_an_error_or_changes_nothing.hypothesis.inner_test  # type: ignore[attr-defined]
    test(offset, 1 << offset % 8)


@given(content=st.binary(max_size=200))
def test_any_other_file_is_an_error(content: bytes) -> None:
    with pytest.raises(RunFolderError, match="checkpoint that dlhw-train wrote"):
        load_bytes(content)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "dlhw-checkpoint-9"}])
def test_a_foreign_safetensors_file_is_an_error(metadata: dict[str, str] | None) -> None:
    content = (metadata or {"format": "no checkpoint of dlhw"})["format"]
    with pytest.raises(RunFolderError, match=f"holds {content}: expected is a checkpoint"):
        load_bytes(safetensors.torch.save({"w": torch.ones(2)}, metadata=metadata))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"none\.safetensors cannot be read \(No such file"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be read"):
        load_checkpoint(tmp_path)


def test_prefixes_are_inverse() -> None:
    named = {"fc1.weight": torch.ones(1)}
    assert under("parameters", with_prefix("parameters", named)) == named
    assert under("optimizer", with_prefix("parameters", named)) == {}


EXPECTED: dict[str, tuple[int, ...]] = {"fc1.weight": (4, 3), "fc1.bias": (3,)}


def test_the_same_model_matches() -> None:
    check_matches(Path("best"), under("parameters", tensors()), EXPECTED)


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        (EXPECTED | {"fc1.weight": (4, 5)}, "fc1.weight is 4 x 3 there, but 4 x 5 in this model"),
        (EXPECTED | {"fc2.bias": (1,)}, "fc2.bias is missing there, but 1 in this model"),
        ({"fc1.weight": (4, 3)}, "fc1.bias is 3 there, but missing in this model"),
        (EXPECTED | {"fc1.bias": ()}, "fc1.bias is 3 there, but a single number in this model"),
    ],
)
def test_another_model_is_an_error(expected: dict[str, tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(RunFolderError, match=f"best is a checkpoint of another model: {sentence}"):
        check_matches(Path("best"), under("parameters", tensors()), expected)
