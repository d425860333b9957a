"""A run that resumes from any of its checkpoints ends with the same bits."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from training_runs import Listener, small

from dlhw.callbacks.checkpoints import CheckpointCallback, load_checkpoint, load_resume_states
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset, load_dataset
from dlhw.runs.folder import BEST, LAST
from dlhw.training import schedule
from dlhw.training.callbacks import Callback
from dlhw.training.device import DTYPES
from dlhw.training.events import Snapshot
from dlhw.training.fit import fit
from dlhw.training.state import ResumeState

ALWAYS = ["trainer.checkpoint_every=1e-9", "trainer.checkpoint_unit=minute"]
CASES = {
    "sgd": ["optimizer.lr=0.3"],
    "sgd by torch, scored once an epoch": ["trainer.backend=eager"],
    "compiled momentum": ["optimizer.momentum=0.9", "trainer.eval_every=3", "regularizer=l1", "regularizer.alpha=1e-3"],
    "momentum, dropout, half an epoch": ["optimizer.momentum=0.9", "model.dropout=0.3", "trainer.eval_every=7", "trainer.eval_unit=step"],
    "adam, cosine, patience": ["optimizer=adam", "schedule=cosine", "trainer.early_stopping.patience=4", "trainer.early_stopping.min_delta=9", "trainer.eval_every=6", "trainer.eval_unit=step", "model.dropout=0.5"],
    "rmsprop, with replacement, full": ["optimizer=rmsprop", "optimizer.centered=true", "optimizer.momentum=0.5", "trainer.sampling=with_replacement", "trainer.train_metrics=full"],
    "adamw by autograd": ["optimizer=adamw", "trainer.backend=autograd", "trainer.sampling=without_replacement", "model.dropout=0.1"],
    "float32, ends within an epoch": ["trainer.dtype=float32", "trainer.max_steps=33", "trainer.eval_every=3", "regularizer=l2", "regularizer.alpha=1e-3", "optimizer.momentum=0.5"],
    "nothing to validate": ["data.split.val=0", "trainer.drop_last=true", "trainer.select=last"],
}  # fmt: skip


class Copier(Listener):
    """Follows the checkpoint callback and copies the checkpoint at every step."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        super().on_checkpoint(snapshot)
        (self.folder / "at").mkdir(exist_ok=True)
        shutil.copy(self.folder / LAST, self.folder / "at" / f"{self.checkpoints[-1]}")

    def saved(self, step: int, config: TrainConfig, scratch: Path) -> ResumeState:
        """What a new process finds after that step."""
        (scratch / "checkpoints").mkdir(parents=True, exist_ok=True)
        kept = self.folder / "at" / f"{step}"
        shutil.copy(kept if kept.exists() else self.folder / LAST, scratch / LAST)
        (saved,) = load_resume_states(scratch, config)
        return saved


@pytest.fixture
def _step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_SECONDS", 0.0)


def train(
    configs: Sequence[TrainConfig], root: Path, saved: Sequence[ResumeState] | None = None
) -> list[Copier]:
    """Train together, each run into a folder of its own."""
    datasets: list[Dataset] = [load_dataset(c.data, c.data_seed(), DTYPES[c.trainer.dtype]) for c in configs]
    copiers = [Copier(root / str(run)) for run in range(len(configs))]

    def make_callbacks(run: int, config: TrainConfig) -> list[Callback]:
        (root / str(run)).mkdir(parents=True)
        return [CheckpointCallback(root / str(run)), copiers[run]]

    fit(configs, datasets, make_callbacks, saved)
    return copiers


def scores_after(copier: Copier, step: int) -> list[tuple[int, float | bool, object, bool]]:
    return [
        (evaluation.step, "test" in evaluation.scores or evaluation.lr, evaluation.scores, evaluation.is_best)
        for evaluation in copier.evaluations
        if evaluation.step > step or "test" in evaluation.scores
    ]


def assert_same(one: Copier, other: Copier, step: int) -> None:
    """Assert equal checkpoints and results, and equal evaluations after a step."""
    assert scores_after(one, step) == scores_after(other, step)
    for name in (BEST, LAST):
        (tensors, state), (expected, wanted) = (
            load_checkpoint(copier.folder / name) for copier in (one, other)
        )
        if name == BEST and wanted["step"] <= step:
            continue  # written by the first process, which is another test's
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[key], expected[key]) for key in expected)
    result, expected_result = one.result, other.result
    assert (result.status, result.steps, result.best_step) == (
        expected_result.status, expected_result.steps, expected_result.best_step,
    )  # fmt: skip
    assert (result.final, result.best) == (expected_result.final, expected_result.best)
    assert result.own_seconds is not None
    assert 0 < result.own_seconds <= result.seconds


@pytest.mark.usefixtures("_step_by_step")
@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES.keys())
def test_from_any_step_to_the_same_bits(overrides: list[str], tmp_path: Path) -> None:
    config = small("model.hidden=[12]", *ALWAYS, *overrides)
    (whole,) = train([config], tmp_path / "whole")
    steps = whole.checkpoints
    assert steps == list(range(1, whole.result.steps))
    for step in (1, 6, 13, 20, 26, steps[-1], steps[-1] + 1):
        saved = whole.saved(step, config, tmp_path / f"from{step}")
        (again,) = train([config], tmp_path / f"again{step}", [saved])
        assert again.checkpoints[:1] == steps[step : step + 1]
        assert_same(again, whole, step)


@pytest.mark.usefixtures("_step_by_step")
def test_a_cohort_resumes_together_or_apart(tmp_path: Path) -> None:
    """Different rates, seeds, dropout and patience; one run has already ended when the others resume."""
    overrides = [
        (
            "optimizer.lr=0.3",
            "seed=0",
            "trainer.early_stopping.patience=1",
            "trainer.early_stopping.min_delta=9",
        ),
        ("optimizer.lr=0.1", "seed=1", "model.dropout=0.4"),
        ("optimizer.lr=0.02", "seed=0", "optimizer.momentum=0.9"),
    ]
    configs = [small("model.hidden=[12]", "trainer.backend=eager", *ALWAYS, *own) for own in overrides]
    together = train(configs, tmp_path / "together")
    assert [copier.result.steps for copier in together] == [26, 52, 52]
    for places in ([1, 2], [1], [2]):
        chosen = [configs[place] for place in places]
        root = tmp_path / f"again{places}"
        saved = [together[place].saved(31, configs[place], root / f"from{place}") for place in places]
        for place, again in zip(places, train(chosen, root, saved), strict=True):
            assert_same(again, together[place], 31)
    (ended,) = train(configs[:1], tmp_path / "ended", [together[0].saved(26, configs[0], tmp_path / "from")])
    assert_same(ended, together[0], 26)


def test_no_bit_depends_on_the_number_of_steps_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("model.dropout=0.2", "optimizer.momentum=0.9", "trainer.dtype=float32")
    (at_once,) = train([config], tmp_path / "at once")
    monkeypatch.setattr(schedule, "CHUNK_SECONDS", 0.0)
    (one_by_one,) = train([config], tmp_path / "one by one")
    assert_same(one_by_one, at_once, 0)
