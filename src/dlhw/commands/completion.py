"""Tab completion in bash: options of groups, keys, values of enums, experiments, files, flags.

`eval "$(dlhw-train --completion bash)"` makes it known for every command. While a line is typed, bash calls
the command with `--complete LINE`, which prints one candidate a line, without composing anything.
"""

import contextlib
import io
import re
import sys
import typing
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

SCRIPT, QUERY, HELP = "--completion", "--complete", "--help"
# Where each command's flags are named: in the help of its `parse`, or in its USAGE.
COMMANDS = {
    "dlhw-train": "dlhw.commands.train",
    "dlhw-plan": "dlhw.commands.plan",
    "dlhw-eval": "dlhw.commands.evaluate",
    "dlhw-report": "dlhw.commands.report",
    "dlhw-reproduce": "dlhw.commands.reproduce",
    "dlhw-gradcheck": "dlhw.commands.gradcheck",
}
# Commands whose arguments are those of a config, and commands whose arguments are folders.
CONFIGURED = ("dlhw-train", "dlhw-plan", "dlhw-gradcheck", "dlhw-eval")
FOLDERS = ("dlhw-eval", "dlhw-report")
# Keys whose values are files or folders, beside those of role `file`.
PATHS = ("data.root", "resume", "hydra.run.dir", "hydra.sweep.dir")

BASH = """\
_dlhw_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word prefix
    mapfile -t COMPREPLY < <("$1" --complete "$line" 2>/dev/null)
    word="${line##*[[:space:]]}"
    prefix="${word%"${word##*[=:]}"}"  # bash completes what follows a = or a :
    [[ -n $prefix && $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/.] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _dlhw_complete """


def answer(arguments: list[str]) -> int:
    """Print the script for bash, or the candidates of a line; returns the exit status.

    Args:
        arguments: of the command, `--completion bash` or `--complete LINE`.
    """
    if arguments[0] == QUERY:
        print("\n".join(candidates(" ".join(arguments[1:]))))
        return 0
    if arguments[1:] not in ([], ["bash"]):
        print(f"{SCRIPT} knows bash only, got {' '.join(arguments[1:])}", file=sys.stderr)
        return 1
    print(BASH + " ".join(COMMANDS))
    return 0


def candidates(line: str) -> list[str]:
    """Whole words that the last word of a line can become, sorted.

    >>> candidates("dlhw-train trainer.dtype=")
    ['trainer.dtype=float32', 'trainer.dtype=float64']
    """
    words = line.split(" ")
    command, word = Path(words[0]).name, words[-1]
    return sorted({other for other in _all(command, words[1:-1], word) if other.startswith(word)})


def _all(command: str, before: list[str], word: str) -> Iterator[str]:
    if word.startswith("-"):
        yield from _flags(command)
    elif "=" in word:
        yield from _values(word)
    else:
        if command == "dlhw-reproduce":
            from dlhw.config.catalogue import experiment_names

            yield from experiment_names()
        if command in CONFIGURED:
            yield from _keys(before)
        if command in FOLDERS:
            yield from _paths(word, "")


def _flags(command: str) -> list[str]:
    """The flags that a command's own help names."""
    module = import_module(COMMANDS[command])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        print(module.USAGE) if hasattr(module, "USAGE") else module.parse([HELP])
    return [*re.findall(r"(?<![\w-])--?[a-z][a-z-]*", printed.getvalue()), HELP, "--version"]


def _keys(before: list[str]) -> Iterator[str]:
    """Groups, and the keys of the options that are chosen; a group's default option where none is."""
    from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
    from dlhw.hydra_support.defaults import chosen_defaults, top_values
    from dlhw.hydra_support.help import described_keys

    chosen = chosen_defaults() | dict(word.split("=", 1) for word in before if "=" in word)
    yield from (f"{group}=" for group in (*OPTIONS, "experiment", *top_values(), "resume"))
    for group in (*OPTIONS, *SINGLE_OPTIONS):
        name = chosen.get(group, "default").rpartition(",")[2]
        if group in SINGLE_OPTIONS or name in OPTIONS[group]:
            yield from (f"{key}=" for key, _, _ in described_keys(group, name))


def _values(word: str) -> Iterator[str]:
    """`KEY=VALUE` for every value; of a list of values the last one is completed."""
    from dlhw.config.catalogue import experiment_names
    from dlhw.config.fields import Role
    from dlhw.config.load import keys_with
    from dlhw.config.options import OPTIONS
    from dlhw.hydra_support.defaults import derived_options

    key, _, value = word.partition("=")
    kept = key + "=" + value[: value.rfind(",") + 1]
    name = key.lstrip("+")
    if name in OPTIONS:
        yield from (kept + option for option in (*OPTIONS[name], *derived_options(name)))
    elif name == "experiment":
        yield from (kept + option for option in experiment_names())
    elif name in PATHS or name in keys_with(Role.file):
        yield from _paths(value, key + "=")
    else:
        yield from (kept + choice for choice in _choices(name))


def _choices(key: str) -> list[str]:
    """Values of an enum or a boolean."""
    from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
    from dlhw.config.root import TrainConfig

    group, _, rest = key.partition(".")
    schemas = [
        *OPTIONS.get(group, {}).values(),
        *([SINGLE_OPTIONS[group]] if group in SINGLE_OPTIONS else []),
    ]
    choices: list[str] = []
    for schema in schemas if rest else [TrainConfig]:
        choices += _choices_of(schema, (rest or key).split("."))
    return list(dict.fromkeys(choices))


def _choices_of(schema: type, path: list[str]) -> list[str]:
    hint = typing.get_type_hints(schema).get(path[0])
    if len(path) > 1:
        return _choices_of(hint, path[1:]) if isinstance(hint, type) else []
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if isinstance(kind, type)]
    names = [name for kind in kinds if issubclass(kind, Enum) for name in kind.__members__]
    return names + ["true", "false"] * (bool in kinds)


def _paths(start: str, prefix: str) -> Iterator[str]:
    """Files and folders that begin with a text; a folder ends with a slash."""
    folder, _, name = start.rpartition("/")
    place = Path(folder or ("/" if start.startswith("/") else "."))
    head = f"{folder}/" if "/" in start else ""
    with contextlib.suppress(OSError):
        for entry in place.iterdir():
            if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
                yield f"{prefix}{head}{entry.name}" + "/" * entry.is_dir()
