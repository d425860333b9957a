"""Plain data from the files of a run: JSON and YAML of bearable size and depth, and no code with it."""

import json
from math import inf
from pathlib import Path
from typing import Any

import yaml

from dlhw.errors import RunFolderError

# Far above what any run writes. What is larger is not ours, and is refused before it is read.
MAX_BYTES = 64 << 20
MAX_DEPTH = 100
PARSER_DEPTH = 1000
# A few hundred bytes of YAML can name a list of lists of lists, a billion values in all.
MAX_NODES = 200_000
# libyaml reads ten times as fast; both build nothing but plain data.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path, max_bytes: int = MAX_BYTES, errors: str = "strict") -> str:
    """A whole file as UTF-8.

    Args:
        path: of the file.
        max_bytes: largest size, in bytes; looked at before anything is read.
        errors: as of `bytes.decode`.

    Raises:
        RunFolderError: if it cannot be opened, is too large or no UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise RunFolderError(f"{path} is damaged: it has {size} bytes, at most {max_bytes} are read")
        return path.read_bytes().decode(errors=errors)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RunFolderError(f"{path} is damaged: it is not text in UTF-8") from error


def read_json(path: Path) -> Any:
    """What a file of JSON says.

    Raises:
        RunFolderError: if it cannot be read, or is not JSON.
    """
    text = read_text(path)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: it is not JSON") from error
    _check_bearable(path, tree, inf)
    return tree


def read_yaml(path: Path) -> Any:
    """What a file of YAML says, tags of objects and numbers of more than 4,300 digits excluded.

    Raises:
        RunFolderError: if it cannot be read, or is not the YAML that Hydra writes.
    """
    text = read_text(path)
    try:
        # libyaml goes as deep as it is told to, and the process with it when the stack ends.
        if not _may_be_deep(text) or _depth(text) <= PARSER_DEPTH:
            tree = yaml.load(text, LOADER)  # noqa: S506 (a safe one)
        else:
            raise RecursionError
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: it is not the YAML that Hydra writes") from error
    _check_bearable(path, tree, MAX_NODES)
    return tree


def _may_be_deep(text: str) -> bool:
    """Brackets nest, and so do the characters of a line: depth is at most the sum of both."""
    longest = max(map(len, text.splitlines()), default=0)
    return longest + text.count("[") + text.count("{") > PARSER_DEPTH


def _depth(text: str) -> int:
    """Found without recursion, from the events of the parser; no further than what is too deep."""
    depth = deepest = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > PARSER_DEPTH:
            break
    return deepest


def _check_bearable(path: Path, tree: Any, max_nodes: float) -> None:
    """Refuse what would end the stack, or the memory, of whoever goes through it."""
    waiting, seen = [(tree, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH or seen + len(waiting) > max_nodes:
            raise RunFolderError(f"{path} is damaged: no file of a run is nested so deep or says so much")
        if isinstance(node, dict | list | tuple | set):
            children = node.values() if isinstance(node, dict) else node
            waiting.extend((child, depth + 1) for child in children)
