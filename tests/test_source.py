"""The state of the repository that dlhw's source lies in, found without running anything it names."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlhw.source import NOT_NUMERIC, NUMERIC, PACKAGE, git_state, numeric_hash


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
    assert state["repository"] == str(repository)
    assert len(state["commit"]) == 40
    assert state["dirty"] is False


def test_a_changed_file_is_dirty(repository: Path) -> None:
    (repository / "file").write_text("2")
    assert (git_state(repository) or {})["dirty"] is True


def test_staged_changes_and_new_modules_are_dirty(repository: Path) -> None:
    (repository / "file").write_text("2")
    subprocess.run(["git", "add", "file"], cwd=repository, check=True)
    assert (git_state(repository) or {})["dirty"] is True
    (repository / "file").write_text("1")
    (repository / "module.py").touch()
    git_state.cache_clear()
    assert (git_state(repository) or {})["dirty"] is True


def test_packed_references_and_worktrees(repository: Path) -> None:
    commit = (git_state(repository) or {})["commit"]
    for command in (["pack-refs", "--all"], ["worktree", "add", "-q", "-b", "other", "tree"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    git_state.cache_clear()
    assert git_state(repository) == {"repository": str(repository), "commit": commit, "dirty": False}
    tree = repository / "tree"
    assert git_state(tree) == {"repository": str(tree), "commit": commit, "dirty": False}


def test_nothing_that_a_repository_names_is_run(repository: Path) -> None:
    """Clean filters, a monitor, hooks, an external diff: `git status` runs the first two."""
    evil = f"touch {repository / 'ran'}; cat"
    for key in ("filter.evil.clean", "filter.evil.process", "core.fsmonitor", "diff.external", "core.pager"):
        subprocess.run(["git", "config", key, evil], cwd=repository, check=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    file = repository / "file"
    os.utime(file, (1, 1))  # as if it had to be looked at again
    state = git_state(repository)
    assert state is not None
    assert not (repository / "ran").exists()
    assert state["dirty"] is False
    subprocess.run(["git", "status"], cwd=repository, capture_output=True)
    assert (repository / "ran").exists(), "the trap works"


def test_the_current_folder_has_no_say(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit is that of dlhw's own source."""
    monkeypatch.chdir(repository)
    assert (git_state() or {}).get("repository") != str(repository)


def test_source_in_a_repository_that_does_not_track_it(repository: Path) -> None:
    (repository / "site-packages").mkdir()
    (repository / "site-packages" / "module.py").touch()
    assert git_state(repository / "site-packages") is None


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
    monkeypatch.setattr("dlhw.source.GIT_SECONDS", 0.1)
    assert git_state(tmp_path) is None


def test_every_place_that_the_code_hash_names_exists() -> None:
    assert [place for place in (*NUMERIC, *NOT_NUMERIC) if not (PACKAGE / place).exists()] == []


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("nn/losses.py", True),
        ("optim/schedules.py", True),
        ("config/root.py", True),
        ("data/split.py", True),
        ("random.py", True),
        ("config/messages.py", False),
        ("reporting/figures/style.py", False),
        ("callbacks/console.py", False),
        ("display.py", False),
    ],
)
def test_the_code_hash_follows_what_numbers_depend_on(changed: str, counts: bool, tmp_path: Path) -> None:
    package = Path(shutil.copytree(PACKAGE, tmp_path / "dlhw", ignore=shutil.ignore_patterns("__pycache__")))
    before = numeric_hash(package)
    path = package / changed
    path.write_text(path.read_text() + "\n# changed\n")
    assert (numeric_hash(package) != before) is counts


def test_a_new_module_of_layers_counts(tmp_path: Path) -> None:
    (tmp_path / "nn").mkdir()
    before = numeric_hash(tmp_path)
    (tmp_path / "nn" / "attention.py").write_text("x = 1\n")
    assert numeric_hash(tmp_path) != before
