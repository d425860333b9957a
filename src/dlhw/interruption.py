"""SIGTERM and Ctrl-C: at once where nothing can be lost, between two steps where something trains."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_is_held = False
_seen: int | None = None
_raised: "Interrupted | None" = None


class Interrupted(KeyboardInterrupt):
    """The process was told to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number

    @property
    def exit_status(self) -> int:
        """As a shell tells it: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.number


def install() -> None:
    """Turn both signals into `Interrupted` from now on; one that whoever started us ignores stays ignored."""
    global _raised
    _raised = None
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _take)


def ignore() -> None:
    """Let no signal change how the process ends: it is on its way out."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _take(number: int, frame: FrameType | None) -> None:
    global _seen, _raised
    if _is_held and _seen is None:
        _seen = number  # a second signal does not wait
        return
    _raised = Interrupted(number)
    raise _raised


def raised() -> Interrupted | None:
    """What was raised wherever the process happened to be.

    A library that is interrupted while it puts something in order may fail at that, and raise this instead.
    """
    return _raised


@contextmanager
def held() -> Iterator[None]:
    """Keep the first signal until `check` is called, or until the block ends.

    Raises:
        Interrupted: at the end, if a signal came that nobody has asked about.
    """
    global _is_held
    before, _is_held = _is_held, True
    try:
        yield
        check()
    finally:
        _is_held = before


def check() -> None:
    """End here if a signal came while it was held.

    Raises:
        Interrupted: then, once.
    """
    global _seen
    number, _seen = _seen, None
    if number is not None:
        raise Interrupted(number)


def is_wanted() -> bool:
    """Whether a signal waits for `check`."""
    return _seen is not None
