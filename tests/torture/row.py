"""One line of the table of faults."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Effects of a kind of fault on the runs into which it was injected.

    Args:
        fault: the fault in a few words.
        injected: number of injections.
        runs: number of runs (or readings of a file) that were checked afterwards.
        lost: number of runs whose result, or whose work before the last checkpoint, was gone.
        torn: number of runs with a file that was neither the old version nor the new one.
        wrong: number of runs with a number, a bit or an answer that differs from a run without the fault.
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
