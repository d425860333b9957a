"""Our commands in real processes that start in a moment: a parent that has imported everything forks them.

Run as a program it reads one JSON list a line, `["start", Start as a dict]` or `["wait", pid]`, and answers
each with a number: the process id, or the exit status as `subprocess` tells it.
"""

import atexit
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

OUTPUT = "output.txt"
# One thread: small tensors gain nothing, and tests may run beside each other.
QUIET_ENV = {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
# What the commands import where they use it.
IMPORTED = (
    "dlhw.execution.cohorts", "dlhw.commands.plan", "dlhw.reporting.report", "dlhw.reporting.console", "dlhw.reporting.figures.style",
    "dlhw.commands.resume", "dlhw.callbacks.trackers", "dlhw.training.fit",
    "tensorboard.plugins.hparams.api_pb2",
)  # fmt: skip


@dataclass(frozen=True)
class Start:
    """A process that is to be.

    Args:
        command: such as "dlhw-train".
        arguments: its own.
        cwd: the folder that it stands in.
        env: its whole environment; what an interpreter reads at its start has no effect.
        out: file that its output is added to.
        err: the same for what it says on stderr.
        limit: bytes that a file may have; None for any number.
        seconds: after which SIGALRM ends it; None for never.
    """

    command: str
    arguments: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    out: str = OUTPUT
    err: str = OUTPUT
    limit: int | None = None
    seconds: int | None = None


class Zygote:
    """The parent, as seen from a test."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(root), str(root / "tests" / "support"), os.environ.get("PYTHONPATH", "")])
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "zygote"],
            cwd=root, env=os.environ | QUIET_ENV | {"PYTHONPATH": path}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def close(self) -> None:
        """Nobody asks any more."""
        self._parent.communicate()

    def start(self, *arguments: str, cwd: Path, limit: int | None = None) -> int:
        """Start `dlhw-train`; what it says goes to a file in `cwd`. Files above `limit` bytes cannot be written."""
        env = dict(os.environ | QUIET_ENV)
        return self.begin(Start("dlhw-train", arguments, str(cwd), env, limit=limit))

    def begin(self, process: Start) -> int:
        """Start any process; returns its id."""
        return self._ask("start", asdict(process))

    def wait(self, pid: int) -> int:
        """Exit status of a process, -N if signal N ended it."""
        return self._ask("wait", pid)

    def _ask(self, *question: Any) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(question) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


@cache
def shared() -> Zygote:
    """The one parent of this process, which lives as long."""
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


def said(cwd: Path) -> str:
    """What processes started in this folder have said, all of them."""
    path = cwd / OUTPUT
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def serve() -> None:
    """Answer until nobody asks any more."""
    for name in IMPORTED:
        import_module(name)
    for line in sys.stdin:
        what, told = json.loads(line)
        print(_start(Start(**told)) if what == "start" else _wait(told), flush=True)


def _start(process: Start) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.chdir(process.cwd)
    os.environ.clear()
    os.environ.update(process.env)
    _connect(process)
    if process.limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (process.limit, resource.RLIM_INFINITY))
    signal.alarm(process.seconds or 0)
    _become(process)
    os._exit(70)


def _connect(process: Start) -> None:
    """Nothing to read, and files to write to."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    files = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(process.out, flags, 0o644),
        os.open(process.err, flags, 0o644),
    )
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(os.devnull, encoding="utf-8")


def _become(process: Start) -> None:
    """What the installed script does."""
    (script,) = entry_points(group="console_scripts", name=process.command)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [process.command, *process.arguments]
    try:
        script.load()()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    serve()
