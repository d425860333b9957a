"""`dlhw-train resume=RUN_DIR`: from which checkpoint it resumes, and what it refuses in one sentence."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from commands import metrics, summary, tree
from zygote import Zygote, output_of

from tests.torture.fingerprint import fingerprint

RUN = (
    "trainer.matmul=highest", "tracking.console=none", "tracking.tensorboard=false", "model.hidden=[16]",
    "trainer.epochs=120", "trainer.eval_every=5", "trainer.backend=eager",
    "trainer.checkpoint_every=0.002", "trainer.checkpoint_unit=minute",
)  # fmt: skip


@pytest.fixture(scope="module")
def killed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `killed`, and `whole`, which is the same and has ended."""
    folder = tmp_path_factory.mktemp("killed")
    pid = zygote.start(*RUN, "hydra.run.dir=killed", cwd=folder)
    until = time.monotonic() + 60
    while not (folder / "killed" / "checkpoints" / "previous.safetensors").exists():
        assert time.monotonic() < until, output_of(folder)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert zygote.wait(pid) == -signal.SIGKILL
    assert zygote.wait(zygote.start(*RUN, "hydra.run.dir=whole", cwd=folder)) == 0, output_of(folder)
    return folder


@pytest.fixture
def run(killed: Path, tmp_path: Path) -> Path:
    """A copy of the killed run."""
    shutil.copytree(killed / "killed", tmp_path / "run")
    return tmp_path / "run"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_killed_run_resumes_to_the_same_bits_and_ends_once(zygote: Zygote, run: Path, killed: Path) -> None:
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 0, output_of(run.parent)
    assert fingerprint(run) == fingerprint(killed / "whole")
    name = "predictions.safetensors"
    assert (run / name).read_bytes() == (killed / "whole" / name).read_bytes()
    left, before = tree(run), (run / "summary.json").stat().st_mtime_ns
    assert left == tree(killed / "whole")
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 0
    assert output_of(run.parent).splitlines()[-1] == "run has ended: completed after 2400 steps"
    assert (run / "summary.json").stat().st_mtime_ns == before


def test_a_damaged_last_falls_back_to_the_one_before(zygote: Zygote, run: Path, killed: Path) -> None:
    damage(run / "checkpoints" / "last.safetensors")
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 0, output_of(run.parent)
    (sentence,) = [line for line in output_of(run.parent).splitlines() if "damaged" in line]
    assert sentence.startswith(
        "dlhw-train: run/checkpoints/last.safetensors is damaged (its checksum does not match"
    )
    assert sentence.endswith("; resuming from previous.safetensors")
    assert fingerprint(run) == fingerprint(killed / "whole")


def test_a_last_that_was_being_replaced_falls_back_as_well(zygote: Zygote, run: Path, killed: Path) -> None:
    (run / "checkpoints" / "last.safetensors").rename(run / "checkpoints" / ".last.safetensors.123.tmp")
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 0, output_of(run.parent)
    assert fingerprint(run) == fingerprint(killed / "whole")
    assert tree(run) == tree(killed / "whole")


def test_without_a_sound_checkpoint_nothing_is_touched(zygote: Zygote, run: Path) -> None:
    for name in ("last", "previous"):
        damage(run / "checkpoints" / f"{name}.safetensors")
    left, rows = tree(run), metrics(run)
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 1
    assert output_of(run.parent).startswith("dlhw-train: run/checkpoints/last.safetensors is damaged")
    assert len(output_of(run.parent).splitlines()) == 1
    assert (tree(run) - {"train.log"}, metrics(run)) == (left - {"train.log"}, rows)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(
    zygote: Zygote, run: Path, killed: Path
) -> None:
    shutil.rmtree(run / "checkpoints")
    assert zygote.wait(zygote.start("resume=run", cwd=run.parent)) == 0, output_of(run.parent)
    assert "run has no checkpoint: starting again" in output_of(run.parent)
    assert fingerprint(run) == fingerprint(killed / "whole")


def test_what_cannot_be_resumed(zygote: Zygote, run: Path) -> None:
    (run.parent / "sweep").mkdir()
    (run.parent / "sweep" / "ledger.lock").touch()
    (run.parent / "empty").mkdir()
    expected = {
        (
            "resume=run",
            "trainer.epochs=3",
        ): "resume=RUN_DIR uses the config of that folder: nothing else can be set, got trainer.epochs=3",
        (
            "resume=run",
            "resume=empty",
        ): "resume=RUN_DIR uses the config of that folder: nothing else can be set, got resume=empty",
        (
            "resume=empyt",
        ): "resume=empyt is not a folder: give that of a run, such as runs/NAME/TIME; did you mean empty?",
        ("resume=",): "resume= is not a folder: give that of a run, such as runs/NAME/TIME",
        ("resume=empty",): "empty is not a run's folder: it has no .hydra/config.yaml",
        ("resume=sweep",): "sweep is a sweep's folder: the same sweep command again resumes it",
    }
    for arguments, sentence in expected.items():
        assert zygote.wait(zygote.start(*arguments, cwd=run.parent)) == 1
        assert output_of(run.parent).splitlines()[-1] == f"dlhw-train: {sentence}"
    assert len(output_of(run.parent).splitlines()) == len(expected)


def test_a_run_whose_data_has_changed_does_not_resume(zygote: Zygote, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b,kind\n" + "".join(f"{n % 7},{n % 5},{n % 3}\n" for n in range(300)))
    endless = (
        "data=csv",
        f"data.train={table}",
        "data.split.test=50",
        "trainer.epochs=1000000",
        "tracking.console=none",
    )
    pid = zygote.start(*endless, "hydra.run.dir=run", cwd=tmp_path)
    until = time.monotonic() + 60
    while not (tmp_path / "run" / "checkpoints" / "last.safetensors").exists():
        assert time.monotonic() < until, output_of(tmp_path)
        time.sleep(0.01)
    os.kill(pid, signal.SIGTERM)
    assert zygote.wait(pid) == 143
    table.write_text(table.read_text().replace("6,", "9,"))
    left = tree(tmp_path / "run")
    assert zygote.wait(zygote.start("resume=run", cwd=tmp_path)) == 1
    sentence = output_of(tmp_path).splitlines()[-1]
    assert sentence.startswith(
        "dlhw-train: run/checkpoints/last.safetensors cannot be resumed: the data has changed"
    )
    assert tree(tmp_path / "run") == left


@pytest.mark.parametrize(("choice", "status"), [("accept", 0), ("stop", 1), ("error", 1)])
def test_divergence_is_an_error_if_the_config_says_so(
    choice: str, status: int, zygote: Zygote, tmp_path: Path
) -> None:
    bad = (
        "optimizer.lr=1e30",
        "trainer.epochs=3",
        "tracking.console=none",
        f"trainer.on_divergence={choice}",
    )
    assert zygote.wait(zygote.start(*bad, "hydra.run.dir=run", cwd=tmp_path)) == status
    record = summary(tmp_path / "run")
    assert record["status"] == "diverged"
    sentence = (
        f"dlhw-train: diverged at step {record['diverged_at']}: its loss or gradient is not finite; "
        f"inputs lie in [0, 1]; try optimizer.lr=1e+29{'; trainer.on_divergence=accept exits with 0' * (choice == 'stop')}\n"
    )
    assert output_of(tmp_path).count(sentence) == output_of(tmp_path).count("diverged at step") == 1
    assert zygote.wait(zygote.start("resume=run", cwd=tmp_path)) == 0
    assert output_of(tmp_path).endswith(f"run has ended: diverged at step {record['diverged_at']}\n")
