"""What dlhw-gradcheck, and the check before a run, say of a backward pass that is wrong."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import BIN, QUIET_ENV

from dlhw.commands.gradcheck import gradcheck
from dlhw.nn.activations import Sigmoid
from dlhw.nn.linear import Affine
from dlhw.nn.losses import CrossEntropy

HERE = Path(__file__).name
backward, affine_backward, loss_backward = Sigmoid.backward, Affine.backward, CrossEntropy.backward


def doubled(*given: Any, **options: Any) -> Any:
    return 2 * backward(*given, **options)


def negative(*given: Any, **options: Any) -> Any:
    return -backward(*given, **options)


def raising(*given: Any, **options: Any) -> Any:
    raise NotImplementedError("exercise 3")


def without_return(*given: Any, **options: Any) -> Any:
    backward(*given, **options)


def of_another_shape(*given: Any, **options: Any) -> Any:
    return backward(*given, **options)[:, :, :2]


def endless(*given: Any, **options: Any) -> Any:
    while True:
        pass


def wrong_bias(self: Any, params: Any, dout: Any, cache: Any, grads: Any, ctx: Any, **options: Any) -> Any:
    dx = affine_backward(self, params, dout, cache, grads, ctx, **options)
    grads["bias"].div_(dout.shape[1])
    return dx


def loss_without_mean(self: Any, out: Any, targets: Any) -> Any:
    return loss_backward(self, out, targets) * out.shape[1]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (doubled, "its input gradient is 2.00 × autograd everywhere"),
        (negative, "its input gradient is -1.00 × autograd everywhere: is the sign wrong?"),
        (raising, "backward raised NotImplementedError: exercise 3"),
        (
            without_return,
            "backward returned NoneType instead of a tensor of shape (3, 4, 6): is `return` missing?",
        ),
        (of_another_shape, "backward returned the shape (3, 4, 2) instead of (3, 4, 6)"),
        (endless, "backward raised TimeLimitExceeded: no result within 3 s"),
    ],
)
def test_one_wrong_layer_is_explained_and_the_others_are_checked(
    wrong: Callable[..., Any], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Sigmoid, "backward", wrong)
    command = ["--only=sigmoid", "--only=tanh", "--only=softmax", "--probes=3"]
    command += ["--timeout=3"] if wrong is endless else []
    assert gradcheck(command) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("sigmoid: ")]
    assert line.startswith("sigmoid: layer (Sigmoid) (")
    assert f"{HERE}:" in line
    assert line.endswith(text)
    assert [row.split()[-1] for row in lines if row.strip().startswith(("tanh", "softmax"))] == ["ok"] * 5
    assert "1 of 6 gradients are WRONG" in lines[-1]


def test_the_culprit_is_the_first_wrong_layer_from_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All before it have wrong gradients too, by the same factor."""
    monkeypatch.setattr(Sigmoid, "backward", doubled)
    network = ["model=mlp", "model.hidden=[6,5]", "model.activation=sigmoid"]
    assert gradcheck([*network, "--probes=0", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["gradients"]
    assert [row["name"] for row in rows if not row["passes"]] == [
        "input", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias",
    ]  # fmt: skip
    for row in rows:
        if not row["passes"]:
            assert row["fault"]["component"].endswith("2 (Sigmoid)")
            assert HERE in row["fault"]["where"]


@pytest.mark.parametrize(
    ("owner", "wrong", "command", "text"),
    [
        (Affine, wrong_bias, "--only=affine", "its gradient of bias is 0.25 × autograd everywhere, N = 4: is it divided by N twice?"),
        (CrossEntropy, loss_without_mean, "--only=cross_entropy", "its gradient is 8.00 × autograd everywhere, N = 8: is 1/N missing?"),
    ],
)  # fmt: skip
def test_a_factor_of_the_batch_is_named(
    owner: type,
    wrong: Callable[..., Any],
    command: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owner, "backward", wrong)
    assert gradcheck([command, "--probes=3"]) == 1
    assert text in capsys.readouterr().out


STUDENT = """
import sys
from dlhw.nn.activations import Sigmoid

right = Sigmoid.backward
Sigmoid.backward = lambda *given, **options: 2 * right(*given, **options)
from dlhw.commands.train import main
main()
"""


@pytest.mark.parametrize(
    ("overrides", "status", "text"),
    [
        ((), 1, "dlhw-train: the backward pass is wrong in sigmoid1 (Sigmoid) (student.py:"),
        (("trainer.backend=autograd",), 0, "gradients by autograd"),
        (("trainer.gradcheck=false",), 0, "gradients by hand-written backward, NOT CHECKED"),
    ],
)
def test_a_run_with_a_wrong_layer(overrides: tuple[str, ...], status: int, text: str, tmp_path: Path) -> None:
    script = tmp_path / "student.py"
    script.write_text(STUDENT)
    arguments = ("model.activation=sigmoid", "trainer.epochs=1", "data.limit=200", "hydra.run.dir=run")
    done = subprocess.run(
        [str(BIN / "python"), str(script), *arguments, *overrides], cwd=tmp_path, text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **QUIET_ENV}, capture_output=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert text in (done.stderr if status else done.stdout)
    assert (tmp_path / "run").exists() == (status == 0)
