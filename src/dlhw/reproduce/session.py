"""All experiments in turn: run, judge, report, and a page that is written anew after each."""

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
from dlhw.hydra_support.compose import load_experiment
from dlhw.interruption import Interrupted
from dlhw.reporting.formats import page_templates
from dlhw.reporting.formatting import many
from dlhw.reproduce.experiments import missing_data, train_experiment
from dlhw.reproduce.outcome import ExperimentEnding, Outcome, record, tally
from dlhw.runs.files import read_json, write_atomic, write_json

if TYPE_CHECKING:
    import pandas
    from jinja2 import Environment

    from dlhw.reporting.agreement import Agreement
    from dlhw.reporting.study import Study

PAGE = "index.html"
PAGE_MARK = '<meta name="generator" content="dlhw-reproduce">'


class ReproducePage:
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
        self._parts.append(_templates().get_template("experiment.html").render(outcome=outcome))

    def html(self, tally: str, left: Sequence[str], seconds: float) -> str:
        """The page.

        Args:
            tally: how many experiments ended how.
            left: those that had no turn yet.
            seconds: that all took so far.
        """
        template = _templates().get_template("page.html")
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
def _templates() -> "Environment":
    made = page_templates("dlhw.reproduce", ["page.html", "experiment.html"])
    made.filters["duration"] = duration
    return made


RESULTS = "results.json"
# Of results.json; records of another format lack what the table of results prints.
FORMAT = 2
PIPE_WIDTH = 200


class ReproduceSession:
    """One call of the command.

    Args:
        out: folder to write into.
        labels: experiments, in their order.
        command: that was called, for the page.

    Raises:
        RunFolderError: if `out` holds a page that is not ours.
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
        """Run them all; whatever one does, the next gets its turn.

        Returns:
            0 if all had their turn, else the exit status of the signal that ended it.
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
        except Exception:  # a defect of ours costs one experiment, not those after it, and is shown whole
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
            found = report(folder, experiment)
        except UserError as error:
            found, why = {}, why or str(error)
        return Outcome(
            **about, **found, ending=ExperimentEnding.failed if why else ExperimentEnding.done, why=why
        )

    def _seconds(self, label: str, folder: Path, began: float, elapsed: float) -> float:
        """What the runs took, also when they were there already."""
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
    from dlhw.reporting.frames import load_runs
    from dlhw.reporting.report import compile_report, write_report

    study, agreement = judged(load_runs(folder), experiment)
    document = compile_report(study, experiment.label, experiment.command, agreement=agreement)
    write_report(study, document, folder / "report", agreement)
    return {"agreement": agreement, "document": document}


def judged(frame: "pandas.DataFrame", experiment: ExperimentConfig) -> tuple["Study", "Agreement"]:
    """Compare the runs of an experiment with what it says.

    Args:
        frame: of `load_runs`.
        experiment: its published numbers and checks.

    Raises:
        UserError: if no run can be read, or the experiment does not fit the runs.
    """
    from dlhw.reporting.agreement import judge
    from dlhw.reporting.derived_metrics import with_derived
    from dlhw.reporting.study import ReportOptions, make_study

    whole = with_derived(frame, list(experiment.metric_names()))
    study = make_study(whole, ReportOptions().of(experiment, whole))
    return study, judge(study, experiment)


def read_results(out: Path) -> dict[str, Any]:
    """Label -> record of what was reproduced in a folder before; empty without any, or of another version.

    Raises:
        RunFolderError: if the file is damaged.
    """
    if not (out / RESULTS).is_file():
        return {}
    results = _parsed(out / RESULTS)
    return dict(results["experiments"]) if results.get("format") == FORMAT else {}


def load_results(out: Path) -> dict[str, Any]:
    """results.json: machine, and a record of each experiment.

    Raises:
        RunFolderError: if the file is missing, damaged or of another version.
    """
    path = out / RESULTS
    if not path.is_file():
        raise RunFolderError(f"{path} is not there: run dlhw-reproduce first")
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
    """Date, time and zone."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()


def machine_text() -> str:
    """Processor, accelerator if there is one, versions."""
    import torch

    found = machine("cuda:0" if torch.cuda.is_available() else "cpu")
    accelerator = f", {found['accelerator']}" if found["accelerator"] else ""
    told = ", ".join(f"{name} {version}" for name, version in versions().items() if version)
    return f"{found['cpu']}{accelerator}, {many(found['num_threads'], 'thread')}, {found['platform']}; {told}"


def progress_bar(console: Console) -> Progress:
    """A bar over experiments; nothing where there is no terminal."""
    label = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(24), MofNCompleteColumn(), label)
    is_terminal = console.is_terminal
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not is_terminal)
