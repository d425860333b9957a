"""`dlhw-report` on the folder of an experiment: published.csv, checks.csv, and exit status 1 of --check."""

import subprocess
from pathlib import Path
from typing import Any

import commands
import pytest
import yaml
from report_runs import lr_sweep

NODE: dict[str, Any] = {"source": "ours", "name": "rates", "question": "Which rate is best?"}
RIGHT = {
    "rule": "best",
    "claim": "The rate 0.1 is.",
    "metric": "final/val/accuracy",
    "cell": {"optimizer.lr": 0.1},
}
WRONG = RIGHT | {"claim": "The rate 1 is.", "cell": {"optimizer.lr": 1}}
MISSING = RIGHT | {"claim": "The rate 7 is.", "cell": {"optimizer.lr": 7}}
NUMBER = {"metric": "final/val/accuracy", "cell": {"optimizer.lr": 0.1}, "values": [0.91], "tolerance": 0.01}


def report(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return commands.run("python", "-W", "error", "-m", "dlhw.report", *args, cwd=cwd)


def experiment_folder(folder: Path, **told: Any) -> Path:
    """A sweep as it is left by `dlhw-train experiment=ours/rates`."""
    lr_sweep(folder)
    tree = {"name": "digits-mlp", "experiment": NODE | told}
    (folder / "multirun.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("check", "status", "word", "headline"),
    [
        (RIGHT, 0, "yes", "published numbers: 1 of 1 agree; checks: 1 of 1 hold"),
        (WRONG, 1, "NO", "published numbers: 1 of 1 agree; checks: 0 of 1 hold"),
        (MISSING, 1, "not run", "published numbers: 1 of 1 agree; checks: 0 of 1 hold, 1 not run"),
    ],
)
def test_check_says_whether_all_agrees(
    tmp_path: Path, check: dict[str, Any], status: int, word: str, headline: str
) -> None:
    experiment_folder(tmp_path / "sweep", published=[NUMBER], checks=[check], metrics=["final/val/accuracy"])
    done = report("sweep", "--check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.endswith(f"report: sweep/report/index.html\n{headline}\n")
    page = (tmp_path / "sweep/report/report.md").read_text(encoding="utf-8")
    assert "# ours/rates\n\nWhich rate is best?\n\nRun by: dlhw-train experiment=ours/rates\n" in page
    assert f"| {word} |\n" in page
    assert (tmp_path / "sweep/report/published.csv").is_file()
    assert (tmp_path / "sweep/report/checks.csv").read_text(encoding="utf-8").count("\n") == 2
    assert report("sweep", cwd=tmp_path).returncode == 0


def test_files_of_an_earlier_report_that_this_one_does_not_have_are_removed(tmp_path: Path) -> None:
    experiment_folder(tmp_path / "sweep", checks=[RIGHT], published=[NUMBER])
    report("sweep", cwd=tmp_path)
    (tmp_path / "sweep/multirun.yaml").unlink()
    assert report("sweep", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "sweep/report/checks.csv").exists()
    assert not (tmp_path / "sweep/report/published.csv").exists()


def test_without_an_experiment_there_is_nothing_to_check(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    done = report("sweep", "--check", cwd=tmp_path)
    sentence = "--check: sweep is not the folder of an experiment: name one with --experiment"
    assert (done.returncode, done.stderr) == (1, f"dlhw-report: {sentence}\n")
    assert not (tmp_path / "sweep/report").exists()


def test_an_experiment_can_be_named(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    done = report("sweep", "--check", "--experiment", "cs7643/lr", cwd=tmp_path)
    assert done.returncode == 1
    assert "published numbers: 0 of 8 agree, 2 not run\n" in done.stdout
    unknown = report("sweep", "--experiment", "cs7643/rl", cwd=tmp_path)
    assert (unknown.returncode, unknown.stderr) == (
        1, "dlhw-report: experiment=cs7643/rl: no such experiment; did you mean cs7643/lr?\n",
    )  # fmt: skip


OTHER = "does not hold an experiment of this version: "


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("experiment: {rules: 3}", OTHER + "experiment.rules: no such key"),
        (
            "experiment: {source: s, name: n, question: q, checks: [{rule: x}]}",
            OTHER + "experiment.checks[0].rule must be one of",
        ),
        ("experiment: [", "is damaged: it is not the YAML that Hydra writes"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    lr_sweep(tmp_path / "sweep")
    (tmp_path / "sweep/multirun.yaml").write_text(text)
    done = report("sweep", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"dlhw-report: sweep/multirun.yaml {sentence}")
    assert len(done.stderr.splitlines()) == 1
