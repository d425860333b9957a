"""Names of folders."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlhw.runs.names import LONGEST, cell_name, safe, short_keys, sweep_name


@given(st.text(max_size=300))
def test_any_text_becomes_a_name_that_file_systems_take(text: str) -> None:
    name = safe(text)
    assert re.fullmatch(r"[\w.+=,~-]*", name, re.ASCII)
    assert len(name) <= LONGEST
    assert safe(text) == name


def test_texts_that_differ_only_in_what_is_not_safe_have_two_names() -> None:
    assert safe("a b") != safe("a/b")
    assert safe("x" * 200 + "1") != safe("x" * 200 + "2")


@given(st.lists(st.sampled_from(["a.lr", "b.lr", "a.b.lr", "seed", "model"]), min_size=1, unique=True))
def test_short_keys_are_as_many_as_keys(keys: list[str]) -> None:
    short = short_keys(keys)
    assert len(set(short.values())) == len(keys)
    assert short == short_keys(reversed(keys))


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (["optimizer.lr"], "by-lr"),
        (["seed"], "by-seed"),
        (["trainer.batch_size", "seed", "model"], "by-model+batch_size"),
        (["data.seed", "a.seed"], "by-a.seed+data.seed"),
        ([], "by-seed"),
    ],
)
def test_a_sweep_is_named_by_its_keys(keys: list[str], name: str) -> None:
    assert sweep_name(keys) == name


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"optimizer.lr": 0.1, "seed": 0}, "lr=0.1"),
        ({"optimizer.lr": 0.1, "seed": 3}, "lr=0.1,seed=3"),
        ({"seed": 0}, "seed=0"),
        ({"data.seed": 1, "seed": 2}, "data.seed=1,seed=2"),
        ({"optimizer.lr": 1e-5}, "lr=1e-05"),
        ({"model.hidden": [64, 32], "seed": 2}, "hidden=64x32,seed=2"),
        ({"trainer.early_stopping.patience": None}, "patience=null"),
        ({}, "seed=0"),
    ],
)
def test_a_cell_is_named_by_its_values(values: dict[str, Any], name: str) -> None:
    assert cell_name(values, values.get("seed", 0), values) == name


def test_the_seed_is_named_whether_it_is_swept_or_not() -> None:
    assert cell_name({"optimizer.lr": 0.1}, 4, ["optimizer.lr"]) == "lr=0.1,seed=4"
