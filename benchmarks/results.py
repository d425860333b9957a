"""All reports of one measurement, and their file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.report import Report
from dlhw.errors import RunFolderError
from dlhw.runs.files import write_json

FILE = "results.json"


@dataclass(frozen=True)
class Results:
    """What `make bench` found.

    Args:
        name: of its folder.
        about: date, machine and versions, a line each.
        reports: scenario -> report.
        failed: a sentence for every scenario that did not end.
    """

    name: str
    about: Sequence[str]
    reports: Mapping[str, Report]
    failed: Sequence[str] = field(default_factory=list)

    def disagreements(self) -> list[str]:
        """A sentence for everything that failed or was computed differently."""
        wrong = [line for report in self.reports.values() for line in report.disagreements()]
        return [*self.failed, *wrong]

    def save(self, folder: Path) -> None:
        """Write results.json."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read results.json again.

        Raises:
            RunFolderError: if there is none, or it is not one of these.
        """
        path = folder / FILE
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            reports = {name: Report.from_tree(each) for name, each in tree["reports"].items()}
            return cls(**{**tree, "reports": reports})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunFolderError(f"{path} is not the results of a benchmark: {error!r}") from error
