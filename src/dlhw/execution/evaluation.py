"""Restore a run from its folder and evaluate it again."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dlhw.callbacks.checkpoints import check_matches, load_checkpoint
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.files import write_json
from dlhw.runs.folder import EVALUATION_FILE, RunFolder
from dlhw.runs.predictions import read_predictions
from dlhw.runs.saved_config import saved_config
from dlhw.sections import PARAMETERS, under
from dlhw.training.backends.compiled import make_evaluator, prepare_data
from dlhw.training.backends.select import select_backend
from dlhw.training.batches import DeviceDataset
from dlhw.training.device import DTYPES, matmul_setting
from dlhw.training.events import Scores
from dlhw.training.fit import prepare

# Rounding of float32 sums in another order; anything larger means other data, parameters or code.
SAME = 1e-5
SUMMARY_OF = {"best": "best", "last": "final"}


@dataclass(frozen=True, kw_only=True)
class SavedRunScores:
    """Results of evaluating a saved run again.

    Args:
        scores: split -> loss and accuracy.
        hashes: split -> hash of its samples.
        step: of the checkpoint.
        predicted: class of each test sample; None for regression, or without a test split.
    """

    scores: Mapping[str, Scores]
    hashes: Mapping[str, str]
    step: Any
    predicted: list[int] | None


def count_other_predictions(folder: Path, checkpoint: str, measured: SavedRunScores) -> int:
    """The number of test samples whose predicted class differs from the stored one.

    It is 0 where no stored predictions can be compared.

    Raises:
        RunFolderError: if the stored predictions are damaged.
    """
    stored = read_predictions(folder)
    if stored is None or measured.predicted is None or stored.parameters != checkpoint:
        return 0
    if stored.split_hash != measured.hashes.get("test") or len(stored.predicted) != len(measured.predicted):
        return 0
    return sum(one != other for one, other in zip(stored.predicted.tolist(), measured.predicted, strict=True))


def evaluate_checkpoint(
    config: TrainConfig, folder: Path, checkpoint: str, matmul: str | None
) -> SavedRunScores:
    """Scores of every split, and classes of the test split, with a checkpoint's parameters.

    Args:
        config: of the run.
        folder: of the run.
        checkpoint: "best" or "last".
        matmul: the matrix-product setting that the run was measured with, for the same bits.
    """
    path = RunFolder(folder).checkpoint(checkpoint)
    tensors, state = load_checkpoint(path)
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    cohort = prepare([config], [dataset])
    check_matches(
        path, under(PARAMETERS, tensors), {name: spec.shape for name, spec in cohort.layout.specs.items()}
    )
    cohort.load_run(0, under("parameters", tensors))
    backend = select_backend(cohort)
    evaluator = make_evaluator(cohort, backend)
    with matmul_setting(matmul or "highest"):
        splits = {
            split: prepare_data(cohort, backend, DeviceDataset.of([samples], cohort.device))
            for split, samples in dataset.splits.items()
        }
        scores = {split: evaluator.scores(cohort.params_RP, data)[0] for split, data in splits.items()}
        predicted = None
        if dataset.class_names and "test" in splits:
            predicted = evaluator.predictions(cohort.params_RP, splits["test"])[0].tolist()
    return SavedRunScores(scores=scores, hashes=dataset.hashes, step=state.get("step"), predicted=predicted)


def differs(scores: Scores, recorded: Mapping[str, float | None]) -> bool:
    """Whether the scores of a split differ from the recorded ones by more than rounding."""
    pairs = [(value, recorded.get(name)) for name, value in asdict(scores).items()]
    return any(a is not None and b is not None and abs(a - b) > SAME * max(1, abs(b)) for a, b in pairs)


def compare_with_summary(
    config: TrainConfig, folder: Path, checkpoint: str
) -> tuple[SavedRunScores, dict[str, Mapping[str, float | None]]]:
    """Evaluate a saved run again, and read the scores of every split that summary.json recorded.

    Recorded training scores are left out where they are averages over batches, and all recorded scores are
    where the checkpoint is of another step.

    Args:
        config: of the run.
        folder: of the run.
        checkpoint: "best" or "last".

    Raises:
        UserError: if the run cannot be restored.
    """
    summary = RunFolder(folder).summary()
    measured = evaluate_checkpoint(config, folder, checkpoint, summary.get("matmul"))
    report_other_data(measured.hashes, summary.get("split_hashes"))
    recorded = dict(summary.get(SUMMARY_OF[checkpoint]) or {})
    if config.trainer.train_metrics != "full":
        recorded.pop("train", None)
    if checkpoint == "last" and measured.step != summary.get("steps"):
        recorded = {}  # cut off between two evaluations
    return measured, recorded


def evaluate_saved(folder: Path) -> None:
    """Evaluate the parameters that a run saved, and write the scores into the run's evaluation.json.

    Beside the scores the file has `largest_difference`, over all losses and accuracies that summary.json
    recorded too; null where it recorded none.

    Args:
        folder: of a run that succeeded.

    Raises:
        UserError: if the run cannot be restored.
    """
    config = saved_config(folder)
    now, recorded = compare_with_summary(config, folder, str(config.trainer.select))
    measured = {split: asdict(result) for split, result in now.scores.items()}
    pairs = [
        (value, recorded[split].get(name))
        for split in recorded.keys() & measured.keys()
        for name, value in measured[split].items()
    ]
    differences = [abs(a - b) for a, b in pairs if a is not None and b is not None]
    largest = max(differences, default=None)
    write_json(folder / EVALUATION_FILE, {"scores": measured, "largest_difference": largest})


def report_other_data(hashes: Mapping[str, str], recorded: Any) -> None:
    """Report on stderr the splits whose samples are not those of the run."""
    known = recorded if isinstance(recorded, dict) else {}
    other = [split for split, digest in hashes.items() if split in known and known[split] != digest]
    if other:
        print(f"dlhw-eval: other data than the run's in {', '.join(other)} (split_hashes)", file=sys.stderr)
