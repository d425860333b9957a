"""A user's own files: named classes everywhere, and what to do about an enormous loss."""

from pathlib import Path

import numpy as np
from commands import FAST, run, summary, train


def test_named_classes_reach_the_summary_and_the_report(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = [
        f"{random.normal() + place:.3f},{('ash', 'oak', 'elm')[place]}"
        for place in (0, 1, 2)
        for _ in range(40)
    ]
    (tmp_path / "trees.csv").write_text("height,tree\n" + "\n".join(rows) + "\n", encoding="utf-8")
    folder = train(*FAST, "data=csv", "data.train=trees.csv", "model=softmax", cwd=tmp_path)
    assert summary(folder)["class_names"] == ["ash", "elm", "oak"]
    report = run("dlhw-report", str(folder), cwd=tmp_path)
    assert "Classes: ash, elm, oak." in report.stdout


def test_an_enormous_loss_is_answered_with_ranges_and_remedies(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x_NI = random.normal(size=(100, 2)) * 300
    table = np.column_stack([x_NI, 1e4 * x_NI.sum(1)])
    np.savetxt(tmp_path / "houses.csv", table, delimiter=",", header="a,b,price", comments="")
    done = run(
        "dlhw-train", *FAST, "data=csv", "data.train=houses.csv", "data.task=regression", "model=linear",
        "optimizer.lr=1e-9", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("dlhw-train: the training loss is ")
    assert "inputs lie in [-" in line
    assert ", targets in [-" in line
    assert "data.normalize=standardize, divide the targets in the file by a constant" in line
    assert run("dlhw-train", *FAST, "trainer.epochs=1", cwd=tmp_path).stderr == ""


def test_advice_is_given_once_where_an_enormous_loss_diverges_later(tmp_path: Path) -> None:
    x_NI = np.random.default_rng(0).normal(size=(100, 2)) * 300
    table = np.column_stack([x_NI, x_NI.sum(1)])
    np.savetxt(tmp_path / "houses.csv", table, delimiter=",", header="a,b,price", comments="")
    done = run(
        "dlhw-train", *FAST, "data=csv", "data.train=houses.csv", "data.task=regression", "model=linear",
        "trainer.epochs=50", "optimizer.lr=1e-3", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    enormous, diverged = done.stderr.splitlines()
    assert "; scale them with data.normalize=standardize, " in enormous
    assert "the file by a constant so that they come near 1, try optimizer.lr=0.0001" in enormous
    assert diverged.endswith("its loss or gradient is not finite; trainer.on_divergence=accept exits with 0")
