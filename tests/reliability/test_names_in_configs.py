"""A name in a config or on a command line makes no object, wherever it stands."""

from pathlib import Path

import pytest
from commands import run, tree

from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose

TINY = ["trainer.epochs=1", "data.limit=200", "trainer.gradcheck=false", "tracking.console=none"]
EVIL = "{_target_: os.mkdir, path: made}"
NO_OBJECT = "os.mkdir: no object is made from a name in a config"
LOGGERS = "must be one of colorlog.ColoredFormatter, logging.FileHandler"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("+_target_=os.mkdir", f"_target_={NO_OBJECT}"),
        ("+model._target_=os.mkdir", f"model._target_={NO_OBJECT}"),
        ("model._target_=os.mkdir", "model._target_: no such key"),
        ("+hydra.callbacks.mine={_target_:os.mkdir,path:made}", f"hydra.callbacks.mine._target_={NO_OBJECT}"),
        ("hydra.callbacks.check._target_=os.mkdir", f"hydra.callbacks.check._target_={NO_OBJECT}"),
        ("hydra.sweeper._target_=os.mkdir", f"hydra.sweeper._target_={NO_OBJECT}"),
        ("hydra.launcher._target_=os.mkdir", f"hydra.launcher._target_={NO_OBJECT}"),
        ("hydra.launcher._target_=hydra_plugins.dlhw_launcher.os.mkdir", f"dlhw_launcher.{NO_OBJECT}"),
        ("+hydra.job_logging.handlers.mine={class:os.mkdir,path:made}", f"handlers.mine.class {LOGGERS}"),
        ("hydra.job_logging.handlers.file.class=os.mkdir", f"handlers.file.class {LOGGERS}"),
    ],
)  # fmt: skip
def test_an_argument(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        compose([override])
    assert sentence in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"hydra: {{callbacks: {{mine: {EVIL}}}}}", f"hydra.callbacks.mine._target_={NO_OBJECT}"),
        ("hydra: {callbacks: {mine: {_target_: '${oc.env:EVIL}', path: made}}}", NO_OBJECT),
        (f"hydra: {{callbacks: {{mine: '${{oc.decode:\"{EVIL}\"}}'}}}}", NO_OBJECT),
        ("hydra: {job_logging: {formatters: {simple: {(): os.mkdir}}}}", f"formatters.simple.() {LOGGERS}"),
        ("seed: [", "mine/own.yaml, line 3 is not YAML that can be read"),
        ("!!python/object/apply:os.mkdir [made]", "line 2 is not YAML that can be read: could not determine"),
        ("- " * 3000, "mine/own.yaml is not YAML that can be read"),
        ("a: &a [*a]", "mine/own.yaml is not YAML that can be read"),
        ("\ufeffseed: 1\n\0", "mine/own.yaml is not YAML that can be read"),
    ],
)
def test_a_file(text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", "os.mkdir")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/own.yaml").write_text(f"# @package _global_\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        compose([f"hydra.searchpath=[file://{tmp_path}]", "+mine=own"])
    assert sentence in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_the_commands_make_nothing_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name, callback in (("plain", EVIL), ("sly", f"'${{oc.decode:\"{EVIL}\"}}'")):
        text = f"# @package _global_\nhydra: {{callbacks: {{mine: {callback}}}}}\n"
        (tmp_path / f"mine/{name}.yaml").write_text(text)
    before, search = tree(tmp_path), f"hydra.searchpath=[file://{tmp_path}]"
    for command, name in (("dlhw-train", "plain"), ("dlhw-train", "sly"), ("dlhw-plan", "plain")):
        done = run(command, search, f"+mine={name}", *TINY, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert NO_OBJECT in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert tree(tmp_path) == before
        assert not (tmp_path / "made").exists()


def test_launchers_that_are_installed_may_be_chosen(tmp_path: Path) -> None:
    choice = ["hydra/launcher=basic", "hydra/sweeper=basic", "hydra.sweep.dir=out"]
    done = run("dlhw-train", "-m", "seed=1,2", *choice, *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"out/0/summary.json", "out/1/summary.json"} <= tree(tmp_path)
