"""Which cells a command defines."""

from itertools import product
from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlhw.errors import ConfigError
from dlhw.hydra_support.overrides import HydraSyntax, sweep_arguments
from dlhw.sweep.grid import Extras, GridCell, cells

SYNTAX = HydraSyntax()
KEYS = st.permutations(["a", "b.c", "d", "e.f.g"])
VALUES = st.lists(st.integers(-9, 9), min_size=1, max_size=4, unique=True)


def grid(*arguments: str, first_seed: int = 0, **extras: Any) -> list[GridCell]:
    given = {"zip": None, "grids": None, "seeds": None} | extras
    return cells(SYNTAX.parse_all(arguments), Extras.of(**given), first_seed, SYNTAX)


def lines(cells: list[GridCell]) -> list[tuple[str, ...]]:
    return [cell.overrides for cell in cells]


@settings(deadline=None)
@given(keys=KEYS, first=VALUES, second=VALUES, pairs=VALUES, seeds=st.none() | st.integers(1, 4))
def test_a_sweep_is_the_product_of_its_axes(
    keys: list[str], first: list[int], second: list[int], pairs: list[int], seeds: int | None
) -> None:
    a, b, c, d = keys
    arguments = [f"{a}=choice({','.join(map(str, first))})", f"{b}=choice({','.join(map(str, second))})"]
    result = lines(grid(*arguments, zip={c: pairs, d: [2 * value for value in pairs]}, seeds=seeds))
    expected = [
        (f"{a}={x}", f"{b}={y}", f"{c}={z}", f"{d}={2 * z}", *seed)
        for x, y, z, seed in product(
            first, second, pairs, [()] if seeds is None else [(f"seed={s}",) for s in range(seeds)]
        )
    ]
    assert result == expected
    assert len(set(result)) == prod(map(len, (first, second, pairs))) * (seeds or 1)


@settings(deadline=None)
@given(keys=KEYS, grids=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3), seeds=st.integers(1, 3))
def test_grids_are_a_union_and_every_cell_gets_the_same_seeds(
    keys: list[str], grids: list[tuple[list[int], list[int]]], seeds: int
) -> None:
    cells = grid(grids=[{keys[0]: one, keys[1]: other} for one, other in grids], seeds=seeds, first_seed=7)
    alone = [cell for one, other in grids for cell in lines(grid(grids=[{keys[0]: one, keys[1]: other}]))]
    assert lines(cells) == [(*cell, f"seed={7 + s}") for cell in alone for s in range(seeds)]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a=1,2", ["a=1", "a=2"]),
        ("a=range(1,4)", ["a=1", "a=2", "a=3"]),
        ("a=choice([1,2],[3])", ["a=[1,2]", "a=[3]"]),
        ("+a=x,'y z'", ["+a=x", "+a='y z'"]),
        ("a=[1,2]", ["a=[1,2]"]),
        ("~a", ["~a"]),
    ],
)
def test_hydras_own_syntax(argument: str, expected: list[str]) -> None:
    assert lines(grid(argument)) == [(line,) for line in expected]


def test_the_last_of_one_key_counts_in_the_place_of_the_first() -> None:
    assert lines(grid("a=1,2", "b=3", "a=4")) == [("a=4", "b=3")]


def test_values_of_a_grid_may_be_lists_texts_and_single_values() -> None:
    cells = grid(grids=[{"a": [[1, 2], [3]], "b": "range(0,2)", "c": True, "d": None}])
    assert lines(cells)[1] == ("a=[1,2]", "b=1", "c=true", "d=null")
    assert len(cells) == 4


def test_a_value_that_refers_to_another_key_is_left_to_the_cell_and_is_no_part_of_its_name() -> None:
    cells = grid(grids=[{"a": [1, 2], "b": ["${a}"], "c": "n${a}.csv", "d": ["${a}, b", 3]}])
    assert lines(cells)[0] == ("a=1", "b='${a}'", "c=n${a}.csv", "d='${a}, b'")
    assert {setting.key for cell in cells for setting in cell.swept} == {"a", "d"}
    assert [argument.value for argument in SYNTAX.parse_all(lines(cells)[0])] == [
        1, "${a}", "n${a}.csv", "${a}, b",
    ]  # fmt: skip


def test_a_fixed_value_is_the_default_of_grids_that_do_not_name_its_key() -> None:
    assert lines(grid("a=5", grids=[{"a": [1, 2]}, {"b": [3]}])) == [("a=1",), ("a=2",), ("a=5", "b=3")]


def test_seeds_begin_with_the_seed_that_is_given() -> None:
    assert lines(grid("seed=5", seeds=2, first_seed=5)) == [("seed=5",), ("seed=6",)]


@pytest.mark.parametrize(
    ("arguments", "extras", "sentence"),
    [
        ([], {"zip": {"a": [1, 2], "b": [1]}}, "values that move together must be as many for each key: a has 2, b has 1"),
        (["a=1,2"], {"zip": {"a": [1, 2]}}, "a is given twice in this sweep"),
        (["a=3"], {"zip": {"a": [1, 2]}}, "a is given twice in this sweep"),
        ([], {"zip": [{"a": [1]}, {"a": [2]}]}, "a is given twice in this sweep"),
        (["a=1,2"], {"grids": [{"a": [1]}]}, "a is given twice in this sweep"),
        (["seed=1,2"], {"seeds": 2}, "seed is given twice in this sweep: seeds=N takes the place of a list of seeds"),
        ([], {"seeds": 0}, "seeds must be an integer >= 1, got 0"),
        ([], {"seeds": "many"}, "seeds must be an integer >= 1, got many"),
        ([], {"zip": [1]}, "zip must map keys to values, or list such maps"),
        ([], {"grids": 3}, "grids must map keys to values, or list such maps"),
    ],
)  # fmt: skip
def test_ambiguous_or_invalid_grids(arguments: list[str], extras: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        grid(*arguments, **extras)
    assert str(caught.value).startswith(sentence)


def test_arguments_of_sweeps_become_hydras() -> None:
    assert sweep_arguments(["-m", "seeds=3", "+zip={a:[1]}", "lr=1"]) == [
        "-m",
        "+seeds=3",
        "+zip={a:[1]}",
        "lr=1",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["seeds=3"], "seeds=3 belongs to a sweep: add -m"),
        (
            ["-m", "+zip={a:[1", "+zip=0.1]}"],
            "zip is given twice; if the shell expanded its braces, write '+zip={...}'",
        ),
    ],
)
def test_invalid_arguments_of_sweeps(arguments: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sweep_arguments(arguments)
    assert str(caught.value) == sentence


def test_a_command_that_fixes_a_key_of_the_config_restricts_the_sweep() -> None:
    """The cell is named as in the whole sweep, so that the ledger knows it."""
    (one,) = cells(SYNTAX.parse_all(["a=1,2", "a=2", "b=3"]), Extras(), 0, SYNTAX, {"a"})
    assert one.overrides == ("a=2", "b=3")
    assert [setting.key for setting in one.swept] == ["a"]


def test_an_experiment_is_a_sweep_without_saying_so() -> None:
    assert sweep_arguments(["experiment=a/b", "seeds=1"]) == ["experiment=a/b", "+seeds=1"]
