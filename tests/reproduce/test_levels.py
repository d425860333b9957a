"""`make levels` covers the checks of its experiments, all of them and no others."""

import pytest

from tests.levels.__main__ import main
from tests.levels.checks import check_of, checks_of
from tests.levels.programs import Cell, cells
from tests.levels.regression import least_squares

CELLS = list(cells())
# Counts, which no program needs to find.
COUNTS = ("steps", "num_parameters")


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.experiment}-{len(cell.settings)}")
def test_each_level_belongs_to_a_check(cell: Cell) -> None:
    for metric in cell.metrics:
        assert check_of(cell.experiment, cell.settings, metric)["value"] is not None


@pytest.mark.parametrize("experiment", sorted({cell.experiment for cell in CELLS}))
def test_each_check_has_a_level(experiment: str) -> None:
    num_levels = sum(len(cell.metrics) for cell in CELLS if cell.experiment == experiment)
    checks = [check for check in checks_of(experiment) if check["metric"] not in COUNTS]
    assert num_levels == len(checks)


def test_the_least_squares_program_gives_what_theory_expects() -> None:
    losses = least_squares(200, 0, 20)["final/val/loss"]
    assert sum(losses) / len(losses) == pytest.approx(0.5086, abs=0.02)  # 20 draws deviate by .004


def test_a_table_has_a_line_for_each_level(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["levels", "cs229/double_descent", "--seeds", "3"])
    assert main() == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("experiment")
    assert [row.split()[:3] for row in rows] == [
        ["cs229/double_descent", f"num_train={n}", "final/val/loss"] for n in (200, 800)
    ]
