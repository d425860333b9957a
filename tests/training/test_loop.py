"""The loop: when it evaluates, what it reports, when it stops, which parameters it keeps."""

import math
from itertools import pairwise

import pytest
import torch
from training_runs import Listener, largest_difference, regression, small, table, train_together

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.errors import ConfigError
from dlhw.status import Status
from dlhw.training.batches import DeviceDataset
from dlhw.training.cohort import Cohort
from dlhw.training.fit import fit
from dlhw.training.metrics import Evaluator


def train(*overrides: str) -> Listener:
    """One run on 200 digits: 13 steps an epoch at batch 16."""
    (listener,) = train_together([small("model.hidden=[12]", *overrides)])
    return listener


def evaluated_steps(listener: Listener) -> list[int]:
    return [evaluation.step for evaluation in listener.evaluations if "train" in evaluation.scores]


class Bar(Listener):
    """Also shows progress between evaluations."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    def on_progress(self, step: int, epoch: float) -> None:
        self.steps.append(step)


def test_progress_is_shown_between_evaluations() -> None:
    config, bar = small("trainer.epochs=4", "trainer.eval_every=4", "trainer.backend=eager"), Bar()
    dataset = load_dataset(config.data, config.data_seed(), torch.float64)
    fit([config], [dataset], lambda run, of_run: [bar])
    assert bar.evaluations[0].step == bar.steps[-1]
    assert len(bar.steps) >= 4


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        ((), [13, 26, 39, 52]),
        (("trainer.eval_every=3",), [39, 52]),
        (("trainer.eval_every=20", "trainer.eval_unit=step"), [20, 40, 52]),
        (("trainer.eval_every=20", "trainer.eval_unit=step", "trainer.eval_offset=1"), [1, 21, 41, 52]),
        (
            ("trainer.eval_every=6", "trainer.eval_unit=step", "trainer.eval_offset=5", "trainer.epochs=2"),
            [5, 11, 17, 23, 26],
        ),
        (("trainer.drop_last=true",), [12, 24, 36, 48]),
        (("trainer.batch_size=null", "trainer.epochs=2"), [1, 2]),
        (("trainer.batch_size=200", "trainer.epochs=2"), [1, 2]),
    ],
)
def test_evaluation_times(overrides: tuple[str, ...], steps: list[int]) -> None:
    listener = train(*overrides)
    assert evaluated_steps(listener) == steps
    assert listener.result.steps == steps[-1]
    assert listener.evaluations[-1].scores.keys() == {"test"}


def test_full_train_metrics_are_those_of_an_evaluation() -> None:
    config = small("model.hidden=[12]", "trainer.train_metrics=full")
    (listener,) = train_together([config])
    dataset = load_dataset(config.data, config.data_seed(), torch.float64)
    cohort = Cohort([config], dataset.input_shape, 10, torch.device("cpu"), torch.float64)
    cohort.load_run(0, listener.last)
    pool = DeviceDataset.of([dataset.splits["train"]], cohort.device)
    (expected,) = Evaluator(cohort).scores(cohort.params_RP, pool)
    assert listener.result.final["train"].loss == pytest.approx(expected.loss, rel=1e-12)
    assert listener.result.final["train"].accuracy == expected.accuracy


def test_running_train_metrics_average_the_losses_before_each_update() -> None:
    """With a learning rate near 0 the parameters stay, and the average is the loss at the start."""
    running = train("optimizer.lr=1e-12", "trainer.epochs=1")
    full = train("optimizer.lr=1e-12", "trainer.epochs=1", "trainer.train_metrics=full")
    assert running.result.final["train"].loss == pytest.approx(full.result.final["train"].loss, rel=1e-9)
    assert running.result.final["train"].accuracy == full.result.final["train"].accuracy
    learning = train("trainer.epochs=1", "optimizer.lr=0.3")
    after = train("trainer.epochs=1", "optimizer.lr=0.3", "trainer.train_metrics=full")
    assert learning.result.final["train"].loss > after.result.final["train"].loss + 0.01


def test_both_engines_give_the_same_run() -> None:
    manual, autograd = train("model.dropout=0.2"), train("model.dropout=0.2", "trainer.backend=autograd")
    assert largest_difference(manual.last, autograd.last) < 1e-12
    assert manual.result.final["val"].loss == pytest.approx(autograd.result.final["val"].loss, rel=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    one, again, other = train("seed=0"), train("seed=0"), train("seed=1")
    assert largest_difference(one.last, again.last) == 0
    assert largest_difference(one.last, other.last) > 1e-3


def test_dropout_changes_neither_start_nor_order() -> None:
    """Streams are named: a dropout layer leaves initial weights and batches as they were."""
    without, with_dropout = train(), train("model.dropout=0.5")
    assert largest_difference(without.first, with_dropout.first) == 0
    # same order: at a learning rate of nearly 0 and a rate of nearly 0 the runs see the same batches
    tiny = train("model.dropout=1e-12")
    assert largest_difference(without.last, tiny.last) < 1e-9


def test_without_shuffle_batches_come_in_file_order() -> None:
    x = torch.eye(6, dtype=torch.float64)
    data = table(3, train=(x, torch.tensor([0, 1, 2, 0, 1, 2])), val=(x, torch.tensor([0, 1, 2, 0, 1, 2])))
    config = small(
        "model=softmax", "trainer.shuffle=false", "trainer.batch_size=2", "trainer.epochs=1",
        "trainer.eval_every=1", "trainer.eval_unit=step",
    )  # fmt: skip
    (listener,) = train_together([config], [data])
    # each input feeds one row of weights, so the rows that change show which samples were used
    moved = [
        set((after["fc.weight"] != before["fc.weight"]).any(1).nonzero().flatten().tolist())
        for before, after in pairwise([listener.first, *listener.parameters[:3]])
    ]
    assert moved == [{0, 1}, {2, 3}, {4, 5}]


def test_an_epoch_takes_every_sample_once() -> None:
    x = torch.eye(10, dtype=torch.float64)
    labels = torch.arange(10) % 2
    data = table(2, train=(x, labels), val=(x, labels))
    config = small("model=softmax", "trainer.batch_size=3", "trainer.epochs=1", "optimizer.lr=1")
    (listener,) = train_together([config], [data])
    assert (listener.last["fc.weight"] != 0).any(1).all()


def test_schedule_sets_the_learning_rate_of_each_epoch() -> None:
    listener = train("schedule=step", "schedule.step_size=2", "schedule.gamma=0.5", "optimizer.lr=0.2")
    assert [evaluation.lr for evaluation in listener.evaluations if "train" in evaluation.scores] == [
        0.2,
        0.2,
        0.1,
        0.1,
    ]


def overfitting(*overrides: str) -> TrainConfig:
    """Twenty samples and a large step: validation loss turns up soon."""
    return small("data.limit=120", "data.split.train=20", "data.split.val=50", "data.split.test=50",
                 "optimizer.lr=1", "trainer.batch_size=5", "trainer.epochs=60", *overrides)  # fmt: skip


def test_early_stopping_counts_evaluations_without_a_new_best() -> None:
    (listener,) = train_together([overfitting("trainer.early_stopping.patience=4")])
    losses = [
        evaluation.scores["val"].loss for evaluation in listener.evaluations if "val" in evaluation.scores
    ]
    best = min(range(len(losses)), key=losses.__getitem__)
    assert listener.result.status is Status.early_stopped
    assert len(losses) == best + 1 + 4
    assert listener.result.epochs == len(losses) < 60


def test_patience_of_each_run_in_a_cohort() -> None:
    configs = [overfitting(f"trainer.early_stopping.patience={patience}") for patience in (2, 6)]
    short, long = train_together(configs)
    assert short.result.steps < long.result.steps
    (alone,) = train_together(configs[:1])
    assert largest_difference(short.last, alone.last) < 1e-10
    assert short.result.final["test"] == alone.result.final["test"]
    assert [evaluation.step for evaluation in short.evaluations] == [
        evaluation.step for evaluation in alone.evaluations
    ]


@pytest.mark.parametrize("select", ["best", "last"])
def test_test_scores_belong_to_the_selected_parameters(select: str) -> None:
    (listener,) = train_together([overfitting(f"trainer.select={select}", "trainer.select_by=loss")])
    result = listener.result
    assert result.best_step < result.steps
    chosen = result.best if select == "best" else result.final
    assert listener.evaluations[-1].scores["test"] == chosen["test"]
    assert result.best["val"].loss < result.final["val"].loss
    assert result.best["test"] != result.final["test"]
    assert result.confusion_split == "test"
    assert result.confusion_KK is not None
    assert int(result.confusion_KK.sum()) == 50
    assert float(result.confusion_KK.diagonal().sum()) / 50 == chosen["test"].accuracy


def test_best_is_the_first_of_equals() -> None:
    listener = train("optimizer.lr=1e-15", "trainer.select_by=accuracy")
    assert listener.result.best_step == 13
    assert [evaluation.is_best for evaluation in listener.evaluations] == [True, False, False, False, False]


def test_without_validation_the_last_is_the_best() -> None:
    listener = train("data.split.val=0")
    assert listener.result.best_step == listener.result.steps
    assert "val" not in listener.result.final


def test_divergence_is_found_with_its_step_and_keeps_the_finite_best() -> None:
    config = small("optimizer.lr=1e200", "trainer.eval_every=5", "trainer.eval_unit=step")
    (listener,) = train_together([config])
    assert listener.result.status is Status.diverged
    # the first loss is finite; the one after an update of 1e200 is not
    assert listener.result.diverged_at == 2
    assert math.isnan(listener.result.final["train"].loss)
    assert listener.result.steps == 5


def test_regression_has_a_loss_and_no_accuracy() -> None:
    config = small(
        "model=linear", "data=csv", "data.train=unused.csv", "data.task=regression", "optimizer.lr=0.1",
        "trainer.epochs=30",
    )  # fmt: skip
    (listener,) = train_together([config], [regression()])
    assert listener.result.final["test"].accuracy is None
    assert listener.result.final["test"].loss < 0.02
    assert listener.result.confusion_KK is None


def test_norms_are_those_of_the_parameters() -> None:
    listener = train("trainer.epochs=1")
    expected = {name: float(value.norm()) for name, value in listener.parameters[0].items()}
    norms = {name: norm for (kind, name), norm in listener.norms[0].items() if kind == "weight"}
    assert norms == pytest.approx(expected, rel=1e-12)
    assert all(norm > 0 for (kind, _), norm in listener.norms[0].items() if kind == "gradient")


def test_an_exception_in_one_tracker_is_reported_to_all_and_raised() -> None:
    class Broken(Listener):
        def on_evaluation(self, *arguments: object) -> None:
            raise RuntimeError("disk full")

    config = small("model.hidden=[4]")
    dataset = load_dataset(config.data, config.data_seed(), torch.float64)
    heard, broken = Listener(), Broken()
    with pytest.raises(RuntimeError, match="disk full"):
        fit([config], [dataset], lambda run, run_config: [broken, heard])
    assert heard.aborted == (Status.failed, "disk full")
    assert broken.aborted == (Status.failed, "disk full")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ("trainer.batch_size=201",),
            "trainer.batch_size must be at most the number of training samples, 200",
        ),
        (("trainer.device=cuda:99",), "trainer.device=cuda:99: no such CUDA device"),
        (("model=cnn", "model.kernel=9", "model.padding=0"), r"model.kernel=9 does not fit into an input of"),
        (("model=cnn", "model.pooling=max", "model.pool_size=9"), "model.pool_size=9 does not fit"),
    ],
)
def test_what_does_not_fit_is_reported_before_anything_is_written(
    overrides: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        train_together([small(*overrides)])


def test_no_epochs_evaluates_the_initial_parameters() -> None:
    listener = train("trainer.epochs=0")
    assert listener.result.status == "completed"
    assert listener.result.steps == 0
    assert listener.result.final.keys() == {"train", "val", "test"}
    assert largest_difference(listener.first, listener.last) == 0
    trained = train("trainer.epochs=1", "optimizer.lr=1e-12", "trainer.train_metrics=full")
    for split, scores in listener.result.final.items():
        assert scores.loss == pytest.approx(trained.result.final[split].loss, rel=1e-6)


def test_max_steps_ends_within_an_epoch() -> None:
    listener = train("trainer.max_steps=15", "trainer.epochs=100")
    assert listener.result.steps == 15
    assert evaluated_steps(listener)[-1] == 15


def test_a_run_stops_when_it_fits_its_training_data() -> None:
    overrides = ("trainer.train_metrics=full", "trainer.epochs=200", "optimizer.lr=0.5")
    listener = train(*overrides, "trainer.early_stopping.train_accuracy=1")
    assert listener.result.status == "early_stopped"
    assert listener.result.final["train"].accuracy == 1
    before = [
        evaluation.scores["train"].accuracy
        for evaluation in listener.evaluations
        if "train" in evaluation.scores
    ]
    assert 1 not in before[:-1]


@pytest.mark.parametrize("sampling", ["without_replacement", "with_replacement"])
def test_other_samplings_train_too(sampling: str) -> None:
    listener = train(f"trainer.sampling={sampling}", "optimizer.lr=0.1", "trainer.epochs=20")
    losses = [
        evaluation.scores["train"].loss for evaluation in listener.evaluations if "train" in evaluation.scores
    ]
    assert losses[-1] < 0.5 * losses[0]
    assert largest_difference(listener.last, train("optimizer.lr=0.1", "trainer.epochs=20").last) > 1e-3


def test_a_full_batch_without_replacement_is_gradient_descent() -> None:
    overrides = ("trainer.batch_size=null", "trainer.epochs=10")
    drawn = train("trainer.sampling=without_replacement", *overrides)
    assert largest_difference(drawn.last, train(*overrides).last) < 1e-12
