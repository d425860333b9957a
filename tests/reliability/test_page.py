"""docs/dev/reliability.md names the test behind every promise; these tests check that the named tests exist."""

import re
from pathlib import Path

import pytest

from tests.torture.table import BEGIN, END

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dev" / "reliability.md").read_text(encoding="utf-8")
TABLE = (ROOT / "docs" / "results" / "faults.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests/|\w+/)[\w/]*\w+\.py)`", PAGE))))
def test_a_file_that_the_page_names_is_there(path: str) -> None:
    assert (ROOT / path).is_file() or (ROOT / "src" / "dlhw" / path).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", PAGE))))
def test_a_test_that_the_page_names_is_there(name: str) -> None:
    assert f"def {name}(" in SOURCES


def test_the_table_has_its_place() -> None:
    assert TABLE.count(BEGIN) == TABLE.count(END) == 1
    assert TABLE.index(BEGIN) < TABLE.index(END)
