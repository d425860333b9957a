"""Compile a study into a document, and write the files of a report."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.config.experiment_entries import FigureConfig, RecipeConfig
from dlhw.errors import RunFolderError
from dlhw.files import write_atomic
from dlhw.reporting.agreement import Agreement
from dlhw.reporting.agreement_tables import checks_csv, checks_table, published_csv, published_table
from dlhw.reporting.cells import read_curves
from dlhw.reporting.document import Document, Picture, Section
from dlhw.reporting.formats import HTML_MARK, report_html, report_latex, report_markdown, table_csv
from dlhw.reporting.formatting import many
from dlhw.reporting.study import Study
from dlhw.reporting.tables import comparison_table, left_out_table, results_table, samples_table
from dlhw.reporting.values import ABSENT, order, text_of

if TYPE_CHECKING:
    from dlhw.reporting.figures.decision_regions import LoadClassifier

PAGE = "index.html"
TEXTS = ("report.md", "table.csv", "table.tex", "published.csv", "checks.csv")
# Names of figures that an earlier report may have written.
FIGURES = re.compile(r"(learning-curves|metric-by-key|heat-map|figure-\d+-[a-z]+)\.(png|pdf)")


def compile_report(
    study: Study,
    title: str,
    command: str,
    *,
    with_figures: bool = True,
    agreement: Agreement | None = None,
    load_classifier: "LoadClassifier | None" = None,
) -> Document:
    """Compile the report of a study.

    Args:
        study: the cells and their statistics.
        title: of the page.
        command: the command line that makes the report, for the footer.
        with_figures: whether to draw figures, which takes most of the time.
        agreement: of the experiment that the study belongs to; None without one.
        load_classifier: rebuilds the model of a run, for decision regions; None: these are left out.
    """
    results = results_table(study)
    sections = [Section(title=results.title, table=results), *_agreement_sections(agreement)]
    for table in (comparison_table(study), samples_table(study)):
        if table is not None:
            sections.append(Section(title=table.title, table=table))
    figures = [] if agreement is None else agreement.experiment.figures
    pictures, problems = _pictures(study, figures, load_classifier) if with_figures else ([], [])
    if pictures or problems:
        sections.append(Section(title="Figures", text=problems, pictures=pictures))
    left_out = left_out_table(study)
    if left_out is not None:
        sections.append(Section(title=left_out.title, table=left_out))
    if study.fixed:
        settings = [(key, text_of(value)) for key, value in study.fixed.items()]
        sections.append(Section(title="Settings that all runs share", settings=settings))
    about = [] if agreement is None else experiment_summary(agreement)
    return Document(title=title, summary=[*about, *summary(study)], sections=sections, command=command)


def _agreement_sections(agreement: Agreement | None) -> list[Section]:
    if agreement is None:
        return []
    tables = (published_table(agreement), checks_table(agreement))
    sections = [Section(title=table.title, table=table) for table in tables if table is not None]
    recipe = recipe_sentences(agreement.experiment.recipe)
    return [*sections, *([Section(title="Origin of the recipe", text=recipe)] if recipe else [])]


def recipe_sentences(recipe: RecipeConfig) -> list[str]:
    """Sentences about which settings are stated, inferred or fitted, and the basis of the tolerances."""
    origins = {
        "Stated by the write-up": recipe.stated,
        "Inferred": recipe.inferred,
        "Fitted to the published numbers": recipe.fitted,
        "Tolerances": [recipe.tolerance] if recipe.tolerance else [],
    }
    return [f"{origin}: {' '.join(sentences)}" for origin, sentences in origins.items() if sentences]


def experiment_summary(agreement: Agreement) -> list[str]:
    """The experiment's question, note, command and verdict."""
    experiment = agreement.experiment
    note = [experiment.note] if experiment.note else []
    return [
        experiment.question,
        *note,
        f"Run by: {experiment.command}",
        f"Verdict: {agreement.headline}.",
    ]


def _pictures(
    study: Study, figures: Sequence[FigureConfig], load_classifier: "LoadClassifier | None"
) -> tuple[list[Picture], list[str]]:
    # matplotlib is slow to import.
    from dlhw.reporting.figures.heatmap import heat_map
    from dlhw.reporting.figures.learning_curves import learning_curves
    from dlhw.reporting.figures.metric_plots import metric_by_key
    from dlhw.reporting.figures.planned import planned_pictures

    rows, problems = read_curves(study.cells)
    if figures:
        pictures, missing = planned_pictures(study, figures, rows, load_classifier)
        return pictures, [*problems, *missing]
    drawn = [metric_by_key(study), heat_map(study), learning_curves(study, rows)]
    return [picture for picture in drawn if picture is not None], problems


def summary(study: Study) -> list[str]:
    """Sentences about what was run: numbers of runs and cells, statuses, swept keys and seeds."""
    statuses = Counter(str(row["status"]) for row in study.rows)
    ended = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in statuses.most_common())
    sentences = [f"{many(len(study.rows), 'run')} in {many(len(study.cells), 'cell')}: {ended}."]
    if study.keys:
        what = "value" if len(study.keys) == 1 else "combination of values"
        sentences.append(f"A cell is one {what} of {', '.join(study.keys)}, averaged over its seeds.")
    seeds = sorted({run["seed"] for cell in study.cells for run in cell.runs if run.get("seed") is not None})
    if seeds:
        sentences.append(f"Seeds: {_seeds(seeds)}.")
    return sentences


def _seeds(seeds: Sequence[int]) -> str:
    """A list of seeds; first and last if there are many without a gap."""
    if len(seeds) > 5 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def default_title(study: Study) -> str:
    """The common name of the runs, otherwise the swept keys."""
    names = sorted({run.get("name", ABSENT) for cell in study.cells for run in cell.runs}, key=order)
    if len(names) == 1 and names[0] not in (ABSENT, None):
        return text_of(names[0])
    return f"Sweep over {', '.join(study.keys)}" if study.keys else "Runs"


def write_report(
    study: Study, document: Document, out: Path, agreement: Agreement | None = None
) -> list[Path]:
    """Write index.html, report.md, table.csv, table.tex and figures/; for an experiment two more CSV files.

    An earlier report in the same folder is replaced; other files are left unchanged.

    Args:
        study: source of table.csv.
        document: the report.
        out: folder to write into, created if missing.
        agreement: source of published.csv and checks.csv.

    Returns:
        The files written.

    Raises:
        RunFolderError: if the folder holds files of these names that no report wrote.
    """
    refuse_others_files(out)
    contents: dict[str, str | bytes] = {
        # First, because it marks the folder as a report's.
        PAGE: report_html(document),
        "report.md": report_markdown(document),
        "table.csv": table_csv(study),
        "table.tex": report_latex(document),
    }
    contents |= _agreement_contents(agreement)
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


def _agreement_contents(agreement: Agreement | None) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {}
    if agreement is not None and agreement.published:
        files["published.csv"] = published_csv(agreement)
    if agreement is not None and agreement.checks:
        files["checks.csv"] = checks_csv(agreement)
    return files


def refuse_others_files(out: Path) -> None:
    """Refuse to replace files that no report wrote.

    Raises:
        RunFolderError: names such a file.
    """
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is not a folder: choose another with --out")
    page = out / PAGE
    if page.is_file() and HTML_MARK in page.read_text(encoding="utf-8", errors="replace"):
        return
    figures = out / "figures"
    drawn = [path for path in sorted(figures.glob("*")) if FIGURES.fullmatch(path.name)]
    taken = [path for path in (page, *(out / name for name in TEXTS), *drawn) if path.exists()]
    if taken:
        raise RunFolderError(f"{taken[0]} was not written by dlhw-report: choose another folder with --out")


def _remove_stale(figures: Path, kept: set[str]) -> None:
    """Remove figures of an earlier report that this one does not have."""
    for path in figures.iterdir():
        if FIGURES.fullmatch(path.name) and path.name not in kept:
            path.unlink()
