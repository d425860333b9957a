"""How a run ended, as its summary.json says it."""

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
        """Whether it trained to its end, so that its final numbers count."""
        return self in (Status.completed, Status.early_stopped)

    @property
    def is_final(self) -> bool:
        """Whether the same config would end in the same way again, so that it need not be run again."""
        return self.is_success or self is Status.diverged


def is_success(text: object) -> bool:
    """Whether what a file says of a run is the status of a success; false where it is no status at all.

    >>> is_success("early_stopped"), is_success("diverged"), is_success(None)
    (True, False, False)
    """
    return any(status.is_success for status in Status if status == text)


def is_final(text: object) -> bool:
    """Whether what a file says of a run is a final status; false where it is no status at all.

    >>> is_final("diverged"), is_final("interrupted"), is_final(None)
    (True, False, False)
    """
    return any(status.is_final for status in Status if status == text)
