"""The table of reproduced results for a README."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlhw.errors import RunFolderError
from dlhw.reporting.markdown import escape
from dlhw.reproduce.outcome import duration
from dlhw.reproduce.session import load_results
from dlhw.tracking.files import write_atomic

BEGIN = "<!-- reproduced: begin -->"
END = "<!-- reproduced: end -->"
HEADINGS = ("experiment", "published numbers", "checks", "farthest from a published number (allowed)", "time")
ALIGN = ("---", "---:", "---:", "---", "---:")


def readme_table(results: Mapping[str, Any]) -> str:
    """Markdown of results.json: a line an experiment, then dates and machine."""
    told = results["experiments"]
    lines = [HEADINGS, ALIGN, *(_line(label, told[label]) for label in sorted(told))]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    dates = sorted({each["date"] for each in told.values()})
    when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
    return f"{table}\n\nMade by `dlhw-reproduce`, {when}, on {escape(results['machine'])}."


def _line(label: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = "" if told["seconds"] is None else duration(told["seconds"])
    if told["ending"] != "done":
        return escape(label), told["badge"], "", "", seconds
    return escape(label), told["published"], told["checks"], escape(told["widest"]), seconds


def update_readme(path: Path, out: Path) -> None:
    """Replace what stands between the markers in a file by the table of the results in `out`.

    Raises:
        RunFolderError: if there are no results, or the file lacks the markers.
    """
    table = readme_table(load_results(out))
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RunFolderError(
            f"{path} must hold the lines {BEGIN} and {END}, with nothing but the table between"
        )
    write_atomic(path, f"{before}{BEGIN}\n{table}\n{END}{after}")
