"""What the commands share: errors as one sentence, exit statuses, Hydra without tracebacks."""

import atexit
import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from dlhw import interruption
from dlhw.commands.completion import QUERY, SCRIPT, answer
from dlhw.display import visible
from dlhw.environment_checks import check_environment
from dlhw.hydra_support.messages import FULL_ERROR, explain_any, hydra_raises

VERSION = "--version"
# Options that every command has.
COMMON = (VERSION, SCRIPT, QUERY)


def run_command(command: str, body: Callable[[], int | None]) -> None:
    """Run a command and leave the process with its exit status.

    An error that the user can remedy is reported in one sentence on stderr, with status 1; HYDRA_FULL_ERROR=1
    shows the traceback. Any other error is a defect of dlhw, and keeps its traceback. SIGTERM and Ctrl-C end
    the process with status 143 and 130.
    """
    if VERSION in sys.argv[1:]:
        from dlhw import __version__

        print(f"{command} {__version__}")
        return
    if sys.argv[1:2] in ([SCRIPT], [QUERY]):
        sys.exit(answer(sys.argv[1:]))
    interruption.install()
    if os.environ.get(FULL_ERROR) == "1":
        check_environment()
        sys.exit(body() or 0)
    try:
        check_environment()
        with hydra_raises():
            status = body() or 0
    except interruption.Interrupted as signal:
        leave(_report(command, "interrupted", signal.exit_status))
    except BrokenPipeError:  # the reader of the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BaseException as error:
        if (masked := interruption.raised()) is not None:
            leave(_report(command, "interrupted", masked.exit_status))
        sentence = explain_any(error)
        if sentence is None:
            raise
        sys.exit(_report(command, sentence, 1))
    leave(status)


def leave(status: int) -> NoReturn:
    """End the process at once: taking torch's libraries down in order takes half a second and does nothing.

    What was registered for the exit still runs, and everything written is flushed.
    """
    interruption.ignore()
    if multiprocessing.active_children():  # such as joblib's, which only an exit in order ends
        sys.exit(status)
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        status = status or 1  # the reader of the output has gone
    os._exit(status)


def _report(command: str, text: str, status: int) -> int:
    for line in text.splitlines():
        print(f"{command}: {visible(line)}", file=sys.stderr)
    return status
