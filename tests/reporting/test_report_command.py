"""The command in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import commands
import pytest
from report_runs import lr_sweep

FILES = {
    "index.html", "report.md", "table.csv", "table.tex", "figures/learning-curves.png",
    "figures/learning-curves.pdf", "figures/metric-by-key.png", "figures/metric-by-key.pdf",
}  # fmt: skip


def report(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return commands.run("python", "-W", "error", "-m", "dlhw.commands.report", *args, cwd=cwd)


def test_writes_a_report_and_says_where(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    before = commands.tree(tmp_path / "sweep")
    done = report("sweep", "--baseline", "lr=0.1", "--title", "Learning rates", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("report: sweep/report/index.html\n")
    assert "best by validation" in done.stdout
    assert "Differences from optimizer.lr=0.1" in done.stdout
    assert commands.tree(tmp_path / "sweep") - before == {f"report/{name}" for name in FILES}
    assert (tmp_path / "sweep/report/report.md").read_text().splitlines()[2] == "# Learning rates"


def test_real_runs_are_reported(tmp_path: Path) -> None:
    commands.train(*commands.FAST, "name=real", cwd=tmp_path)
    done = report("runs", "--out", "here", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 run in 1 cell: 1 completed." in (tmp_path / "here/report.md").read_text()
    assert not (tmp_path / "runs/report").exists()


@pytest.mark.parametrize(
    ("args", "status", "sentence"),
    [
        (["nothing"], 1, "dlhw-report: nothing is not a folder"),
        (["."], 1, "dlhw-report: no run found in ."),
        ([], 2, "the following arguments are required: DIR"),
        (["--select", "tset", "."], 2, "invalid choice: 'tset'"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, args: list[str], status: int, sentence: str) -> None:
    done = report(*args, cwd=tmp_path)
    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_has_examples(tmp_path: Path) -> None:
    done = report("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "dlhw-report DIR --baseline optimizer.lr=0.1" in done.stdout


def test_training_imports_nothing_of_the_report() -> None:
    code = (
        "import sys, json, dlhw.commands.train, dlhw.callbacks.console;"
        "import dlhw.callbacks.tensorboard, dlhw.training.fit, dlhw.reporting.console;"
        "print(json.dumps([name for name in ('pandas', 'matplotlib', 'jinja2') if name in sys.modules]))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(output) == []


def test_a_missing_folder_is_answered_by_the_nearest(tmp_path: Path) -> None:
    for name in ("by-lr", "by-batch_size"):
        (tmp_path / "runs" / "digits-mlp" / name).mkdir(parents=True)
    for given, near in (
        ("runs/digits-mlp/by-lr+seed", "; did you mean runs/digits-mlp/by-lr?"),
        ("runs/digit-mlp/by-lr", "; did you mean runs/digits-mlp?"),
        ("runs/digits-mlp/sweep", "; runs/digits-mlp holds by-batch_size, by-lr"),
    ):
        done = commands.run("dlhw-report", given, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, f"dlhw-report: {given} is not a folder{near}\n")
