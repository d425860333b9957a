"""Experiments one after the other: run, judge, report; the page with all of them is rewritten after each."""

import sys
import time
import traceback
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from dlhw.config.catalogue import question_of
from dlhw.config.experiment import ExperimentConfig
from dlhw.display import duration
from dlhw.environment import machine, versions
from dlhw.errors import RunFolderError, UserError
from dlhw.files import read_json, write_atomic, write_json
from dlhw.hydra_support.compose import load_experiment
from dlhw.interruption import Interrupted
from dlhw.reporting.formats import page_templates
from dlhw.reporting.formatting import many
from dlhw.reproduce.experiments import missing_data, train_experiment
from dlhw.reproduce.outcome import ExperimentEnding, Outcome, record, tally

if TYPE_CHECKING:
    from jinja2 import Environment


PAGE = "index.html"
PAGE_MARK = '<meta name="generator" content="dlhw-reproduce">'
RESULTS = "results.json"
# Of results.json; records of another format lack what the table of results prints.
FORMAT = 2
PIPE_WIDTH = 200


class ReproducePage:
    """index.html: all experiments so far on one self-contained page; each experiment is rendered once.

    Args:
        command: the command line that makes the page.
        date: when the command started.
        machine: on which it runs.
    """

    def __init__(self, *, command: str, date: str, machine: str) -> None:
        self.command, self.date, self.machine = command, date, machine
        self._outcomes: list[Outcome] = []
        self._sections: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """Add an experiment."""
        self._outcomes.append(outcome)
        self._sections.append(_templates().get_template("experiment.html").render(outcome=outcome))

    def html(self, tally: str, left: Sequence[str], seconds: float) -> str:
        """Render the page.

        Args:
            tally: counts of outcomes.
            left: labels of the experiments that have not run yet.
            seconds: duration so far.
        """
        template = _templates().get_template("page.html")
        return template.render(
            page=self,
            outcomes=self._outcomes,
            parts=self._sections,
            tally=tally,
            left=left,
            seconds=seconds,
            not_run=[outcome for outcome in self._outcomes if outcome.document is None],
        )


@cache
def _templates() -> "Environment":
    templates = page_templates("dlhw.reproduce", ["page.html", "experiment.html"])
    templates.filters["duration"] = duration
    return templates


class ReproduceSession:
    """One call of `dlhw-reproduce`.

    Args:
        out: folder to write into.
        labels: experiments, in order.
        command: the command line, for the page.

    Raises:
        RunFolderError: if `out` holds an index.html that dlhw-reproduce did not write.
    """

    def __init__(self, out: Path, labels: Sequence[str], command: str) -> None:
        self.out, self.labels = out, labels
        self.page = out / PAGE
        if self.page.exists() and PAGE_MARK not in self.page.read_text(encoding="utf-8", errors="replace"):
            raise RunFolderError(
                f"{self.page} is not a page of dlhw-reproduce: choose another folder with --out"
            )
        out.mkdir(parents=True, exist_ok=True)
        self.outcomes: list[Outcome] = []
        self._interrupted = 0
        self._began = time.monotonic()
        self._results = read_results(out)
        self._page = ReproducePage(command=command, date=now(), machine=machine_text())

    def run(self) -> int:
        """Run all experiments; a failure of one does not affect the next.

        Returns:
            0, or the exit status of the signal that interrupted it.
        """
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=True)
        with progress_bar(console) as progress:
            bar = progress.add_task("", total=len(self.labels))
            for number, label in enumerate(self.labels, 1):
                progress.update(bar, description=label)
                outcome = self._one(label)
                self._keep(outcome)
                progress.advance(bar)
                console.print(f"[{number}/{len(self.labels)}] {label}: {outcome.headline}", markup=False)
                if self._interrupted:
                    break
        return self._interrupted

    def _one(self, label: str) -> Outcome:
        question = question_of(label)
        try:
            return self._run(label, load_experiment(label))
        except Interrupted as interrupted:
            self._interrupted = interrupted.exit_status
            return Outcome(
                label=label, ending=ExperimentEnding.interrupted, question=question, why="interrupted"
            )
        except UserError as error:
            return Outcome(label=label, ending=ExperimentEnding.failed, question=question, why=str(error))
        except Exception:  # a bug in dlhw fails one experiment, not those after it; its traceback is shown
            return Outcome(
                label=label, ending=ExperimentEnding.failed, question=question, why=traceback.format_exc()
            )

    def _run(self, label: str, experiment: ExperimentConfig) -> Outcome:
        about: dict[str, Any] = {"label": label, "question": experiment.question}
        about["num_published"] = len(experiment.deciding_values())
        reason = missing_data(experiment)
        if reason is not None:
            return Outcome(**about, ending=ExperimentEnding.skipped, why=reason)
        folder = self.out / f"{experiment.source}-{experiment.name}"
        began, started = time.time(), time.monotonic()
        status, last_lines = train_experiment(label, folder)
        about["seconds"] = self._seconds(label, folder, began, time.monotonic() - started)
        why = "" if status == 0 else last_lines
        try:
            results = report(folder, experiment)
        except UserError as error:
            results, why = {}, why or str(error)
        return Outcome(
            **about, **results, ending=ExperimentEnding.failed if why else ExperimentEnding.done, why=why
        )

    def _seconds(self, label: str, folder: Path, began: float, elapsed: float) -> float:
        """Duration of the runs, also if an earlier command ran them."""
        earlier = self._results.get(label, {}).get("seconds")
        is_new = any(path.stat().st_mtime >= began for path in folder.glob("*/summary.json"))
        return elapsed if is_new or earlier is None else float(earlier)

    def _keep(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._page.add(outcome)
        left = self.labels[len(self.outcomes) :]
        write_atomic(self.page, self._page.html(tally(self.outcomes), left, time.monotonic() - self._began))
        if outcome.ending is not ExperimentEnding.interrupted or outcome.label not in self._results:
            self._results[outcome.label] = record(outcome) | {"date": self._page.date}
        write_json(
            self.out / RESULTS,
            {"format": FORMAT, "machine": self._page.machine, "experiments": self._results},
        )


def report(folder: Path, experiment: ExperimentConfig) -> dict[str, Any]:
    """Judge the runs of an experiment and write its report into its folder.

    Returns:
        agreement and document, as in `Outcome`.

    Raises:
        UserError: if there is no run, or the experiment does not fit the runs.
    """
    from dlhw.execution.saved_classifier import load_classifier
    from dlhw.reporting.frames import load_runs
    from dlhw.reporting.judge import judge_runs
    from dlhw.reporting.report import compile_report, write_report

    study, agreement = judge_runs(load_runs(folder), experiment)
    document = compile_report(
        study, experiment.label, experiment.command, agreement=agreement, load_classifier=load_classifier
    )
    write_report(study, document, folder / "report", agreement)
    return {"agreement": agreement, "document": document}


def read_results(out: Path) -> dict[str, Any]:
    """Label -> record of the experiments run so far; empty if results.json is missing or of another format.

    Raises:
        RunFolderError: if the file is damaged.
    """
    if not (out / RESULTS).is_file():
        return {}
    results = _parsed(out / RESULTS)
    return dict(results["experiments"]) if results.get("format") == FORMAT else {}


def load_results(out: Path) -> dict[str, Any]:
    """Read results.json: the machine, and a record of each experiment.

    Raises:
        RunFolderError: if the file is missing, damaged or of another version.
    """
    path = out / RESULTS
    if not path.is_file():
        raise RunFolderError(f"{path} does not exist: run dlhw-reproduce first")
    results = _parsed(path)
    if results.get("format") != FORMAT:
        raise RunFolderError(f"{path} was written by another version: run dlhw-reproduce again")
    return results


def _parsed(path: Path) -> dict[str, Any]:
    results = read_json(path)
    try:
        is_valid = isinstance(results["experiments"], dict) and isinstance(results["machine"], str)
    except (LookupError, TypeError):
        is_valid = False
    if not is_valid:
        raise RunFolderError(f"{path} is damaged: delete it, and run dlhw-reproduce again")
    return dict(results)


def now() -> str:
    """Current date, time and time zone."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()


def machine_text() -> str:
    """Processor, accelerator, number of threads, platform and versions, as text."""
    import torch

    hardware = machine("cuda:0" if torch.cuda.is_available() else "cpu")
    accelerator = f", {hardware['accelerator']}" if hardware["accelerator"] else ""
    software = ", ".join(f"{name} {version}" for name, version in versions().items() if version)
    threads = many(hardware["num_threads"], "thread")
    return f"{hardware['cpu']}{accelerator}, {threads}, {hardware['platform']}; {software}"


def progress_bar(console: Console) -> Progress:
    """A progress bar over experiments; disabled without a terminal."""
    label = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(24), MofNCompleteColumn(), label)
    is_terminal = console.is_terminal
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not is_terminal)
