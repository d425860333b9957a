"""`dlhw-eval`: restore a run from its folder and measure it again."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.commands.cli import run_command
from dlhw.display import visible
from dlhw.errors import RunFolderError
from dlhw.runs.folder import CONFIG_FILE, EVALUATION_FILE, RunFolder

if TYPE_CHECKING:
    from dlhw.config.root import TrainConfig
    from dlhw.training.events import Scores

EPILOG = """\
examples:
  dlhw-eval runs/digits-mlp/2025-01-31_12-00-00-000000
  dlhw-eval RUN_DIR --checkpoint last
  dlhw-eval RUN_DIR data.root=/other/place/of/the/data

The table shows each part's loss and accuracy beside what summary.json recorded. Training scores are only
compared where they were measured by a full pass (trainer.train_metrics=full).
Exit status 0: as recorded, up to rounding; 1: not, or the run cannot be restored.
"""
# Rounding of float32 sums in another order; anything larger means other data, parameters or code.
SAME = 1e-5
SUMMARY_OF = {"best": "best", "last": "final"}


def main() -> None:
    """Entry point of the command."""
    run_command("dlhw-eval", lambda: evaluate(sys.argv[1:]))


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dlhw-eval",
        description="Restore a run from its folder and measure it again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a run")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="such as data.root or trainer.device"
    )
    parser.add_argument(
        "--checkpoint", choices=SUMMARY_OF, help="parameters to measure (default: the run's trainer.select)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(argv)


def evaluate(argv: list[str]) -> int:
    """Measure a run again, print the scores, return the exit status."""
    args = parse(argv)
    config = saved_config(args.run_dir, args.overrides)
    if not config.procedure.trains:
        raise RunFolderError(
            f"{args.run_dir} holds what procedure={config.procedure.name} found, and no parameters to "
            "measure again: summary.json has its values, and dlhw-train computes them anew"
        )
    checkpoint = args.checkpoint or str(config.trainer.select)
    measured, recorded = compare(config, args.run_dir, checkpoint)
    scores = measured.scores
    if args.json:
        print(json.dumps({part: asdict(each) for part, each in scores.items()}, indent=2))
    else:
        _print_table(args.run_dir, checkpoint, scores, recorded)
    others = other_predictions(args.run_dir, checkpoint, measured)
    if others:
        print(
            f"dlhw-eval: {others:,} of {len(measured.predicted or []):,} test samples are predicted to be of "
            "another class than in predictions.safetensors",
            file=sys.stderr,
        )
    is_other = any(differs(scores[part], recorded[part]) for part in recorded if part in scores)
    return int(is_other or others > 0)


def compare(
    config: "TrainConfig", folder: Path, checkpoint: str
) -> "tuple[Measured, dict[str, Mapping[str, float | None]]]":
    """What is measured now, and the scores of every split that summary.json recorded.

    Training scores are left out of the recorded ones where they are averages over batches, and all are where
    the checkpoint is of another step.

    Args:
        config: the run's.
        folder: the run's.
        checkpoint: "best" or "last".

    Raises:
        UserError: if the run cannot be restored.
    """
    summary = RunFolder(folder).summary()
    measured = measure(config, folder, checkpoint, summary.get("matmul"))
    tell_other_data(measured.hashes, summary.get("split_hashes"))
    recorded = dict(summary.get(SUMMARY_OF[checkpoint]) or {})
    if config.trainer.train_metrics != "full":
        recorded.pop("train", None)
    if checkpoint == "last" and measured.step != summary.get("steps"):
        recorded = {}  # cut off between two evaluations
    return measured, recorded


def evaluate_saved(folder: Path) -> None:
    """Measure the parameters that a run saved, and write what came out into the run's evaluation.json.

    Beside the scores the file has `largest_difference`, over all losses and accuracies that summary.json
    recorded too; null where it recorded none.

    Args:
        folder: of a run that has ended well.

    Raises:
        UserError: if the run cannot be restored.
    """
    from dlhw.runs.files import write_json

    config = saved_config(folder, [])
    now, recorded = compare(config, folder, str(config.trainer.select))
    measured = {split: asdict(result) for split, result in now.scores.items()}
    pairs = [
        (value, recorded[split].get(name))
        for split in recorded.keys() & measured.keys()
        for name, value in measured[split].items()
    ]
    differences = [abs(a - b) for a, b in pairs if a is not None and b is not None]
    largest = max(differences, default=None)
    write_json(folder / EVALUATION_FILE, {"scores": measured, "largest_difference": largest})


def saved_config(folder: Path, overrides: list[str]) -> "TrainConfig":
    """The config that a run was trained with.

    Raises:
        RunFolderError: if the folder is not that of a run.
        ConfigError: if the config or an override does not fit.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from dlhw.config.load import from_dict
    from dlhw.config.messages import explain
    from dlhw.config.saved import with_references
    from dlhw.errors import ConfigError

    path = folder / CONFIG_FILE
    if not folder.is_dir():
        from dlhw.runs.sweep_folder import nearest_folder

        raise RunFolderError(f"{folder} is not a folder{nearest_folder(folder)}")
    if not path.is_file():
        raise RunFolderError(f"{folder} is not a run's folder: it has no {CONFIG_FILE}")
    saved = RunFolder(folder).composed()
    try:
        saved = with_references(saved)
        given = OmegaConf.to_container(OmegaConf.from_dotlist(overrides), resolve=True)
        assert isinstance(given, dict)
        return from_dict(_merged(saved, given))
    except (OmegaConfBaseException, ConfigError) as error:
        told = str(error) if isinstance(error, ConfigError) else explain(error)
        raise ConfigError("\n".join(f"{path}: {line}" for line in told.splitlines())) from error


def _merged(tree: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[str, Any]:
    """Nested dicts with the values of `over` where it has any."""
    merged = {str(key): value for key, value in tree.items()}
    for key, value in over.items():
        below = merged.get(str(key))
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = _merged(below, value)
        merged[str(key)] = value
    return merged


def tell_other_data(hashes: Mapping[str, str], recorded: Any) -> None:
    """Say on stderr which parts are not the samples that the run was trained and measured with."""
    known = recorded if isinstance(recorded, dict) else {}
    other = [part for part, digest in hashes.items() if part in known and known[part] != digest]
    if other:
        print(f"dlhw-eval: other data than the run's in {', '.join(other)} (split_hashes)", file=sys.stderr)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run measured again.

    Args:
        scores: split -> loss and accuracy.
        hashes: split -> hash of its samples.
        step: of the checkpoint.
        predicted: class of each test sample; None for regression, or without a test split.
    """

    scores: "Mapping[str, Scores]"
    hashes: Mapping[str, str]
    step: Any
    predicted: list[int] | None


def other_predictions(folder: Path, checkpoint: str, measured: Measured) -> int:
    """Test samples that are predicted otherwise than stored; 0 where nothing stored can be compared.

    Raises:
        RunFolderError: if the stored predictions are damaged.
    """
    from dlhw.runs.predictions import read_predictions

    stored = read_predictions(folder)
    if stored is None or measured.predicted is None or stored.parameters != checkpoint:
        return 0
    if stored.split_hash != measured.hashes.get("test") or len(stored.predicted) != len(measured.predicted):
        return 0
    return sum(one != other for one, other in zip(stored.predicted.tolist(), measured.predicted, strict=True))


def measure(config: "TrainConfig", folder: Path, checkpoint: str, matmul: str | None) -> Measured:
    """Scores of every split, and classes of the test split, with a checkpoint's parameters.

    Args:
        config: the run's.
        folder: the run's.
        checkpoint: "best" or "last".
        matmul: the matrix-product setting that the run was measured with, for the same bits.
    """
    from dlhw.callbacks.checkpoint import check_matches, load_checkpoint
    from dlhw.data.dataset import load_dataset
    from dlhw.sections import under
    from dlhw.training.backends.compiled import make_evaluator, prepare_data
    from dlhw.training.backends.select import resolve_kernels
    from dlhw.training.batches import DeviceDataset
    from dlhw.training.device import DTYPES, matmul_setting
    from dlhw.training.fit import prepare

    path = RunFolder(folder).checkpoint(checkpoint)
    tensors, state = load_checkpoint(path)
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    cohort = prepare([config], [dataset])
    check_matches(path, tensors, {name: spec.shape for name, spec in cohort.layout.specs.items()})
    cohort.load_run(0, under("parameters", tensors))
    kernels = resolve_kernels(cohort)
    evaluator = make_evaluator(cohort, kernels)
    with matmul_setting(matmul or "highest"):
        splits = {
            name: prepare_data(cohort, kernels, DeviceDataset.of([split], cohort.device))
            for name, split in dataset.splits.items()
        }
        scores = {name: evaluator.scores(cohort.params_RP, data)[0] for name, data in splits.items()}
        predicted = None
        if dataset.class_names and "test" in splits:
            predicted = evaluator.predictions(cohort.params_RP, splits["test"])[0].tolist()
    return Measured(scores=scores, hashes=dataset.hashes, step=state.get("step"), predicted=predicted)


def differs(scores: "Scores", recorded: Mapping[str, float | None]) -> bool:
    """Whether a part's scores are not those recorded, up to rounding."""
    pairs = [(value, recorded.get(name)) for name, value in asdict(scores).items()]
    return any(a is not None and b is not None and abs(a - b) > SAME * max(1, abs(b)) for a, b in pairs)


def _print_table(
    folder: Path, checkpoint: str, scores: "Mapping[str, Scores]", recorded: Mapping[str, Any]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = Text(visible(f"{folder}, checkpoint {checkpoint}"), style="table.title")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("", "loss", "accuracy", "recorded loss", "recorded accuracy", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for part, each in scores.items():
        was = recorded.get(part, {})
        verdict = "" if not was else "DIFFERS" if differs(each, was) else "same"
        numbers = (each.loss, each.accuracy, was.get("loss"), was.get("accuracy"))
        table.add_row(part, *("" if value is None else f"{value:.6f}" for value in numbers), verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else 110).print(table)


if __name__ == "__main__":
    main()
