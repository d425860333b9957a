"""A user's NumPy archives."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlhw.config.data import Layout, Normalize, NPZConfig, Order, SplitConfig, Task
from dlhw.data import Dataset, load_dataset
from dlhw.errors import DataError
from dlhw.hydra_support.compose import compose

Write = Callable[..., str]
ALL = SplitConfig(train=None, val=0, test=0, order=Order.sequential)
X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 0, 1])


def load(path: str, **changes: object) -> Dataset:
    fields = {"path": path, "split": ALL, "normalize": Normalize.none} | changes
    return load_dataset(NPZConfig(**fields), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "input_shape"), [((4, 3), (3,)), ((4, 5, 6), (1, 5, 6)), ((4, 2, 5, 6), (2, 5, 6))]
)
@pytest.mark.parametrize("dtype", ["u1", "?", "i8", ">f4", "f2", "f8"])
def test_shapes_and_dtypes(
    write_npz: Write, shape: tuple[int, ...], input_shape: tuple[int, ...], dtype: str
) -> None:
    x: np.ndarray = (np.arange(np.prod(shape)).reshape(shape) % 2).astype(dtype)
    dataset = load(write_npz(x=x, y=Y))
    assert dataset.input_shape == input_shape
    np.testing.assert_array_equal(dataset.splits["train"].inputs, x.reshape(4, *input_shape))


def test_channels_that_come_last_are_refused_or_turned(write_npz: Write) -> None:
    x = np.arange(4 * 6 * 5 * 3, dtype=np.uint8).reshape(4, 6, 5, 3)
    path = write_npz(x=x, y=Y)
    sentence = r"looks like \(n, H, W, C\), but images are \(n, C, H, W\): set data.layout=hwc, or save x.transpose\(0, 3, 1, 2\)"
    with pytest.raises(DataError, match=sentence):
        load(path)
    turned = load(path, layout=Layout.hwc)
    assert turned.input_shape == (3, 6, 5)
    np.testing.assert_array_equal(turned.splits["train"].inputs, x.transpose(0, 3, 1, 2))
    assert load(path, layout=Layout.chw).input_shape == (6, 5, 3)


@pytest.mark.parametrize(("dtype", "largest"), [("u1", 1.0), ("f4", 239.0)])
def test_bytes_are_scaled_by_default(write_npz: Write, dtype: str, largest: float) -> None:
    x = np.zeros((4, 1, 5, 6), dtype=dtype)
    x[-1] = 255 if dtype == "u1" else 239
    dataset = load(write_npz(x=x, y=Y), normalize=Normalize.auto)
    assert dataset.splits["train"].inputs.max() == largest
    assert compose(["data=npz", "data.path=x.npz"]).data.normalize is Normalize.auto


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.astype(float), Y.astype(bool), Y.astype(">u8")])
def test_labels(write_npz: Write, y: np.ndarray) -> None:
    dataset = load(write_npz(x=X, y=y))
    assert dataset.splits["train"].targets.tolist() == [0, 1, 0, 1]
    assert dataset.num_classes == 2


def test_regression(write_npz: Write) -> None:
    dataset = load(write_npz(x=X, y=Y - 0.5), task=Task.regression)
    assert dataset.splits["train"].targets.tolist() == [[-0.5], [0.5], [-0.5], [0.5]]


def test_own_splits(write_npz: Write) -> None:
    arrays = {
        f"{split}_{name}": array for split in ("train", "val", "test") for name, array in (("x", X), ("y", Y))
    }
    assert set(load(write_npz(**arrays)).splits) == {"train", "val", "test"}


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 255.0), (np.float64, 23.0)])
def test_byte_images_have_a_known_range(write_npz: Write, dtype: type, scale: float) -> None:
    x: np.ndarray = np.arange(24).reshape(4, 2, 3).astype(dtype)
    assert load(write_npz(x=x, y=Y), normalize=Normalize.unit).normalization.scale.item() == scale


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, r"data.npz must hold the arrays x, y, it holds a, b$"),
        ({}, r"must hold the arrays x, y, it holds none at all$"),
        ({"x": X}, r"must hold the arrays y, it holds x$"),
        ({"train_x": X}, r"must hold the arrays train_y, it holds train_x$"),
        ({"x": X, "y": Y, "val_x": X}, r"must hold the arrays val_y, it holds x, y, val_x$"),
        ({"x": X[:, 0], "y": Y}, r"array x must have shape \(n, d\), \(n, H, W\) or .*, got \(4,\)$"),
        ({"x": X[:, :0], "y": Y}, r"array x must have shape .*, got \(4, 0\)$"),
        ({"x": X[:0], "y": Y[:0]}, r"data.npz holds no samples$"),
        ({"x": X, "y": Y[:3]}, r"array y must have shape \(4,\) or \(4, 1\) like x, got \(3,\)$"),
        ({"x": X.astype(str), "y": Y}, r"array x must hold real numbers, got dtype <U32$"),
        ({"x": X * 1j, "y": Y}, r"array x must hold real numbers, got dtype complex128$"),
        ({"x": X.astype(object), "y": Y}, r"array x holds Python objects, which are never unpickled$"),
        ({"x": np.where(X == 7, np.nan, X), "y": Y}, r"array x must be finite, got nan at index 2, 1$"),
        ({"x": X, "y": np.array([0, 1, np.inf, 1])}, r"array y must be finite, got inf at index 2$"),
        ({"x": X, "y": Y - 1}, r"array y, index 0 must be a class label .*, got -1;"),
        ({"x": X, "y": Y / 2}, r"array y, index 1 must be a class label .*, got 0.5;"),
        (
            {"x": X, "y": Y, "val_x": X[:, :2], "val_y": Y},
            r"array val_x must hold samples of shape \(3,\) like training, got \(2,\)$",
        ),
        (
            {"x": X, "y": Y, "val_x": X[:0], "val_y": Y[:0]},
            r"the validation split \(from .*\) is empty: check",
        ),
        (
            {"x": X, "y": Y, "test_x": X, "test_y": Y * 0},
            r"the test split \(from .*\) holds only class 0 \(4",
        ),
        ({"x": X * 1e300, "y": Y}, r"the training split .* too large for float32"),
    ],
)
def test_bad_archives(write_npz: Write, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write_npz(**arrays))


def test_a_label_beyond_num_classes(write_npz: Write) -> None:
    with pytest.raises(DataError, match=r"array y, index 1 must be a class label from 0 to 1, got 2$"):
        load(write_npz(x=X, y=Y * 2), num_classes=2)


def test_a_test_split_beside_its_own(write_npz: Write) -> None:
    path = write_npz(x=X, y=Y, test_x=X, test_y=Y)
    with pytest.raises(
        DataError, match=r"data.split.test must be null or 0, because .* of its own, got 0.5$"
    ):
        load(path, split=SplitConfig(train=0.5, val=0, test=0.5))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04" + bytes(30)])
def test_not_an_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data.npz is not a NumPy archive \(.npz\), or is cut short$"):
        load(str(path))


def test_a_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing.npz does not exist$"):
        load(str(tmp_path / "nothing.npz"))


def test_a_cut_archive(write_npz: Write) -> None:
    path = Path(write_npz(x=X, y=Y))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"data.npz is not a NumPy archive \(.npz\), or is cut short$"):
        load(str(path))


def test_a_flipped_byte(write_npz: Write) -> None:
    path = Path(write_npz(x=X, y=Y))
    content = bytearray(path.read_bytes())
    content[content.index(X.tobytes()) + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data.npz is damaged: Bad CRC-32 for file 'x.npy'$"):
        load(str(path))


def test_a_header_that_asks_for_a_terabyte(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, X)
    honest, lying = b"(4, 3), }            ", b"(400000000000, 3), } "
    assert honest in file.getvalue()
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", file.getvalue().replace(honest, lying))
        archive.writestr("y.npy", file.getvalue())
    with pytest.raises(
        DataError, match=r"array x is damaged: \(400000000000, 3\) float64 does not fit its size$"
    ):
        load(str(tmp_path / "data.npz"))
