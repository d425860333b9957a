"""Numbers that were selected by test say so, in the summary and in every table of every format."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from commands import run, summary
from report_runs import lr_sweep, study_of

from dlhw.config.data_base import VAL_FROM_TEST

BY_TEST = "Cells were selected by TEST (--select test)."
MNIST = ("data=mnist", "data.split.val_from_test=true")


def tables_of(text: str, start: str, end: str) -> list[str]:
    """Each table of a page, with what stands around it."""
    return re.findall(f"{start}.*?{end}", text, flags=re.DOTALL)


def written(folder: Path, *options: str) -> Mapping[str, list[str]]:
    """Format -> the tables of results that `dlhw-report` makes, with their captions."""
    done = run("dlhw-report", "sweep", "--baseline", "lr=0.1", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = folder / "sweep/report"
    text = {
        name: (report / name).read_text(encoding="utf-8") for name in ("report.md", "table.tex", "index.html")
    }
    markdown = [section for section in text["report.md"].split("\n## ")[1:] if "| --- |" in section]
    latex = tables_of(text["table.tex"], re.escape(r"\begin{table}"), re.escape(r"\end{table}"))
    pages = [section for section in text["index.html"].split("<h2")[1:] if "<table" in section]
    console = re.split(r"\n(?=Differences from)", done.stdout)
    lines = (report / "table.csv").read_text(encoding="utf-8").splitlines()
    return {
        "markdown": [section.replace("\\", "") for section in markdown],
        "latex": [tabular.replace("\\_", "_") for tabular in latex],
        "html": pages,
        "console": console,
        "csv": lines[1:],
    }


def test_selected_by_test(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    for name, tables in written(tmp_path, "--select", "test").items():
        assert len(tables) == (3 if name == "csv" else 2)
        for table in tables:
            assert (",test," if name == "csv" else BY_TEST) in table


def test_validation_taken_from_the_test_set(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep", *MNIST)
    for name, tables in written(tmp_path).items():
        assert len(tables) == (3 if name == "csv" else 2)
        for table in tables:
            assert ("val, which is the test set" if name == "csv" else VAL_FROM_TEST) in table
            assert "test scores had no part in it" not in table


def test_nothing_is_said_where_there_is_nothing(tmp_path: Path) -> None:
    lr_sweep(tmp_path / "sweep")
    for tables in written(tmp_path).values():
        for table in tables:
            assert "TEST" not in table
            assert "the test set" not in table


@pytest.mark.parametrize("options", [{"select": "test"}, {}])
def test_the_title_and_the_sentence(options: dict[str, str], tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path, *MNIST), **options)
    assert "TEST" in study.choice.sentence
    assert study.is_val_from_test


def test_a_run_and_a_sweep_whose_validation_is_the_test_set(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    content: dict[str, np.ndarray] = {}
    for split, count in (("train", 40), ("test", 20)):
        content[f"{split}_x"], content[f"{split}_y"] = random.normal(size=(count, 3)), np.arange(count) % 2
    np.savez(tmp_path / "data.npz", allow_pickle=False, **content)
    data = [
        "data=npz",
        "data.path=data.npz",
        "trainer.epochs=1",
        "tracking.console=plain",
        "trainer.batch_size=8",
    ]
    done = run("dlhw-train", *data, "hydra.run.dir=honest", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "TEST" not in done.stdout
    assert summary(tmp_path / "honest")["notes"] == []
    swept = [*data, "data.split.val_from_test=true", "optimizer.lr=0.1,0.01", "hydra.sweep.dir=sweep"]
    done = run("dlhw-train", "-m", *swept, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "32 train" not in done.stdout
    assert "40 train, 20 val (THE TEST SET)" in done.stdout
    assert "(validation is the TEST set)" in done.stdout
    assert VAL_FROM_TEST in done.stdout
    for folder in sorted((tmp_path / "sweep").glob("lr=*")):
        assert summary(folder)["notes"] == [VAL_FROM_TEST]
        assert set(summary(folder)["split_hashes"]) == {"train", "val"}
