import numpy as np
import pytest

from dlhw.callbacks.drawing import BLUE, NAVY, RED, WHITE, diverging, sequential


@pytest.mark.parametrize(
    ("value", "colour"), [(-2.0, BLUE), (-9.0, BLUE), (0.0, WHITE), (2.0, RED), (9.0, RED)]
)
def test_diverging_ends_at_the_limit(value: float, colour: np.ndarray) -> None:
    assert diverging(np.array(value), 2.0).tolist() == colour.tolist()


def test_diverging_is_symmetric_about_zero() -> None:
    values = np.linspace(0, 1, 50)
    whiteness = [
        (WHITE - diverging(sign * values, 1.0)) / (WHITE - end) for sign, end in ((1, RED), (-1, BLUE))
    ]
    assert np.abs(whiteness[0] - whiteness[1]).max() < 0.02


def test_diverging_of_zeros_is_white() -> None:
    assert (diverging(np.zeros((2, 3)), 0.0) == 255).all()


@pytest.mark.parametrize(("share", "colour"), [(0.0, WHITE), (0.5, BLUE), (1.0, NAVY)])
def test_sequential(share: float, colour: np.ndarray) -> None:
    assert sequential(np.array(share)).tolist() == colour.tolist()


def test_sequential_darkens() -> None:
    luminance = sequential(np.linspace(0, 1, 100)).sum(-1, dtype=int)
    assert (np.diff(luminance) <= 0).all()
