"""Sweeps of very many cells. `make torture` makes one of 2,000; here it is a tenth of that."""

from tests.torture.long import many_cells


def test_200_cells_are_computed_and_reported() -> None:
    assert many_cells(200).is_clean
