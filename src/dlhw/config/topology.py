"""The order in which nodes that feed each other can be computed."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from dlhw.errors import ConfigError, did_you_mean, listing

INPUT, OUTPUT = "input", "output"


def in_order(inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort nodes so that each stands after those that it takes.

    Args:
        inputs: node -> the nodes that it takes; `input` is what comes from outside, `output` what is wanted.

    Raises:
        ConfigError: for a node that is not there, has no inputs or leads nowhere, and for a cycle.

    >>> in_order({"output": ["sum"], "sum": ["a", "input"], "a": ["input"]})
    ['a', 'sum', 'output']
    >>> in_order({"output": ["b"], "a": ["b"], "b": ["a"]})
    Traceback (most recent call last):
    dlhw.errors.ConfigError: the nodes a -> b -> a are a cycle
    """
    _check_names(inputs)
    try:
        order = list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise ConfigError(f"the nodes {_cycle(error.args[1], inputs)} are a cycle") from error
    useful = {OUTPUT}
    for name in reversed(order):
        useful.update(inputs.get(name, ()) if name in useful else ())
    unused = [name for name in inputs if name not in useful]
    if unused:
        raise ConfigError(f"the node {unused[0]} is unused: nothing leads from it to {OUTPUT}")
    return [name for name in order if name != INPUT]


def _check_names(inputs: Mapping[str, Sequence[str]]) -> None:
    if INPUT in inputs:
        raise ConfigError(f"a node cannot be called {INPUT}, which is what comes from outside")
    if OUTPUT not in inputs:
        raise ConfigError(f"one of the nodes must be called {OUTPUT}, got {listing(inputs) or 'none'}")
    for name, taken in inputs.items():
        if not taken:
            raise ConfigError(f"the node {name} takes nothing: name its inputs, such as {INPUT}")
        for source in taken:
            if source != INPUT and source not in inputs:
                near = did_you_mean(source, [INPUT, *inputs])
                raise ConfigError(f"the node {name} takes {source}, which is not there{near}")


def _cycle(found: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> str:
    """`a -> b -> a`, beginning with the node that was named first."""
    ring, names = list(found[:-1]), list(inputs)
    start = ring.index(min(ring, key=names.index))
    ring = ring[start:] + ring[:start]
    return " -> ".join([*ring, ring[0]])
