"""A sweep is of one data set: real sweeps in real processes, whose data changes between or within them."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from commands import PATIENCE, run, summary
from sweeping import start_sweep, sweep, written

from dlhw import content
from dlhw.callbacks.checkpoints import load_checkpoint
from dlhw.config.data import CSVConfig, DataConfig
from dlhw.content import data_identity, file_hash
from dlhw.runs.folder import RunFolder

LARGE = 9 << 20


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dlhw" / content.CACHE_FILE


def table(path: Path, rows: int = 100, columns: int = 2, digits: int = 3) -> Path:
    """A CSV file with labels 0 and 1; the same for the same size."""
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(rows, columns)), random.integers(0, 2, rows)
    header = ",".join([*(f"x{place}" for place in range(columns)), "label"])
    lines = [
        f"{','.join(f'{value:.{digits}f}' for value in row)},{label}"
        for row, label in zip(features, labels, strict=True)
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def flip_middle(path: Path) -> None:
    """Flip labels in the middle of a file; its size stays."""
    lines = path.read_text().splitlines()
    for place in range(len(lines) // 3, 2 * len(lines) // 3):
        lines[place] = f"{lines[place][:-1]}{1 - int(lines[place][-1])}"
    path.write_text("\n".join(lines) + "\n")


def test_labels_flipped_in_the_middle_of_a_large_file(tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv", rows=1_500, columns=100, digits=60)
    assert data.stat().st_size > LARGE
    command = ["data=csv", f"data.train={data}", "hydra.sweep.dir=sweep"]
    assert sweep("optimizer.lr=0.1,0.2", *command, cwd=tmp_path).returncode == 0
    before = written(tmp_path / "sweep")
    flip_middle(data)
    refused = sweep("optimizer.lr=0.1,0.2,0.3", *command, cwd=tmp_path)
    assert refused.returncode == 1
    assert (
        "sweep holds 2 runs of another definition:\ndlhw-train:   content of the data: train:"
        in refused.stderr
    )
    assert written(tmp_path / "sweep") == before
    again = sweep("optimizer.lr=0.1,0.2,0.3", *command, "hydra.sweeper.on_change=recompute", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    hashes = [json.dumps(summary(folder)["split_hashes"]) for folder in (tmp_path / "sweep").glob("lr=*")]
    assert len(hashes) == 3
    assert len(set(hashes)) == 1


def test_a_file_that_changes_while_a_sweep_runs(tmp_path: Path) -> None:
    """The sweep that reads it ends with status 1, and so does one that would extend its table."""
    data = table(tmp_path / "data.csv", rows=1_500, columns=100, digits=60)
    assert data.stat().st_size > LARGE
    command = [
        "data=csv", f"data.train={data}", "hydra.sweep.dir=sweep", "data.limit=null", "trainer.epochs=400",
        "trainer.eval_every=100",
    ]  # fmt: skip
    process = start_sweep("optimizer.lr=0.01,0.02", *command, cwd=tmp_path)
    try:
        until = time.monotonic() + PATIENCE
        while not list(tmp_path.glob("sweep/*/metrics.csv")):  # the samples have been read
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        flip_middle(data)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1
    assert errors.splitlines() == [
        "dlhw-train: the data files changed while the sweep in sweep ran, so its cells may hold different data: "
        "the same command again compares the samples of its cells"
    ]
    before = written(tmp_path / "sweep")
    assert len(before) == 2
    refused = sweep("optimizer.lr=0.01,0.02,0.03", *command, cwd=tmp_path)
    assert refused.returncode == 1
    assert "sweep holds 2 runs of another definition:\ndlhw-train:   split_hashes.train: " in refused.stderr
    assert written(tmp_path / "sweep") == before


def test_a_sweep_that_is_killed_resumes_with_its_data_in_another_place(tmp_path: Path) -> None:
    """The content of a file identifies a run, not its path."""
    data = table(tmp_path / "data.csv", rows=1_500, columns=20)
    command = [
        "optimizer.lr=0.01,0.02", "hydra.sweep.dir=sweep", "data.limit=null", "trainer.epochs=3000",
        "tracking.checkpoints=true", "trainer.checkpoint_every=100",
    ]  # fmt: skip
    process = start_sweep(*command, "data=csv", f"data.train={data}", cwd=tmp_path)
    until = time.monotonic() + PATIENCE
    while not all(saved_steps(tmp_path / "sweep" / f"lr={lr}") for lr in (0.01, 0.02)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    process.communicate()
    elsewhere = data.rename(tmp_path / "elsewhere.csv")
    again = sweep(*command, "data=csv", f"data.train={elsewhere}", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert "resuming 2 runs from step" in again.stdout


def test_cells_whose_files_the_ledger_does_not_know_are_compared_by_their_samples(tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv")
    command = ["data=csv", f"data.train={data}", "hydra.sweep.dir=sweep"]
    assert sweep("optimizer.lr=0.1,0.2", *command, cwd=tmp_path).returncode == 0
    forget_data(tmp_path / "sweep")
    assert sweep("optimizer.lr=0.1,0.2,0.3", *command, cwd=tmp_path).returncode == 0
    forget_data(tmp_path / "sweep")
    flip_middle(data)
    refused = sweep("optimizer.lr=0.4,0.5", *command, cwd=tmp_path)
    assert refused.returncode == 1
    assert "3 runs of another definition:\ndlhw-train:   split_hashes.train: " in refused.stderr
    refused = sweep("optimizer.lr=0.4,0.5", *command, "hydra.sweeper.on_change=recompute", cwd=tmp_path)
    assert "that this command does not name" in refused.stderr
    kept = sweep("optimizer.lr=0.4,0.5", *command, "hydra.sweeper.on_change=keep", cwd=tmp_path)
    assert kept.returncode == 0, kept.stderr
    assert "Several versions of the data: " in kept.stdout
    apart = run("dlhw-report", "sweep", "--versions", cwd=tmp_path)
    assert "each cell holds one (version.data)." in " ".join(apart.stdout.split())


def saved_steps(folder: Path) -> int:
    """Of a run's last checkpoint."""
    path = RunFolder(folder).checkpoint("last")
    return int(load_checkpoint(path)[1]["progress"]["step"]) if path.is_file() else 0


def forget_data(folder: Path) -> None:
    """Make the ledger that of a sweep killed before it recorded the data that it downloaded."""
    from dlhw.content import ABSENT
    from dlhw.runs.ledger import DATA_KEY, Ledger

    ledger = Ledger.read(folder)
    for cell in ledger.cells.values():
        cell[DATA_KEY] = ABSENT
    ledger.write()


def test_a_summary_of_another_cell_is_not_that_of_this_one(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    command = ["optimizer.lr=0.1,0.2", "seeds=1", "hydra.sweep.dir=sweep"]
    assert sweep(*command, cwd=tmp_path).returncode == 0
    one, other = sorted(folder.glob("lr=*"))
    own_hash = summary(other)["config_hash"]
    shutil.copy(one / "summary.json", other / "summary.json")
    again = sweep(*command, cwd=tmp_path)
    assert "in sweep: 1 done, 1 to run" in again.stdout
    assert summary(other)["config_hash"] == own_hash


@pytest.mark.parametrize("name", DataConfig.options)
def test_every_data_option_names_its_files(name: str) -> None:
    schema = DataConfig.options[name]
    assert bool(schema().files()) != schema.is_generated


def test_identity_follows_the_content_not_the_place(tmp_path: Path) -> None:
    data = table(tmp_path / "one.csv")
    moved = shutil.copy(data, tmp_path / "two.csv")
    config = CSVConfig
    before = data_identity(config(train=str(data)).files())
    assert data_identity(config(train=str(moved)).files()) == before
    flip_middle(data)
    assert data_identity(config(train=str(data)).files()) != before


def test_the_hash_of_a_large_file_is_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "SETTLED_NS", -1)
    data = tmp_path / "data"
    data.write_bytes(bytes(2 << 20))
    digest = file_hash(data)
    kept = json.loads(cache.read_text())
    kept[str(data)]["sha256"] = "f" * 64
    cache.write_text(json.dumps(kept))
    content._known.clear()  # as in another process
    assert file_hash(data) == "f" * 64, "taken from the cache"
    content._known.clear()
    cache.chmod(0o666)
    assert file_hash(data) == digest, "others could have written the cache"


def test_a_changed_file_of_the_same_size_and_time_is_hashed_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "SETTLED_NS", -1)
    data = tmp_path / "data"
    data.write_bytes(bytes(2 << 20))
    before, stat = file_hash(data), data.stat()
    with data.open("r+b") as file:
        file.seek(1 << 20)
        file.write(b"\1")
    os.utime(data, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert data.stat().st_mtime_ns == stat.st_mtime_ns
    assert file_hash(data) != before


def test_a_file_written_a_moment_ago_is_not_kept(tmp_path: Path, cache: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(bytes(2 << 20))
    file_hash(data)
    assert not cache.exists()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"/data": 3}', b'{"/data": {"mark": [1], "sha256": "x"}}']
)
def test_a_damaged_cache_is_ignored(tmp_path: Path, cache: Path, text: bytes) -> None:
    data = tmp_path / "data"
    data.write_bytes(bytes(2 << 20))
    cache.parent.mkdir(parents=True)
    cache.write_bytes(text)
    cache.chmod(0o600)
    assert len(file_hash(data)) == 64


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        file_hash(tmp_path / "pipe")
