import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlhw.config.optimizer import SGDConfig
from dlhw.config.root import TrainConfig
from dlhw.config.settings import config_hash
from dlhw.config.tracking import TrackingConfig
from dlhw.tracking.environment import cpu_name, git_state, machine


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    git_state.cache_clear()
    yield
    git_state.cache_clear()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    return tmp_path


def test_commit_of_a_clean_repository(repository: Path) -> None:
    (repository / "untracked").write_text("what a run writes")
    state = git_state(repository)
    assert state is not None
    assert len(state["commit"]) == 40
    assert state["dirty"] is False


def test_a_changed_file_is_dirty(repository: Path) -> None:
    (repository / "file").write_text("2")
    assert (git_state(repository) or {})["dirty"] is True


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) is None


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) is None


def test_a_git_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("dlhw.tracking.environment.GIT_SECONDS", 0.1)
    assert git_state(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("processor: 0\nmodel name\t: A Processor @ 3 GHz\n", "A Processor @ 3 GHz"),
        ("nothing", None),
        (None, None),
    ],
)
def test_cpu_name(tmp_path: Path, content: str | None, name: str | None) -> None:
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    found = cpu_name(tmp_path / "cpuinfo")
    assert found
    assert name in (None, found)


def test_machine_of_a_cpu_run_names_no_accelerator() -> None:
    assert machine("cpu")["accelerator"] is None


def test_config_hash_follows_what_changes_numbers(config: TrainConfig) -> None:
    same = dataclasses.replace(config, name="other", tracking=TrackingConfig(tensorboard=False))
    assert config_hash(same) == config_hash(config)
    assert config_hash(dataclasses.replace(config, seed=4)) != config_hash(config)
    assert config_hash(dataclasses.replace(config, optimizer=SGDConfig(lr=0.3))) != config_hash(config)
