"""How a run ended, as recorded in its summary.json."""

from enum import StrEnum, auto


class Status(StrEnum):
    """How a run ended."""

    completed = auto()
    early_stopped = auto()
    diverged = auto()
    interrupted = auto()
    failed = auto()

    @property
    def is_success(self) -> bool:
        """Whether it trained to its end, so that its results count."""
        return self in (Status.completed, Status.early_stopped)

    @property
    def is_final(self) -> bool:
        """Whether running the same config again would end the same way, so that it need not be run again."""
        return self.is_success or self is Status.diverged


def is_success(text: object) -> bool:
    """Whether a value read from a file is the status of a successful run; false if it is not a status.

    >>> is_success("early_stopped"), is_success("diverged"), is_success(None)
    (True, False, False)
    """
    return any(status.is_success for status in Status if status == text)


def is_final(text: object) -> bool:
    """Whether a value read from a file is a final status; false if it is not a status.

    >>> is_final("diverged"), is_final("interrupted"), is_final(None)
    (True, False, False)
    """
    return any(status.is_final for status in Status if status == text)
