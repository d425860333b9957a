"""The text of `--help`: groups, their options and every key, read from the schemas themselves."""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum

from dlhw.config.catalogue import experiment_names, question_of
from dlhw.config.group import Group
from dlhw.config.load import CHOICES
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import TrackingConfig
from dlhw.config.trainer import TrainerConfig

WIDTH = 100
SINGLE: dict[str, type[Group]] = {"trainer": TrainerConfig, "tracking": TrackingConfig}


def field_docs(schema: type) -> dict[str, str]:
    """Field name -> the string that stands under it, for a dataclass and its bases."""
    docs: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(tree, ast.ClassDef)
        for statement, following in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
                assert isinstance(statement.target, ast.Name)
                docs[statement.target.id] = " ".join(ast.literal_eval(following.value).split())
    return docs


def first_line(schema: type) -> str:
    """One line of what a schema is."""
    return (inspect.getdoc(schema) or "").splitlines()[0]


def groups_text() -> str:
    """Every group with its options."""
    lines = []
    for group, options in CHOICES.items():
        lines.append(f"  {group}=")
        lines += [f"    {name:<14} {first_line(schema)}" for name, schema in options.items()]
    return "\n".join([*lines, *_experiment_lines()])


def _experiment_lines() -> Iterator[str]:
    yield "  experiment=        a whole sweep, with what was published of it"
    for name in experiment_names():
        head = f"    {name:<22} "
        yield from textwrap.wrap(head + question_of(name), WIDTH, subsequent_indent=" " * len(head))


def keys_text() -> str:
    """Every key with its default and its meaning."""
    lines = ["  " + line for line in _keys("", TrainConfig)]
    for group, options in CHOICES.items():
        for name, schema in options.items():
            lines += ["", f"  {group}={name}", *("    " + line for line in _keys(f"{group}.", schema))]
    for group, schema in SINGLE.items():
        lines += ["", f"  {group}", *("    " + line for line in _keys(f"{group}.", schema))]
    return "\n".join(lines)


def _keys(prefix: str, schema: type[Group]) -> Iterator[str]:
    docs, instance = field_docs(schema), schema()
    for spec in dataclasses.fields(schema):
        value = getattr(instance, spec.name)
        if isinstance(value, Group):
            if spec.name not in CHOICES and spec.name not in SINGLE:
                yield from _keys(f"{prefix}{spec.name}.", type(value))
        elif not (prefix and spec.name == "name"):
            yield from _key(prefix + spec.name, value, docs.get(spec.name, _options(value)))


def _options(value: object) -> str:
    return "|".join(type(value).__members__) if isinstance(value, Enum) else ""


def _key(key: str, value: object, doc: str) -> Iterator[str]:
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    head = f"{key}={shown}"
    gap = " " * max(1, 34 - len(head))
    yield from textwrap.wrap(head + gap + doc, WIDTH, subsequent_indent=" " * 34, break_on_hyphens=False)
