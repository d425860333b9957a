"""The pages of the documentation: links, anchors, and the files and tests that they name exist."""

import re
from pathlib import Path

import pytest

from dlhw.reproduce import falsify_session, results_table
from tests.torture import table

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]\[]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.M | re.S)
HEADING = re.compile(r"^#+ (.+)$", re.M)
# What the worked examples of docs/dev/add-a-part.md would add.
EXAMPLES = {
    "conf/data/svmlight.yaml",
    "conf/experiment/ours/batch_size.yaml",
    "conf/model/bottleneck.yaml",
    "conf/optimizer/adagrad.yaml",
    "src/dlhw/data/svmlight.py",
}
SCHEME = re.compile(r"[a-z]+:")
NAMED_FILE = re.compile(r"`((?:[a-z_.0-9]+/)+[a-z_.0-9]+\.(?:py|yaml|md))`")


def text_of(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> list[str]:
    """Targets of the relative links of a page."""
    return [link for link in LINK.findall(text_of(page)) if not SCHEME.match(link)]


def anchors_of(page: Path) -> set[str]:
    """Anchors that GitHub makes of the headings of a page."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text_of(page)))
    return {heading.strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: no such file"
        assert target.is_relative_to(ROOT), f"{link}: outside of the repository"
        if anchor:
            assert anchor in anchors_of(target), f"{link}: no such heading in {target.name}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [
            (page.parent / link.partition("#")[0]).resolve() for link in links_of(page) if link[0] != "#"
        ]
    assert {page for page in PAGES if page not in reached} == set()


def test_every_file_that_a_page_names_exists() -> None:
    """Files in backquotes, relative to the repository or to `src/dlhw`."""
    for page in PAGES:
        if "docs/benchmarks" in page.as_posix() or page.name == "CHANGELOG.md":
            continue
        for name in set(NAMED_FILE.findall(page.read_text(encoding="utf-8"))) - EXAMPLES:
            places = [ROOT / name, ROOT / "src" / "dlhw" / name]
            assert any(place.exists() for place in places), f"{page.name}: {name}: no such file"


def test_every_test_that_a_page_names_exists() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for page in PAGES:
        for name in set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))):
            assert f"def {name}(" in sources, f"{page.name}: {name}: no such test"


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("experiments.md", results_table.BEGIN, results_table.END),
        ("falsification.md", falsify_session.BEGIN, falsify_session.END),
        ("faults.md", table.BEGIN, table.END),
    ],
)
def test_a_page_of_results_has_one_place_for_its_table(name: str, begin: str, end: str) -> None:
    page = (ROOT / "docs" / "results" / name).read_text(encoding="utf-8")
    assert page.count(begin) == page.count(end) == 1
    assert page.index(begin) < page.index(end)
