"""`python -m benchmarks` as a process."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.commands import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, which would be measured")
def test_page_plots_results_and_document(tmp_path: Path) -> None:
    document = tmp_path / "docs" / "page.md"
    document.parent.mkdir()
    document.write_text("<!-- bench: cuda begin -->\n<!-- bench: cuda end -->\n", encoding="utf-8")
    done = bench("--only", "cuda", "--out", str(tmp_path / "out"), "--fill", str(document))
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "out").iterdir()
    assert {path.name for path in folder.iterdir()} == {"README.md", "results.json"}
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "Not measured: no GPU." in page
    assert f"torch {torch.__version__.partition('+')[0]}" in page
    assert "Not measured: no GPU." in document.read_text(encoding="utf-8")
    document.write_text("<!-- bench: about begin -->\n<!-- bench: about end -->\n", encoding="utf-8")
    again = bench("--again", str(folder), "--fill", str(document))
    assert again.returncode == 0, again.stderr
    assert f"../out/{folder.name}/README.md" in document.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "singel"], "--only singel: no such scenario; did you mean single?"),
        (["--only", "cuda", "--fill", "no-such.md"], "--fill no-such.md: cannot be read"),
        (["--again", "no-such"], "no-such/results.json is not the results of a benchmark"),
    ],
)
def test_bad_input_is_reported_before_anything_is_measured(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = bench(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("benchmarks: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
