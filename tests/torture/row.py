"""One line of the table of faults."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What a kind of fault did to the runs that it was injected into.

    Args:
        fault: what was done, in a few words.
        injected: how many times.
        runs: runs (or readings of a file) that were judged afterwards.
        lost: those whose result, or whose work before the last checkpoint, was gone.
        torn: those with a file that was neither the old one nor the new one.
        wrong: those with a number, a bit or an answer other than without the fault.
    """

    fault: str
    injected: int
    runs: int
    lost: int = 0
    torn: int = 0
    wrong: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, torn or wrong, and the fault was injected at all."""
        return self.injected > 0 and self.runs > 0 and not (self.lost or self.torn or self.wrong)
