"""From run folders to the verdict about an experiment: the one way that all commands take."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from dlhw.config.catalogue import checked
from dlhw.config.convert import updated
from dlhw.config.experiment import ExperimentConfig, refuse_unknown_keys
from dlhw.config.experiment_entries import PublishedConfig
from dlhw.config.saved import interpolations, with_references
from dlhw.errors import ConfigError, RunFolderError
from dlhw.files import read_yaml
from dlhw.reporting.agreement import Agreement, EvaluatedCheck, PublishedComparison
from dlhw.reporting.captions import warnings
from dlhw.reporting.check_rules import apply_rule
from dlhw.reporting.derived_metrics import with_derived
from dlhw.reporting.evidence import Bounds, Evidence, evidence
from dlhw.reporting.formatting import many
from dlhw.reporting.metrics import metric_of
from dlhw.reporting.selection import CellSelection, MissingResult, how_ended, known_keys, unfinished_runs
from dlhw.reporting.statistics import MeanEstimate
from dlhw.reporting.study import ReportOptions, Study, make_study
from dlhw.runs.ledger import Ledger
from dlhw.runs.sweep_folder import SWEEP_FILE

if TYPE_CHECKING:
    import pandas

# The largest number of missing runs that a sentence names.
MAX_NAMES = 4


@overload
def judge_runs(
    frame: "pandas.DataFrame", experiment: ExperimentConfig, options: ReportOptions | None = None
) -> tuple[Study, Agreement]: ...
@overload
def judge_runs(
    frame: "pandas.DataFrame", experiment: ExperimentConfig | None, options: ReportOptions | None = None
) -> tuple[Study, Agreement | None]: ...
def judge_runs(
    frame: "pandas.DataFrame", experiment: ExperimentConfig | None, options: ReportOptions | None = None
) -> tuple[Study, Agreement | None]:
    """Group runs into cells, and compare them with the published values and checks of an experiment.

    Args:
        frame: runs, from `load_runs`.
        experiment: its published numbers and checks; None: the runs belong to no experiment.
        options: what the table shows; the experiment's table where they ask for no other.

    Returns:
        The study that a report shows, and the verdict about the experiment; None without an experiment.

    Raises:
        ConfigError: if the experiment names a config key that no run has.
        RunFolderError: if no run can be read, or a requested key or metric does not exist.
    """
    options = options or ReportOptions()
    names = [*(options.metrics or []), *(experiment.metric_names() if experiment is not None else [])]
    complete = with_derived(frame, names)
    study = make_study(complete, options.of(experiment, complete))
    return study, None if experiment is None else judge(study, experiment)


def judge(study: Study, experiment: ExperimentConfig) -> Agreement:
    """Compare the runs of a study with the published values and checks of an experiment.

    With a single seed (n = 1) the values themselves decide, so that nothing is undecided.

    Args:
        study: the experiment's runs; the columns of its table do not matter.
        experiment: its published numbers and checks.

    Raises:
        ConfigError: if the experiment names a config key that no run has.
        RunFolderError: if the ledger of a sweep is damaged.
    """
    refuse_unknown_keys(experiment, known_keys(study))
    selection = CellSelection.of(study)
    return Agreement(
        experiment=experiment,
        published=[
            _compared(entry, index, selection)
            for entry in experiment.published
            for index in range(len(entry.values))
        ],
        checks=[
            EvaluatedCheck(check=check, result=apply_rule(check, selection)) for check in experiment.checks
        ],
        missing=missing_runs(study, selection),
        warnings=warnings(study),
    )


def _compared(entry: PublishedConfig, index: int, selection: CellSelection) -> PublishedComparison:
    metric, estimate, cell = metric_of(entry.metric), MeanEstimate(0), None
    try:
        cell = selection.one(entry.cell)
        estimate = selection.estimate(cell, metric)
        values = selection.sample(cell, metric)
    except MissingResult as error:
        return PublishedComparison(
            published=entry, index=index, metric=metric, estimate=estimate, missing=str(error), cell=cell
        )
    return PublishedComparison(
        published=entry,
        index=index,
        metric=metric,
        estimate=estimate,
        evidence=_against(entry, entry.values[index], values),
        cell=cell,
    )


def _against(entry: PublishedConfig, value: float, values: Sequence[float]) -> Evidence:
    """Compare the differences from the published value with the tolerance, or the values with the range."""
    if entry.tolerance is not None:
        return evidence([own - value for own in values], Bounds(-entry.tolerance, entry.tolerance))
    assert entry.low is not None
    assert entry.high is not None
    return evidence(values, Bounds(entry.low, entry.high))


def missing_runs(study: Study, selection: CellSelection) -> list[str]:
    """Describe missing and unsuccessful runs, one phrase per configuration; empty if all runs succeeded.

    Args:
        study: the experiment's runs.
        selection: its cells, by every key that differs.

    Raises:
        RunFolderError: if the ledger of a sweep is damaged.
    """
    unsuccessful = []
    for cell in selection.cells:
        unfinished = unfinished_runs(cell)
        if unfinished:
            count = f"{len(unfinished)} of {many(len(cell.runs), 'run')}"
            unsuccessful.append(f"{selection.label(cell)}: {count} {how_ended(unfinished)}")
    unreadable = len(study.unreadable)
    absent = list(_absent_runs(study))
    return [
        *unsuccessful,
        *([f"{many(unreadable, 'run')} unreadable"] if unreadable else []),
        *([f"{many(len(absent), 'run')} of the sweep not there: {_names(absent)}"] if absent else []),
    ]


def _absent_runs(study: Study) -> Iterator[str]:
    """Names of runs that a sweep's ledger lists but that have no folder."""
    folders = [Path(row["folder"]) for row in study.rows]
    present = {folder.resolve() for folder in folders}
    for sweep in dict.fromkeys(folder.parent for folder in folders):
        yield from (name for name in Ledger.read(sweep).cells if (sweep / name).resolve() not in present)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def saved_experiment(folder: Path) -> ExperimentConfig | None:
    """The experiment that a sweep was run with, as the sweep's last command saved it.

    Args:
        folder: of the sweep.

    Returns:
        The experiment; None for a folder that holds no sweep, or a sweep that belongs to no experiment.

    Raises:
        RunFolderError: if the saved file is damaged, or its experiment does not fit this version.
    """
    path = folder / SWEEP_FILE
    if not path.is_file():
        return None
    tree = read_yaml(path)
    if not isinstance(tree, dict) or tree.get("experiment") is None:
        return None
    try:
        node = with_references(tree)["experiment"]
        for key, text in interpolations(node, "experiment"):
            raise ConfigError(f"{key} is saved as {text}, which is not resolved anew")
        return checked(updated(ExperimentConfig(), node, "experiment"))
    except ConfigError as error:
        head = f"{path} does not hold an experiment of this version: "
        raise RunFolderError("\n".join(head + line for line in str(error).splitlines())) from error
