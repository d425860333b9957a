"""Procedures in real processes: the folders they leave, alone, in sweeps and in reports."""

import csv
from pathlib import Path

import pytest
from commands import run, run_folders, summary, train, tree

from dlhw.reporting.frames import load_runs


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_certificate_of_xor(tmp_path: Path) -> None:
    folder = train("procedure=certificate", "data=gates", "data.gate=xor", cwd=tmp_path)
    assert folder.parent.name == "gates-certificate"
    assert {name for name in tree(folder) if not name.startswith(".hydra")} == {
        "certificate.csv", "summary.json", "train.log",
    }  # fmt: skip
    record = summary(folder)
    assert (record["status"], record["procedure"], record["num_samples"]) == (
        "completed",
        "certificate",
        {"train": 4},
    )
    assert record["values"] == {"separable": 0, "gap": 0, "residual": pytest.approx(0, abs=1e-12)}
    assert "hulls meet: (0.5, 0.5) = 0.5 (0, 1) + 0.5 (1, 0) = 0.5 (0, 0) + 0.5 (1, 1)" in record["found"][0]
    assert record["versions"]["torch"]
    assert [row["multiplier"] for row in rows(folder / "certificate.csv")] == ["0.5"] * 4


def test_the_certificate_needs_both_classes(tmp_path: Path) -> None:
    done = run(
        "dlhw-train", "procedure=certificate", "data=gates", "data.gate=and", "data.label_corruption=1", "seed=14",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the training split holds class 0 only" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_unit_is_an_interval_of_two_signs(tmp_path: Path) -> None:
    options = ["data.dim=2", "data.low=-1", "data.high=1"]
    folder = train("procedure=certificate", "data=interval", *options, cwd=tmp_path)
    assert summary(folder)["values"]["separable"] == 0


def test_a_sweep_counts_procedures_as_runs(tmp_path: Path) -> None:
    done = run(
        "dlhw-train", "-m", "procedure=certificate", "data=gates", "data.gate=and,or,xor", "hydra.sweep.dir=sweep",
        "tracking.console=none", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 runs, one after the other" in done.stdout
    frame = load_runs(tmp_path / "sweep").set_index("data.gate")
    assert frame["values.separable"].to_dict() == {"and": 1, "or": 1, "xor": 0}
    assert set(frame["status"]) == {"completed"}
    unit = {row["parameter"]: float(row["value"]) for row in rows(tmp_path / "sweep/gate=and/unit.csv")}
    assert unit["w1"] + unit["b"] <= -1
    assert unit["w1"] + unit["w2"] + unit["b"] >= 1
    assert "completed after" in (tmp_path / "sweep/gate=or/train.log").read_text(encoding="utf-8")
    again = run(
        "dlhw-train", "-m", "procedure=certificate", "data=gates", "data.gate=and,or,xor", "hydra.sweep.dir=sweep",
        cwd=tmp_path,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "separates the classes" not in again.stdout


def test_a_sweep_over_trainings_and_procedures(tmp_path: Path) -> None:
    done = run(
        "dlhw-train", "-m", "procedure=train,identities", "seed=0,1", "model=softmax", "trainer.epochs=1",
        "data.limit=200", "tracking.console=none", "hydra.sweep.dir=sweep", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    frame = load_runs(tmp_path / "sweep")
    assert set(frame["status"]) == {"completed"}
    computed = frame[frame["procedure.name"] == "identities"]
    assert computed["values.failed"].tolist() == [0, 0]
    assert computed["num_parameters"].isna().all()
    assert frame[frame["procedure.name"] == "train"]["final/val/accuracy"].notna().all()


def test_an_invalid_run_leaves_the_others(tmp_path: Path) -> None:
    done = run(
        "dlhw-train",
        "-m",
        "procedure=certificate",
        "data=digits,gates",
        "hydra.sweep.dir=sweep",
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "procedure=certificate needs data of 2 classes, data=digits has 10 classes" in done.stderr
    statuses = {folder.name: summary(folder)["status"] for folder in (tmp_path / "sweep").glob("data=*")}
    assert statuses == {"data=digits": "failed", "data=gates": "completed"}


def test_a_run_that_cannot_write_its_files_has_failed(tmp_path: Path) -> None:
    (tmp_path / "sweep" / "1" / "nets.csv").mkdir(parents=True)  # where the table of job 1 should be
    done = run(
        "dlhw-train", "-m", "hydra/sweeper=basic", "procedure=verify", "procedure.dim=1,2", "hydra.sweep.dir=sweep",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    statuses = [summary(tmp_path / "sweep" / job)["status"] for job in "01"]
    assert statuses == ["completed", "failed"]
    assert "nets.csv" in summary(tmp_path / "sweep" / "1")["message"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["procedure=verify", "procedure.dim=13"], "procedure.dim must be from 1 to 12, got 13"),
        (["procedure=verify", "procedure.dim=0"], "procedure.dim must be from 1 to 12, got 0"),
        (["procedure=verify", "procedure.draws=-1"], "procedure.draws must be >= 0, got -1"),
        (["procedure=verify", "procedure.version=tanh"], "procedure.version"),
        (["procedure=identities", "procedure.samples=0"], "procedure.samples must be >= 1, got 0"),
        (["procedure=certificate"], "needs data of 2 classes, data=digits has 10 classes"),
        (["procedure=certificate", "data=linear_teacher", "model=linear"], "data=linear_teacher has numbers as targets"),
        (["procedure.name=verify"], "procedure.name must stay train, got verify: write procedure=verify"),
        (["procedure=verfy"], "did you mean verify?"),
    ],
)  # fmt: skip
def test_invalid_options_are_refused_in_one_sentence(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    done = run("dlhw-train", *overrides, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists() or run_folders(tmp_path) == []


def test_the_name_of_a_procedure_can_be_overridden(tmp_path: Path) -> None:
    folder = train("procedure=verify", "name=mine", "procedure.dim=2", cwd=tmp_path)
    assert folder.parent.name == "mine"
    assert [row["errors"] for row in rows(folder / "nets.csv")] == ["0"] * 15


def test_the_plan_does_not_estimate_trainings_that_are_none(tmp_path: Path) -> None:
    done = run("dlhw-plan", "procedure=verify", "procedure.dim=1,2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 runs, one after the other" in done.stdout
    assert "cohort" not in done.stdout


def test_a_vote_of_shared_weights(tmp_path: Path) -> None:
    options = ["data=digits", "data.classes=[0,1]", "loss=binary_cross_entropy", "model.activation=tanh"]
    folder = train("procedure=vote", *options, "procedure.weights=[-1,1,2]", cwd=tmp_path)
    values = summary(folder)["values"]
    assert set(values) == {
        "accuracy_-1",
        "accuracy_1",
        "accuracy_2",
        "agreement",
        "best_accuracy",
        "vote_accuracy",
    }
    # the weight is chosen on the training split, not by what it then gets on the test split
    assert values["best_accuracy"] in [values[f"accuracy_{w}"] for w in (-1, 1, 2)]
    # each is the accuracy of a run that starts there and trains nothing
    alone = train(
        *options, "trainer.epochs=0", "model.init.scheme=constant", "model.init.value=1", "model.init.bias=1",
        cwd=tmp_path,
    )  # fmt: skip
    assert summary(alone)["final"]["test"]["accuracy"] == values["accuracy_1"]
    accuracies = {row["weight"]: float(row["accuracy"]) for row in rows(folder / "shared_weights.csv")}
    assert accuracies["vote"] == values["vote_accuracy"]


def test_there_is_nothing_to_measure_again(tmp_path: Path) -> None:
    folder = train("procedure=verify", "procedure.dim=2", cwd=tmp_path)
    done = run("dlhw-eval", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1, f"dlhw-eval: {folder} holds what procedure=verify found, and no parameters to measure again: "
        "summary.json has its values, and dlhw-train computes them anew\n",
    )  # fmt: skip
