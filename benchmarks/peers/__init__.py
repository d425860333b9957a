"""Peers: the same work by other libraries. A missing library is reported as not installed and left out."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from benchmarks.problem import Problem, Weights, mnist_folder

PLAIN, LOADER, SCIKIT = "PyTorch in memory", "PyTorch module + DataLoader", "scikit-learn"
LIGHTNING, JAX = "Lightning", "JAX"
INSTALL = "not installed (pip install dlhw[bench])"


class Side(Protocol):
    """A side that trains."""

    def train(self, epoch: int) -> None:
        """The updates of one round."""

    def weights(self) -> list[Weights]:
        """Each run's parameters, by dlhw's names and in its shapes."""


Build = Callable[[Problem, Sequence[Weights]], Side]

# name -> package that it needs, module and class of its side
PEERS = {
    PLAIN: ("torch", "benchmarks.peers.plain", "Plain"),
    LOADER: ("torchvision", "benchmarks.peers.loader", "Loader"),
    SCIKIT: ("sklearn", "benchmarks.peers.scikit", "Scikit"),
    LIGHTNING: ("lightning", "benchmarks.peers.lightning_trainer", "Lightning"),
    JAX: ("jax", "benchmarks.peers.jax_scan", "JaxScan"),
}
NEEDS_FILES = (LOADER, LIGHTNING)


def why_absent(name: str) -> str | None:
    """Why a peer cannot take part; None if it can."""
    if find_spec(PEERS[name][0]) is None:
        return INSTALL
    if name in NEEDS_FILES and mnist_folder() is None:
        return "reads MNIST's files, which are not here (DLHW_DATA_DIR)"
    return None


def build_peer(name: str, problem: Problem, weights: Sequence[Weights]) -> Side:
    """A peer that starts from the given parameters of each run."""
    _, module, kind = PEERS[name]
    build: Build = getattr(import_module(module), kind)
    return build(problem, weights)
