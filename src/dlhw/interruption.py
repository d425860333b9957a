"""SIGTERM and Ctrl-C: the process ends immediately, or between two steps while it trains."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_is_held = False
_seen: int | None = None
_raised: "Interrupted | None" = None


class Interrupted(KeyboardInterrupt):
    """The process was asked to end by a signal.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number

    @property
    def exit_status(self) -> int:
        """The exit status that shells report: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.number


class AbandonedError(Exception):
    """A long computation ended early, without a result, because a signal is pending."""


def install() -> None:
    """Raise `Interrupted` at both signals from now on; a signal that the parent ignores stays ignored."""
    global _raised
    _raised = None
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _take)


def ignore() -> None:
    """Ignore both signals while the process exits."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _take(number: int, frame: FrameType | None) -> None:
    global _seen, _raised
    if _is_held and _seen is None:
        _seen = number  # a second signal does not wait
        with suppress(OSError):  # not by `print`, which may be interrupted while it writes
            os.write(2, b"\nstopping; again to stop now\n")
        return
    _raised = Interrupted(number)
    raise _raised


def raised() -> Interrupted | None:
    """The `Interrupted` that was raised, if any.

    A library that is interrupted while it cleans up may fail and raise another exception instead.
    """
    return _raised


@contextmanager
def held() -> Iterator[None]:
    """Hold the first signal back until `check` is called, or until the block ends.

    Raises:
        Interrupted: at the end, if a signal came and `check` was not called since.
    """
    global _is_held
    before, _is_held = _is_held, True
    try:
        yield
        check()
    finally:
        _is_held = before


def check() -> None:
    """Raise `Interrupted` if a signal is pending.

    Raises:
        Interrupted: once for each pending signal.
    """
    global _seen
    number, _seen = _seen, None
    if number is not None:
        raise Interrupted(number)


def is_wanted() -> bool:
    """Whether a signal is pending."""
    return _seen is not None


def abandon_if_wanted() -> None:
    """End a long computation, in any thread, if a signal is pending; the holder calls `check` afterwards.

    Raises:
        AbandonedError: if a signal is pending.
    """
    if is_wanted():
        raise AbandonedError
