"""Two processes that need the same folder: one gets it, the other reports why it does not.

`make torture` lets whole runs and sweeps race; `.ci/run` has some of these (`--quick`).
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run, tree

from tests.torture.folders import LOST, folder_replaced, stops_with
from tests.torture.processes import TINY, start, train, wait
from tests.torture.races import is_refused
from tests.torture.watching import until

RUNS_FOR_HOURS = (*TINY, "trainer.epochs=1000000", "hydra.run.dir=run")
HOLD = """
import sys
from pathlib import Path
from dlhw.errors import RunFolderError
from dlhw.locks import hold_run, sweep_held
sys.stdin.readline()
try:
    hold_run(Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.readline()
except RunFolderError:
    print("refused", flush=True)
"""


def holders(folder: Path, count: int) -> list[subprocess.Popen[str]]:
    """Processes that are ready to take a folder as soon as they get a line."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    return [subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) for _ in range(count)]


def answer(process: subprocess.Popen[str]) -> str:
    """Give a process its line, and read the next one of its own."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def let_go(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for the end of all of them."""
    for process in processes:
        process.communicate()


@pytest.mark.parametrize("folder", ["run", "sweep/lr=0.1"])
def test_of_many_processes_one_gets_the_folder(folder: str, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "ledger.lock").touch()
    for round_number in range(3):
        processes = holders(tmp_path / f"{folder}{round_number}", 5)
        try:
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
            answers = [process.stdout.readline().strip() for process in processes if process.stdout]
            assert sorted(answers) == ["held", *["refused"] * 4]
        finally:
            let_go(processes)


def test_the_lock_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    first, second = holders(tmp_path / "run", 2)
    assert answer(first) == "held"
    first.kill()
    first.communicate()
    assert tree(tmp_path / "run") == {".hydra/run.lock"}
    assert answer(second) == "held"
    let_go([second])
    ended = train(*TINY, "trainer.epochs=1", "hydra.run.dir=run", cwd=tmp_path)
    assert ended.status == 0, ended.err


def test_a_run_of_a_sweep_is_held_with_its_sweep(tmp_path: Path) -> None:
    (holder,) = holders(tmp_path / "sweep" / "lr=0.1", 1)
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "ledger.lock").touch()
    assert answer(holder) == "held"
    refused = train("-m", *TINY, "optimizer.lr=0.1,0.2", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert is_refused(refused)
    assert tree(tmp_path / "sweep") == {"ledger.lock", "lr=0.1/.hydra/run.lock"}
    let_go([holder])


def test_two_runs_below_a_finished_sweep_do_not_wait_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "ledger.lock").touch()
    (first,), (second,) = (holders(tmp_path / "sweep" / name, 1) for name in ("lr=0.1", "lr=0.2"))
    assert answer(first) == answer(second) == "held"
    let_go([first, second])


def test_a_process_does_not_write_into_a_folder_that_was_made_anew() -> None:
    """Of a run, and of a sweep."""
    assert folder_replaced(2, seed=0).is_clean


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_cell_whose_folder_vanishes_does_not_end_its_sweep(is_made_anew: bool, tmp_path: Path) -> None:
    """Nor is a cell completed whose first rows and config are in a folder that was removed."""
    arguments = ("optimizer.lr=0.1,0.2,0.3", "trainer.epochs=1500", "hydra.sweep.dir=sweep")
    process = start("-m", *TINY, *arguments, cwd=tmp_path)
    cell = tmp_path / "sweep" / "lr=0.2"
    until((cell / "metrics.csv").exists, process)
    cell.rename(tmp_path / "elsewhere")
    if is_made_anew:
        cell.mkdir()
    ended = wait(process)
    assert ended.status == 1
    assert "dlhw-train: 3 runs: 2 completed, 1 failed\n" in ended.err
    assert "Traceback" not in ended.err
    for name in ("lr=0.1", "lr=0.3"):
        assert (tmp_path / "sweep" / name / "summary.json").exists()


def test_a_cell_whose_folder_cannot_be_made_fails_alone(tmp_path: Path) -> None:
    arguments = ("optimizer.lr=0.1,0.2,0.3", "trainer.epochs=1500", "hydra.launcher.max_runs=1")
    process = start("-m", *TINY, *arguments, "hydra.sweep.dir=sweep", cwd=tmp_path)
    until((tmp_path / "sweep" / "lr=0.1" / "metrics.csv").exists, process)
    (tmp_path / "sweep" / "lr=0.2").write_text("a file where a folder should be")
    ended = wait(process)
    assert ended.status == 1
    assert "dlhw-train: 3 runs: 2 completed, 1 failed\n" in ended.err
    assert f"{Path('sweep') / 'lr=0.2'}" in ended.err
    assert "Traceback" not in ended.err
    for name in ("lr=0.1", "lr=0.3"):
        assert (tmp_path / "sweep" / name / "summary.json").exists()


def test_a_run_stops_when_its_folder_is_gone(tmp_path: Path) -> None:
    process = start(*RUNS_FOR_HOURS, cwd=tmp_path)
    until((tmp_path / "run" / "metrics.csv").exists, process)
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    ended = wait(process)
    assert stops_with(ended, f"dlhw-train: {tmp_path / 'run'} {LOST}")
    assert not (tmp_path / "run").exists()


def test_a_run_that_trains_is_refused_to_the_next_and_can_still_be_looked_at(tmp_path: Path) -> None:
    process = start(*RUNS_FOR_HOURS, cwd=tmp_path)
    try:
        until((tmp_path / "run" / "checkpoints" / "last.safetensors").exists, process)
        assert is_refused(train(*RUNS_FOR_HOURS, cwd=tmp_path))
        assert is_refused(train("resume=run", cwd=tmp_path))
        seen = run("dlhw-eval", "run", cwd=tmp_path)
        assert seen.returncode == 0, seen.stderr
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        wait(process)
