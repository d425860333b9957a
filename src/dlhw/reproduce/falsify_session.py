"""Falsifications one after the other: console output, falsify.json, and a table for the docs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from dlhw.config.catalogue import experiment_names
from dlhw.display import duration
from dlhw.errors import RunFolderError
from dlhw.files import read_json, write_atomic, write_json
from dlhw.interruption import Interrupted
from dlhw.reporting.formats import escape_markdown
from dlhw.reporting.formatting import many
from dlhw.reproduce.falsify import Falsification, falsify, record
from dlhw.reproduce.outcome import ExperimentEnding
from dlhw.reproduce.results_table import write_between
from dlhw.reproduce.session import PIPE_WIDTH, machine_text, now, progress_bar

RESULTS, TABLE = "falsify.json", "falsify.md"
BEGIN, END = "<!-- falsified: begin -->", "<!-- falsified: end -->"
HEADINGS = ("experiment", "wrong recipe", "detected", "by the first of")
# The number of misses that a line of the console or the table names; falsify.json has all.
NAMED = 1
NO_MUTATIONS = "lists no mutations"


class FalsifySession:
    """One call of `dlhw-reproduce --falsify`.

    Args:
        out: folder to write into.
        labels: experiments, in their order.
    """

    def __init__(self, out: Path, labels: Sequence[str]) -> None:
        self.out, self.labels = out, labels
        self.failed = False
        out.mkdir(parents=True, exist_ok=True)
        self._results = load_falsified(out)["experiments"] if (out / RESULTS).is_file() else {}
        self._about = {"machine": machine_text()}

    def run(self) -> int:
        """Falsify all experiments; a failure of one does not affect the next.

        Returns:
            0 if every control passes and every visible mutation is detected, else 1; after a signal its exit
            status.
        """
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=True)
        with progress_bar(console) as progress:
            bar = progress.add_task("", total=len(self.labels))
            for number, label in enumerate(self.labels, 1):

                def show(step: str, label: str = label) -> None:
                    progress.update(bar, description=f"{label}: {step}")

                try:
                    result = falsify(label, self.out, show)
                except Interrupted as interrupted:
                    console.print(f"[{number}/{len(self.labels)}] {label}: interrupted", markup=False)
                    return interrupted.exit_status
                self._keep(result)
                progress.advance(bar)
                for line in result_lines(result):
                    console.print(
                        f"[{number}/{len(self.labels)}] {line}" if line[0] != " " else line, markup=False
                    )
        print(f"\n{tally(self._results, self.labels)}")
        return int(self.failed)

    def _keep(self, result: Falsification) -> None:
        self.failed |= result.fails
        self._results[result.label] = record(result) | {"date": now()}
        write_json(self.out / RESULTS, {**self._about, "experiments": self._results})
        write_atomic(self.out / TABLE, falsified_table(load_falsified(self.out), list(self._results)) + "\n")


def result_lines(result: Falsification) -> Iterator[str]:
    """A headline, then a line per mutation, each indented."""
    if result.ending is not ExperimentEnding.done:
        yield f"{result.label}: {result.ending.value}; {result.why}"
        return
    if not result.mutants:
        yield f"{result.label}: {NO_MUTATIONS}"
        return
    visible = [mutant for mutant in result.mutants if mutant.visible]
    detected = sum(not mutant.is_missed for mutant in visible)
    control = "CONTROL FAILS" if result.control_misses else "control passes"
    yield (
        f"{result.label}: {control}; {detected} of {many(len(visible), 'visible mutation')} detected; "
        + duration(result.seconds)
    )
    for miss in result.control_misses:
        yield f"    control fails   {miss}"
    for mutant in result.mutants:
        word = "NOT DETECTED" if mutant.is_missed else "detected" if mutant.detected_by else "not visible"
        because = _because(mutant.detected_by, mutant.visible, mutant.reason)
        yield f"    {word:14}  {mutant.name or mutant.change}{because}"


def _because(detected_by: Sequence[str], visible: bool, reason: str) -> str:
    first = _first_of(detected_by)
    if visible:
        return f": {first}" if first else ""
    return f": {reason}" + (f" (detected anyway: {first})" if first else "")


def _first_of(detected_by: Sequence[str]) -> str:
    more = f" (and {len(detected_by) - NAMED} more)" if len(detected_by) > NAMED else ""
    return "; ".join(detected_by[:NAMED]) + more


def tally(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Counts, such as `12 experiments: 61 of 61 visible mutations detected, 5 not visible`."""
    outcomes = [results[label] for label in labels if label in results]
    mutants = [mutant for result in outcomes for mutant in result["mutants"]]
    visible = [mutant for mutant in mutants if mutant["visible"]]
    texts = [
        f"{sum(bool(mutant['detected_by']) for mutant in visible)} of "
        f"{many(len(visible), 'visible mutation')} detected"
    ]
    hidden = len(mutants) - len(visible)
    texts += [f"{hidden} not visible"] * bool(hidden)
    for text, count in (
        ("control fails", sum(bool(result["control_misses"]) for result in outcomes)),
        ("failed", sum(result["ending"] == ExperimentEnding.failed for result in outcomes)),
        ("skipped", sum(result["ending"] == ExperimentEnding.skipped for result in outcomes)),
    ):
        texts += [f"{text}: {count}"] * bool(count)
    return f"{many(len(outcomes), 'experiment')}: {', '.join(texts)}"


def falsified_table(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    """The table of falsify.json in Markdown: one row per mutation, then counts, dates and machine.

    Args:
        results: of `load_falsified`.
        labels: the experiments to list; one without results is listed as not run.
    """
    lines: list[tuple[str, ...]] = [HEADINGS, ("---",) * len(HEADINGS)]
    experiments = results["experiments"]
    for label in labels:
        lines += _table_lines(label, experiments.get(label))
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    dates = sorted(result["date"] for label, result in experiments.items() if label in labels)
    when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
    return (
        f"{table}\n\n{tally(experiments, labels)}.\n\n"
        f"Made by `dlhw-reproduce --falsify`, {when}, on {escape_markdown(results['machine'])}."
    )


def _table_lines(label: str, result: Mapping[str, Any] | None) -> Iterator[tuple[str, ...]]:
    if result is None:
        yield label, "", "not run", ""
        return
    if result["ending"] != ExperimentEnding.done:
        why = result["why"].partition(",")[0].strip().splitlines()
        yield label, "", result["ending"], escape_markdown("".join(why[-1:]))
        return
    if not result["mutants"]:
        yield label, "", NO_MUTATIONS, ""
    for miss in result["control_misses"]:
        yield label, "none (control)", "CONTROL FAILS", escape_markdown(miss)
    for mutant in result["mutants"]:
        if mutant["visible"]:
            word, text = "yes" if mutant["detected_by"] else "NO", _first_of(mutant["detected_by"])
        else:
            word, text = "not visible", mutant["reason"]
        yield label, _change_text(mutant), word, escape_markdown(text)


def _change_text(mutant: Mapping[str, Any]) -> str:
    """Markdown: the name, or the overrides as code."""
    if mutant.get("name"):
        return escape_markdown(mutant["name"])
    return f"`{mutant['change'].replace('|', chr(92) + '|')}`"


def load_falsified(out: Path) -> dict[str, Any]:
    """Read falsify.json: the machine, and a record of each experiment.

    Raises:
        RunFolderError: if the file is missing or damaged.
    """
    path = out / RESULTS
    if not path.is_file():
        raise RunFolderError(f"{path} does not exist: run dlhw-reproduce --falsify first")
    tree = read_json(path)
    try:
        is_whole = isinstance(tree["machine"], str) and all(
            {"ending", "control_misses", "mutants", "date"} <= set(result)
            for result in tree["experiments"].values()
        )
    except (LookupError, TypeError, AttributeError):
        is_whole = False
    if not is_whole:
        raise RunFolderError(f"{path} is damaged: delete it and run dlhw-reproduce --falsify again")
    return dict(tree)


def write_table(path: Path, out: Path) -> None:
    """Replace the text between the markers of a file by the table of the results in `out`.

    Raises:
        RunFolderError: if there are no results, or the file lacks the markers.
    """
    write_between(path, BEGIN, END, falsified_table(load_falsified(out), experiment_names()))
