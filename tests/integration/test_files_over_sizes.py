"""The cs229 experiments on files that a course hands out: a training file for each size, one validation file."""

from pathlib import Path

import numpy as np
import pytest
from commands import run

import dlhw

DIM, SIZES = 8, (4, 6, 8, 10, 12)
PATTERN = "data.train=sizes/ds_n${data.num_train}.csv"
OWN = [
    "data=csv", PATTERN, "data.val=sizes/valid.csv", "seeds=1", "tracking.console=none",
]  # fmt: skip
PEAK = (
    "experiment.checks=[{rule: peak, claim: The peak is at 8., metric: final/val/loss, "
    f"along: data.num_train, at: {DIM}, ratio: 1.1}}]"
)
SWEPT = f"data.num_train={','.join(map(str, SIZES))}"


def write(path: Path, x_NI: np.ndarray, y_N: np.ndarray) -> None:
    header = ",".join([*(f"x_{place}" for place in range(x_NI.shape[1])), "y"])
    np.savetxt(path, np.column_stack([x_NI, y_N]), delimiter=",", header=header, comments="", fmt="%.17g")


@pytest.fixture
def course(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """Folder with files of nested training sets and a validation set; the whole inputs and targets."""
    random = np.random.default_rng(0)
    folder = tmp_path / "sizes"
    folder.mkdir()
    x_NI, noise_N = random.normal(size=(max(SIZES) + 30, DIM)), random.normal(size=max(SIZES) + 30)
    y_N = x_NI @ np.full(DIM, DIM**-0.5) + 0.5 * noise_N
    for size in SIZES:
        write(folder / f"ds_n{size}.csv", x_NI[:size], y_N[:size])
    write(folder / "valid.csv", x_NI[max(SIZES) :], y_N[max(SIZES) :])
    return tmp_path, x_NI, y_N


def test_double_descent_over_the_files_of_a_pattern(course: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, x_NI, y_N = course
    done = run("dlhw-train", "experiment=cs229/double_descent", *OWN, SWEPT, PEAK, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 checks shown" in done.stdout  # the file's name follows the size, and is no second axis
    assert "in runs/experiments/cs229-double_descent: 5 to run" in done.stdout
    runs = dlhw.load_runs(folder / "runs").set_index("data.num_train")
    valid = slice(max(SIZES), None)
    for size in SIZES:
        residual_N = x_NI[valid] @ np.linalg.pinv(x_NI[:size]) @ y_N[:size] - y_N[valid]
        assert runs.loc[size, "final/val/loss"] == pytest.approx((residual_N**2).mean() / 2, rel=1e-9)
    report = run("dlhw-report", "runs/experiments/cs229-double_descent", cwd=folder)
    assert report.returncode == 0, report.stderr
    page = (folder / "runs/experiments/cs229-double_descent/report/report.md").read_text(encoding="utf-8")
    assert "Validation error against the number of samples" in page
    assert "theory" not in page  # nobody knows the teacher of a user's files


def test_the_other_experiments_take_one_file(course: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, _, _ = course
    arguments = [argument for argument in OWN if argument != PATTERN]
    done = run(
        "dlhw-train", "experiment=cs229/min_norm", *arguments, "data.train=sizes/ds_n4.csv", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    # levels that theory gives for the generated data are others here; what holds for any data is compared
    assert "largest difference" in done.stdout
    assert "not run" not in done.stdout


def test_a_size_without_a_file_and_a_file_of_another_size_are_reported(
    course: tuple[Path, np.ndarray, np.ndarray],
) -> None:
    folder, x_NI, y_N = course
    (folder / "sizes" / "ds_n6.csv").unlink()
    write(folder / "sizes" / "ds_n8.csv", x_NI[:7], y_N[:7])
    done = run("dlhw-train", "experiment=cs229/double_descent", *OWN, SWEPT, cwd=folder)
    assert done.returncode == 1
    assert "sizes/ds_n6.csv" in done.stderr
    assert "data.num_train must be the number of rows of sizes/ds_n8.csv, 7, got 8" in done.stderr
    assert "5 runs: 3 completed, 2 failed" in done.stderr
