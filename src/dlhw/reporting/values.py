"""Values of config keys: as plain data, as text, and parsed from the command line."""

import math
from typing import Any

import yaml

# The value of a key that a run does not have, such as optimizer.betas of plain SGD; null is a value.
ABSENT = "–"


def flat(tree: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings: dotted key -> leaf; a list is one leaf, as text.

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
    """A number, truth value, string or None unchanged; anything else as text.

    YAML reads 1e-3, which has no point, as a string; here it becomes a number.
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
    """A value as it is typed on the command line.

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
    """Parse a value from the command line.

    >>> parse("1e-3"), parse("null"), parse("[16,8]"), parse("sgd")
    (0.001, None, '[16, 8]', 'sgd')
    """
    try:
        return plain(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def order(value: Any) -> tuple[int, float, str]:
    """Sort key for values of any type: absent and null first, then numbers, then text."""
    if value is None or value == ABSENT:
        return (0, 0.0, text_of(value))
    if is_number(value):
        return (1, float(value), "")
    return (2, 0.0, text_of(value))


def same_value(value: object, wanted: object) -> bool:
    """Whether two values are equal, however they are written.

    >>> same_value(1.0, 1), same_value("[16, 8]", [16, 8]), same_value(None, "null"), same_value(True, 1)
    (True, True, False, False)
    """
    first, second = plain(value), plain(wanted)
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, so that it can be drawn on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
