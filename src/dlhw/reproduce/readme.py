"""The table of reproduced results for a README."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlhw.config.catalogue import experiment_names
from dlhw.reporting.markdown import escape
from dlhw.reporting.numbers import NONE
from dlhw.reproduce.markers import write_between
from dlhw.reproduce.outcome import duration
from dlhw.reproduce.session import load_results

BEGIN = "<!-- reproduced: begin -->"
END = "<!-- reproduced: end -->"
HEADINGS = (
    "experiment", "verdict", "published numbers", "checks", "farthest from a published number (allowed)",
    "time",
)  # fmt: skip
ALIGN = ("---", "---", "---:", "---:", "---", "---:")
NOT_RUN = "not run"


def readme_table(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Markdown of results.json: a line an experiment, then how many agree, the time, dates and machine.

    Args:
        results: of `load_results`.
        labels: every experiment there is; one without results is told as not run.
    """
    told = results["experiments"]
    lines = [HEADINGS, ALIGN, *(_line(label, told.get(label)) for label in sorted({*labels, *told}))]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    dates = sorted({each["date"] for each in told.values()})
    when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
    seconds = sum(each["seconds"] or 0 for each in told.values())
    badges = Counter(told[label]["badge"] if label in told else NOT_RUN for label in {*labels, *told})
    counts = ", ".join(f"{badge}: {count}" for badge, count in sorted(badges.items()))
    return (
        f"{table}\n\n{counts}; {duration(seconds)} in all.\n\n"
        f"Made by `dlhw-reproduce`, {when}, on {escape(results['machine'])}."
    )


def _line(label: str, told: Mapping[str, Any] | None) -> tuple[str, ...]:
    if told is None:
        return escape(label), NOT_RUN, "", "", "", ""
    seconds = "" if told["seconds"] is None else duration(told["seconds"])
    why = told.get("why", "")
    verdict = f"{told['badge']}: {why}" if why else told["badge"]
    if told["ending"] != "done":
        return escape(label), escape(verdict), "", "", "", seconds
    claims = told.get("claims", NONE)
    checks = told["checks"] if claims == NONE else f"{told['checks']}; further claims {claims}"
    return escape(label), escape(verdict), told["published"], checks, escape(told["widest"]), seconds


def update_readme(path: Path, out: Path) -> None:
    """Replace what stands between the markers in a file by the table of the results in `out`.

    Raises:
        RunFolderError: if there are no results, or the file lacks the markers.
    """
    write_between(path, BEGIN, END, readme_table(load_results(out), experiment_names()))
