"""dlhw-plan: what a sweep would do."""

from pathlib import Path

from commands import run, tree
from sweeping import SILENT, SMALL, sweep


def test_a_plan_shows_cells_cohorts_and_estimates_and_writes_nothing(tmp_path: Path) -> None:
    done = run(
        "dlhw-plan", *SMALL, "optimizer.lr=0.1,0.2", "trainer.batch_size=8,16", "seeds=2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "8 runs (4 configurations × 2 seeds) in runs/digits-softmax/by-lr+batch_size: 8 to run"
    assert lines[2].split() == ["run", "lr", "batch_size", "seed", "state"]
    assert lines[4].split() == ["1", "0.1", "8", "0", "to", "run"]
    assert lines[11].split() == ["8", "0.2", "16", "1", "to", "run"]
    assert (
        "8 runs, trained together in 2 groups (4 × trainer.batch_size=8, 4 × trainer.batch_size=16)" in lines
    )
    assert "  group 1: 4 × 650 parameters a run, about " in done.stdout
    assert tree(tmp_path) == set()


def test_a_plan_knows_the_ledger_and_reports_every_error(tmp_path: Path) -> None:
    sweep("optimizer.lr=0.1,0.2", cwd=tmp_path)
    before = tree(tmp_path)
    done = run("dlhw-plan", "-m", *SMALL, *SILENT, "optimizer.lr=0.1,0.3,-1,-2", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "dlhw-plan: optimizer.lr=-1: optimizer.lr must be > 0, got -1.0",
        "dlhw-plan: optimizer.lr=-2: optimizer.lr must be > 0, got -2.0",
    ]
    assert "4 runs in runs/digits-softmax/by-lr: 1 done, 1 to run, 2 cannot be run" in done.stdout
    refused = run("dlhw-plan", *SMALL, "optimizer.lr=0.1,0.3", "optimizer.momentum=0.5", cwd=tmp_path)
    assert refused.returncode == 1
    assert "dlhw-plan:   optimizer.momentum: 0.0 -> 0.5\n" in refused.stderr
    assert "done with another definition" in refused.stdout
    assert tree(tmp_path) == before


def test_usage(tmp_path: Path) -> None:
    assert "usage: dlhw-plan" in run("dlhw-plan", "--help", cwd=tmp_path).stdout
    unknown = run("dlhw-plan", "--cfg", "job", cwd=tmp_path)
    assert (unknown.returncode, unknown.stderr) == (2, "dlhw-plan: unknown option --cfg; dlhw-plan --help\n")
