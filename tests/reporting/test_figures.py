"""Figures: drawn, of the right scale, with words for those who cannot see them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_runs import REGRESSION, lr_sweep, make_run, make_sweep, rates, study_of

from dlhw.reporting import figures
from dlhw.reporting.cells import cell_curve, read_curves
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.heatmap import heat_map
from dlhw.reporting.figures.learning_curves import MAX_CELLS, learning_curves
from dlhw.reporting.figures.metric_plots import metric_by_key
from dlhw.reporting.figures.style import error_bars, scale_of
from dlhw.reporting.study import Study
from dlhw.status import Status


def pictures_of(study: Study) -> dict[str, Picture]:
    rows, problems = read_curves(study.cells)
    assert problems == []
    drawn = [learning_curves(study, rows), metric_by_key(study), heat_map(study)]
    return {picture.name: picture for picture in drawn if picture is not None}


def assert_drawn(picture: Picture) -> None:
    """A PNG with more than one colour and some size, a PDF, and words."""
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert min(pixels.shape[:2]) > 300
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert picture.pdf.startswith(b"%PDF-")
    assert len(picture.pdf) > 3000
    assert len(picture.alt) > 40
    assert picture.caption.endswith(".")


def test_one_numeric_key(tmp_path: Path) -> None:
    pictures = pictures_of(study_of(lr_sweep(tmp_path)))
    assert set(pictures) == {"learning-curves", "metric-by-key"}
    for picture in pictures.values():
        assert_drawn(picture)
    assert "0.1: .91" in pictures["metric-by-key"].alt
    assert "Bands: smallest to largest" in pictures["learning-curves"].caption


def test_two_keys_make_a_heat_map(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.1, 1], "model.dropout": [0.0, 0.5]}
    sweep = make_sweep(tmp_path, grid, rates, seeds=[0, 1])
    make_run(sweep / "x", "optimizer.lr=10", "model.dropout=0.5", diverged_at=3, status=Status.diverged)
    pictures = pictures_of(study_of(sweep))
    assert set(pictures) == {"learning-curves", "heat-map"}
    assert_drawn(pictures["heat-map"])
    assert "model.dropout=0.5, optimizer.lr=10: – (1 diverged)" in pictures["heat-map"].alt


def test_names_on_the_axis(tmp_path: Path) -> None:
    for name in ("sgd", "adam", "rmsprop"):
        make_run(tmp_path / name, f"optimizer={name}")
    pictures = pictures_of(study_of(tmp_path))
    assert_drawn(pictures["metric-by-key"])
    assert "bars" not in pictures["metric-by-key"].caption


def test_regression_draws_losses(tmp_path: Path) -> None:
    def loss(cell: dict[str, object], seed: int) -> dict[str, float]:
        value = 10.0 ** -(2 * seed)
        return {"train": value, "val": value, "test": value}

    sweep = make_sweep(tmp_path, {"optimizer.lr": [0.1, 1]}, loss, *REGRESSION)
    for picture in pictures_of(study_of(sweep)).values():
        assert_drawn(picture)
        assert "accuracy" not in picture.alt


def test_a_single_run_has_curves_alone(tmp_path: Path) -> None:
    pictures = pictures_of(study_of(make_run(tmp_path / "run")))
    assert set(pictures) == {"learning-curves"}
    assert "Bands" not in pictures["learning-curves"].caption


def test_diverged_cells_do_not_stop_the_drawing(tmp_path: Path) -> None:
    lr_sweep(tmp_path, seeds=[0, 1])
    make_run(tmp_path / "x", "optimizer.lr=1e30", diverged_at=3, status=Status.diverged)
    pictures = pictures_of(study_of(tmp_path))
    assert "1e+30: – (1 diverged)" in pictures["metric-by-key"].alt
    only = make_run(
        tmp_path / "y" / "z", diverged_at=3, status=Status.diverged, scores={"train": np.nan, "val": np.nan}
    )
    study = study_of(only)
    assert pictures_of(study) == {}


def test_many_cells_are_thinned_and_the_best_is_kept(tmp_path: Path) -> None:
    def scores(cell: dict[str, object], seed: int) -> dict[str, float]:
        return {"train": 0.5, "val": 0.9 if cell["optimizer.lr"] == 0.6 else 0.5}

    grid = {"optimizer.lr": [round(0.1 * step, 1) for step in range(1, 16)]}
    study = study_of(make_sweep(tmp_path, grid, scores, seeds=[0]))
    picture = pictures_of(study)["learning-curves"]
    assert "of 15 cells" in picture.caption
    against = pictures_of(study)["metric-by-key"].alt
    assert "highest at optimizer.lr=0.6: .9000" in against
    assert "optimizer.lr=0.3" not in against
    assert MAX_CELLS <= picture.alt.count("optimizer.lr=") <= MAX_CELLS + 1
    assert "optimizer.lr=0.6" in picture.alt


def test_damaged_curves_are_reported_and_left_out(tmp_path: Path) -> None:
    lr_sweep(tmp_path)
    (tmp_path / "3" / "metrics.csv").write_text("torn\n")
    study = study_of(tmp_path)
    rows, problems = read_curves(study.cells)
    assert len(problems) == 1
    assert "3/metrics.csv is not the metrics of a run" in problems[0]
    assert learning_curves(study, rows) is not None


def test_a_curve_is_the_mean_over_seeds(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    rows, _ = read_curves(study.cells)
    curve = cell_curve(study.cells[1], rows, "val", "accuracy")
    assert curve is not None
    last = [rates({"optimizer.lr": 0.1}, seed)["val"] for seed in range(3)]
    assert curve.epochs == [1, 2, 3]
    assert curve.mean[-1] == pytest.approx(np.mean(last))
    assert (curve.low[-1], curve.high[-1]) == (min(last), max(last))


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 0.1, 0.05, 0.01], "log"),
        ([0, 1e-4, 1e-3, 1e-2], "symlog"),
        ([0, 0.25, 0.5], "linear"),
        ([0.1, 0.2, 0.3, 0.4], "linear"),
        ([1, 1000], "log"),
        ([1, 2], "linear"),
        ([-1, 1, 10, 100], "linear"),
    ],
)
def test_scales(values: list[float], scale: str) -> None:
    assert scale_of(values) == scale


def test_pyplot_stays_out() -> None:
    """Its figures are global, and would pile up in a process that reports often."""
    for path in Path(figures.__file__).parent.glob("*.py"):
        assert "import matplotlib.pyplot" not in path.read_text(encoding="utf-8")
        assert "import pyplot" not in path.read_text(encoding="utf-8")


def test_error_bars_are_intervals_and_stay_in_range(tmp_path: Path) -> None:
    """Accuracies near 1, whose standard deviation reaches above it, and losses that reach below 0."""

    def scores(cell: dict[str, object], seed: int) -> dict[str, float]:
        return dict.fromkeys(("train", "val", "test"), 1.0 if seed else 0.7)

    study = study_of(make_sweep(tmp_path, {"optimizer.lr": [0.1, 1]}, scores))
    picture = metric_by_key(study)
    assert picture is not None
    assert "bars of the 95 % interval of the mean" in picture.caption
    for metric in study.metrics:
        estimate = study.estimates[0, metric]
        assert estimate.mean is not None
        assert estimate.std is not None
        assert estimate.mean + estimate.std > 1
        assert 0 < estimate.ends[0] < estimate.mean < estimate.ends[1] < 1
        assert error_bars([estimate.mean], [estimate.ends]) == [
            [estimate.mean - estimate.ends[0]], [estimate.ends[1] - estimate.mean],
        ]  # fmt: skip
    assert error_bars([1.0, 2.0], [(1.0, 1.0), (2.0, 2.0)]) is None
