"""What a scenario has found so far."""

from dataclasses import dataclass, field

from tests.torture.row import Row


@dataclass
class Count:
    """What was found so far."""

    injected: int = 0
    runs: int = 0
    lost: int = 0
    torn: int = 0
    wrong: int = 0
    told: list[str] = field(default_factory=list)

    def note(self, kind: str, is_bad: object, what: str) -> None:
        """Count what is bad, and keep a line about it."""
        if is_bad:
            setattr(self, kind, getattr(self, kind) + 1)
            self.told.append(f"{kind}: {what}")

    def row(self, fault: str) -> Row:
        """For the table; what was bad is printed."""
        for line in self.told:
            print(line, flush=True)
        return Row(fault, self.injected, self.runs, self.lost, self.torn, self.wrong)
