"""Linear programs that decide separability: what they claim is checked on the points."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]

from dlhw.procedures.certificate import Inseparable, Separable, separate

GATES_NI = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)


def check(proof: Separable | Inseparable, x_NI: np.ndarray, labels_N: np.ndarray) -> None:
    """What a proof claims, tried on the points."""
    if isinstance(proof, Separable):
        scores_N = x_NI @ proof.weights_I + proof.bias
        assert (scores_N[labels_N == 1] >= 1 - 1e-6).all()
        assert (scores_N[labels_N == 0] <= -1 + 1e-6).all()
        assert proof.gap > 0
    else:
        y_N = proof.multipliers_N
        assert (y_N >= 0).all()
        for label in (0, 1):
            of_class = labels_N == label
            assert y_N[of_class].sum() == pytest.approx(1, abs=1e-8)
            assert y_N[of_class] @ x_NI[of_class] == pytest.approx(
                proof.meeting_point_I, abs=1e-8 * scale(x_NI)
            )
    assert 0 <= proof.residual < 1e-8


def scale(x_NI: np.ndarray) -> float:
    return float(np.abs(x_NI).max()) or 1.0


@pytest.mark.parametrize("labels", list(product((0, 1), repeat=4))[1:-1], ids=str)
def test_every_function_of_two_bits(labels: tuple[int, ...]) -> None:
    """Of the sixteen functions of two bits all but XOR and its negation are linear threshold units."""
    labels_N = np.array(labels)
    proof = separate(GATES_NI, labels_N)
    check(proof, GATES_NI, labels_N)
    assert isinstance(proof, Inseparable) == (labels in ((0, 1, 1, 0), (1, 0, 0, 1)))


def test_the_certificate_of_xor_is_the_middle_of_the_square() -> None:
    proof = separate(GATES_NI, np.array([0, 1, 1, 0]))
    assert isinstance(proof, Inseparable)
    assert proof.multipliers_N == pytest.approx([0.5] * 4)
    assert proof.meeting_point_I == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("samples", "features"), [(30, 2), (60, 5), (20, 40)])
def test_the_labels_of_a_threshold_unit_are_separable(seed: int, samples: int, features: int) -> None:
    random = np.random.default_rng(seed)
    x_NI, w_I = random.normal(size=(samples, features)) * 100, random.normal(size=features)
    labels_N = (x_NI @ w_I > 0).astype(int)
    labels_N[:2] = 0, 1
    x_NI[0], x_NI[1] = -w_I, w_I
    proof = separate(x_NI, labels_N)
    assert isinstance(proof, Separable)
    check(proof, x_NI, labels_N)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_agrees_with_the_feasibility_of_the_units_own_inequalities(data: st.DataObject) -> None:
    """On integer points: exactly one of the two systems of Farkas' lemma has a solution."""
    features = data.draw(st.integers(1, 4))
    coordinates = st.lists(st.integers(-3, 3), min_size=features, max_size=features)
    points = data.draw(st.lists(coordinates, min_size=2, max_size=9))
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(points), max_size=len(points)))
    labels[:2] = [0, 1]
    x_NI, labels_N = np.array(points, dtype=np.float64), np.array(labels)
    proof = separate(x_NI, labels_N)
    check(proof, x_NI, labels_N)
    signs_N1 = np.where(labels_N == 1, 1.0, -1.0)[:, None]
    unit = linprog(
        np.zeros(features + 1), A_ub=-signs_N1 * np.c_[x_NI, np.ones(len(x_NI))], b_ub=-np.ones(len(x_NI)),
        bounds=(None, None),
    )  # fmt: skip
    assert isinstance(proof, Separable) == (unit.status == 0)


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1.0, 1e6])
def test_the_answer_does_not_depend_on_the_unit_of_the_points(factor: float) -> None:
    for labels, separable in (([0, 1, 1, 0], False), ([0, 0, 0, 1], True)):
        proof = separate(GATES_NI * factor, np.array(labels))
        assert isinstance(proof, Separable) == separable
        if isinstance(proof, Separable):
            assert proof.gap == pytest.approx(0.5 * factor)


def test_a_point_of_both_classes_is_its_own_certificate() -> None:
    x_NI = np.array([[3.0, 1.0], [3.0, 1.0], [0.0, 0.0]])
    proof = separate(x_NI, np.array([0, 1, 1]))
    assert isinstance(proof, Inseparable)
    assert proof.meeting_point_I == pytest.approx([3, 1])


def test_points_that_are_all_zero() -> None:
    assert isinstance(separate(np.zeros((2, 3)), np.array([0, 1])), Inseparable)
