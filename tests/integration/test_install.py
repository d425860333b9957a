"""What an installation says and takes: license, versions, CPU-only wheels, imports."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from commands import run

import dlhw

ROOT = Path(__file__).parents[2]
COMMANDS = ("dlhw-train", "dlhw-eval", "dlhw-report", "dlhw-plan", "dlhw-reproduce", "dlhw-gradcheck")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_its_version(tmp_path: Path, command: str) -> None:
    done = run(command, "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{command} {dlhw.__version__}\n", "")


def test_the_license_and_the_python_versions_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    listed = [
        line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r"Python :: 3\.\d+$", line)
    ]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    tested = re.search(r"python: \[(.*)\]", workflow)
    assert tested is not None
    assert re.findall(r"\d\.\d+", tested[1]) == listed == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize(("given", "lines"), [((), 1), (("TORCH_INDEX=https://index.invalid/cpu",), 2)])
def test_torch_can_come_from_another_index(tmp_path: Path, given: tuple[str, ...], lines: int) -> None:
    command = ["make", "-n", "install", f"VENV={tmp_path / 'venv'}", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    installs = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert len(installs) == lines
    assert ("--no-deps --index-url https://index.invalid/cpu torch torchvision" in installs[0]) == bool(given)


def test_torchvision_is_not_imported_where_nothing_is_downloaded(tmp_path: Path) -> None:
    code = (
        "import sys, atexit; atexit.register(lambda: print('torchvision' in sys.modules)); import dlhw.commands.train; "
        "sys.argv[1:] = ['trainer.epochs=1', 'tracking.console=none']; dlhw.commands.train.main()"
    )
    done = run("python", "-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
