"""Real sweeps in real processes: what is run, what is not run again, what is refused."""

from contextlib import suppress
from pathlib import Path
from random import Random
from subprocess import TimeoutExpired

import pytest
from commands import run, tree
from sweeping import SMALL, ledger_names, runs_of, start_sweep, sweep, written

import dlhw
from dlhw.locks import sweep_held
from dlhw.reporting.study import make_study

RATES = "optimizer.lr=0.1,0.2"


def test_a_sweep_resumes_grows_and_is_refused_when_it_has_changed(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "digits-softmax" / "by-lr"
    first = sweep(RATES, "seeds=2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert (
        "4 runs (2 configurations × 2 seeds) in runs/digits-softmax/by-lr: 4 to run\n4 runs, trained together\n"
        in first.stdout
    )
    assert "4 runs: 4 completed in runs/digits-softmax/by-lr\n" in first.stdout
    assert first.stdout.endswith("page: dlhw-report runs/digits-softmax/by-lr\n")
    cells = {f"lr={lr}{seed}" for lr in (0.1, 0.2) for seed in ("", ",seed=1")}
    assert set(runs_of(folder)) == ledger_names(folder) == cells
    before = written(folder)

    grown = sweep("optimizer.lr=0.1,0.2,0.3", "seeds=3", cwd=tmp_path)
    assert (
        "9 runs (3 configurations × 3 seeds) in runs/digits-softmax/by-lr: 4 done, 5 to run\n" in grown.stdout
    )
    assert set(runs_of(folder)) == {
        f"lr={lr}{seed}" for lr in (0.1, 0.2, 0.3) for seed in ("", ",seed=1", ",seed=2")
    }
    after = written(folder)
    assert {name: after[name] for name in before} == before

    again = sweep("optimizer.lr=0.3,1e-1,0.2", "seeds=3", cwd=tmp_path)
    assert "9 runs (3 configurations × 3 seeds) in runs/digits-softmax/by-lr: 9 done\n" in again.stdout
    assert again.returncode == 0
    assert written(folder) == after

    refused = sweep(
        "optimizer.lr=0.7,0.8", "seeds=1", "trainer.batch_size=16", "optimizer.momentum=0.5", cwd=tmp_path
    )
    assert refused.returncode == 1
    assert refused.stderr == (
        "dlhw-train: runs/digits-softmax/by-lr holds 9 runs of another definition:\n"
        "dlhw-train:   optimizer.momentum: 0.0 -> 0.5\n"
        "dlhw-train:   trainer.batch_size: 64 -> 16\n"
        "dlhw-train: choose another name= or hydra.sweep.dir=, or say what to do with these runs: "
        "hydra.sweeper.on_change=recompute or keep\n"
    )
    assert written(folder) == after


def test_seeds_extend_a_sweep_that_was_begun_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "digits-softmax" / "by-lr"
    sweep(RATES, cwd=tmp_path)
    before = written(folder)
    more = sweep(RATES, "seeds=3", cwd=tmp_path)
    assert "6 runs (2 configurations × 3 seeds) in runs/digits-softmax/by-lr: 2 done, 4 to run" in more.stdout
    assert "n = 3" in more.stdout or " 3 " in more.stdout
    assert written(folder).items() >= before.items()
    assert len(written(folder)) == 6
    other = sweep("optimizer.lr=0.1", "seed=7", cwd=tmp_path)
    assert (
        "1 run in runs/digits-softmax/by-lr: 1 to run" not in other.stdout
    )  # nothing is swept: a folder of its own
    later = sweep(RATES, "seeds=1", "seed=2", cwd=tmp_path)
    assert "2 done" in later.stdout


def test_what_has_changed_can_be_kept_or_recomputed(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    where = f"hydra.sweep.dir={folder}"
    sweep(RATES, where, cwd=tmp_path)
    before = written(folder)
    kept = sweep(
        "optimizer.lr=0.1,0.2,0.3",
        "optimizer.momentum=0.5",
        "hydra.sweeper.on_change=keep",
        where,
        cwd=tmp_path,
    )
    assert "2 done, 1 to run" in kept.stdout
    assert written(folder).items() >= before.items()
    again = sweep(RATES, "optimizer.momentum=0.5", "hydra.sweeper.on_change=recompute", where, cwd=tmp_path)
    assert "2 runs in" in again.stdout
    assert "2 to run" in again.stdout
    assert not written(folder).items() & before.items()


def test_a_sweep_that_is_killed_resumes(tmp_path: Path) -> None:
    arguments = ["optimizer.lr=0.1,0.2,0.3,0.4", "trainer.batch_size=8,16,32", "seeds=4"]
    folder, random = tmp_path / "runs" / "digits-softmax" / "by-lr+batch_size", Random(0)
    kept: dict[str, int] = {}
    for pause in (random.uniform(1.5, 3), random.uniform(2, 3.5), random.uniform(2, 3.5)):
        process = start_sweep(*arguments, cwd=tmp_path)
        with suppress(TimeoutExpired):
            process.communicate(timeout=pause)
        process.kill()
        process.communicate()
        now = written(folder)
        assert now.items() >= kept.items()
        kept = now
    last = sweep(*arguments, cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert f"{len(kept)} done" in last.stdout or not kept
    assert len(runs_of(folder)) == 48
    assert set(runs_of(folder).values()) == {"completed"}
    assert written(folder).items() >= kept.items()
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "ledger.json",
        "ledger.lock",
        "multirun.yaml",
    }


def test_failed_runs_are_reported_and_run_again_diverged_ones_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    arguments = ["optimizer.lr=0.1,1e30,0.2", "model=mlp", "trainer.epochs=2", f"hydra.sweep.dir={folder}"]
    first = sweep(*arguments, cwd=tmp_path)
    assert first.returncode == 1
    head, *lines = first.stderr.splitlines()
    assert head == "dlhw-train: 3 runs: 2 completed, 1 diverged"
    assert lines[0].startswith("dlhw-train: lr=1e+30: diverged at step ")
    assert lines[0].endswith(f"({folder / 'lr=1e+30'})")
    ended = folder / "lr=0.2" / "summary.json"
    ended.write_text(ended.read_text(encoding="utf-8").replace('"completed"', '"failed"'), encoding="utf-8")
    (folder / "lr=0.2" / "left over").touch()
    again = sweep(*arguments, cwd=tmp_path)
    assert "2 done, 1 to run" in again.stdout
    assert runs_of(folder) == {"lr=0.1": "completed", "lr=0.2": "completed", "lr=1e+30": "diverged"}
    assert not (folder / "lr=0.2" / "left over").exists()
    assert again.returncode == 1


@pytest.mark.parametrize("name", ["metrics.csv", "checkpoints/last.safetensors", ""])
def test_a_cell_that_is_resumed_follows_no_link_out_of_its_folder(tmp_path: Path, name: str) -> None:
    """A killed cell has checkpoints and no summary. A link inside its folder is followed."""
    command = ["-m", *SMALL, RATES, "hydra.sweep.dir=sweep", "tracking.console=none"]
    assert run("dlhw-train", *command, cwd=tmp_path).returncode == 0
    cell, outside = tmp_path / "sweep" / "lr=0.1", tmp_path / "outside"
    (cell / "summary.json").unlink()
    (cell / name).rename(outside)
    (cell / name).symlink_to(outside)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    refused = run("dlhw-train", *command, cwd=tmp_path)
    assert refused.returncode == 1
    (sentence,) = refused.stderr.splitlines()
    what = "a link out of the run's folder" if name else "a link"
    assert sentence.startswith(f"dlhw-train: {Path('sweep', 'lr=0.1', name)} is {what}, to {outside}: ")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    with sweep_held(folder):
        second = sweep(RATES, f"hydra.sweep.dir={folder}", cwd=tmp_path)
    assert second.returncode == 1
    assert second.stderr == (
        f"dlhw-train: another process is running the sweep in {folder}: wait for it, or choose another hydra.sweep.dir\n"
    )
    assert tree(folder) == {"ledger.lock"}


def test_what_is_wrong_is_reported_before_anything_trains(tmp_path: Path) -> None:
    misspelt = "+grids=[{optimizer.lr:[0.1]},{optimizer.lrr:[0.1]},{model.hiden:[[3]]}]"
    stopped = sweep(misspelt, "hydra.sweeper.on_error=stop", cwd=tmp_path)
    assert stopped.returncode == 1
    one, other = stopped.stderr.splitlines()
    assert one.startswith(
        "dlhw-train: optimizer.lrr=0.1: optimizer.lrr: no such key; did you mean optimizer.lr?"
    )
    assert other.startswith("dlhw-train: model.hiden=[3]: model.hiden: no such key")
    assert tree(tmp_path) == set()

    going_on = sweep(misspelt, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert going_on.returncode == 1
    assert "3 runs in sweep: 1 to run, 2 cannot be run" in going_on.stdout
    assert going_on.stderr.startswith("error: optimizer.lrr=0.1: optimizer.lrr: no such key")
    assert "dlhw-train: 3 runs: 1 completed, 2 failed\n" in going_on.stderr
    assert runs_of(tmp_path / "sweep") == {"lr=0.1": "completed"}


def test_on_error_stop_starts_no_further_cohort(tmp_path: Path) -> None:
    done = sweep(
        "trainer.batch_size=100000,8,16", "hydra.sweeper.on_error=stop", "hydra.sweep.dir=sweep", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "dlhw-train: 3 runs: 1 failed, 2 not run" in done.stderr
    assert runs_of(tmp_path / "sweep") == {"batch_size=100000": "failed"}


def test_hydras_basic_launcher_gives_the_same_sweep(tmp_path: Path) -> None:
    done = sweep("trainer.batch_size=100000,8", "hydra/launcher=basic", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 1
    assert "dlhw-train: 2 runs: 1 completed, 1 failed" in done.stderr
    assert "batch_size=100000: trainer.batch_size must be at most" in done.stderr
    assert runs_of(tmp_path / "sweep")["batch_size=8"] == "completed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["hydra.sweep.subdir=x"], "hydra.sweep.subdir cannot be set: runs are named by their swept values"),
        (["hydra.sweeper.on_error=halt"], "hydra.sweeper.on_error must be continue or stop, got halt"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = sweep(RATES, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"dlhw-train: {sentence}\n")
    assert tree(tmp_path) == set()


def test_500_cells_in_one_command(tmp_path: Path) -> None:
    done = sweep("optimizer.lr=range(0.01,1.01,0.01)", "seeds=5", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "500 runs, trained together\n" in done.stdout
    assert len(runs_of(tmp_path / "sweep")) == 500


@pytest.mark.parametrize("place", ["in the config", "on the command line"])
def test_a_value_that_refers_to_a_swept_key_takes_its_value_in_each_cell(tmp_path: Path, place: str) -> None:
    grids = "[{model.init.value:[1,2],model.init.bias:['${model.init.value}']}]"
    where = "hydra.sweeper.grids" if place == "in the config" else "+grids"
    done = sweep("model.init.scheme=constant", "trainer.epochs=0", f"{where}={grids}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "digits-softmax" / "by-value"
    assert set(runs_of(folder)) == {"value=1", "value=2"}  # the bias follows, so it is no part of a name
    runs = dlhw.load_runs(folder)
    assert sorted(zip(runs["model.init.value"], runs["model.init.bias"], strict=True)) == [(1, 1), (2, 2)]
    assert make_study(runs).keys == ["model.init.value"]
