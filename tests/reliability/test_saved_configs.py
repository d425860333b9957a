"""A saved config holds the values that its run had, and nothing resolves what stands in it."""

from pathlib import Path

import pytest
import yaml
from commands import run, run_folders, train

from dlhw.commands.resume import resume
from dlhw.config.load import from_dict
from dlhw.config.saved import with_references
from dlhw.errors import ConfigError, RunFolderError
from dlhw.files import refuse_links
from dlhw.reporting.frames import load_runs

TINY = [
    "trainer.epochs=1", "data.limit=200", "trainer.gradcheck=false", "tracking.console=none",
    "tracking.tensorboard=false", "model=softmax", "trainer.matmul=highest",
]  # fmt: skip
SECRET = "a-secret-of-the-user"


def config_of(folder: Path) -> dict:
    loaded: dict = yaml.safe_load((folder / ".hydra" / "config.yaml").read_text())
    return loaded


def test_the_environment_of_later_commands_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report, dlhw-eval and resume= read what the run was trained with."""
    monkeypatch.setenv("RATE", "0.1")
    overrides = ["optimizer.lr=${oc.env:RATE}", "data.seed=3", "seed=${data.seed}", "name='r${now:%S%f}'"]
    folder = train(*TINY, *overrides, cwd=tmp_path)
    saved = config_of(folder)
    assert (saved["optimizer"]["lr"], saved["seed"], saved["data"]["seed"]) == (0.1, 3, 3)
    assert saved["name"] == folder.parent.name
    assert "${" not in (folder / ".hydra" / "config.yaml").read_text()

    monkeypatch.setenv("RATE", "0.7")
    assert run("dlhw-eval", str(folder), cwd=tmp_path).returncode == 0
    report = run("dlhw-report", str(folder), cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert load_runs(folder)["optimizer.lr"].tolist() == [0.1]
    (folder / "summary.json").unlink()
    resumed = run("dlhw-train", f"resume={folder}", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert len(run_folders(tmp_path)) == 1


def test_a_folder_from_elsewhere_prints_no_variable_of_mine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    folder = train(*TINY, cwd=tmp_path)
    path, saved = folder / ".hydra" / "config.yaml", config_of(folder)
    saved["optimizer"]["momentum"] = saved["name"] = "${oc.env:SECRET}"
    path.write_text(yaml.safe_dump(saved))

    done = run("dlhw-report", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = [file.read_bytes() for file in (folder / "report").rglob("*") if file.is_file()]
    assert not any(SECRET.encode() in content for content in [*written, done.stdout.encode()])
    assert b"${oc.env:SECRET}" in b"".join(written)

    sentence = (
        f"{path}: optimizer.momentum is saved as ${{oc.env:SECRET}}: what that stood for in the run is not"
    )
    for command in (["dlhw-eval", str(folder)], ["dlhw-train", f"resume={folder}"]):
        refused = run(*command, cwd=tmp_path)
        assert refused.returncode == 1
        assert sentence in refused.stderr
        assert SECRET not in refused.stdout + refused.stderr
    assert run("dlhw-eval", str(folder), "optimizer.momentum=0", cwd=tmp_path).returncode == 0


def test_an_experiment_from_elsewhere_is_not_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    folder = train(*TINY, cwd=tmp_path)
    experiment = {"source": "a", "name": "b", "question": "${oc.env:SECRET}"}
    (folder / "multirun.yaml").write_text(yaml.safe_dump({"experiment": experiment}))
    done = run("dlhw-report", str(folder), cwd=tmp_path)
    assert done.returncode == 1
    assert "experiment.question is saved as ${oc.env:SECRET}, which is not resolved" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["metrics.csv", "checkpoints", ".hydra/run.lock"])
def test_resuming_follows_no_link_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for folder in ("run/.hydra", "outside"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "run" / "inside.csv").symlink_to(tmp_path / "run" / "metrics.csv")
    refuse_links(tmp_path / "run")
    (tmp_path / "run" / name).symlink_to(tmp_path / "outside" / "of somebody else")
    with pytest.raises(RunFolderError, match="is a link out of the run's folder"):
        resume([f"resume={tmp_path / 'run'}"])
    assert not any((tmp_path / "outside").iterdir())


def test_references_to_keys_of_the_file_are_looked_up() -> None:
    tree = {
        "name": "${data.name}-${seed}", "seed": "${data.seed}", "data": {"name": "digits", "seed": 3},
        "chain": ["${seed}"], "loop": "${pool}", "pool": "${loop}", "group": "${data}", "escaped": "\\${seed}",
        "missing": "${nothing}", "resolver": "${oc.env:HOME}",
    }  # fmt: skip
    resolved = with_references(tree)
    assert (resolved["name"], resolved["seed"], resolved["chain"]) == ("digits-3", 3, [3])
    for key in ("group", "escaped", "missing", "resolver"):
        assert resolved[key] == tree[key]
    assert "${" in resolved["loop"]


def test_references_that_grow_without_end_stay_text() -> None:
    tree = {f"a{place}": f"${{a{place + 1}}}" * 50 for place in range(40)} | {"a40": "x"}
    assert all(len(text) < 10**6 for text in with_references(tree).values())


def test_no_resolver_is_called_by_from_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    groups = {"data": "digits", "optimizer": "sgd", "schedule": "constant", "regularizer": "none"}
    tree = {group: {"name": name} for group, name in groups.items()} | {"model": {"name": "${oc.env:SECRET}"}}
    with pytest.raises(ConfigError) as refused:
        from_dict(tree)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("multirun", [[], ["-m", "optimizer.lr=0.1,0.2"]])
def test_a_config_sets_no_environment_variable(tmp_path: Path, multirun: list[str]) -> None:
    done = run("dlhw-train", *multirun, *TINY, "+hydra.job.env_set.PATH=/somewhere", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "dlhw-train: hydra.job.env_set.PATH cannot be set, because a config must not"
    )
    assert not (tmp_path / "runs").exists()
