"""Write a report's files. What is not ours stays."""

import re
from pathlib import Path

from dlhw.errors import RunFolderError
from dlhw.reporting import html, latex, markdown
from dlhw.reporting.agreement import Agreement
from dlhw.reporting.agreement_tables import checks_csv, published_csv
from dlhw.reporting.document import Document
from dlhw.reporting.study import Study
from dlhw.reporting.table_csv import table_csv
from dlhw.runs.files import write_atomic

PAGE = "index.html"
TEXTS = ("report.md", "table.csv", "table.tex", "published.csv", "checks.csv")
# The names of figures that some report of ours may have left here.
FIGURES = re.compile(r"(learning-curves|metric-by-key|heat-map|figure-\d+-[a-z]+)\.(png|pdf)")


def write_report(
    study: Study, document: Document, out: Path, agreement: Agreement | None = None
) -> list[Path]:
    """Write index.html, report.md, table.csv, table.tex and figures/; of an experiment two more CSV files.

    An earlier report in the same folder is replaced; other files there are left alone.

    Args:
        study: for the numbers in full precision.
        document: what is said of them.
        agreement: with published numbers, for published.csv and checks.csv.
        out: folder, made if need be.

    Returns:
        The files written.

    Raises:
        RunFolderError: if the folder holds files of these names that no report wrote.
    """
    refuse_others_files(out)
    contents: dict[str, str | bytes] = {
        # First, because it says that the other files are ours.
        PAGE: html.html(document),
        "report.md": markdown.markdown(document),
        "table.csv": table_csv(study),
        "table.tex": latex.latex(document),
    }
    contents |= _agreement_files(agreement)
    for picture in document.pictures:
        contents[f"figures/{picture.name}.png"] = picture.png
        contents[f"figures/{picture.name}.pdf"] = picture.pdf
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_atomic(out / name, content)
    _remove_stale(out / "figures", {Path(name).name for name in contents})
    for name in set(TEXTS) - set(contents):
        (out / name).unlink(missing_ok=True)
    return [out / name for name in contents]


def _agreement_files(agreement: Agreement | None) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {}
    if agreement is not None and agreement.published:
        files["published.csv"] = published_csv(agreement)
    if agreement is not None and agreement.checks:
        files["checks.csv"] = checks_csv(agreement)
    return files


def refuse_others_files(out: Path) -> None:
    """A folder is ours if its page is, or if it has none of our names.

    Raises:
        RunFolderError: names the file in the way.
    """
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is not a folder: choose another with --out")
    page = out / PAGE
    if page.is_file() and html.MARK in page.read_text(encoding="utf-8", errors="replace"):
        return
    figures = out / "figures"
    drawn = [path for path in sorted(figures.glob("*")) if FIGURES.fullmatch(path.name)]
    taken = [path for path in (page, *(out / name for name in TEXTS), *drawn) if path.exists()]
    if taken:
        raise RunFolderError(f"{taken[0]} was not written by dlhw-report: choose another folder with --out")


def _remove_stale(figures: Path, kept: set[str]) -> None:
    """A heat map of an earlier report that this one does not have would seem to belong to it."""
    for path in figures.iterdir():
        if FIGURES.fullmatch(path.name) and path.name not in kept:
            path.unlink()
