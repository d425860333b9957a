"""What the commands share: errors as one sentence, exit statuses, Hydra without tracebacks."""

import atexit
import errno
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from dlhw import interruption
from dlhw.commands.completion import QUERY, SCRIPT, answer
from dlhw.display import visible
from dlhw.environment_checks import check_environment
from dlhw.errors import UserError
from dlhw.hydra_support.callback import Refused

FULL_ERROR = "HYDRA_FULL_ERROR"
VERSION = "--version"
# What every command answers by itself.
COMMON = (VERSION, SCRIPT, QUERY)
# What a write can fail with through no fault of ours; the error may name no file.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


def run_command(command: str, body: Callable[[], int | None]) -> None:
    """Run a command and leave the process with its exit status.

    What the user can mend is told in one sentence on stderr, with status 1; HYDRA_FULL_ERROR=1 shows the
    traceback. Anything else is a defect of ours, and keeps its traceback. SIGTERM and Ctrl-C end it with
    status 143 and 130.
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
        with _hydra_raises():
            status = body() or 0
    except interruption.Interrupted as signal:
        leave(_tell(command, "interrupted", signal.exit_status))
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BaseException as error:
        if (masked := interruption.raised()) is not None:
            leave(_tell(command, "interrupted", masked.exit_status))
        sentence = explain_any(error)
        if sentence is None:
            raise
        sys.exit(_tell(command, sentence, 1))
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
        status = status or 1  # whoever read our output has gone
    os._exit(status)


def explain_any(error: BaseException) -> str | None:
    """One sentence for an error that the user can mend; None for any other."""
    from dlhw.config.messages import explain

    if isinstance(error, Refused):
        return str(error.error)
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in NO_ROOM):
        return f"{error.filename or 'a file could not be written'}: {error.strerror}"
    return _out_of_memory(error) if isinstance(error, MemoryError | RuntimeError) else None


def _out_of_memory(error: BaseException) -> str | None:
    from dlhw.execution.memory import is_out_of_memory  # torch takes a second, and has been imported by now

    if not is_out_of_memory(error):
        return None
    wanted = re.search(r"allocate (\d+) bytes", str(error))
    size = f" ({int(wanted[1]) / 1e9:,.1f} GB were asked for at once)" if wanted else ""
    return f"out of memory{size}: a smaller model, trainer.batch_size or data.limit needs less"


def _tell(command: str, text: str, status: int) -> int:
    for line in text.splitlines():
        print(f"{command}: {visible(line)}", file=sys.stderr)
    return status


@contextmanager
def _hydra_raises() -> Iterator[None]:
    """Hydra prints errors in its own way and exits; with this setting it raises them instead."""
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        os.environ.pop(FULL_ERROR, None)
