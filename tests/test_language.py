"""The project is written in the field's terms: words of a private dialect stand in no text, docstring or name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What is not written -> what is written instead.
PHRASES = {
    r"\b(go|goes|going|gone|went) on\b": "resume, continue",
    r"\b(tell|tells|told|telling)\b": "notify, report, say, show",
    r"\bso many\b": "n, the number of",
    r"\bhow many it is\b": "the number of",
    r"\b(what becomes of|whose it is|that which)\b": "a plainer sentence",
    r"(?<!source: )(?<!`)\bours\b(?![/:`])": "dlhw's",
    r"\btheirs\b": "PyTorch's, or the name",
    r"\brooms\b|\b(this|the|a) room\b": "package, module",
    r"\blooks? up from\b": "polls, checks",
    r"\b(training|validation|test|train|val) parts?\b": "split",
    r"\bparts? of the data\b": "split",
    r"\bof then\b": "of that time, earlier",
    r"\ball the same\b": "anyway",
}
# Pattern of a line -> why a phrase may stand in it.
EXCEPTIONS = {
    r"\btell\b.*\bapart\b": "to tell apart is plain English for to distinguish",
    r"^ours$": "the source of dlhw's own experiments",
}
# As names of variables and arguments these say nothing: the noun does.
NAMES = {"told", "tells", "each", "found", "mine", "made", "theirs", "ours", "whose"}
TEXTS = ("*.md", "docs/**/*.md", "conf/**/*.yaml", "Makefile")
PROGRAMS = ("src/**/*.py", "tests/**/*.py", "benchmarks/**/*.py")
OWN = Path(__file__).relative_to(ROOT)


@pytest.mark.parametrize("pattern", TEXTS)
def test_texts_use_the_terms_of_the_field(pattern: str) -> None:
    lines = [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in sorted(ROOT.glob(pattern))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    ]
    assert lines
    assert not list(faults(lines))


@pytest.mark.parametrize("pattern", PROGRAMS)
def test_messages_docstrings_and_comments_use_the_terms_of_the_field(pattern: str) -> None:
    lines = [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for path in programs(pattern)
        for number, line in prose(path.read_text(encoding="utf-8"))
    ]
    assert lines
    assert not list(faults(lines))


@pytest.mark.parametrize("pattern", PROGRAMS)
def test_variables_are_named_by_nouns(pattern: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in programs(pattern)
        for line, name in names(path.read_text(encoding="utf-8"))
        if name in NAMES
    ]
    assert not wrong


def test_phrases_are_found_in_the_middle_of_a_line() -> None:
    lines = [("a:1", "It has told the room."), ("a:2", "It can tell them apart."), ("a:3", "No room for it.")]
    assert [fault.partition(" ")[0] for fault in faults(lines)] == ["a:1:", "a:1:"]


def test_prose_of_a_program_is_its_texts_and_comments() -> None:
    program = 'told = f"a {told} b"  # why\n"""one\ntwo"""\n'
    assert sorted(prose(program)) == [(1, " b"), (1, "a "), (1, "why"), (2, "one"), (3, "two")]


def faults(lines: list[tuple[str, str]]) -> Iterator[str]:
    """One sentence for each phrase that stands in a line."""
    for place, line in lines:
        if any(re.search(pattern, line) for pattern in EXCEPTIONS):
            continue
        for pattern, instead in PHRASES.items():
            if match := re.search(pattern, line, re.IGNORECASE):
                yield f"{place}: {match[0]!r}, write: {instead} ({line.strip()})"


def programs(pattern: str) -> list[Path]:
    return [path for path in sorted(ROOT.glob(pattern)) if path.relative_to(ROOT) != OWN]


def prose(program: str) -> Iterator[tuple[int, str]]:
    """Line number and text of every string literal and comment."""
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.splitlines()):
                yield node.lineno + offset, line
    for number, line in enumerate(program.splitlines(), start=1):
        if comment := re.search(r"(?:^|\s)# ?(.*)$", line):
            yield number, comment[1]


def names(program: str) -> Iterator[tuple[int, str]]:
    """Line number and name of every variable that is assigned, argument and function."""
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
