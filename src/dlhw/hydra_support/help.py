"""The text of `--help`: groups, their options and every key, from the schemas and the files under conf/."""

import ast
import dataclasses
import inspect
import re
import textwrap
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from dlhw.config.catalogue import experiment_names, question_of
from dlhw.config.group import Group
from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError, did_you_mean, listing
from dlhw.hydra_support.defaults import composed_option, derived_options, top_values

WIDTH = 100
# Column of the texts of keys.
INDENT = 34


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
    """The first line of a schema's docstring."""
    return (inspect.getdoc(schema) or "").splitlines()[0]


def groups_text() -> str:
    """Every group with its options."""
    lines = [line for group in OPTIONS for line in _group_lines(group)]
    return "\n".join([*lines, *_experiment_lines()])


def _group_lines(group: str) -> Iterator[str]:
    yield f"  {group}="
    derived = derived_options(group)
    for name, text in (
        {name: first_line(schema) for name, schema in OPTIONS[group].items()} | derived
    ).items():
        head = f"    {name:<14} "
        yield from textwrap.wrap(head + text, WIDTH, subsequent_indent=" " * len(head))


def _experiment_lines() -> Iterator[str]:
    yield "  experiment=        a whole sweep, with the published numbers"
    for name in experiment_names():
        head = f"    {name:<22} "
        yield from textwrap.wrap(head + question_of(name), WIDTH, subsequent_indent=" " * len(head))


def keys_text() -> str:
    """Every key with its default and its meaning."""
    lines = ["  " + line for key in _walk("", TrainConfig, top_values()) for line in _key(*key)]
    for group, name in _all_options():
        lines += ["", *_option_lines(group, name)]
    return "\n".join(lines)


def _all_options() -> Iterator[tuple[str, str]]:
    yield from ((group, name) for group, options in OPTIONS.items() for name in options)
    yield from ((group, "default") for group in SINGLE_OPTIONS)


def _option_lines(group: str, name: str) -> Iterator[str]:
    yield f"  {group}" + f"={name}" * (group in OPTIONS)
    yield from ("    " + line for key in described_keys(group, name) for line in _key(*key))


def topic_text(topic: str) -> str:
    """One option (`data=csv`), group (`data`, `trainer`), experiment or key (`optimizer.lr`).

    Raises:
        ConfigError: if there is no such topic.
    """
    group, _, name = topic.partition("=")
    if group == "experiment" and name in experiment_names():
        return f"experiment={name}: {question_of(name)}"
    if (group, name) in set(_all_options()):
        schema = SINGLE_OPTIONS[group] if group in SINGLE_OPTIONS else OPTIONS[group][name]
        return "\n".join([first_line(schema), *_option_lines(group, name)])
    if topic == "experiment":
        return "\n".join(_experiment_lines())
    if topic in OPTIONS:
        return "\n".join(_group_lines(topic))
    if topic in SINGLE_OPTIONS:
        return "\n".join(_option_lines(topic, "default"))
    if lines := list(_key_lines(topic)):
        return "\n".join(lines)
    return _no_such_topic(topic)


def _key_lines(topic: str) -> Iterator[str]:
    """Every option's line of one key, or of all keys below it."""
    seen = set()
    for group, name in _all_options():
        if not topic.startswith(f"{group}."):
            continue
        block = "\n".join(
            "\n".join(_key(key, value, doc))
            for key, value, doc in described_keys(group, name)
            if key == topic or key.startswith(f"{topic}.")
        )
        if block and block not in seen:
            seen.add(block)
            yield from ([f"{group}={name}"] if group in OPTIONS else [])
            yield from ("  " + line for line in block.splitlines())


def _no_such_topic(topic: str) -> str:
    group, _, name = topic.partition("=")
    known = [*OPTIONS, *SINGLE_OPTIONS, "experiment"]
    if name and group in OPTIONS:
        options = [f"{group}={option}" for option in OPTIONS[group]]
        raise ConfigError(f"--help {topic}: no such option{did_you_mean(topic, options)}; {listing(options)}")
    raise ConfigError(
        f"--help {topic}: no such topic{did_you_mean(group, known)}; there are all, {listing(known)}, "
        "GROUP=OPTION and keys such as optimizer.lr"
    )


def described_keys(group: str, name: str) -> list[tuple[str, Any, str]]:
    """Every key of an option with its value and its text."""
    schema = SINGLE_OPTIONS[group] if group in SINGLE_OPTIONS else OPTIONS[group][name]
    return list(_walk(f"{group}.", schema, composed_option(group, name)))


def _walk(prefix: str, schema: type[Group], values: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Every key of a schema with its composed value and its text."""
    docs, instance, hints = field_docs(schema), schema(), typing.get_type_hints(schema)
    for spec in dataclasses.fields(schema):
        value = getattr(instance, spec.name)
        if isinstance(value, Group):
            if spec.name not in OPTIONS and spec.name not in SINGLE_OPTIONS:
                yield from _walk(f"{prefix}{spec.name}.", type(value), values.get(spec.name) or {})
        elif not (prefix and spec.name == "name"):
            doc = _with_choices(docs.get(spec.name, ""), hints[spec.name])
            yield prefix + spec.name, values.get(spec.name), doc


def _with_choices(doc: str, hint: object) -> str:
    """The text of a key, with the values of its enum that it does not name."""
    kinds = [
        kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type) and issubclass(kind, Enum)
    ]
    names = [name for kind in kinds for name in kind.__members__]
    words = re.split(r"[\s|,;:()=]+", doc)
    missing = [name for name in names if name not in words]
    return f"{doc} ({listing(names)})".strip() if missing else doc


def _key(key: str, value: object, doc: str) -> Iterator[str]:
    head = f"{key}={shown(value)}"
    if len(head) > WIDTH // 2:
        yield head
        yield from textwrap.wrap(
            doc, WIDTH - INDENT, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT
        )
        return
    gap = " " * max(1, INDENT - len(head))
    yield from textwrap.wrap(head + gap + doc, WIDTH, subsequent_indent=" " * INDENT, break_on_hyphens=False)


def shown(value: object) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{shown(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
