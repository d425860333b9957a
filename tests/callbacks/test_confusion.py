import numpy as np
import pytest
import torch

from dlhw.callbacks.confusion import PAPER, confusion_image


def names(num_classes: int) -> list[str]:
    return [str(label) for label in range(num_classes)]


@pytest.mark.parametrize(("num_classes", "cell"), [(2, 62), (10, 62), (12, 62), (26, 40), (40, 25), (200, 8)])
def test_size_follows_the_number_of_classes(num_classes: int, cell: int) -> None:
    image = confusion_image(torch.eye(num_classes), names(num_classes), "test")
    assert image.dtype == np.uint8
    assert 0 <= image.shape[0] - num_classes * cell - 130 < 25
    assert image.shape[1] >= num_classes * cell + 60


@pytest.mark.parametrize("class_names", [[], ["only one"]])
def test_numbers_stand_in_for_names(class_names: list[str]) -> None:
    counts = torch.eye(3)
    assert np.array_equal(
        confusion_image(counts, class_names, "val"), confusion_image(counts, names(3), "val")
    )


def test_long_names_take_limited_room() -> None:
    image = confusion_image(torch.eye(3), ["a class name without an end " * 9] * 3, "val")
    assert max(image.shape) < 600


def test_the_diagonal_is_darkest() -> None:
    counts = torch.tensor([[90, 10, 0], [0, 100, 0], [5, 0, 95]])
    image = confusion_image(counts, names(3), "test")
    left, top = image.shape[1] - 16 - 3 * 62, image.shape[0] - 16 - 3 * 62
    left = min(left, 48 + 15)  # the title may be wider than the cells
    shade = [[int(image[top + r * 62 + 4, left + c * 62 + 8].sum()) for c in range(3)] for r in range(3)]
    assert shade[0][0] < shade[0][1] < shade[0][2] == sum(PAPER)
    assert shade[1][1] < shade[2][2] < shade[0][0]


@pytest.mark.parametrize("counts", [torch.zeros(2, 2, dtype=torch.int64), torch.tensor([[10**9, 0], [0, 0]])])
def test_empty_rows_and_huge_counts_can_be_drawn(counts: torch.Tensor) -> None:
    assert confusion_image(counts, ["no", "yes"], "test").ndim == 3


def test_names_with_control_characters_are_drawn_in_one_line() -> None:
    plain, evil = (confusion_image(torch.eye(2), [name, "b"], "test") for name in (r"a\n\x1bb", "a\n\x1bb"))
    assert np.array_equal(plain, evil)
