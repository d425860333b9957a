import dataclasses
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as Terminal

from dlhw.callbacks.console import ConsoleCallback
from dlhw.callbacks.console_text import closing_line, epoch_text, evaluation_line, gradients_text, head_line
from dlhw.config.tracking import Console
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot

FOLDER = Path("runs/digits-mlp/now")


def pipe() -> Terminal:
    return Terminal(file=io.StringIO(), highlight=False)


def screen(width: int = 120) -> Terminal:
    return Terminal(file=io.StringIO(), force_terminal=True, width=width, highlight=False)


def text(terminal: Terminal) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("style", [Console.plain, Console.auto])
def test_plain_is_a_line_an_evaluation_and_a_table(play: Callable[[Callback], None], style: Console) -> None:
    out, err = pipe(), pipe()
    play(ConsoleCallback(FOLDER, style, out=out, err=err))
    lines = text(out).splitlines()
    assert lines[0] == (
        "mlp, 1,210 parameters  |  digits: 1,617 train, 180 val  |  cpu  |  "
        "gradients by hand-written backward, checked: largest relative error 3.1e-16"
    )
    assert lines[2] == (
        "epoch 2/3  step 52  train loss 0.0333 acc 0.9000  val loss 0.1000 acc 0.9500  lr 0.25  0.3 s"
    )
    assert lines[-1] == "finished: 3 epochs, 78 steps, 0.5 s: runs/digits-mlp/now"
    assert text(err) == ""


def test_a_pipe_gets_no_control_characters(play: Callable[[Callback], None]) -> None:
    out, err = pipe(), pipe()
    play(ConsoleCallback(FOLDER, Console.auto, out=out, err=err))
    assert all(letter.isprintable() or letter == "\n" for letter in text(out))


def test_a_pipe_gets_long_paths_in_one_line(play: Callable[[Callback], None]) -> None:
    out = pipe()
    folder = Path("/a" * 100)
    play(ConsoleCallback(folder, Console.plain, out=out, err=pipe()))
    assert text(out).splitlines()[-1].endswith(str(folder))


def test_the_table_has_last_and_best_by_split(play: Callable[[Callback], None]) -> None:
    out = pipe()
    play(ConsoleCallback(FOLDER, Console.plain, out=out, err=pipe()))
    rows = [line.split() for line in text(out).splitlines()]
    assert ["val", "0.2000", "0.9000", "0.1000", "0.9500"] in rows
    assert ["train", "0.0667", "0.9000", "0.0333", "0.9000"] in rows
    assert "best: epoch 2" in text(out)


def test_a_regression_has_no_accuracy(info: RunInfo, snapshot: Snapshot, result: RunResult) -> None:
    scores = {"train": Scores(0.5), "val": Scores(float("nan"))}
    out = pipe()
    callback = ConsoleCallback(FOLDER, Console.plain, out=out, err=pipe())
    callback.on_start(info, snapshot)
    callback.on_evaluation(Evaluation(epoch=1, step=9, seconds=1, lr=1, scores=scores), snapshot)
    callback.on_end(dataclasses.replace(result, final=scores, best=scores), snapshot)
    assert "acc" not in text(out)
    assert "val loss nan" in text(out)


def test_a_terminal_gets_a_bar(play: Callable[[Callback], None]) -> None:
    out, err = screen(), screen()
    play(ConsoleCallback(FOLDER, Console.auto, out=out, err=err))
    assert "epoch 3/3" in text(err)
    assert "train loss 0.0667" in text(err)
    assert "val accuracy 0.9000" in text(err)
    assert "step 52" not in text(out)
    assert "finished" in text(out)
    assert text(err).endswith("\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize(
    ("out", "err", "has_bar"),
    [(screen, screen, True), (pipe, screen, False), (screen, pipe, False), (pipe, pipe, False)],
)
def test_auto_needs_both_outputs_on_a_terminal(
    play: Callable[[Callback], None],
    out: Callable[[], Terminal],
    err: Callable[[], Terminal],
    has_bar: bool,
) -> None:
    lines, bar = out(), err()
    play(ConsoleCallback(FOLDER, Console.auto, out=lines, err=bar))
    assert ("epoch" in text(bar)) is has_bar
    assert ("step 52" in text(lines)) is not has_bar


def test_the_bar_moves_between_evaluations(info: RunInfo, snapshot: Snapshot) -> None:
    err = screen()
    callback = ConsoleCallback(FOLDER, Console.bar, out=screen(), err=err)
    callback.on_start(info, snapshot)
    callback.on_progress(39, 1.5)
    callback.on_abort(Status.interrupted, "")
    assert "epoch 1.5/3" in text(err)


def test_a_dumb_terminal_gets_lines(
    play: Callable[[Callback], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out = screen()
    play(ConsoleCallback(FOLDER, Console.auto, out=out, err=screen()))
    assert "step 52" in text(out)


def test_an_abort_stops_the_bar_and_says_so(
    info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    out, err = screen(), screen()
    callback = ConsoleCallback(FOLDER, Console.bar, out=out, err=err)
    callback.on_start(info, snapshot)
    callback.on_evaluation(evaluations[0], snapshot)
    callback.on_abort(Status.interrupted, "by Ctrl-C")
    assert text(err).endswith("\x1b[?25h")
    assert text(out).splitlines()[-1] == f"interrupted after epoch 1/3  {FOLDER}"


def test_square_brackets_are_no_markup(play: Callable[[Callback], None]) -> None:
    out = pipe()
    play(ConsoleCallback(Path("runs/[bold]x[/nothing]"), Console.plain, out=out, err=pipe()))
    assert "[bold]x[/nothing]" in text(out)


def test_a_stream_that_knows_only_ascii(play: Callable[[Callback], None]) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    out = Terminal(file=stream, highlight=False)
    play(ConsoleCallback(Path("läufe"), Console.plain, out=out, err=pipe()))
    assert raw.getvalue().decode("ascii").endswith("l\\xe4ufe\n")


SCRIPT = """
import sys
from pathlib import Path
from dlhw.callbacks.registry import registered
registered()
assert "tensorboard" not in sys.modules, "it is heavy, and imported only where it is used"
from dlhw.callbacks.console import ConsoleCallback
from dlhw.status import Status
from dlhw.training.events import Evaluation, RunResult, Scores
scores = {"val": Scores(0.5, 0.75)}
callback = ConsoleCallback(Path("läufe"))
callback.on_evaluation(Evaluation(epoch=1, step=9, seconds=1, lr=1, scores=scores), None)
print("between", flush=True)
callback.on_end(RunResult(status=Status.completed, final=scores, best=scores, best_epoch=1, best_step=9,
    epochs=1, steps=9, seconds=1), None)
"""


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_real_pipe(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, check=True, env={"PYTHONIOENCODING": encoding}
    )
    lines = done.stdout.decode(encoding).splitlines()
    assert lines[0].startswith("epoch 1/0  step 9  val loss 0.5000 acc 0.7500")
    assert lines[1] == "between"
    assert all(line.isprintable() and len(line) <= 80 for line in lines)
    assert lines[-1].endswith("läufe" if encoding == "utf-8" else "l\\xe4ufe")
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("epoch", "words"),
    [(3.0, "epoch 3/20"), (2.5, "epoch 2.5/20"), (1 / 3, "epoch 0.3333/20"), (12345.0, "epoch 12345/20")],
)
def test_epoch_text(epoch: float, words: str) -> None:
    assert epoch_text(epoch, 20) == words


def test_head_line_of_runs_that_train_together(info: RunInfo) -> None:
    assert head_line(info, 12).endswith("training 12 runs together; this line shows run 1 of 12")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gradcheck": None}, "gradients by hand-written backward, NOT CHECKED"),
        ({"gradcheck": 0.0}, "gradients by hand-written backward, checked: largest relative error 0.0e+00"),
        (
            {"gradcheck": 0.0, "backend": "compiled"},
            "gradients by compiled kernels, checked: largest relative error 0.0e+00",
        ),
        ({"gradcheck": None, "total_steps": 0}, "no training, evaluation only"),
    ],
)
def test_the_head_line_names_the_code_that_trains(changes: dict[str, Any], words: str, info: RunInfo) -> None:
    assert gradients_text(dataclasses.replace(info, **changes)) == words


def test_the_head_line_under_autograd(info: RunInfo) -> None:
    assert gradients_text(dataclasses.replace(info, backend="autograd")) == "gradients by autograd"


def test_evaluation_line_of_a_tiny_learning_rate(evaluations: list[Evaluation]) -> None:
    assert "lr 1e-05" in evaluation_line(dataclasses.replace(evaluations[0], lr=1e-5), 3)


def test_closing_line_of_a_diverged_run(result: RunResult) -> None:
    line = closing_line(dataclasses.replace(result, status=Status.early_stopped), FOLDER)
    assert line.startswith("stopped early after 3 epochs")
    diverged = dataclasses.replace(result, status=Status.diverged, diverged_at=40)
    assert closing_line(diverged, FOLDER).startswith("diverged (loss not finite at step 40) after")
