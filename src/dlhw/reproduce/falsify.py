"""Falsification of an experiment: run deliberately wrong recipes, and find which its verdict detects."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.config.experiment import ExperimentConfig
from dlhw.config.experiment_entries import MutationConfig
from dlhw.errors import ConfigError, UserError
from dlhw.hydra_support.compose import load_experiment
from dlhw.interruption import Interrupted
from dlhw.reproduce.experiments import missing_data, train_experiment
from dlhw.reproduce.mutants import FalsificationSweep, control_sweep, in_place_of, mutant_sweep
from dlhw.reproduce.outcome import ExperimentEnding
from dlhw.runs.folder import RunFolder

if TYPE_CHECKING:
    import pandas

    from dlhw.reporting.agreement import Agreement, PublishedComparison

# The prefix of the command's error messages.
COMMAND = "dlhw-train: "
# Called with the description of each step that begins, such as `optimizer.lr=0.2 (2 of 5)`.
Show = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class MutantResult:
    """The result of one wrong recipe.

    Args:
        change: the overrides that make the recipe wrong.
        name: its name in tables; empty: the overrides.
        visible: whether the experiment is expected to detect it.
        reason: why it is not expected, if not.
        detected_by: the published values and checks that hold for the recipe but not for this one.
    """

    change: str
    name: str
    visible: bool
    reason: str
    detected_by: list[str]

    @property
    def is_missed(self) -> bool:
        """Whether it should have been detected and was not."""
        return self.visible and not self.detected_by


@dataclass(frozen=True, kw_only=True)
class Falsification:
    """The falsification of one experiment: its control and its wrong recipes.

    Args:
        label: such as `cs7643/lr`.
        ending: how it ended.
        why: a sentence, or the last lines of a log, if it was not successful.
        control_misses: what does not hold for the recipe itself, so that detection has no meaning.
        mutants: the results, in the experiment's order.
        seconds: duration.
    """

    label: str
    ending: ExperimentEnding
    why: str = ""
    control_misses: list[str] = field(default_factory=list)
    mutants: list[MutantResult] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def fails(self) -> bool:
        """Whether a visible mutation is not detected, the control fails, or it could not be run."""
        is_missed = any(mutant.is_missed for mutant in self.mutants)
        return self.ending is ExperimentEnding.failed or bool(self.control_misses) or is_missed


def falsify(label: str, out: Path, show: Show = lambda step: None) -> Falsification:
    """Run an experiment's recipe and its mutations, with `experiment.mutation_seeds` seeds, and judge them.

    Args:
        label: of the experiment.
        out: folder of all falsifications.
        show: called with each step that begins.

    Raises:
        Interrupted: if a signal interrupts it.
    """
    began = time.monotonic()
    try:
        experiment = load_experiment(label)
        reason = missing_data(experiment)
        if reason is not None:
            return Falsification(label=label, ending=ExperimentEnding.skipped, why=reason)
        misses, mutants = _falsify(experiment, out / label.replace("/", "-"), show)
    except Interrupted:
        raise
    except UserError as error:
        return Falsification(label=label, ending=ExperimentEnding.failed, why=str(error))
    except Exception:  # a bug in dlhw fails one experiment, not those after it
        return Falsification(label=label, ending=ExperimentEnding.failed, why=traceback.format_exc())
    seconds = time.monotonic() - began
    return Falsification(
        label=label, ending=ExperimentEnding.done, control_misses=misses, mutants=mutants, seconds=seconds
    )


def _falsify(experiment: ExperimentConfig, folder: Path, show: Show) -> tuple[list[str], list[MutantResult]]:
    if not experiment.mutations:
        return [], []
    control, swept = control_sweep(experiment, folder)
    mutants = []
    for index, mutation in enumerate(experiment.mutations):  # compose all of them before training any
        try:
            mutants.append(mutant_sweep(experiment, mutation, folder, control, swept))
        except UserError as error:
            raise _in_file(experiment, index, error) from error
    show("control")
    _train(experiment, control)
    control_items = _items(_judge(in_place_of(control, control), experiment))
    results = []
    for index, (mutation, sweep) in enumerate(zip(experiment.mutations, mutants, strict=True)):
        show(f"{mutation.label} ({index + 1} of {len(mutants)})")
        try:
            _train(experiment, sweep)
            items = _items(_judge(in_place_of(control, sweep), experiment))
        except UserError as error:
            raise _in_file(experiment, index, error) from error
        results.append(_result(mutation, control_items, items))
    return [text for text, holds in control_items if not holds], results


def _in_file(experiment: ExperimentConfig, index: int, error: UserError) -> ConfigError:
    return ConfigError(f"conf/experiment/{experiment.label}.yaml: experiment.mutations[{index}]: {error}")


def _train(experiment: ExperimentConfig, sweep: FalsificationSweep) -> None:
    """Run a sweep. A run that diverges is a result; any other unsuccessful run is an error.

    Raises:
        UserError: with the last lines of the log.
    """
    if sweep.is_done():
        return
    status, last_lines = train_experiment(experiment.label, sweep.folder, sweep.overrides)
    if status == 0:
        return
    if not all(RunFolder(sweep.folder / name).is_done() for name in sweep.runs):
        sentences = [line for line in last_lines.splitlines() if line.startswith(COMMAND)]
        raise UserError("\n".join(sentences) or last_lines)


def _judge(frame: "pandas.DataFrame", experiment: ExperimentConfig) -> "Agreement":
    from dlhw.reporting.judge import judge_runs

    return judge_runs(frame, experiment)[1]


def _items(agreement: "Agreement") -> list[tuple[str, bool]]:
    """Everything that the verdict depends on, as text, and whether it holds."""
    from dlhw.reporting.agreement import Verdict

    published = [(_published_text(item), item.verdict is Verdict.yes) for item in agreement.deciding_values]
    checks = [
        (f"{evaluated.check.claim} ({evaluated.result.text})", evaluated.verdict is Verdict.yes)
        for evaluated in agreement.deciding
    ]
    return published + checks


def _published_text(item: "PublishedComparison") -> str:
    """Text such as `validation accuracy, final, alpha=0.1: .8123, published .9277`."""
    from dlhw.reporting.formatting import number_text
    from dlhw.reporting.selection import label_of

    cell = f", {label_of(item.published.cell)}" if item.published.cell else ""
    value = item.estimate.mean
    mean = item.missing if value is None else number_text(value, item.metric)
    return f"{item.metric.label}{cell}: {mean}, published {number_text(item.value, item.metric)}"


def _result(
    mutation: MutationConfig, control: Sequence[tuple[str, bool]], items: Sequence[tuple[str, bool]]
) -> MutantResult:
    detected_by = [text for (_, was), (text, holds) in zip(control, items, strict=True) if was and not holds]
    return MutantResult(
        change=mutation.text,
        name=mutation.name,
        visible=mutation.visible,
        reason=mutation.reason,
        detected_by=detected_by,
    )


def record(result: Falsification) -> dict[str, Any]:
    """A result as plain data, for falsify.json."""
    return asdict(result) | {"ending": result.ending.value}
