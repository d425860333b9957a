"""Counts of a scenario while it runs."""

from dataclasses import dataclass, field

from tests.torture.row import Row


@dataclass
class Tally:
    """What was lost, torn or wrong so far."""

    injected: int = 0
    runs: int = 0
    lost: int = 0
    torn: int = 0
    wrong: int = 0
    lines: list[str] = field(default_factory=list)

    def note(self, kind: str, is_bad: object, what: str) -> None:
        """If `is_bad`, count it as `kind` and keep a line about it."""
        if is_bad:
            setattr(self, kind, getattr(self, kind) + 1)
            self.lines.append(f"{kind}: {what}")

    def row(self, fault: str) -> Row:
        """Return the row for the table, and print the lines."""
        for line in self.lines:
            print(line, flush=True)
        return Row(fault, self.injected, self.runs, self.lost, self.torn, self.wrong)
