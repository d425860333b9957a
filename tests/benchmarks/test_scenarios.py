"""Every scenario, at the smallest size."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import stages
from benchmarks.commands import ROOT, peak_bytes
from benchmarks.page import text_of
from benchmarks.peers import LIGHTNING, why_absent
from benchmarks.scenarios import (
    SCENARIOS,
    cells,
    cnn,
    cohort,
    cuda,
    launcher,
    profile,
    scaling,
    single,
    start,
    sweep,
    tiny,
)

SMALL = {
    "single": lambda: single.measure(False, steps=3),
    "cohort": lambda: cohort.measure(False, steps=2),
    "tiny": lambda: tiny.measure(False, steps=8),
    "cnn": lambda: cnn.measure(False, steps=2),
    "scaling": lambda: scaling.measure(False, effort=0.01),
    "profile": lambda: profile.measure(False, effort=0.01),
    "cells": lambda: cells.measure(False, cells=2),
    "cuda": lambda: cuda.measure(False, steps=2),
}
# whole commands, tested by their parts below
BY_PARTS = {"sweep", "start", "launcher"}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.filterwarnings("default")  # peers warn as they like
def test_scenario(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for points in ("RUNS", "BATCHES", "WIDTHS"):
        monkeypatch.setattr(scaling, points, (2,))
    monkeypatch.setattr(scaling, "IMAGES", (320, 640, 1280))
    report = SMALL[name]()
    assert report.disagreements() == []
    assert report.aims or name in ("scaling", "profile")
    assert all(aim.values or aim.reason for aim in report.aims)
    assert text_of(report).startswith(f"## {report.title}\n")
    for curve in report.curves:
        assert all(len(values) == len(curve.x) for values in curve.sides.values())
        assert all(value > 0 for values in curve.sides.values() for value in values)


def test_no_scenario_is_left_out() -> None:
    assert SMALL.keys() | BY_PARTS == set(SCENARIOS)


def test_launchers_agree_and_a_difference_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLHW_DATA_DIR", "nowhere")  # digits are quicker
    comparison = launcher._compare(2, 1, tmp_path, 1)
    assert {name: len(taken) for name, taken in comparison.rounds.items()} == {"fused": 1, "basic": 1}
    assert launcher._unequal(2, tmp_path) == []
    assert launcher._unequal(3, tmp_path) == ["3 learning rates: 2 fused and 2 basic runs ended"]
    path = next((tmp_path / "0" / "fused").rglob("summary.json"))
    summary = json.loads(path.read_text(encoding="utf-8"))
    summary["best"]["test"]["accuracy"] += 0.01
    path.write_text(json.dumps(summary), encoding="utf-8")
    assert launcher._unequal(2, tmp_path) == [
        "2 learning rates: test accuracies differ by 0.0100, 0.003 is allowed"
    ]


def test_accuracies_of_a_sweep_are_compared_rate_by_rate() -> None:
    assert sweep.unequal([0.9, 0.8, 0.7, 0.6], [0.91, 0.79, 0.7, 0.6]) == []
    (line,) = sweep.unequal([0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.7])
    assert "at lr 0.01 is 0.6000 with dlhw (mean), 0.7000 with Lightning" in line
    assert sweep.Lightning(wall=15.0, fits=10.0, epochs=2, accuracies=[]).scaled(4) == 25.0


def test_stages_of_a_start(tmp_path: Path) -> None:
    taken = start._stages_once([*start.SHORT, "data=digits"], tmp_path)
    assert taken.keys() == {*stages.CALLS, stages.START, stages.IMPORTS, stages.COMPOSE, stages.REST}
    assert all(seconds >= 0 for seconds in taken.values())
    assert list((tmp_path / "runs").rglob("summary.json"))


def test_imports_by_package() -> None:
    packages = [row[0] for row in start._imports().rows]
    assert "torch" in packages


def test_peak_memory_is_that_of_the_child(tmp_path: Path) -> None:
    ballast = bytearray(b"x" * 2**28)
    small = peak_bytes([sys.executable, "-c", "pass"], tmp_path)
    large = peak_bytes([sys.executable, "-c", "x = b'x' * 2**27"], tmp_path)
    assert small < 2**26 < 2**27 < large < len(ballast)


@pytest.mark.mnist
def test_lightning_script() -> None:
    if (reason := why_absent(LIGHTNING)) is not None:
        pytest.skip(f"{LIGHTNING}: {reason}")
    command = [sys.executable, "-m", "benchmarks.peers.lightning_sweep", "--epochs", "1", "--images", "640"]
    begun = time.perf_counter()
    done = subprocess.run(
        [*command, "--lrs", "0.1"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    output = json.loads(done.stdout.splitlines()[-1])
    assert len(output["accuracies"]) == 1
    assert 0 < output["accuracies"][0] < 1
    assert 0 < output["fit_seconds"] < time.perf_counter() - begun
