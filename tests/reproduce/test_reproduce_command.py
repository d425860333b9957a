"""The command in processes of its own: it continues after failures, resumes, skips and ends on signals."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import commands
import pytest

from dlhw.config.catalogue import experiment_names
from dlhw.config.data import DataConfig
from dlhw.hydra_support.compose import load_experiment
from dlhw.reproduce.experiments import chosen_experiments, missing_data, training_arguments

# Seconds each.
FAST = "cs7643/identities"
BROKEN = "cs7643/lr"


def reproduce(*args: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return commands.run("python", "-W", "error", "-m", "dlhw.commands.reproduce", *args, cwd=cwd, **env)


def no_mnist(folder: Path) -> str:
    """A data folder whose MNIST is damaged, so that an experiment on it fails at once, without a download."""
    raw = folder / "damaged" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{stem}-ubyte").write_bytes(b"damaged")
    return str(folder / "damaged")


def test_quick_ones_need_no_files() -> None:
    quick = chosen_experiments([], quick=True)
    assert {"cs7643/gates", "ours/dag"} <= set(quick) < set(experiment_names())
    assert [load_experiment(label).needs for label in quick] == [None] * len(quick)


def test_every_need_is_known() -> None:
    needs = {load_experiment(label).needs for label in experiment_names()}
    assert {name for name in needs if name} <= {
        name for name, schema in DataConfig.options.items() if schema.is_downloaded
    }


def test_choosing() -> None:
    assert chosen_experiments([]) == experiment_names()
    assert chosen_experiments(["cs7643/lr", "cs7643/lr"]) == ["cs7643/lr"]
    assert set(chosen_experiments(["cs7643"])) == {
        name for name in experiment_names() if name.startswith("cs7643/")
    }
    assert chosen_experiments(["cs7643/lr"], quick=True) == []


def test_missing_data_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLHW_DATA_DIR", str(tmp_path))
    experiment = load_experiment(FAST)
    assert missing_data(experiment) is None
    experiment.needs = "octmnist"
    assert missing_data(experiment) == f"needs octmnist, and {tmp_path}/octmnist.npz is not there"
    (tmp_path / "octmnist.npz").touch()
    assert missing_data(experiment) is None


def test_list_and_errors(tmp_path: Path) -> None:
    listed = reproduce("--list", cwd=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == experiment_names()
    unknown = reproduce("cs7643/lrr", cwd=tmp_path)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith(
        "dlhw-reproduce: experiment=cs7643/lrr: no such experiment; did you mean"
    )
    assert reproduce("--nope", cwd=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_continues_after_a_failure_and_resumes(tmp_path: Path) -> None:
    out = tmp_path / "out, of=it"  # what Hydra would take apart
    data = no_mnist(tmp_path)
    first = reproduce(BROKEN, FAST, "--out", out.name, "--check", cwd=tmp_path, DLHW_DATA_DIR=data)
    assert (first.returncode, first.stderr) == (1, "")
    one, two = first.stdout.splitlines()[:2]
    assert one.startswith(f"[1/2] {BROKEN}: failed; ")
    assert "Traceback" not in (out / "cs7643-lr" / "train.log").read_text()
    assert two.startswith(f"[2/2] {FAST}: consistent, n = ")
    page = (out / "index.html").read_text()
    assert '<span class="badge bad">failed</span>' in page
    assert '<span class="badge consistent">consistent</span>' in page
    records = json.loads((out / "results.json").read_text())["experiments"]
    written = (out / "cs7643-identities").glob("*/summary.json")
    times = {path: path.stat().st_mtime_ns for path in written}
    assert times
    again = reproduce(FAST, "--out", out.name, "--check", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    # What was there already keeps the time that it took, and what was not asked for its place.
    assert (
        json.loads((out / "results.json").read_text())["experiments"][FAST]["seconds"]
        == records[FAST]["seconds"]
    )
    assert set(json.loads((out / "results.json").read_text())["experiments"]) == {BROKEN, FAST}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_child_and_leaves_the_page(tmp_path: Path, how: signal.Signals) -> None:
    environment = os.environ | commands.QUIET_ENV
    line = [
        str(commands.BIN / "python"),
        "-m",
        "dlhw.commands.reproduce",
        FAST,
        "ours/digits",
        "--out",
        "out",
    ]
    running = subprocess.Popen(
        line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    )
    log = tmp_path / "out" / "ours/digits".replace("/", "-") / "train.log"
    until = time.monotonic() + 60
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert log.exists()
    running.send_signal(how)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + how
    assert "[2/2] ours/digits: interrupted" in output
    page = (tmp_path / "out" / "index.html").read_text()
    assert "consistent: 1, interrupted: 1" in page
    until = time.monotonic() + 10
    while processes_in(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert not processes_in(tmp_path)


def heed_interrupts() -> None:
    """Whoever runs the tests in the background may ignore Ctrl-C, which children inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def processes_in(folder: Path) -> list[str]:
    """Processes that work in a folder."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve(strict=True) == folder.resolve():
                processes.append(process.name)
        except OSError:
            continue
    return processes


def test_a_page_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    done = reproduce(FAST, "--out", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "was not written" in done.stderr or "is not a page of dlhw-reproduce" in done.stderr
    assert (tmp_path / "index.html").read_text() == "mine"


def test_the_child_is_the_command_that_the_page_names() -> None:
    line = training_arguments("cs7643/lr", Path("runs/reproduce/cs7643-lr"))
    assert line[:2] == ["experiment=cs7643/lr", "hydra.sweep.dir='runs/reproduce/cs7643-lr'"]
