"""A user's text files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dlhw.config.data import CSVConfig, Normalize, Order, SplitConfig, Task
from dlhw.data import Dataset, load_dataset
from dlhw.errors import DataError
from dlhw.hydra_support.compose import compose

Write = Callable[..., str]
GOOD = "a,b,label\n1,2,0\n3,4,1\n\n5,6e0,0\n-7, 8,1\n"
ALL = SplitConfig(train=None, val=0, test=0, order=Order.sequential)


def load(train: str, **changes: object) -> Dataset:
    fields = {"train": train, "split": ALL, "normalize": Normalize.none} | changes
    return load_dataset(CSVConfig(**fields), None)  # type: ignore[arg-type]


def test_the_last_column_is_the_target(write_csv: Write) -> None:
    dataset = load(write_csv(GOOD))
    assert dataset.splits["train"].inputs.tolist() == [[1, 2], [3, 4], [5, 6], [-7, 8]]
    assert dataset.splits["train"].targets.tolist() == [0, 1, 0, 1]
    assert (dataset.input_shape, dataset.num_classes, dataset.num_targets) == ((2,), 2, None)
    assert dataset.class_names == ["0", "1"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_regression_on_a_named_column(write_csv: Write, dtype: torch.dtype) -> None:
    config = CSVConfig(train=write_csv(GOOD), target="a", task=Task.regression, split=ALL)
    dataset = load_dataset(config, None, dtype)
    split = dataset.splits["train"]
    assert split.targets.tolist() == [[1], [3], [5], [-7]]
    assert split.targets.dtype == split.inputs.dtype == dtype
    assert (dataset.class_names, dataset.num_classes, dataset.num_targets) == ([], None, 1)


def test_a_training_and_a_validation_file_as_courses_hand_them_out(write_csv: Write) -> None:
    """A header, d features and the target y last; nothing is cut from the training file."""
    random = np.random.default_rng(0)
    tables = [random.normal(size=(rows, 5)) for rows in (12, 7)]
    header = "x_1,x_2,x_3,x_4,y\n"
    paths = [
        write_csv(header + "\n".join(",".join(map(repr, row)) for row in table.tolist()), f"{name}.csv")
        for name, table in zip(("train", "valid"), tables, strict=True)
    ]
    config = compose(
        ["data=csv", "model=linear", "data.task=regression", f"data.train={paths[0]}", f"data.val={paths[1]}"]
    )
    splits = load_dataset(config.data, config.data_seed(), torch.float64).splits
    assert list(splits) == ["train", "val"]
    np.testing.assert_array_equal(splits["val"].inputs, tables[1][:, :4])
    np.testing.assert_array_equal(splits["val"].targets, tables[1][:, 4:])
    assert sorted(splits["train"].targets[:, 0].tolist()) == sorted(tables[0][:, 4].tolist())


def test_classes_written_as_numbers_with_a_fraction(write_csv: Write) -> None:
    table = "x_1,x_2,y\n0.5,1.5,0.0\n2.5,1,1.0\n"
    dataset = load(write_csv(table), val=write_csv(table, "valid.csv"))
    assert [split.targets.tolist() for split in dataset.splits.values()] == [[0, 1], [0, 1]]


def test_other_files_are_other_splits(write_csv: Write) -> None:
    others = {
        split: write_csv(GOOD.replace("5,6e0", str(n) + ",6"), f"{split}.csv")
        for n, split in enumerate(("val", "test"))
    }
    dataset = load(write_csv(GOOD), split=SplitConfig(val=0.2, order=Order.sequential), **others)
    assert {name: split.inputs[2, 0].item() for name, split in dataset.splits.items()} == {
        "train": 5,
        "val": 0,
        "test": 1,
    }


def test_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(str(path), target="label").input_shape == (2,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train.csv must start with a header line, but is empty$"),
        ("\n\n", r"train.csv must start with a header line, but is empty$"),
        ("\na,b\n1,0\n", r"must start with a header line, but its first line is blank$"),
        ("1,2\n3,4\n", r"must start with a header line of column names, got numbers: 1, 2$"),
        ("a,b\n", r"train.csv has a header but no rows$"),
        ("a;b\n1;2\n", r"must have a feature and a target column, got only 'a;b'$"),
        ("a,a,b\n1,2,0\n", r"has more than one column 'a'$"),
        ("a,b\n1,0\n2,x\n", r"train.csv, line 3, column b must be a finite number, got 'x'$"),
        ("a,b\n1,0\n\n,1\n", r"train.csv, line 4, column a must be a finite number, got '': fill in"),
        ("a,b\nnan,0\n", r"line 2, column a must be a finite number, got 'nan'$"),
        ("a,b\n1,-inf\n", r"line 2, column b must be a finite number, got '-inf'$"),
        ("a,b\n1_000,0\n", r"line 2, column a must be a finite number, got '1_000'$"),
        ("a,b\n1,0\n1,0,2\n", r"line 3 must have 2 fields like the header, got 3$"),
        ("a,b\n1,0\n1\n", r"line 3 must have 2 fields like the header, got 1$"),
        (
            "a,b\n1,0\n2,1.5\n",
            r"line 3, column b must be a class label \(an integer 0, 1, …\), got 1.5; for real-valued "
            r"targets set data.task=regression$",
        ),
        ("a,b\n1,0\n2,-1\n", r"line 3, column b must be a class label .*, got -1"),
        (
            "a,b\n1,0\n2,1990\n",
            r"has a label 1990, so 1991 classes, but only 2 samples: set data.num_classes",
        ),
        (
            "a,b\n1,1\n2,1\n",
            r"the training split \(from .*\) holds only class 1 \(2 samples\), and needs two or more",
        ),
        (
            "a,b\n1e39,0\n2,1\n",
            r"the training split .* holds numbers that are too large for float32: rescale",
        ),
    ],
)
def test_bad_files(write_csv: Write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write_csv(text))


TEXT = "a,kind\n1,setosa\n2,virginica\n3,setosa\n4, versicolor\n"


def test_targets_of_text_become_classes_with_names(write_csv: Write) -> None:
    dataset = load(write_csv(TEXT))
    assert dataset.class_names == ["setosa", "versicolor", "virginica"]
    assert dataset.splits["train"].targets.tolist() == [0, 2, 0, 1]
    assert dataset.splits["train"].inputs.tolist() == [[1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("a,b\n1,x\n2,3\n", {}, r"line 3, column b must be text as the other targets are \(3, x\), got '3'$"),
        (
            TEXT,
            {"task": Task.regression},
            "got 'setosa': targets that are text are classes, with data.task=classification$",
        ),
        (
            "colour,b\nred,0\n",
            {},
            r"got 'red': turn a column of text into numbers \(a column of 0 and 1 for each value\), or",
        ),
        (
            "a,b\n,0\n",
            {},
            "column a must be a finite number, got '': fill in what is missing, or leave the row out$",
        ),
    ],
)
def test_what_to_do_about_text(write_csv: Write, text: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write_csv(text), **changes)


def test_a_class_that_only_the_test_file_names(write_csv: Write) -> None:
    other = write_csv("a,kind\n1,rose\n", "test.csv")
    with pytest.raises(
        DataError, match=r"test.csv, line 2, column kind must be a class of the training data"
    ):
        load(write_csv(TEXT), test=other)


def test_a_label_beyond_num_classes(write_csv: Write) -> None:
    with pytest.raises(DataError, match=r"line 3, column b must be a class label from 0 to 1, got 2$"):
        load(write_csv("a,b\n1,0\n2,2\n"), num_classes=2)


def test_an_unknown_target(write_csv: Write) -> None:
    message = r"data.target must be a column of .* \(a, b, label\), got 'lable'; did you mean label\?$"
    with pytest.raises(DataError, match=message):
        load(write_csv(GOOD), target="lable")


def test_parts_with_different_columns(write_csv: Write) -> None:
    val = write_csv(GOOD.replace("a,b", "b,a"), "val.csv")
    message = r"val.csv must have the columns of .*train.csv \(a, b, label\), got b, a, label$"
    with pytest.raises(DataError, match=message):
        load(write_csv(GOOD), val=val)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing.csv does not exist$"):
        load(str(tmp_path / "nothing.csv"))


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: Is a directory$"):
        load(str(tmp_path))


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"train.csv is damaged: 'utf-8' codec can't decode"):
        load(str(path))


@pytest.mark.parametrize("normalize", [Normalize.unit, Normalize.symmetric, Normalize.standardize])
def test_a_range_beyond_float64(write_csv: Write, normalize: Normalize) -> None:
    with pytest.raises(DataError, match=r"too large for float64"):
        load(write_csv("a,b\n-1.7e308,0\n1.7e308,1\n"), normalize=normalize)


def test_regression_targets_too_large(write_csv: Write) -> None:
    with pytest.raises(DataError, match=r"too large for float32"):
        load(write_csv("a,b\n1,0\n2,1e300\n"), task=Task.regression)


def test_many_rows_come_back_exactly(write_csv: Write) -> None:
    table = np.random.default_rng(0).normal(size=(500, 3))
    text = "a,b,c\n" + "".join(",".join(map(repr, row)) + "\n" for row in table.tolist())
    config = CSVConfig(train=write_csv(text), task=Task.regression, split=ALL, normalize=Normalize.none)
    split = load_dataset(config, None, torch.float64).splits["train"]
    np.testing.assert_array_equal(torch.cat([split.inputs, split.targets], 1), table)
