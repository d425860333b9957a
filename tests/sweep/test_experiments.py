"""`dlhw-train experiment=...`: one command runs a whole sweep, and says what agrees with what was published."""

import json
import re
import shutil
from pathlib import Path

import pytest
from commands import run, tree
from sweeping import SILENT, ledger_names, runs_of, written

from dlhw.hydra_support.compose import load_experiment

# Of the digits, which every machine has.
SMALL = [
    "data=digits", "data.split={train:null,val:0.2,test:0.2}", "trainer.epochs=1", "trainer.gradcheck=false",
    "trainer.matmul=highest", *SILENT,
]  # fmt: skip
LR = ["experiment=cs7643/lr", *SMALL]
FOLDER = Path("runs/experiments/cs7643-lr")
PUBLISHED = rf"\d+ of {len(load_experiment('cs7643/lr').deciding_values())} published values agree"


def test_one_argument_runs_the_sweep_and_ends_with_what_agrees(tmp_path: Path) -> None:
    done = run("dlhw-train", *LR, "seeds=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "8 runs (4 configurations × 2 seeds) in runs/experiments/cs7643-lr: 8 to run\n8 runs, trained together\n"
        in done.stdout
    )
    assert "Published values beside dlhw's" in done.stdout
    assert "Only 2 seeds: too few" in done.stdout
    assert re.search(rf"^DISAGREES, n = 2: .*{PUBLISHED}.*\n8 runs: 8 completed", done.stdout, re.MULTILINE)
    cells = {f"lr={lr}{seed}" for lr in ("1", "0.1", "0.05", "0.01") for seed in ("", ",seed=1")}
    assert set(runs_of(tmp_path / FOLDER)) == ledger_names(tmp_path / FOLDER) == cells

    before = written(tmp_path / FOLDER)
    stricter = run(
        "dlhw-train",
        *LR,
        "seeds=2",
        "experiment.published=[]",
        "experiment.checks=[]",
        "experiment.note=changed",
        cwd=tmp_path,
    )
    assert "8 runs (4 configurations × 2 seeds) in runs/experiments/cs7643-lr: 8 done\n" in stricter.stdout
    assert "nothing to compare with" in stricter.stdout
    assert written(tmp_path / FOLDER) == before

    report = run("dlhw-report", str(FOLDER), "--check", cwd=tmp_path)
    assert report.returncode == 0, report.stderr  # the last command took the published numbers away
    judged = run("dlhw-report", str(FOLDER), "--check", "--experiment", "cs7643/lr", cwd=tmp_path)
    assert judged.returncode == 1
    assert re.search(rf"^DISAGREES, n = 2: .*{PUBLISHED}", judged.stdout, re.MULTILINE)
    page = (tmp_path / FOLDER / "report" / "report.md").read_text(encoding="utf-8")
    assert page.splitlines()[2] == "# cs7643/lr"


def test_saved_parameters_are_evaluated_at_the_end_and_others_are_found_out(tmp_path: Path) -> None:
    check = "{rule: value, claim: c, metric: values.evaluation_difference, value: 0, tolerance: 1.0e-5}"
    command = [
        *LR, "optimizer.lr=0.1,1", "seeds=1", "tracking.checkpoints=true", "experiment.evaluate=true",
        "experiment.published=[]", f"experiment.checks=[{check}]",
    ]  # fmt: skip
    done = run("dlhw-train", *command, cwd=tmp_path)
    assert "1 of 1 checks shown" in done.stdout, done.stderr
    slow, fast = (tmp_path / FOLDER / name for name in ("lr=0.1", "lr=1"))
    scores = json.loads((slow / "evaluation.json").read_text())["scores"]
    recorded = json.loads((slow / "summary.json").read_text())["best"]
    assert scores["test"] == pytest.approx(recorded["test"], abs=1e-5)

    shutil.copytree(fast / "checkpoints", slow / "checkpoints", dirs_exist_ok=True)
    (slow / "evaluation.json").unlink()
    again = run("dlhw-train", *command, cwd=tmp_path)
    assert "0 of 1 checks shown, 1 contradicted" in again.stdout


def test_a_command_may_restrict_the_sweep_or_change_it(tmp_path: Path) -> None:
    one = run("dlhw-train", *LR, "seeds=1", "optimizer.lr=0.1", cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    assert set(runs_of(tmp_path / FOLDER)) == {"lr=0.1"}
    assert re.search(rf"n = 1: .*{PUBLISHED}, \d+ disagree, \d+ incomplete", one.stdout)
    more = run("dlhw-plan", *LR, "seeds=1", "optimizer.lr=0.1,2", cwd=tmp_path)
    assert (
        "2 runs (2 configurations × 1 seed) in runs/experiments/cs7643-lr: 1 done, 1 to run\n" in more.stdout
    )
    changed = run("dlhw-plan", *LR, "seeds=1", "trainer.batch_size=32", cwd=tmp_path)
    assert changed.returncode == 1
    assert "dlhw-plan:   trainer.batch_size: 64 -> 32\n" in changed.stderr


def test_a_misspelt_key_is_reported_before_anything_trains(tmp_path: Path) -> None:
    done = run("dlhw-train", *LR, "experiment.by=[optimizer.lrr]", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "dlhw-train: experiment.by names optimizer.lrr, which no run of this sweep has; "
        "did you mean optimizer.lr?\n",
    )
    assert tree(tmp_path) == set()


def test_no_such_experiment(tmp_path: Path) -> None:
    done = run("dlhw-train", "experiment=cs7643/lrs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1, "dlhw-train: experiment=cs7643/lrs: no such experiment; did you mean cs7643/lr?\n",
    )  # fmt: skip
    assert tree(tmp_path) == set()


def test_help_lists_experiments(tmp_path: Path) -> None:
    help_text = run("dlhw-train", "--help", cwd=tmp_path).stdout
    assert "  experiment=        a whole sweep" in help_text
    assert "    cs7643/lr              How does the learning rate change" in help_text
    assert "_recipe" not in help_text
