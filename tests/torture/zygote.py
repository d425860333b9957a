"""`dlhw-train` in real processes that start in a moment: a parent that has imported everything forks them.

Run as a program it reads one JSON list a line, `["start", arguments, cwd, limit]` or `["wait", pid]`, and
answers each with a number: the process id, or the exit status as `subprocess` tells it.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OUTPUT = "output.txt"
# What a run, a sweep and its report import where they use it.
IMPORTED = (
    "dlhw.launcher.cohorts", "dlhw.reporting.console", "dlhw.resume", "dlhw.tracking.trackers", "dlhw.training.fit",
    "torch.utils.tensorboard",
)  # fmt: skip


class Zygote:
    """The parent, as seen from the process that injects faults."""

    def __enter__(self) -> Self:
        from commands import QUIET_ENV

        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(root), str(root / "tests" / "support"), os.environ.get("PYTHONPATH", "")])
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.zygote"],
            cwd=root, env=os.environ | QUIET_ENV | {"PYTHONPATH": path}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parent.communicate()

    def start(self, *arguments: str, cwd: Path, limit: int | None = None) -> int:
        """Start `dlhw-train`; what it says goes to a file in `cwd`. Files above `limit` bytes cannot be written."""
        return self._ask("start", arguments, str(cwd), limit)

    def wait(self, pid: int) -> int:
        """Exit status of a process, -N if signal N ended it."""
        return self._ask("wait", pid)

    def _ask(self, *question: Any) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(question) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


def said(cwd: Path) -> str:
    """What processes started in this folder have said, all of them."""
    path = cwd / OUTPUT
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def serve() -> None:
    """Answer until nobody asks any more."""
    _import_everything()
    for line in sys.stdin:
        what, *rest = json.loads(line)
        print(_start(*rest) if what == "start" else _wait(*rest), flush=True)


def _import_everything() -> None:
    for name in IMPORTED:
        import_module(name)


def _start(arguments: list[str], cwd: str, limit: int | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.chdir(cwd)
    out = os.open(OUTPUT, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((null, 0), (out, 1), (out, 2)):
        os.dup2(old, new)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    _become_command(arguments)
    os._exit(70)


def _become_command(arguments: list[str]) -> None:
    """What the installed script does."""
    from dlhw.train import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(os.devnull, encoding="utf-8")
    sys.argv = ["dlhw-train", *arguments]
    try:
        main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    serve()
