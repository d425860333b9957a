"""The table of reproduced results, and writing a generated table between two markers of a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlhw.config.catalogue import experiment_names
from dlhw.display import duration
from dlhw.errors import RunFolderError
from dlhw.files import write_atomic
from dlhw.hydra_support.compose import load_experiment
from dlhw.reporting.formats import escape_markdown
from dlhw.reporting.formatting import many
from dlhw.reproduce.outcome import NOT_RUN, ExperimentEnding, tally_text
from dlhw.reproduce.session import load_results

BEGIN = "<!-- reproduced: begin -->"
END = "<!-- reproduced: end -->"
HEADINGS = (
    "experiment", "verdict", "n", "published values", "checks", "claims of the write-up",
    "farthest from a published value (allowed)", "time",
)  # fmt: skip
ALIGN = ("---", "---", "---:", "---:", "---:", "---", "---", "---:")
WEAK = ("DISAGREES", "undecided", "incomplete", "failed")


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace the text between two markers of a file.

    Args:
        path: of the file.
        begin: the line before the text.
        end: the line after it.
        text: the new text.

    Raises:
        RunFolderError: if the file lacks a marker.
    """
    before, opened, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise RunFolderError(
            f"{path} must hold the lines {begin} and {end}, with nothing but the table between"
        )
    write_atomic(path, f"{before}{begin}\n{text}\n{end}{after}")


def results_table(results: Mapping[str, Any], num_published: Mapping[str, int]) -> str:
    """Markdown of results.json: a line per experiment, then counts of verdicts, time, dates and machine.

    Args:
        results: of `load_results`.
        num_published: experiment -> published values that its verdict depends on; one without results is
            listed as not run, with this number.
    """
    records = results["experiments"]
    labels = sorted({*num_published, *records})
    lines = [HEADINGS, ALIGN, *(_line(label, records.get(label), num_published) for label in labels)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    dates = sorted({record["date"] for record in records.values()})
    when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
    seconds = sum(record["seconds"] or 0 for record in records.values())
    return (
        f"{table}\n\n{_counts(records, num_published)}; {duration(seconds)} in all.\n\n"
        f"Made by `dlhw-reproduce`, {when}, on {escape_markdown(results['machine'])}."
    )


def _counts(records: Mapping[str, Any], num_published: Mapping[str, int]) -> str:
    not_run = {label: number for label, number in num_published.items() if label not in records}
    badges = [record["badge"] for record in records.values()] + [NOT_RUN] * len(not_run)
    refuted = sum(record["refuted"] for record in records.values())
    unchecked = sum(record["unchecked"] for record in records.values()) + sum(not_run.values())
    return tally_text(badges, refuted, unchecked)


def _line(label: str, record: Mapping[str, Any] | None, num_published: Mapping[str, int]) -> tuple[str, ...]:
    if record is None or record["badge"] in (NOT_RUN, *ExperimentEnding):
        number = num_published.get(label, 0) if record is None else record["unchecked"]
        unchecked = f"{many(number, 'value')} unchecked" if number else ""
        badge, why, seconds = (NOT_RUN, "", None) if record is None else _verdict(record)
        verdict = f"{badge}: {why}" if why else badge
        time = "" if seconds is None else duration(seconds)
        return escape_markdown(label), escape_markdown(verdict), "", unchecked, "", "", "", time
    badge = f"**{record['badge']}**" if record["badge"] in WEAK else record["badge"]
    disputed = f", {record['disputed']} disputed" if record["disputed"] else ""
    seeds, time = record["seeds"].removeprefix("n = "), duration(record["seconds"] or 0)
    cells = (f"{record['published']}{disputed}", record["checks"], record["claims"], record["widest"])
    return escape_markdown(label), badge, seeds, *map(escape_markdown, cells), time


def _verdict(record: Mapping[str, Any]) -> tuple[str, str, float | None]:
    return record["badge"], record["why"], record["seconds"]


def write_table(path: Path, out: Path) -> None:
    """Replace the text between the markers of a file with the table of the results in `out`.

    Raises:
        RunFolderError: if there are no results, or the file lacks the markers.
    """
    num_published = {label: len(load_experiment(label).deciding_values()) for label in experiment_names()}
    write_between(path, BEGIN, END, results_table(load_results(out), num_published))
