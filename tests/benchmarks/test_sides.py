"""All sides compute the same, and a side that does not is detected."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from benchmarks.dlhw_side import AUTOGRAD, EAGER, NAME, OTHER_BACKENDS, DlhwSide
from benchmarks.peers import JAX, LIGHTNING, LOADER, NEEDS_FILES, PEERS, PLAIN, SCIKIT, build_peer, why_absent
from benchmarks.problem import Problem, load_images, loss_of
from benchmarks.report import TOLERANCE, Comparison
from benchmarks.scenarios.scaling import first_images
from benchmarks.sides import compare, losses_of

CASES = [
    ("mlp", PLAIN),
    ("cohort", PLAIN),
    ("cnn", PLAIN),
    ("mlp", SCIKIT),
    ("mlp", JAX),
    ("cohort", JAX),
    ("cnn", JAX),
]


def skip_absent(peer: str) -> None:
    if (reason := why_absent(peer)) is not None:
        pytest.skip(f"{peer}: {reason}")


@pytest.mark.parametrize(("case", "peer"), CASES)
def test_a_peer_reaches_the_loss_of_dlhw(problems: dict[str, Problem], case: str, peer: str) -> None:
    skip_absent(peer)
    problem = problems[case]
    comparison = compare("a", problem, [peer], 2, per=1, unit="s")
    assert comparison.disagreements() == []
    assert comparison.rounds.keys() == comparison.losses.keys() == {NAME, peer}
    # three rounds with the warm-up, so all have learned, from the same start
    untouched = [loss_of(problem, weights) for weights in DlhwSide(problem).weights()]
    assert all(
        abs(loss - before) > 100 * TOLERANCE * before
        for loss, before in zip(comparison.losses[peer], untouched, strict=True)
    )


@pytest.mark.mnist
@pytest.mark.parametrize("peer", NEEDS_FILES)
@pytest.mark.filterwarnings("default")  # Lightning's own advice
def test_a_peer_that_reads_files_sees_the_same_batches(peer: str) -> None:
    skip_absent(peer)
    _, mnist = load_images()
    problem = Problem("mlp", first_images(mnist, 320), 32, 4)
    assert compare("a", problem, [peer], 1, per=1, unit="s").disagreements() == []


def test_every_peer_has_a_case() -> None:
    assert {peer for _, peer in CASES} | {LOADER, LIGHTNING} == PEERS.keys()


@pytest.mark.parametrize("name", OTHER_BACKENDS)
def test_the_backends_of_dlhw_agree(problems: dict[str, Problem], name: str) -> None:
    comparison = compare("a", problems["cohort"], [], 1, per=1, unit="s", backends=[name])
    assert comparison.rounds.keys() == {NAME, name}
    assert comparison.disagreements() == []
    assert {EAGER, AUTOGRAD} == OTHER_BACKENDS.keys()


@pytest.mark.parametrize("change", [{"lrs": (0.11,)}, {"steps": 4}], ids=["lr", "steps"])
def test_another_recipe_is_detected(problems: dict[str, Problem], change: dict[str, Any]) -> None:
    problem = problems["mlp"]
    dlhw_side = DlhwSide(problem)
    peer = build_peer(PLAIN, replace(problem, **change), dlhw_side.weights())
    for side in (dlhw_side, peer):
        side.train(0)
    wrong = Comparison(
        "a recipe", "s", NAME, {}, losses_of(problem, {NAME: dlhw_side, PLAIN: peer})
    ).disagreements()
    assert len(wrong) == 1
    assert "a recipe: the loss of PyTorch in memory differs from dlhw's by" in wrong[0]


def test_a_loss_that_is_not_a_number_agrees_with_none() -> None:
    assert Comparison("a", "s", "us", {}, {"us": [1.0, nan], "they": [1.0, nan]}).disagreements()
    assert not Comparison("a", "s", "us", {}, {"us": [1.0], "they": [1.0 + TOLERANCE / 2]}).disagreements()


def test_a_missing_peer_is_named(problems: dict[str, Problem], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, JAX, ("no_such_package_anywhere", "", ""))
    comparison = compare("a", problems["mlp"], [PLAIN, JAX], 1, per=1, unit="s")
    assert JAX not in comparison.rounds
    assert comparison.absent == {JAX: "not installed (pip install dlhw[bench])"}
