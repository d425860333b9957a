"""Run a procedure and write its results into a run folder, where sweeps and reports expect them."""

import csv
import io
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from dlhw.callbacks.summary import notes, outcome
from dlhw.config.fields import config_hash
from dlhw.config.registry import import_builder
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import Console
from dlhw.content import data_identity
from dlhw.display import visible
from dlhw.environment import machine, versions
from dlhw.files import write_atomic, write_json
from dlhw.procedures.findings import Findings, Row
from dlhw.runs.folder import SUMMARY_FILE
from dlhw.source import code_version, git_state
from dlhw.status import Status
from dlhw.terminal import PipeSafeConsole
from dlhw.training.events import RunResult


def run_procedure(config: TrainConfig, folder: Path) -> RunResult:
    """Run the procedure of `config`; write its tables as CSV, and last summary.json.

    Args:
        config: of a procedure that does not train.
        folder: of the run; it must exist.

    Returns:
        A result without scores or steps.

    Raises:
        UserError: if config or data do not fit the procedure; nothing is written then.
    """
    started = perf_counter()
    findings: Findings = import_builder(config.procedure)(config)
    result = _result(perf_counter() - started)
    for name, rows in findings.tables.items():
        write_atomic(folder / f"{name}.csv", _csv(rows))
    write_json(folder / SUMMARY_FILE, outcome(result) | _about(config, findings))
    if config.tracking.console is not Console.none:
        _show(findings, result, folder)
    return result


def _result(seconds: float) -> RunResult:
    return RunResult(
        status=Status.completed, final={}, best={}, best_epoch=0.0, best_step=0, epochs=0.0, steps=0,
        seconds=seconds, own_seconds=seconds,
    )  # fmt: skip


def _about(config: TrainConfig, findings: Findings) -> dict[str, Any]:
    """The findings and their environment, as plain data."""
    return {
        "procedure": config.procedure.name,
        "values": dict(findings.values),
        "found": list(findings.sentences),
        "seed": config.seed,
        "num_samples": dict(findings.num_samples),
        "split_hashes": dict(findings.split_hashes),
        "notes": notes(config),
        "device": "cpu",
        "dtype": "float64",
        "config_hash": config_hash(config),
        "code": code_version(),
        "data_content": data_identity(config.data.files()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git": git_state(),
        **machine("cpu"),
    }


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _show(findings: Findings, result: RunResult, folder: Path) -> None:
    terminal = PipeSafeConsole(file=sys.stdout, highlight=False)
    closing = f"{result.status} after {result.seconds:.1f} s: {folder}"
    for line in (*findings.sentences, closing):
        terminal.print(visible(line), markup=False, highlight=False, soft_wrap=True)
