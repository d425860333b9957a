"""Values of config keys: as plain data, as text, and back from the command line."""

import math
from typing import Any

import yaml

# A key that a run does not have, such as optimizer.betas of plain SGD; null is a value of its own.
ABSENT = "–"


def flat(tree: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> leaf; a list is one leaf, and becomes its text.

    >>> flat({"model": {"name": "mlp", "hidden": [16, 8]}})
    {'model.name': 'mlp', 'model.hidden': '[16, 8]'}
    """
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= flat(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = plain(value)
    return leaves


def plain(value: Any) -> Any:
    """A number, a truth value, a string or None as it is; anything else as text.

    YAML takes 1e-3, which lacks a point, for a string; here it is the number that was meant.
    """
    if isinstance(value, str):
        return _number(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return text_of(value)


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text and not text.isdecimal() else text


def text_of(value: Any) -> str:
    """As one would type it on the command line.

    >>> [text_of(value) for value in (1.0, 0.001, 1e30, None, True, [16, 8], "sgd")]
    ['1', '0.001', '1e+30', 'null', 'true', '[16, 8]', 'sgd']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(text_of, value))}]"
    return str(value)


def parse(text: str) -> Any:
    """The value that a word on the command line means.

    >>> parse("1e-3"), parse("null"), parse("[16,8]"), parse("sgd")
    (0.001, None, '[16, 8]', 'sgd')
    """
    try:
        return plain(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def order(value: Any) -> tuple[int, float, str]:
    """Sort key over values of any kind: absent and null first, then numbers, then text."""
    if value is None or value == ABSENT:
        return (0, 0.0, text_of(value))
    if is_number(value):
        return (1, float(value), "")
    return (2, 0.0, text_of(value))


def same_value(found: object, wanted: object) -> bool:
    """Whether a run's value is the one asked for, however either was written.

    >>> same_value(1.0, 1), same_value("[16, 8]", [16, 8]), same_value(None, "null"), same_value(True, 1)
    (True, True, False, False)
    """
    one, other = plain(found), plain(wanted)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_number(value: Any) -> bool:
    """Whether a value can stand on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
