"""Odd surroundings: a command works there, or says in one sentence why not."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import metrics, run, summary, tree

from dlhw.environment_checks import expanded
from tests.torture.environments import obey_permissions
from tests.torture.processes import TINY, Ended, start, wait

ONE_EPOCH = (*TINY, "trainer.epochs=1")
SWEEP = ("-m", *ONE_EPOCH, "optimizer.lr=0.1,0.2")
# Neither UTF-8 nor Python's own remedies for that.
ASCII_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def train(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, before: Callable[[], None] | None = None
) -> Ended:
    return wait(start(*arguments, cwd=cwd, env=env, before=before))


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (ONE_EPOCH, "hydra.run.dir=runs/digits-mlp/"),
        ((*ONE_EPOCH, "hydra.run.dir=here"), "hydra.run.dir=here"),
        (SWEEP, "hydra.sweep.dir=runs/digits-mlp/by-lr"),
    ],
    ids=["run", "named", "sweep"],
)
def test_no_permission_to_write(arguments: tuple[str, ...], key: str, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    folder.chmod(0o555)
    ended = train(*arguments, cwd=folder, before=obey_permissions)
    assert ended.status == 1
    assert ended.err.startswith(f"dlhw-train: {key}")
    assert ended.err.endswith(" cannot be written: Permission denied\n")
    assert ended.err.count("\n") == 1
    assert tree(folder) == set()


def test_a_place_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = train(*ONE_EPOCH, "hydra.run.dir=file/run", cwd=tmp_path)
    assert (ended.status, ended.err) == (
        1,
        "dlhw-train: hydra.run.dir=file/run cannot be written: Not a directory\n",
    )


def test_paths_with_spaces_and_letters_of_all_kinds_in_an_ascii_terminal(tmp_path: Path) -> None:
    folder, env = tmp_path / "größer als 例", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    folder.mkdir()
    swept = train(*SWEEP, "hydra.sweep.dir='über all'", "tracking.console=plain", cwd=folder, env=env)
    assert swept.status == 0, swept.err
    assert "\\xfcber all" in swept.out
    for command in ("dlhw-eval", "dlhw-report"):
        place = "über all/lr=0.1" if command == "dlhw-eval" else "über all"
        done = run(command, place, cwd=folder, **env)
        assert done.returncode == 0, done.stderr


def test_a_locale_that_cannot_spell_the_path_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "größer"
    folder.mkdir()
    here = train(*ONE_EPOCH, cwd=folder, env=ASCII_ONLY)
    there = train(*ONE_EPOCH, "hydra.run.dir=größer", cwd=tmp_path, env=ASCII_ONLY)
    for ended, what in (
        (here, f"the current folder {tmp_path}/gr"),
        (there, "the argument hydra.run.dir=gr"),
    ):
        assert ended.status == 1
        assert ended.err.startswith(f"dlhw-train: {what}")
        assert ended.err.endswith("set PYTHONUTF8=1, or a locale with UTF-8 such as LC_ALL=C.UTF-8\n")
    assert tree(tmp_path) == set()


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    ended = train(*ONE_EPOCH, cwd=folder, before=lambda: folder.rmdir())
    assert (ended.status, ended.err) == (
        1,
        "dlhw-train: the current folder does not exist any more: change to one that does\n",
    )


def test_closed_streams_cost_nothing(tmp_path: Path) -> None:
    def close() -> None:
        for stream in (0, 1, 2):
            os.close(stream)

    ended = train(*ONE_EPOCH, "tracking.console=plain", "hydra.run.dir=run", cwd=tmp_path, before=close)
    assert ended.status == 0
    assert summary(tmp_path / "run")["status"] == "completed"
    assert [row["split"] for row in metrics(tmp_path / "run")] == ["train", "val", "test"]


def test_a_data_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "far away").mkdir()
    random = np.random.default_rng(0)
    np.savez(tmp_path / "far away" / "mine.npz", x=random.normal(size=(100, 4)), y=np.arange(100) % 2)
    (tmp_path / "data").symlink_to("far away")
    sweep = (*SWEEP, "data=npz", "hydra.sweep.dir=sweep")
    linked = train(*sweep, "data.path=data/mine.npz", cwd=tmp_path)
    assert linked.status == 0, linked.err
    assert "2 to run" in linked.out
    direct = train(*sweep, "data.path='far away/mine.npz'", cwd=tmp_path)
    assert "2 done" in direct.out, direct.err


def test_without_a_home_a_tilde_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert expanded("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    overrides = ("data=mnist", "data.root='~nobody-of-that-name'", "data.download=false")
    ended = train("trainer.epochs=1", *overrides, cwd=tmp_path)
    assert ended.status == 1
    assert "is missing in ~nobody-of-that-name/MNIST/raw" in ended.err
    assert ended.err.count("\n") == 1
