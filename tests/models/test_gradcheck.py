"""The command dlhw-gradcheck, in the process and as one of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from dlhw.commands.gradcheck import gradcheck
from dlhw.config.options import OPTIONS
from dlhw.errors import ConfigError
from dlhw.nn.losses import LOSSES
from dlhw.nn.registry import all_layers


def run_command(*argv: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("dlhw-gradcheck")
    return subprocess.run([str(command), *argv], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("model", OPTIONS["model"])
def test_every_model_is_right(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck([f"model={model}", "--probes=10"]) == 0
    printed = capsys.readouterr().out
    assert "input" in printed
    assert "gradients are right (tolerances 1e-09 and 1e-06)" in printed
    assert "WRONG" not in printed


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=mlp", "model.hidden=[9,8]", "model.activation=tanh", "model.dropout=0.3"],
        ["model=cnn", "model.filters=[3,4]", "model.pooling=max", "model.dropout=0.3"],
        ["model=cnn", "model.filters=[3]", "model.pooling=avg", "model.stride=2", "data=mnist"],
        ["model=mlp", "loss=perceptron", "regularizer=l2", "regularizer.convention=full"],
        ["model=mlp", "regularizer=l1", "regularizer.on=all"],
        ["model=softmax", "data=csv", "data.train=nowhere.csv"],
    ],
    ids=lambda overrides: " ".join(overrides),
)
@pytest.mark.parametrize("runs", [1, 3])
def test_options_of_models_are_right(
    overrides: list[str], runs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gradcheck([*overrides, "--probes=10", f"--runs={runs}", "--seed=1"]) == 0
    assert ("penalty" in capsys.readouterr().out) == any("regularizer" in word for word in overrides)


def test_all_covers_everything_registered(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck(["--all", "--probes=10"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert {*all_layers(), *LOSSES, *OPTIONS["model"], "l1", "l2"} <= listed


def test_a_tolerance_that_no_gradient_meets_gives_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck(["model=softmax", "--difference-tolerance=0"]) == 1
    assert "4 of 4 gradients are WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--all", "model=mlp"], "--all and --only check what is registered and take no overrides"),
        (["--runs=0"], "--runs must be >= 1 and --probes >= 0, got 0 and 30"),
        (["--probes=-1"], "--runs must be >= 1 and --probes >= 0, got 3 and -1"),
        (["model=cnn", "model.kernel=11", "model.padding=0"], "model.kernel=11 does not fit into an input"),
        (["model=cnn", "data=csv", "data.train=nowhere.csv"], "model.filters needs images"),
    ],
)
def test_invalid_arguments_are_refused_in_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        gradcheck(argv)


def test_help_of_the_command() -> None:
    done = run_command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: dlhw-gradcheck")
    assert "dlhw-gradcheck --all" in done.stdout


def test_the_command_checks_a_model() -> None:
    done = run_command("model=mlp", "model.hidden=[5]", "--probes=5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "all 6 gradients are right" in done.stdout


def test_the_command_reports_an_unknown_key_in_one_sentence() -> None:
    done = run_command("model.hiden=[5]")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dlhw-gradcheck: model.hiden")
    assert "did you mean" in done.stderr
    assert done.stderr.count("\n") == 1
