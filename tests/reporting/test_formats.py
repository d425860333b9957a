"""What is written: CSV in full precision, Markdown, LaTeX and HTML that hold any text."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import copied, lr_sweep, make_run, study_of
from rich.console import Console

from dlhw.display import csv_cell
from dlhw.errors import RunFolderError
from dlhw.reporting.console import print_sweep_report, print_table, rich_table
from dlhw.reporting.document import Document, ReportTable, Section, TableEntry, TableRow
from dlhw.reporting.formats import (
    LATEX_ESCAPES,
    escape_latex,
    report_html,
    report_latex,
    report_markdown,
    table_csv,
)
from dlhw.reporting.formatting import format_number
from dlhw.reporting.report import compile_report, default_title, write_report
from dlhw.reporting.study import Study
from dlhw.reporting.tables import results_table, sweep_table

NASTY = "a&b_50%$x|y <script>alert(1)</script> {z}~^\\ *`#"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def document_of(study: Study, title: str = "", with_figures: bool = False) -> Document:
    return compile_report(study, title or default_title(study), "dlhw-report DIR", with_figures=with_figures)


def nasty_document() -> Document:
    table = ReportTable(
        title=NASTY,
        headings=[NASTY, "n"],
        align="lr",
        lines=[TableRow([TableEntry(NASTY), TableEntry("1", "[0]")])],
    )
    from dlhw.reporting.document import Section

    return Document(title=NASTY, summary=[NASTY], sections=[Section(title=NASTY, table=table)], command=NASTY)


def test_csv_reads_back_the_same_floats(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path), baseline="lr=0.1")
    rows = list(csv.DictReader(io.StringIO(table_csv(study))))
    assert [float(row["optimizer.lr"]) for row in rows] == [0.01, 0.1, 1]
    assert [row["best"] for row in rows] == ["0", "1", "0"]
    for index, row in enumerate(rows):
        for metric in study.metrics:
            estimate = study.estimates[index, metric]
            for name in ("mean", "std", "low", "high"):
                assert float(row[f"{metric.name}/{name}"]) == getattr(estimate, name)
    assert study.comparison is not None
    estimate = study.comparison.differences[0, study.metrics[0]].estimate
    assert float(rows[0]["final/train/accuracy/difference"]) == estimate.mean
    assert rows[1]["final/train/accuracy/verdict"] == "baseline"


def test_csv_is_read_by_pandas(tmp_path: Path) -> None:
    frame = pandas.read_csv(io.StringIO(table_csv(study_of(lr_sweep(tmp_path, seeds=[0])))))
    assert frame["n"].tolist() == [1, 1, 1]
    assert frame["final/val/accuracy/std"].isna().all()


def test_moved_and_copied_sweeps_give_the_same_table(tmp_path: Path) -> None:
    one = lr_sweep(tmp_path / "one")
    two = copied(one, tmp_path / "elsewhere" / "two")
    assert table_csv(study_of(one)) == table_csv(study_of(two))
    assert report_markdown(document_of(study_of(one))) == report_markdown(document_of(study_of(two)))


def test_latex_escapes_everything() -> None:
    text = report_latex(nasty_document())
    assert r"a\&b\_50\%\$x\textbar{}y" in text
    assert r"\{z\}\textasciitilde{}\textasciicircum{}\textbackslash{}" in text
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for row in [line.strip() for line in body.splitlines() if line.strip().endswith(r"\\")]:
        assert len(re.findall(r"(?<!\\)&", row)) == 1


@given(st.text(max_size=40))
def test_latex_has_no_live_character_left(text: str) -> None:
    escaped = escape_latex(text)
    for code in sorted(LATEX_ESCAPES.values(), key=len, reverse=True):
        escaped = escaped.replace(code, "") if code != " " else escaped
    assert not set(escaped) & set("\\&%$#_{}~^")


def test_latex_table_is_booktabs(tmp_path: Path) -> None:
    text = report_latex(document_of(study_of(lr_sweep(tmp_path), baseline="lr=0.1")))
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 2
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"\textbf{0.1} & \textbf{3}" in text
    assert r"$\pm$" in text


def test_markdown_escapes_what_would_be_markup() -> None:
    text, _, _ = report_markdown(nasty_document()).rpartition("Made by")
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


def test_html_escapes_everything() -> None:
    page = Page(report_html(nasty_document()))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "".join(page.words).count("<script>alert(1)</script>") >= 4


def test_html_needs_nothing_beside_itself(tmp_path: Path) -> None:
    text = report_html(document_of(study_of(lr_sweep(tmp_path)), with_figures=True))
    page = Page(text)
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 2
    for attributes in images:
        assert str(attributes["src"]).startswith("data:image/png;base64,iVBOR")
        assert len(str(attributes["alt"])) > 40
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert [a["content"] for tag, a in page.tags if a.get("name") == "viewport"] == [
        "width=device-width, initial-scale=1"
    ]
    assert page.tags[0] == ("html", {"lang": "en"})


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    study = study_of(lr_sweep(tmp_path))
    assert document_of(study, with_figures=True) == document_of(study, with_figures=True)


def test_writing_again_replaces_our_files_only(tmp_path: Path) -> None:
    study, out = study_of(lr_sweep(tmp_path / "runs")), tmp_path / "report"
    first = write_report(study, document_of(study, "first", with_figures=True), out)
    (out / "figures" / "mine.png").write_bytes(b"mine")
    (out / "notes.md").write_text("mine")
    (out / "figures" / "heat-map.png").write_bytes(b"of an earlier report")
    (out / "report.md").write_text("changed by hand")
    assert write_report(study, document_of(study, "second", with_figures=True), out) == first
    left = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert left == {str(path.relative_to(out)) for path in first} | {"figures/mine.png", "notes.md"}
    assert "second" in (out / "report.md").read_text()


@pytest.mark.parametrize(
    "name", ["index.html", "report.md", "table.csv", "table.tex", "figures/heat-map.pdf"]
)
def test_files_of_somebody_else_are_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    study = study_of(make_run(tmp_path / "runs" / "run"))
    with pytest.raises(RunFolderError, match=f"{name} was not written by dlhw-report: choose .* with --out"):
        write_report(study, document_of(study), tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == ("/" not in name)


def test_the_console_table_holds_every_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = lr_sweep(tmp_path)
    print_sweep_report([sweep])
    output = capsys.readouterr().out
    for text in ("Results by optimizer.lr", "0.01", "best by validation", ".9110 ±", "Student's t"):
        assert text in output
    assert "\x1b" not in output


def test_the_best_line_is_bold_on_a_terminal(tmp_path: Path) -> None:
    import report_runs

    console = Console(force_terminal=True, width=160, file=io.StringIO())
    console.print(rich_table(sweep_table(report_runs.frame_of(lr_sweep(tmp_path)))))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[1m" in console.file.getvalue()


def test_markup_in_values_is_text() -> None:
    console = Console(width=100, file=io.StringIO())
    table = ReportTable(
        title="[red]", headings=["[bold]"], align="l", lines=[TableRow([TableEntry("[/] [16]")])]
    )
    console.print(rich_table(table))
    assert isinstance(console.file, io.StringIO)
    for text in ("[red]", "[bold]", "[/] [16]"):
        assert text in console.file.getvalue()


@given(st.floats(-1e300, 1e300, allow_nan=False))
def test_numbers_read_back_near(value: float) -> None:
    text = format_number(value).replace("−", "-")
    assert float(text) == pytest.approx(value, rel=6e-3, abs=1e-300)


def test_results_table_of_one_cell(tmp_path: Path) -> None:
    table = results_table(study_of(make_run(tmp_path / "run")))
    assert table.title == "Results"
    assert "Only one configuration, nothing to choose from." in table.caption


def test_names_with_markup_and_control_characters_are_shown_as_they_are() -> None:
    """As a user may name a run or a class: nothing colours a terminal, ends a table or runs in a browser."""
    evil = "a[/b]\x1b[31m<script>|$x$ \u202e~~&amp;\n{}"
    table = ReportTable(
        title=evil, headings=[evil], align="l", lines=[TableRow([TableEntry(evil, evil)])], caption=[evil]
    )
    document = Document(
        title=evil, summary=[evil], sections=[Section(title=evil, table=table, settings=[(evil, evil)])],
        command=evil,
    )  # fmt: skip
    out = io.StringIO()
    print_table(table, Console(file=out, width=400, force_terminal=True))
    texts = {
        "md": report_markdown(document),
        "tex": report_latex(document),
        "html": report_html(document),
        "console": out.getvalue(),
    }
    for name, text in texts.items():
        assert "\x1b[31m" not in text, name
        assert "\u202e" not in text, name
    assert r"a[/b]\x1b[31m<script>|$x$ \u202e~~&amp;\n{}" in texts["console"]
    assert "<script" not in texts["html"]
    assert r"a[/b]\\x1b[31m\<script\>\|\$x\$ \\u202e\~\~\&amp; {}" in texts["md"]
    assert r"\textbackslash{}x1b[31m\textless{}script\textgreater{}\textbar{}\$x\$" in texts["tex"]


def test_no_cell_of_a_csv_begins_a_formula(tmp_path: Path) -> None:
    values = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "-0.5", "1e-3"]
    assert list(map(csv_cell, values)) == [
        "'=cmd|' /C calc'!A0", "'+1+1", "'-2+3", "'@SUM(1)", "-0.5", "1e-3",
    ]  # fmt: skip
    make_run(tmp_path / "a", "name='=1+1'", seed=0)
    make_run(tmp_path / "b", "name=-0.5", seed=1)
    text = table_csv(study_of(tmp_path, by=["name"]))
    assert [line.split(",")[0] for line in text.splitlines()] == ["name", "-0.5", "'=1+1"]
