"""dlhw's commands in real processes that start fast: a parent that has imported everything forks them.

As a program, it reads one JSON list per line, `["start", Start as a dict]` or `["wait", pid]`, and answers
each with a number: the process id, or the exit status as in `subprocess`.
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
from pkgutil import walk_packages
from typing import Any

import dlhw

OUTPUT = "output.txt"
# One thread: small tensors gain nothing, and tests may run in parallel.
QUIET_ENV = {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
# All but the modules that need numba, which commands import only when they compile.
SKIPPED = ("dlhw.kernels.", "dlhw.conf")
# What the commands import late besides dlhw's own modules.
IMPORTED = ("hydra_plugins.dlhw_launcher", "tensorboard.plugins.hparams.api_pb2")


@dataclass(frozen=True)
class Start:
    """A process to start.

    Args:
        command: such as "dlhw-train".
        arguments: its arguments.
        cwd: its current folder.
        env: its whole environment; variables that an interpreter reads at its start have no effect.
        out: file to which its output is appended.
        err: the same for stderr.
        limit: largest size of a file in bytes; None: no limit.
        seconds: time after which SIGALRM ends it; None: never.
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
        """End the parent."""
        self._parent.communicate()

    def start(self, *arguments: str, cwd: Path, limit: int | None = None) -> int:
        """Start `dlhw-train` with its output in a file in `cwd`; files above `limit` bytes cannot be written."""
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
    """The parent shared by all tests of this process."""
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


def output_of(cwd: Path) -> str:
    """Output of all processes that were started in this folder."""
    path = cwd / OUTPUT
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def serve() -> None:
    """Answer requests until the input ends."""
    packages = walk_packages(dlhw.__path__, "dlhw.")
    names = [module.name for module in packages if not module.name.startswith(SKIPPED)]
    for name in (*names, *IMPORTED):
        import_module(name)
    for line in sys.stdin:
        request, argument = json.loads(line)
        print(_start(Start(**argument)) if request == "start" else _wait(argument), flush=True)


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
    """Connect an empty input, and files for output and errors."""
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
    """Do what the installed script does."""
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
