"""All reports of one measurement, and their file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.report import Report
from dlhw.errors import RunFolderError
from dlhw.files import write_json

FILE = "results.json"


@dataclass(frozen=True)
class Results:
    """Results of `make bench`.

    Args:
        name: name of the folder.
        about: lines with date, machine and versions.
        reports: scenario -> report.
        failed: a sentence for every scenario that failed.
    """

    name: str
    about: Sequence[str]
    reports: Mapping[str, Report]
    failed: Sequence[str] = field(default_factory=list)

    def disagreements(self) -> list[str]:
        """A sentence for every failure and every disagreement."""
        wrong = [line for report in self.reports.values() for line in report.disagreements()]
        return [*self.failed, *wrong]

    def save(self, folder: Path) -> None:
        """Write results.json."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read results.json.

        Raises:
            RunFolderError: if the file is missing or has another format.
        """
        path = folder / FILE
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            reports = {name: Report.from_tree(report) for name, report in tree["reports"].items()}
            return cls(**{**tree, "reports": reports})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunFolderError(f"{path} is not the results of a benchmark: {error!r}") from error
