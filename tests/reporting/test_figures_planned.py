"""Figures that an experiment requests: drawn from real runs, or the reason why not."""

import io
from pathlib import Path

import commands
import numpy as np
import pytest
from PIL import Image
from report_runs import lr_sweep, make_sweep, rates, study_of

from dlhw.config.experiment_entries import FigureConfig, FigureKind, Theory
from dlhw.errors import RunFolderError
from dlhw.execution.saved_classifier import load_classifier
from dlhw.reporting.cells import read_curves
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.figure_data import metric_named, narrowed
from dlhw.reporting.figures.lines_by_key import double_descent, theory_curve
from dlhw.reporting.figures.planned import DRAW, planned_pictures
from dlhw.reporting.study import Study
from dlhw.reporting.values import same_value

QUIET = ["tracking.console=none", "tracking.tensorboard=false", "trainer.gradcheck=false"]


def drawn(study: Study, *figures: FigureConfig) -> tuple[list[Picture], list[str]]:
    rows, problems = read_curves(study.cells)
    assert problems == []
    return planned_pictures(study, figures, rows, load_classifier)


def one(study: Study, figure: FigureConfig) -> Picture:
    (picture,), problems = drawn(study, figure)
    assert problems == []
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert picture.pdf.startswith(b"%PDF-")
    assert picture.name == f"figure-1-{figure.kind}"
    assert picture.caption.endswith(".")
    return picture


def fails(study: Study, figure: FigureConfig) -> str:
    pictures, (problem,) = drawn(study, figure)
    assert pictures == []
    return problem


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Softmax regression on digits with two strengths of L2, two seeds each."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["model=softmax", "regularizer=l2", "regularizer.alpha=0,1", "seeds=2", "trainer.epochs=3"]
    done = commands.run("dlhw-train", "-m", "name=soft", *arguments, *QUIET, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "soft"


@pytest.fixture(scope="module")
def xor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks on the four points of XOR: one can learn it, the other is linear."""
    folder = tmp_path_factory.mktemp("xor")
    (folder / "xor.csv").write_text("x1,x2,y\n0,0,0\n0,4,1\n4,0,1\n4,4,0\n", encoding="utf-8")
    arguments = [
        "data=csv", "data.train=xor.csv", "data.split.val=0", "data.normalize=symmetric", "model.hidden=[8]",
        "model.activation=tanh,identity", "trainer.epochs=500", "trainer.batch_size=4", "optimizer.lr=0.5",
    ]  # fmt: skip
    done = commands.run("dlhw-train", "-m", "name=xor", *arguments, *QUIET, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_kind_is_drawn_somewhere() -> None:
    assert set(DRAW) | {FigureKind.learning, FigureKind.heat, FigureKind.regions} == set(FigureKind)


def test_learning_of_one_split_against_steps_by_group(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    figure = FigureConfig(
        kind=FigureKind.learning, metric="accuracy", parts=["train"], x="step", group="optimizer.lr", log=True,
        title="Learning rates", alt="Three rising lines",
    )  # fmt: skip
    picture = one(study, figure)
    assert picture.caption.startswith("Learning rates. Learning curves: train dashed; means over seeds.")
    assert picture.alt.startswith("Three rising lines. Line chart of accuracy against steps.")


def test_learning_takes_the_split_from_the_metric(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    picture = one(study, FigureConfig(kind=FigureKind.learning, metric="final.val.loss"))
    assert "validation solid; " in picture.caption
    assert "Line chart of loss against epochs" in picture.alt
    none = FigureConfig(kind=FigureKind.learning, metric="values.norm")
    assert "metric must be loss or accuracy for kind=learning, got values.norm" in fails(study, none)
    tested = FigureConfig(kind=FigureKind.learning, metric="loss", parts=["test"], where={"optimizer.lr": 1})
    assert one(study, tested).caption.startswith("Learning curves: test dotted")


def test_lines_by_a_second_key(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.01, 0.1, 1], "model.dropout": [0.0, 0.5]}
    study = study_of(make_sweep(tmp_path, grid, rates, seeds=[0, 1]))
    figure = FigureConfig(
        kind=FigureKind.against, metric="final.val.accuracy", x="optimizer.lr", group="model.dropout",
        log_x=True, log_y=True,
    )  # fmt: skip
    picture = one(study, figure)
    assert "Validation accuracy, final against optimizer.lr by model.dropout" in picture.caption
    # With one value of dropout left, the learning rate is the only key.
    rest = FigureConfig(kind=FigureKind.against, where={"model.dropout": 0.5})
    assert "model.dropout" not in one(study, rest).alt
    assert "x must name a key of" in fails(study, FigureConfig(kind=FigureKind.against))


def test_heat_of_a_named_metric(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.1, 1], "model.dropout": [0.0, 0.5]}
    study = study_of(make_sweep(tmp_path, grid, rates, seeds=[0, 1]))
    picture = one(study, FigureConfig(kind=FigureKind.heat, metric="final.train.accuracy", title="Here"))
    assert picture.caption.startswith("Here. Mean train accuracy, final over model.dropout and optimizer.lr")
    assert "best cell" not in picture.caption
    narrow = FigureConfig(kind=FigureKind.heat, where={"optimizer.lr": 1})
    assert "two keys" in fails(study, narrow)


def test_scatter_of_two_metrics(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    figure = FigureConfig(
        kind=FigureKind.scatter,
        x="final.train.loss",
        y="final.val.accuracy",
        group="optimizer.lr",
        log_x=True,
    )
    picture = one(study, figure)
    assert "one point per run, 9 runs" in picture.caption
    assert picture.alt.count("; ") == 8
    unknown = FigureConfig(kind=FigureKind.scatter, x="final.train.lss", y="final.val.loss")
    assert "no run has a number final.train.lss" in fails(study, unknown)


def test_weights_of_real_runs(trained: Path) -> None:
    study = study_of(trained)
    picture = one(study, FigureConfig(kind=FigureKind.weights, columns="class"))
    assert "a column for each class, a row for each regularizer.alpha: 0, 1" in picture.alt
    assert "From the best checkpoint of each cell's first seed." in picture.caption
    assert one(study, FigureConfig(kind=FigureKind.weights, layer="fc", where={"regularizer.alpha": 1}))
    wrong = FigureConfig(kind=FigureKind.weights, layer="fc9")
    assert "layer must be one that takes the inputs (fc), got fc9" in fails(study, wrong)


def test_stronger_regularization_gives_smaller_weights_in_words(trained: Path) -> None:
    alt = one(study_of(trained), FigureConfig(kind=FigureKind.weights, columns="class")).alt
    largest = dict(
        pair.rsplit(": ", 1) for pair in alt.rpartition("Largest |w|: ")[2].rstrip(".").split("; ")
    )
    assert float(largest["1"]) < float(largest["0"])


def test_regions_of_a_rebuilt_model(xor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(xor)  # data.train is named relative to where the run was made
    picture = one(study_of(xor / "runs"), FigureConfig(kind=FigureKind.regions))
    assert "activation=tanh: 0 of 4 training points wrong" in picture.alt
    assert "activation=identity: 0 of 4" not in picture.alt  # a line cannot part XOR
    assert "Classes: 0, 1" in picture.alt


def test_regions_and_weights_say_what_they_need(trained: Path, xor: Path, tmp_path: Path) -> None:
    images, points, bare = study_of(trained), study_of(xor / "runs"), study_of(lr_sweep(tmp_path))
    regions, weights = FigureConfig(kind=FigureKind.regions), FigureConfig(kind=FigureKind.weights)
    assert "regions are drawn for two inputs and classes" in fails(images, regions)
    assert "weights are drawn for images of one channel" in fails(points, weights)
    assert "checkpoints/best.safetensors cannot be read" in fails(bare, weights)


def test_a_failed_figure_does_not_stop_the_others(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    nowhere = FigureConfig(kind=FigureKind.against, where={"optimizer.lr": 7})
    pictures, problems = drawn(study, nowhere, FigureConfig(kind=FigureKind.against))
    assert [picture.name for picture in pictures] == ["figure-2-against"]
    assert problems == ["Figure 1 (against) is missing: no cell has optimizer.lr=7."]


def test_the_same_figure_has_the_same_bytes(tmp_path: Path) -> None:
    study, figure = study_of(lr_sweep(tmp_path)), FigureConfig(kind=FigureKind.against)
    assert one(study, figure) == one(study, figure)


def test_narrowed_keeps_the_numbers_of_its_cells(tmp_path: Path) -> None:
    grid = {"optimizer.lr": [0.1, 1], "model.dropout": [0.0, 0.5]}
    study = study_of(make_sweep(tmp_path, grid, rates, seeds=[0, 1]))
    part = narrowed(study, {"model.dropout": 0.5})
    assert part.keys == ("optimizer.lr",)
    assert [cell.values for cell in part.cells] == [(0.1,), (1,)]
    metric = metric_named(part, None)
    for place, cell in enumerate(part.cells):
        before = [other.runs for other in study.cells].index(cell.runs)
        assert part.estimates[place, metric] == study.estimates[before, metric]


@pytest.mark.parametrize(
    ("value", "other", "same"),
    [(0.1, "0.1", True), (1, True, False), ("[256]", [256], True), (None, None, True), ("mlp", "cnn", False)],
)
def test_values_are_compared_as_meant(value: object, other: object, same: bool) -> None:
    assert same_value(value, other) is same


def least_squares_loss(n: int, d: int, sigma: float, generator: np.random.Generator) -> float:
    """½ of the expected squared error on a new sample, exactly, for one draw of the training data."""
    beta = generator.standard_normal(d)
    beta /= np.linalg.norm(beta)
    x = generator.standard_normal((n, d))
    solution = np.linalg.lstsq(x, x @ beta + sigma * generator.standard_normal(n), rcond=None)[0]
    return 0.5 * (float(((solution - beta) ** 2).sum()) + sigma**2)


@pytest.mark.parametrize("n", [10, 20, 60, 120])
def test_double_descent_is_the_mean_over_draws(n: int) -> None:
    generator = np.random.default_rng(n)
    losses = [least_squares_loss(n, 40, 0.5, generator) for _ in range(600)]
    error = np.std(losses) / np.sqrt(len(losses))
    assert double_descent(n, 40, 1.0, 0.5) == pytest.approx(np.mean(losses), abs=5 * error)


def test_double_descent_rises_to_the_threshold_and_falls_behind_it() -> None:
    before = [double_descent(n, 500, 1.0, 0.5) for n in range(400, 499, 10)]
    after = [double_descent(n, 500, 1.0, 0.5) for n in range(510, 800, 10)]
    assert before == sorted(before)
    assert after == sorted(after, reverse=True)
    assert all(np.isnan(double_descent(n, 500, 1.0, 0.5)) for n in (499, 500, 501))


def test_theory_beside_linear_regression(tmp_path: Path) -> None:
    arguments = [
        "data=linear_teacher", "data.dim=20", "data.num_train=10,20,40", "data.noise=0.5", "data.teacher=unit",
        "model=linear", "loss=half_squared_error", "trainer.epochs=2", "trainer.batch_size=null",
    ]  # fmt: skip
    done = commands.run("dlhw-train", "-m", "name=teach", *arguments, *QUIET, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    study = study_of(tmp_path / "runs")
    line = theory_curve(Theory.double_descent, study, "data.num_train", [10, 20, 40])
    assert line is not None
    assert line.y[0] == double_descent(10, 20, 1.0, 0.5)
    assert np.isnan(line.y[np.searchsorted(line.x, 20)])
    figure = FigureConfig(kind=FigureKind.against, theory=Theory.double_descent, log_y=True)
    assert "dashed: theory" in one(study, figure).caption
    with pytest.raises(RunFolderError, match="a curve over data.num_train, got x=optimizer.lr"):
        theory_curve(Theory.double_descent, study, "optimizer.lr", [1, 2])


def test_theory_is_refused_for_other_data(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    with pytest.raises(RunFolderError, match="data=linear_teacher"):
        theory_curve(Theory.double_descent, study, "data.num_train", [1, 2])
