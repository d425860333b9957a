"""Operations that torch cannot make deterministic are named in the summary."""

import subprocess
import sys

import pytest

# `put_` has no deterministic algorithm on any device, `index_add_` has one.
SCRIPT = """
import torch
from dlhw.training.device import be_deterministic, determinism
be_deterministic()
be_deterministic()
x = torch.zeros(4)
x.index_add_(0, torch.tensor([1, 1]), torch.ones(2))
print(determinism("cuda:0"))
x.put_(torch.tensor([1, 1]), torch.ones(2))
print(determinism("cuda:0"), determinism("cpu"))
"""


@pytest.fixture(scope="module")
def result() -> subprocess.CompletedProcess[str]:
    """Run in a separate process, since PyTorch's setting holds for the whole process."""
    return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)


def test_they_are_named_once_they_have_run(result: subprocess.CompletedProcess[str]) -> None:
    before, after = result.stdout.splitlines()
    assert before == "{'deterministic': True, 'nondeterministic': []}"
    assert after == (
        "{'deterministic': False, 'nondeterministic': ['put_']} {'deterministic': True, 'nondeterministic': []}"
    )


def test_torch_still_warns_of_them(result: subprocess.CompletedProcess[str]) -> None:
    assert result.stderr.count("UserWarning: put_ does not have a deterministic implementation") == 1
