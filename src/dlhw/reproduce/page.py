"""index.html: all experiments on one page that needs nothing beside itself."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from dlhw.display import duration
from dlhw.reporting.templating import environment
from dlhw.reproduce.outcome import Outcome

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "index.html"
MARK = '<meta name="generator" content="dlhw-reproduce">'


class Page:
    """The page as far as it got; each experiment is rendered once.

    Args:
        command: that makes it.
        date: when that began.
        machine: where.
    """

    def __init__(self, *, command: str, date: str, machine: str) -> None:
        self.command, self.date, self.machine = command, date, machine
        self._outcomes: list[Outcome] = []
        self._parts: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """One more experiment."""
        self._outcomes.append(outcome)
        self._parts.append(_environment().get_template("experiment.html").render(outcome=outcome))

    def html(self, tally: str, left: Sequence[str], seconds: float) -> str:
        """The page.

        Args:
            tally: how many experiments ended how.
            left: those that had no turn yet.
            seconds: that all took so far.
        """
        template = _environment().get_template("page.html")
        return template.render(
            page=self,
            outcomes=self._outcomes,
            parts=self._parts,
            tally=tally,
            left=left,
            seconds=seconds,
            not_run=[each for each in self._outcomes if each.document is None],
        )


@cache
def _environment() -> "Environment":
    made = environment("dlhw.reproduce", ["page.html", "experiment.html"])
    made.filters["duration"] = duration
    return made
