"""Configs that runs have saved, read without calling a resolver.

A run saves its config resolved. An interpolation in a saved config comes from an older version or from
elsewhere; resolved here, it would give today's environment, or a secret in it, instead of what the run had.
Only `${key}`, a reference to another key of the same file, is looked up.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = re.compile(r"(?<!\\)\$\{([\w.]+)\}")
MAX_DEPTH, MAX_LENGTH = 10, 4096


def with_references(tree: Mapping[Any, Any]) -> dict[Any, Any]:
    """A copy of a config in which `${key}` is the value of that key; any other interpolation stays text.

    >>> with_references({"seed": "${data.seed}", "data": {"seed": 3, "root": "${oc.env:HOME}"}})
    {'seed': 3, 'data': {'seed': 3, 'root': '${oc.env:HOME}'}}
    """
    return {key: _replaced(value, tree, 0) for key, value in tree.items()}


def _replaced(node: Any, root: Mapping[Any, Any], depth: int) -> Any:
    if isinstance(node, Mapping):
        return {key: _replaced(value, root, depth) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, root, depth) for value in node]
    if not isinstance(node, str) or "${" not in node or depth > MAX_DEPTH or len(node) > MAX_LENGTH:
        return node
    whole = REFERENCE.fullmatch(node)
    replaced = _value(root, whole) if whole else REFERENCE.sub(lambda match: str(_value(root, match)), node)
    return node if replaced == node else _replaced(replaced, root, depth + 1)


def _value(root: Mapping[Any, Any], match: re.Match[str]) -> Any:
    """What a reference stands for; its own text if that is no single value."""
    node: Any = root
    for name in match[1].split("."):
        if not isinstance(node, Mapping) or name not in node:
            return match[0]
        node = node[name]
    return match[0] if node is None or isinstance(node, Mapping | list) else node


def interpolations(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of every value that is left as an interpolation."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from interpolations(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from interpolations(value, f"{key}[{index}]")
    elif isinstance(node, str) and "${" in node:
        yield key, node
