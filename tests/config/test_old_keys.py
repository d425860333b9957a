"""`trainer.engine` and `trainer.kernels` of earlier versions are `trainer.backend` now, and still accepted."""

import pytest
from training_runs import small

from dlhw.config.load import from_dict, to_dict
from dlhw.config.old_keys import upgraded_cells, upgraded_keys, upgraded_overrides, upgraded_tree
from dlhw.config.trainer import Backend
from dlhw.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("trainer.kernels=torch", "trainer.backend=eager"),
        ("trainer.kernels=auto", "trainer.backend=auto"),
        ("trainer.kernels=captured", "trainer.backend=cuda_graph"),
        ("++trainer.kernels=compiled", "++trainer.backend=compiled"),
        ("trainer.kernels=compiled,torch", "trainer.backend=compiled,eager"),
        ("trainer.engine=autograd", "trainer.backend=autograd"),
        ("trainer.engine=manual", "trainer.backend=auto"),
        ("trainer.engine=manual,autograd", "trainer.backend=auto,autograd"),
        ("trainer.engine=manual trainer.kernels=torch", "trainer.backend=eager"),
        ("trainer.kernels=torch seed=1 trainer.engine=autograd", "trainer.backend=autograd seed=1"),
        ("trainer.engine=manual,autograd trainer.kernels=torch", "trainer.backend=eager,autograd"),
        ("trainer.kernels=torch trainer.backend=eager", "trainer.backend=eager"),
        ("trainer.kernels=blas", "trainer.backend=blas"),
        ("seed=1 trainer.backend=eager", "seed=1 trainer.backend=eager"),
    ],
)
def test_a_command_line(given: str, expected: str) -> None:
    assert upgraded_overrides(given.split()) == expected.split()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "trainer.engine=autograd trainer.kernels=compiled",
            "trainer.engine=autograd contradicts trainer.kernels=compiled: give trainer.backend in place of both",
        ),
        (
            "trainer.kernels=torch trainer.backend=compiled",
            "trainer.backend=compiled contradicts trainer.kernels=torch, its name in earlier versions: "
            "leave trainer.kernels out",
        ),
    ],
)
def test_contradictions_are_refused_in_one_sentence(given: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        upgraded_overrides(given.split())
    assert str(refused.value) == sentence


def test_a_note_names_the_new_key_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert small("++trainer.kernels=torch").trainer.backend is Backend.eager
    assert capsys.readouterr().err.count("note: trainer.kernels=torch is now trainer.backend=eager\n") <= 1


@pytest.mark.parametrize(
    ("engine", "kernels", "backend"),
    [("manual", "auto", "auto"), ("manual", "torch", "eager"), ("autograd", "auto", "autograd")],
)
def test_a_saved_config(engine: str, kernels: str, backend: str) -> None:
    saved = to_dict(small())
    del saved["trainer"]["backend"]
    saved["trainer"] |= {"engine": engine, "kernels": kernels}
    assert from_dict(saved).trainer.backend == backend
    assert upgraded_tree(to_dict(small())) == to_dict(small())


def test_a_ledger_and_the_cells_of_an_experiment() -> None:
    definition = {"trainer.engine": "manual", "trainer.kernels": "auto", "seed": 0}
    assert upgraded_keys(definition) == {"trainer.backend": "auto", "seed": 0}
    cells = {"cells": [{"trainer.kernels": "torch"}, {"trainer.kernels": ["captured", "auto"]}]}
    assert upgraded_cells(cells) == {
        "cells": [{"trainer.backend": "eager"}, {"trainer.backend": ["cuda_graph", "auto"]}]
    }
