"""`dlhw-train` in real processes: what it leaves behind and what it prints."""

import csv
import re
from pathlib import Path

import pytest
import yaml
from commands import FAST, metrics, run, run_folders, summary, train, tree
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlhw.callbacks.checkpoints import load_checkpoint


@pytest.fixture(scope="module")
def default_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default run, with 3 epochs."""
    return train("trainer.epochs=3", "seed=0", cwd=tmp_path_factory.mktemp("default"))


def test_files_of_a_run(default_run: Path) -> None:
    files = tree(default_run)
    events = {name for name in files if name.startswith("events.out.tfevents")}
    assert len(events) == 1
    assert files - events == {
        ".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", ".hydra/run.lock", "metrics.csv",
        "summary.json", "predictions.safetensors",
        "checkpoints/last.safetensors", "checkpoints/best.safetensors", "train.log",
    }  # fmt: skip


def test_metrics_have_a_row_for_each_evaluation_and_split(default_run: Path) -> None:
    rows = metrics(default_run)
    assert list(rows[0]) == ["run", "epoch", "step", "split", "loss", "accuracy", "seconds"]
    assert [(row["step"], row["split"]) for row in rows] == [
        ("20", "train"), ("20", "val"), ("40", "train"), ("40", "val"), ("60", "train"), ("60", "val"), ("60", "test"),
    ]  # fmt: skip


def test_summary_says_how_it_ended(default_run: Path) -> None:
    record = summary(default_run)
    assert record["status"] == "completed"
    assert record["seed"] == 0
    assert record["num_parameters"] == 64 * 128 + 128 + 128 * 10 + 10
    assert record["num_samples"] == {"train": 1258, "val": 270, "test": 269}
    assert record["gradcheck"]["max_relative_error"] < 1e-12
    assert record["final"].keys() == {"train", "val", "test"} == record["best"].keys()
    assert record["versions"]["torch"]
    last = metrics(default_run)[-2]
    assert record["final"]["val"] == {"loss": float(last["loss"]), "accuracy": float(last["accuracy"])}


def test_it_learns(default_run: Path) -> None:
    assert summary(default_run)["best"]["test"]["accuracy"] > 0.7  # 3 of 20 epochs; chance is 0.1


def test_checkpoints_hold_the_model(default_run: Path) -> None:
    tensors, state = load_checkpoint(default_run / "checkpoints" / "last.safetensors")
    assert tensors["parameters/fc1.weight"].shape == (64, 128)
    assert (state["epoch"], state["step"]) == (3, 60)


def test_saved_config_is_plain_yaml(default_run: Path) -> None:
    saved = yaml.safe_load((default_run / ".hydra" / "config.yaml").read_text(encoding="utf-8"))
    assert saved["trainer"]["epochs"] == 3
    assert saved["model"]["name"] == "mlp"


def test_tensorboard_has_curves_and_pictures(default_run: Path) -> None:
    events = EventAccumulator(str(default_run), size_guidance={"images": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    assert {"loss/train", "loss/val", "loss/test", "accuracy/train", "accuracy/val", "optimizer/lr"} <= set(
        tags["scalars"]
    )
    assert {"norm/weight/fc1.weight", "norm/gradient/fc2.bias"} <= set(tags["scalars"])
    assert [scalar.step for scalar in events.Scalars("loss/val")] == [20, 40, 60]
    assert any("confusion" in tag for tag in tags["images"])
    assert any("fc1" in tag for tag in tags["images"])
    assert any("fc1.weight" in tag for tag in tags["histograms"])


def test_one_process_again_gives_the_same_numbers(default_run: Path, tmp_path: Path) -> None:
    again = train("trainer.epochs=3", "seed=0", cwd=tmp_path)
    first, second = metrics(default_run), metrics(again)
    assert [{**row, "seconds": ""} for row in first] == [{**row, "seconds": ""} for row in second]


def test_plain_lines_in_a_pipe(tmp_path: Path) -> None:
    done = run("dlhw-train", "trainer.epochs=2", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert "gradients by compiled kernels, checked" in lines[0]
    assert lines[1].startswith("epoch 1/2  step 20  train loss ")
    assert lines[-1].startswith("finished: 2 epochs, 40 steps")


MODELS = {
    "cnn": ("model=cnn", "model.filters=[4]", "model.pooling=avg"),
    "softmax": ("model=softmax",),
    "logistic": ("model=logistic", "data.classes=[3,8]"),
    "perceptron": ("model=perceptron", "trainer.batch_size=1"),
    "binary-mlp": ("loss=binary_cross_entropy", "data.classes=[0,1]"),
}


@pytest.mark.parametrize("overrides", MODELS.values(), ids=MODELS)
def test_every_model_trains(overrides: tuple[str, ...], tmp_path: Path) -> None:
    record = summary(train(*overrides, "trainer.epochs=2", cwd=tmp_path))
    assert record["status"] == "completed"
    chance = 0.5 if "data.classes" in " ".join(overrides) else 0.1
    assert record["final"]["test"]["accuracy"] > 1.5 * chance


def test_regression_on_a_csv_of_the_user(tmp_path: Path) -> None:
    rows = [[x / 50, (x * 7 % 50) / 50] for x in range(100)]
    with (tmp_path / "mine.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "y"])
        writer.writerows([a, b, 2 * a - b + 0.5] for a, b in rows)
    folder = train(
        "data=csv", "data.train=mine.csv", "data.task=regression", "model=linear", "trainer.epochs=300",
        "optimizer.lr=0.3", cwd=tmp_path,
    )  # fmt: skip
    assert summary(folder)["final"]["val"] == {"loss": pytest.approx(0, abs=1e-3), "accuracy": None}
    assert {row["accuracy"] for row in metrics(folder)} == {""}


def test_a_diverging_run_says_so(tmp_path: Path) -> None:
    options = ("optimizer.lr=1e30", "model.activation=identity", *FAST)
    refused = run("dlhw-train", *options, cwd=tmp_path)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert re.fullmatch(
        r"dlhw-train: diverged at step \d+: its loss or gradient is not finite; inputs lie in \[0, 1\]; "
        r"try optimizer\.lr=1e\+29; trainer\.on_divergence=accept exits with 0",
        line,
    )
    accepted = summary(train(*options, "trainer.on_divergence=accept", "name=accepted", cwd=tmp_path))
    assert accepted["status"] == "diverged"
    assert 1 < accepted["diverged_at"] <= 40
    assert accepted["final"]["train"]["loss"] is None


def test_help_names_every_group(tmp_path: Path) -> None:
    done = run("dlhw-train", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("mlp", "fashion_mnist", "rmsprop", "cosine", "l1", "--help all"):
        assert word in done.stdout
    assert not run_folders(tmp_path)


def test_help_all_names_every_key(tmp_path: Path) -> None:
    done = run("dlhw-train", "--help", "all", cwd=tmp_path)
    assert "trainer.early_stopping.patience=null" in done.stdout
    assert "model.init.scheme=torch" in done.stdout


def test_cfg_shows_the_config_and_trains_nothing(tmp_path: Path) -> None:
    done = run("dlhw-train", "model=cnn", "--cfg", "job", cwd=tmp_path)
    assert yaml.safe_load(done.stdout)["model"]["filters"] == [32]
    assert not run_folders(tmp_path)
