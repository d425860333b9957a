"""A run's folder: the names of its files, and the reader of its config, summary, evaluation and curves.

Any file may be truncated, or not written by dlhw. `callbacks` reads what holds tensors: here is no torch.
"""

import csv
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlhw.config.saved import REFERENCE, with_references
from dlhw.errors import RunFolderError, listing
from dlhw.files import read_json, read_text, read_yaml
from dlhw.status import is_final

CONFIG_FILE = Path(".hydra", "config.yaml")
OVERRIDES_FILE = Path(".hydra", "overrides.yaml")
SUMMARY_FILE = "summary.json"
METRICS_FILE = "metrics.csv"
EVALUATION_FILE = "evaluation.json"
PREDICTIONS_FILE = "predictions.safetensors"
CHECKPOINT = "checkpoints/{}.safetensors"
LAST, PREVIOUS, BEST = map(CHECKPOINT.format, ("last", "previous", "best"))
# Columns of metrics.csv.
COLUMNS = ("run", "epoch", "step", "split", "loss", "accuracy", "seconds")
# Keys of summary.json that are columns of the frame of runs.
ABOUT = (
    "message", "diverged_at", "epochs", "steps", "best_epoch", "seconds", "own_seconds", "num_parameters",
    "created", "class_names", "code", "data_content", "split_hashes",
)  # fmt: skip
LARGEST = 2**63
TEXTS = ("message", "created", "class_names", "code", "data_content")
MAX_CURVES = 1 << 30  # bytes; a million evaluations take 200 MB


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, whatever it contains.

    Args:
        path: of the folder.
    """

    path: Path

    def checkpoint(self, name: str) -> Path:
        """The path of a checkpoint.

        Args:
            name: best, last, or another checkpoint that the run has kept.
        """
        return self.path / CHECKPOINT.format(name)

    def has_checkpoint(self) -> bool:
        """Whether the run has written any checkpoint."""
        return any(self.path.glob(CHECKPOINT.format("*")))

    def composed(self) -> dict[str, Any]:
        """The config as Hydra saved it, with references to other keys.

        Raises:
            RunFolderError: if the file is damaged.
        """
        path = self.path / CONFIG_FILE
        tree = read_yaml(path)
        if not isinstance(tree, dict):
            raise RunFolderError(f"{path} is damaged: it does not hold a config")
        return tree

    def config(self) -> dict[str, Any]:
        """The config of the run as nested plain data, without the node `experiment` of its sweep.

        Raises:
            RunFolderError: if the file is damaged.
        """
        tree = self.composed()
        tree.pop("experiment", None)  # its question and claims are not settings of a run
        tree = with_references(tree)
        if not _is_count(tree.get("seed", 0)):
            raise RunFolderError(
                f"{self.path / CONFIG_FILE} is damaged: seed must be an integer from 0 to 2**63 - 1"
            )
        return tree

    def references(self) -> dict[str, list[str]]:
        """Key -> the keys that its value was composed from, as in `data.train=n${data.num_train}.csv`.

        Empty if the file is missing or damaged: it only serves to leave out dependent keys in reports.
        """
        lines: object = None
        with suppress(RunFolderError):
            lines = read_yaml(self.path / OVERRIDES_FILE)
        texts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
        settings = [line.lstrip("+").partition("=")[::2] for line in texts]
        return {key: keys for key, value in settings if (keys := REFERENCE.findall(value))}

    def summary(self) -> dict[str, Any]:
        """The content of summary.json; empty for a run that has not ended.

        Raises:
            RunFolderError: if the file is damaged.
        """
        summary = self._json(SUMMARY_FILE)
        if summary is None:
            return {}
        if not isinstance(summary, dict):
            raise RunFolderError(f"{self.path / SUMMARY_FILE} is damaged: it does not hold a summary")
        return summary

    def _json(self, name: str) -> Any:
        """The content of a JSON file; None only if the file does not exist."""
        path = self.path / name
        if not path.is_file():
            return None
        tree = read_json(path)
        if tree is None:
            raise RunFolderError(f"{path} is damaged: it holds null")
        return tree

    def ending(self) -> dict[str, Any]:
        """The content of summary.json; empty also if the file is damaged: such a run was not successful."""
        try:
            return self.summary()
        except RunFolderError:
            return {}

    def is_done(self) -> bool:
        """Whether the run has ended with a final status: running its config again would end the same way."""
        return is_final(self.ending().get("status"))

    def results(self) -> dict[str, Any] | None:
        """The summary as one row: status, seed, …, and scores as `final/val/accuracy`; None if there is none.

        Raises:
            RunFolderError: if the file is damaged or not a summary.
        """
        path, summary = self.path / SUMMARY_FILE, self._json(SUMMARY_FILE)
        if summary is None:
            return None
        if not isinstance(summary, dict) or not isinstance(summary.get("status"), str):
            raise RunFolderError(f"{path} is not the summary of a run: it has no status")
        try:
            return {
                "status": summary["status"],
                **{name: _column(name, _on_one_line(summary.get(name))) for name in ("seed", *ABOUT)},
                **{
                    key: value
                    for kind in ("final", "best")
                    for key, value in _scores(kind, summary.get(kind))
                },
                **dict(_values(summary.get("values"))),
                **{f"num_samples/{split}": _number(split, n) for split, n in _sizes(summary)},
            }
        except (TypeError, ValueError, AttributeError) as error:
            raise RunFolderError(f"{path} is damaged: its scores are not numbers") from error

    def evaluation(self) -> dict[str, float]:
        """The largest difference between recorded scores and the scores of the saved parameters.

        Empty for a run whose parameters were not measured again.

        Raises:
            RunFolderError: if evaluation.json is damaged.
        """
        measured = self._json(EVALUATION_FILE)
        if measured is None:
            return {}
        try:
            largest = measured["largest_difference"]
            return {} if largest is None else {"values.evaluation_difference": float(_number("", largest))}
        except (KeyError, TypeError, ValueError) as error:
            path = self.path / EVALUATION_FILE
            raise RunFolderError(f"{path} is damaged: it does not hold the largest difference") from error

    def curves(self) -> list[dict[str, Any]]:
        """The rows of metrics.csv; none for a run that has not been evaluated.

        Raises:
            RunFolderError: if the file is damaged. An incomplete last line, left by a killed run, is ignored.
        """
        path = self.path / METRICS_FILE
        if not path.is_file():
            return []
        whole, _, _ = read_text(path, MAX_CURVES, errors="replace").rpartition("\n")
        try:
            header, *rows = [tuple(row) for row in csv.reader(whole.splitlines())] or [()]
        except csv.Error as error:
            raise RunFolderError(f"{path} is damaged: {error}") from error
        if whole and header != COLUMNS:
            raise RunFolderError(
                f"{path} is not the metrics of a run: it must begin with {','.join(COLUMNS)}"
            )
        return [_row(path, number, row) for number, row in enumerate(rows, 2)]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _scores(kind: str, splits: dict[str, dict[str, float | None]] | None) -> Iterator[tuple[str, float]]:
    """Scores by column name; null, a value that is not finite or that regression lacks, becomes NaN."""
    for split, scores in (splits or {}).items():
        for name, value in scores.items():
            yield f"{kind}/{split}/{name}", math.nan if value is None else float(_number(name, value))


def _sizes(summary: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (summary.get("num_samples") or {}).items()


def _on_one_line(value: Any) -> Any:
    """The names of classes as one text; None for regression."""
    return listing(value) or None if isinstance(value, list) else value


def _column(name: str, value: Any) -> Any:
    if value is None or (name in TEXTS and isinstance(value, str)):
        return value
    if name == "split_hashes":
        return json.dumps({str(split): str(digest) for split, digest in value.items()}, sort_keys=True)
    return _number(name, value)


def _number(name: str, value: Any) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, int) and abs(value) >= LARGEST):
        raise ValueError(f"{name} is not a number")
    return value


def _values(named: dict[str, Any] | None) -> Iterator[tuple[str, float | int]]:
    """Reported values by column name: a truth value becomes 0 or 1, null becomes NaN."""
    for name, value in (named or {}).items():
        number = int(value) if isinstance(value, bool) else value
        yield f"values.{name}", math.nan if number is None else _number(name, number)


def _row(path: Path, number: int, row: tuple[str, ...]) -> dict[str, Any]:
    try:
        named = dict(zip(COLUMNS, row, strict=True))
        numbers = {name: float(named[name] or "nan") for name in ("epoch", "loss", "accuracy", "seconds")}
        step = int(named["step"])
        if not (math.isfinite(numbers["epoch"]) and 0 <= step < LARGEST):
            raise ValueError(f"no place in a run: epoch {numbers['epoch']}")
        return {"step": step, "split": named["split"], **numbers}
    except ValueError as error:
        raise RunFolderError(f"{path} is damaged at line {number}") from error
