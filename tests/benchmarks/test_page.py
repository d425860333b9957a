"""Results as files, pages and tables in documents."""

from pathlib import Path

import pytest

from benchmarks.filling import check_markers, fill
from benchmarks.page import sections_of, text_of, whole_page
from benchmarks.plots import write_plots
from benchmarks.report import Aim, Comparison, Curve, Report, Table, aim_against
from benchmarks.results import Results
from dlhw.errors import RunFolderError

COMPARISON = Comparison(
    "a race", "s", "we", {"we": [1.0, 2.0, 4.0], "they": [2.0, 3.0, 5.0]}, {"we": [0.5], "they": [0.5]},
    {"JAX": "not installed"},
)  # fmt: skip
REPORT = Report(
    title="Races",
    notes=["A note."],
    comparisons=[COMPARISON],
    aims=[aim_against(COMPARISON, "they", 0.7), aim_against(COMPARISON, "JAX", 0.5, 0.3)],
    tables=[Table("Parts:", ("part", "ms"), [["one", "1.0"]])],
    curves=[Curve("growth", "Growth", "runs", "s", [1, 10], {"we": [1.0, 2.0]})],
)
RESULTS = Results("today-here", ["a machine"], {"races": REPORT})


def test_ratios_are_of_rounds_and_the_verdict_is_of_their_median() -> None:
    assert COMPARISON.ratios("they") == [0.5, 2 / 3, 0.8]
    assert [aim.verdict for aim in REPORT.aims] == ["met", "not measured"]
    assert Aim("share", 55, [50, 54, 60], at_least=True).verdict == "not met"
    text = text_of(REPORT)
    assert "| a race: we / they | ≤ 0.7 | 0.667 (0.500 to 0.800) | met |" in text
    assert "| a race: we / JAX | ≤ 0.5 (hoped: 0.3) |  | not measured: not installed |" in text
    assert "| JAX | not installed |  |  |" in text


def test_results_come_back_whole(tmp_path: Path) -> None:
    RESULTS.save(tmp_path)
    again = Results.load(tmp_path)
    assert whole_page(again) == whole_page(RESULTS)
    assert again.reports["races"].comparisons[0].ratios("they") == COMPARISON.ratios("they")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"reports": {"a": {}}}', '{"reports": {}, "more": 1}'])
def test_other_files_are_no_results(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match="is not the results of a benchmark"):
        Results.load(tmp_path)


def test_plots_are_pictures(tmp_path: Path) -> None:
    write_plots(RESULTS.reports, tmp_path)
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_document_is_filled_between_its_markers_again_and_again(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(
        "before\n<!-- bench: aims begin -->\nold\n<!-- bench: aims end -->\nbetween\n"
        "<!-- bench: races begin -->\n<!-- bench: races end -->\nafter\n",
        encoding="utf-8",
    )
    sections = sections_of(RESULTS, "benchmarks/today-here/")
    fill(document, sections)
    once = document.read_text(encoding="utf-8")
    fill(document, sections)
    assert document.read_text(encoding="utf-8") == once
    assert "old" not in once
    assert once.startswith("before\n")
    assert "\nbetween\n" in once
    assert once.endswith("after\n")
    assert "(benchmarks/today-here/growth.png)" in once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "has no line such as <!-- bench: aims begin -->"),
        ("<!-- bench: aim begin -->\n<!-- bench: aim end -->", "did you mean aims?"),
        ("<!-- bench: aims begin -->", "must hold <!-- bench: aims begin --> once"),
        (
            "<!-- bench: aims begin -->\n<!-- bench: aims end -->\n" * 2,
            "must hold <!-- bench: aims begin --> once",
        ),
    ],
)
def test_a_document_that_cannot_be_filled_stays(tmp_path: Path, text: str, message: str) -> None:
    document = tmp_path / "doc.md"
    document.write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=message):
        fill(document, sections_of(RESULTS, ""))
    assert document.read_text(encoding="utf-8") == text


def test_the_page_of_the_documentation_can_be_filled() -> None:
    from benchmarks.commands import ROOT
    from benchmarks.scenarios import SCENARIOS

    check_markers(ROOT / "docs" / "results" / "performance.md", ["about", "aims", *SCENARIOS])
