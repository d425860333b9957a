"""`dlhw-reproduce --falsify`: real sweeps of tiny experiments with wrong recipes, in processes of their own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import commands
import pytest

import dlhw
from dlhw.config.catalogue import conf_dir
from dlhw.reproduce.falsify_session import BEGIN, END

EXPERIMENT = """\
# @package _global_
defaults:
  - /experiment/_sweep
  - override /data: digits
  - override /model: softmax
  - _self_

data: {split: {val: 0.15, test: 0.2}, limit: 600}
trainer: {epochs: 2}
hydra:
  sweeper: {seeds: 2, params: {optimizer.lr: "0.001,0.1"}}
experiment:
  source: tiny
"""
CHECK = "{rule: order, claim: The larger rate learns more., metric: final/train/accuracy, cells: %s}"
CELLS = "[{optimizer.lr: 0.001}, {optimizer.lr: 0.1}]"
EXPERIMENTS = {
    "passes": f"""
  name: passes
  checks: [{CHECK % CELLS}]
  mutations:
    - {{change: optimizer.lr=0.1}}
    - {{change: "optimizer.lr=0.001,1e38"}}
    - {{change: seed=3, visible: false, reason: The order is that of every seed.}}
""",
    "misses": f"""
  name: misses
  checks: [{CHECK % CELLS}]
  mutations:
    - {{change: ["optimizer.lr=0.001,0.2", trainer.epochs=1]}}
""",
    "control": f"""
  name: control
  checks: [{CHECK % "[{optimizer.lr: 0.1}, {optimizer.lr: 0.001}]"}]
  mutations:
    - {{change: "optimizer.lr=0.1,0.001"}}
""",
    "several": f"""
  name: several
  checks: [{CHECK % CELLS}]
  mutation_seeds: 3
  mutations: [{{change: "optimizer.lr=0.1,0.001", name: the rates exchanged}}]
""",
    "wrong": """
  name: wrong
  mutations: [{change: optimizer.lr=-1}]
""",
    "same": """
  name: same
  mutations: [{change: trainer.epochs=2}]
""",
    "fewer": """
  name: fewer
  mutations: [{change: "optimizer.lr=1,2,3"}]
""",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with experiments of its own, where each was falsified."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "src").mkdir()
    (folder / "src" / "dlhw").symlink_to(Path(dlhw.__file__).parent)
    shutil.copytree(conf_dir(), folder / "conf")
    tiny = folder / "conf" / "experiment" / "tiny"
    tiny.mkdir()
    for name, text in EXPERIMENTS.items():
        (tiny / f"{name}.yaml").write_text(f"{EXPERIMENT}  question: Which?{text}")
    return folder


def falsify(checkout: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    line = ("-W", "error", "-m", "dlhw.commands.reproduce", "--falsify", *args)
    return commands.run("python", *line, cwd=checkout, PYTHONPATH=str(checkout / "src"))


@pytest.fixture(scope="module")
def done(checkout: Path) -> "subprocess.CompletedProcess[str]":
    return falsify(checkout, "tiny")


@pytest.fixture(scope="module")
def results(checkout: Path, done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((checkout / "runs" / "falsify" / "falsify.json").read_text())
    return loaded["experiments"]


def test_a_swept_key_is_mutated_cell_by_cell(results: dict[str, Any]) -> None:
    result = results["tiny/passes"]
    assert (result["ending"], result["control_misses"]) == ("done", [])
    single, diverged, hidden = result["mutants"]
    assert single["change"] == "optimizer.lr=0.1"
    # one value takes the place of both, so the cells are equal
    (text,) = single["detected_by"]
    low, high = (piece.partition(")")[0] for piece in text.rpartition("(")[2].split("lr=")[1:])
    assert low.split()[-1].strip(",") == high.split()[-1]
    assert "diverged" in diverged["detected_by"][0]
    assert (hidden["visible"], hidden["detected_by"]) == (False, [])


def test_missed_mutations_and_failing_controls_are_named(
    done: "subprocess.CompletedProcess[str]", results: dict[str, Any]
) -> None:
    assert (done.returncode, done.stderr) == (1, "")
    assert [mutant["detected_by"] for mutant in results["tiny/misses"]["mutants"]] == [[]]
    assert "tiny/misses: control passes; 0 of 1 visible mutation detected" in done.stdout
    assert "NOT DETECTED    optimizer.lr=0.001,0.2 trainer.epochs=1" in done.stdout
    assert len(results["tiny/control"]["control_misses"]) == 1
    # what fails for the control detects nothing, though the mutation exchanges the two cells
    assert "tiny/control: CONTROL FAILS; 0 of 1 visible mutation detected" in done.stdout


def test_several_seeds_are_judged_by_their_interval_and_a_mutation_has_a_name(
    checkout: Path, done: "subprocess.CompletedProcess[str]", results: dict[str, Any]
) -> None:
    result = results["tiny/several"]
    assert (result["ending"], result["control_misses"]) == ("done", [])
    (mutant,) = result["mutants"]
    assert (mutant["change"], mutant["name"]) == ("optimizer.lr=0.1,0.001", "the rates exchanged")
    (text,) = mutant["detected_by"]
    assert "90 % interval" in text
    assert "    detected        the rates exchanged: The larger rate" in done.stdout
    folders = (checkout / "runs" / "falsify" / "tiny-several").glob("*/*/summary.json")
    assert len(list(folders)) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("wrong", "experiment.mutations[0]: optimizer.lr must be > 0, got -1"),
        ("same", "experiment.mutations[0]: trainer.epochs=2 changes nothing"),
        ("fewer", "experiment.mutations[0]: optimizer.lr=1,2,3 makes 3 cells, the experiment has 2"),
    ],
)
def test_a_mutation_that_cannot_be_run_is_an_error_of_the_file(
    checkout: Path, results: dict[str, Any], name: str, sentence: str
) -> None:
    assert results[f"tiny/{name}"]["ending"] == "failed"
    assert results[f"tiny/{name}"]["why"].startswith(f"conf/experiment/tiny/{name}.yaml: {sentence}")
    assert not (checkout / "runs" / "falsify" / f"tiny-{name}").exists()  # nothing was trained


def test_all_detected_is_success_and_finished_runs_are_kept(checkout: Path, results: dict[str, Any]) -> None:
    times = {path: path.stat().st_mtime_ns for path in checkout.rglob("runs/falsify/*/*/*/summary.json")}
    assert times
    again = falsify(checkout, "tiny/passes")
    assert (again.returncode, again.stderr) == (0, "")
    assert "1 experiment: 2 of 2 visible mutations detected, 1 not visible" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in times} == times
    kept = json.loads((checkout / "runs" / "falsify" / "falsify.json").read_text())["experiments"]
    assert set(kept) == set(results)


def test_the_table_is_written_between_the_markers(checkout: Path, results: dict[str, Any]) -> None:
    page = checkout / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    written = falsify(checkout, "--table", "page.md")
    assert (written.returncode, written.stderr) == (0, "")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| experiment | wrong recipe |")
    assert text.endswith(f"{END}\nafter\n")
    assert "| tiny/misses | `optimizer.lr=0.001,0.2 trainer.epochs=1` | NO |  |" in text
    assert "| tiny/passes | `seed=3` | not visible | The order is that of every seed. |" in text
    assert "| tiny/several | the rates exchanged | yes | The larger rate" in text
    assert "| tiny/control | none (control) | CONTROL FAILS |" in text
    assert "old" not in text
    page.write_text("no markers")
    refused = falsify(checkout, "--table", "page.md")
    assert refused.returncode == 1
    assert page.read_text() == "no markers"


def test_options_that_do_not_fit_together(tmp_path: Path) -> None:
    done = commands.run("dlhw-reproduce", "--falsify", "--check", cwd=tmp_path)
    assert done.returncode == 2
    assert "--falsify" in done.stderr
