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
def told() -> subprocess.CompletedProcess[str]:
    """In a process of its own: what torch is told there holds for all of it."""
    return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)


def test_they_are_named_once_they_have_run(told: subprocess.CompletedProcess[str]) -> None:
    before, after = told.stdout.splitlines()
    assert before == "{'deterministic': True, 'nondeterministic': []}"
    assert after == (
        "{'deterministic': False, 'nondeterministic': ['put_']} {'deterministic': True, 'nondeterministic': []}"
    )


def test_torch_still_warns_of_them(told: subprocess.CompletedProcess[str]) -> None:
    assert told.stderr.count("UserWarning: put_ does not have a deterministic implementation") == 1
