"""`dlhw-report` on the folder of an experiment: published.csv, checks.csv, and exit status 1 of --check."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import commands
import pytest
import yaml
from report_runs import lr_sweep

from dlhw.reporting.agreement import OWN_SOURCE
from dlhw.runs.ledger import Ledger
from dlhw.runs.sweep_folder import run_folders

NODE: dict[str, Any] = {"source": OWN_SOURCE, "name": "rates", "question": "Which rate is best?"}
RIGHT = {
    "rule": "best",
    "claim": "The rate 0.1 is.",
    "metric": "final/val/accuracy",
    "cell": {"optimizer.lr": 0.1},
}
WRONG = RIGHT | {"claim": "The rate 1 is.", "cell": {"optimizer.lr": 1}}
MISSING = RIGHT | {"claim": "The rate 7 is.", "cell": {"optimizer.lr": 7}}
NUMBER = {"metric": "final/val/accuracy", "cell": {"optimizer.lr": 0.1}, "values": [0.91], "tolerance": 0.05}

AGREES = "1 of 1 published values agree"


def report(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return commands.run("python", "-W", "error", "-m", "dlhw.commands.report", *args, cwd=cwd)


def experiment_folder(folder: Path, **fields: Any) -> Path:
    """A sweep as it is left by `dlhw-train experiment=ours/rates`."""
    lr_sweep(folder)
    tree = {"name": "digits-mlp", "experiment": NODE | fields}
    (folder / "multirun.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("check", "status", "word", "headline"),
    [
        (RIGHT, 0, "shown", f"reproduced, n = 3: {AGREES}; 1 of 1 checks shown"),
        (WRONG, 1, "CONTRADICTED", f"DISAGREES, n = 3: {AGREES}; 0 of 1 checks shown, 1 contradicted"),
        (MISSING, 1, "incomplete", f"incomplete, n = 3: {AGREES}; 0 of 1 checks shown, 1 incomplete"),
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


def test_missing_runs_make_a_verdict_incomplete(tmp_path: Path) -> None:
    """Of three seeds one diverged, and the ledger lists a run that is gone: no number is wrong, none counts."""
    sweep = experiment_folder(tmp_path / "sweep", published=[NUMBER], checks=[RIGHT])
    names = [folder.name for folder in run_folders(sweep)]
    write_ledger(sweep, [*names, "lr=5,seed=0"])
    done = report("sweep", "--check", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith(
        f"incomplete, n = 3: {AGREES}; 1 of 1 checks shown; missing: 1 run of the sweep not there: lr=5,seed=0\n"
    )
    (run,) = [folder for folder in run_folders(sweep) if is_run(folder, lr=0.1, seed=2)]
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"status": "diverged", "diverged_at": 3}))
    write_ledger(sweep, names)
    done = report("sweep", "--check", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith(
        "incomplete: 0 of 1 published values agree, 1 incomplete; 0 of 1 checks shown, 1 incomplete; "
        "missing: lr=0.1: 1 of 3 runs diverged\n"
    )


def is_run(folder: Path, *, lr: float, seed: int) -> bool:
    config = yaml.safe_load((folder / ".hydra/config.yaml").read_text())
    return bool(config["optimizer"]["lr"] == lr and config["seed"] == seed)


def write_ledger(sweep: Path, names: Sequence[str]) -> None:
    Ledger(sweep, {name: {"optimizer.lr": 0.1} for name in names}).write()


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
    assert "DISAGREES, n = 3: 0 of " in done.stdout
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
