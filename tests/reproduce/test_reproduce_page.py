"""The page and the table of results: words, links, figures, in a real browser too."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_runs import lr_sweep

from dlhw.commands.reproduce import status_of
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.experiment_entries import (
    CheckConfig,
    FigureConfig,
    FigureKind,
    PublishedConfig,
    RecipeConfig,
    Rule,
)
from dlhw.errors import RunFolderError
from dlhw.files import write_json
from dlhw.reproduce.outcome import ExperimentEnding, Outcome, record, tally
from dlhw.reproduce.results_table import BEGIN, END, results_table, write_table
from dlhw.reproduce.session import FORMAT, RESULTS, ReproducePage, report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Appended to a copy of the page: what the browser made of its figures, and how wide it is.
PROBE = """<script>addEventListener('load', () => { const images = [...document.images];
document.title = JSON.stringify([images.length, images.filter(each => each.naturalWidth > 0).length,
document.documentElement.scrollWidth <= innerWidth]); });</script>"""


def experiment(published: float) -> ExperimentConfig:
    """The result of dlhw is .91 ± .01 for lr=0.1."""
    return ExperimentConfig(
        source="here", name="lr", question="Does <b>it</b> learn & how fast?", note="A note.",
        metrics=["final.val.accuracy"],
        published=[
            PublishedConfig(cell={"optimizer.lr": 0.1}, metric="final.val.accuracy", values=[published], tolerance=0.05)
        ],
        checks=[CheckConfig(rule=Rule.range, claim="It learns.", metric="final/val/accuracy", low=0.4)],
        recipe=RecipeConfig(stated=["The learning rates."], tolerance="Twice the spread of single runs."),
        figures=[FigureConfig(kind=FigureKind.learning), FigureConfig(kind=FigureKind.against)],
    )  # fmt: skip


def outcome_of(folder: Path, published: float, ending: ExperimentEnding = ExperimentEnding.done) -> Outcome:
    config = experiment(published)
    return Outcome(
        label=config.label, ending=ending, question=config.question, seconds=83.4, **report(folder, config)
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(lr_sweep(tmp_path_factory.mktemp("good")), 0.9)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(lr_sweep(tmp_path_factory.mktemp("bad")), 0.5)


def skipped() -> Outcome:
    why = "needs octmnist, and data/octmnist.npz is not there"
    return Outcome(
        label="ist/mlp_lr", ending=ExperimentEnding.skipped, question="Which?", why=why, num_published=4
    )


def failed() -> Outcome:
    return Outcome(
        label="cs7643/lr", ending=ExperimentEnding.failed, question="Why?", why="first line\nlast line"
    )


def page_of(*outcomes: Outcome, left: tuple[str, ...] = ()) -> str:
    page = ReproducePage(command="dlhw-reproduce", date="2026-01-31 12:00 UTC", machine="a machine")
    for outcome in outcomes:
        page.add(outcome)
    return page.html(tally(outcomes), left, 100.0)


def test_verdicts_in_words(good: Outcome, bad: Outcome) -> None:
    assert (good.badge, bad.badge, skipped().badge) == ("reproduced", "DISAGREES", "not run")
    assert (good.looks, bad.looks, skipped().looks) == ("reproduced", "bad", "plain")
    assert (
        tally([good, bad, skipped(), failed()])
        == "4 experiments; reproduced: 1, DISAGREES: 1, not run: 1, failed: 1; 4 published values unchecked"
    )
    assert good.headline == (
        "reproduced, n = 3; 1 of 1 published values agree; 1 of 1 checks shown; 1 min 23 s"
    )
    assert skipped().headline == (
        "not run; 4 published values unchecked; needs octmnist, and data/octmnist.npz is not there"
    )
    assert failed().headline == "failed; last line"
    assert Outcome(label="a/b", ending=ExperimentEnding.done).badge == "nothing to compare with"


def test_exit_status(good: Outcome, bad: Outcome) -> None:
    assert [status_of([good, other], check=False) for other in (good, bad, skipped(), failed())] == [
        0,
        0,
        0,
        1,
    ]
    assert [status_of([good, other], check=True) for other in (good, bad, skipped(), failed())] == [
        0,
        1,
        0,
        1,
    ]


def test_the_page_shows_everything(good: Outcome, bad: Outcome) -> None:
    html = page_of(good, bad, skipped(), failed(), left=("ours/dag",))
    assert "Does &lt;b&gt;it&lt;/b&gt; learn &amp; how fast?" in html
    assert "<code>dlhw-train experiment=here/lr</code> · 1 min 23 s" in html
    assert "Published values beside dlhw" in html
    assert "Origin of the recipe" in html
    assert "Stated by the write-up: The learning rates." in html
    assert "Tolerances: Twice the spread of single runs." in html
    assert "4 published values unchecked" in html
    assert "It learns." in html
    assert "Not yet run: ours/dag." in html
    assert "needs octmnist, and data/octmnist.npz is not there" in html
    assert "2026-01-31 12:00 UTC" in html
    assert "a machine" in html


def test_the_page_stands_alone_and_its_links_lead_somewhere(good: Outcome) -> None:
    html = page_of(good, skipped())
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert {link.split(",")[0] for link in links if not link.startswith("#")} == {
        "data:image/png;base64",
        "data:",
    }
    ids = re.findall(r'id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert len(re.findall(r'<img [^>]*alt="[^"]{40,}"', html)) == html.count("<img ") == 2


def test_the_report_is_written_beside(tmp_path: Path) -> None:
    outcome_of(lr_sweep(tmp_path), 0.9)
    assert (tmp_path / "report/published.csv").is_file()
    assert (tmp_path / "report/figures/figure-1-learning.pdf").is_file()


def browse(page: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    assert CHROMIUM is not None
    always = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=4000",
        "--enable-logging=stderr",
    ]
    own = f"--user-data-dir={page.parent / 'profile'}"
    command = [CHROMIUM, *always, own, *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to open the page in")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_browser_shows_every_figure_and_logs_nothing(
    good: Outcome, bad: Outcome, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "copy.html"
    page.write_text(
        page_of(good, bad, skipped(), failed()).replace("</body>", PROBE + "</body>"), encoding="utf-8"
    )
    done = browse(page, "--dump-dom", f"--window-size={width},900")
    assert "<title>[4,4,true]</title>" in done.stdout
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to open the page in")
def test_the_probe_would_see_a_broken_figure(good: Outcome, tmp_path: Path) -> None:
    page = tmp_path / "copy.html"
    broken = page_of(good).replace("data:image/png;base64,", "data:image/png;base64,AAAA", 1)
    probe = PROBE.replace("{ const", "{ console.error('seen'); const")
    page.write_text(broken.replace("</body>", probe + "</body>"), encoding="utf-8")
    done = browse(page, "--dump-dom")
    assert "<title>[2,1,true]</title>" in done.stdout
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] != []


def results(*outcomes: Outcome) -> dict[str, object]:
    records = {
        outcome.label: record(outcome) | {"date": f"2026-01-0{day}"}
        for day, outcome in enumerate(outcomes, 1)
    }
    return {"format": FORMAT, "machine": "a_machine", "experiments": records}


def test_results_table(good: Outcome) -> None:
    lines = results_table(results(good, skipped()), {"here/lr": 1, "here/other": 3}).splitlines()
    # dlhw's is .91, the published value .9, and .05 is allowed.
    assert re.fullmatch(
        r"\| here/lr \| reproduced \| 3 \| 1 of 1 \| 1 of 1 \|  "
        r"\| \+\.01\d\d \(±\.0500\) validation accuracy, final, optimizer\.lr=0\.1 \| 1 min 23 s \|",
        lines[2],
    )
    assert lines[3] == "| here/other | not run |  | 3 values unchecked |  |  |  |  |"
    assert lines[4] == "| ist/mlp\\_lr | not run: needs octmnist |  | 4 values unchecked |  |  |  |  |"
    assert lines[-3] == "reproduced: 1, not run: 2; 7 published values unchecked; 1 min 23 s in all."
    assert lines[-1] == "Made by `dlhw-reproduce`, 2026-01-01 to 2026-01-02, on a\\_machine."
    assert len({line.count("|") for line in lines[:5]}) == 1


def test_the_table_is_written_between_its_markers(good: Outcome, tmp_path: Path) -> None:
    write_json(tmp_path / RESULTS, results(good))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_table(page, tmp_path)
    once = page.read_text(encoding="utf-8")
    assert once.startswith(f"before\n{BEGIN}\n| experiment |")
    assert once.endswith(f"\n{END}\nafter\n")
    assert "old" not in once
    write_table(page, tmp_path)
    assert page.read_text(encoding="utf-8") == once


def test_the_table_needs_markers_and_results(good: Outcome, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match="run dlhw-reproduce first"):
        write_table(page, tmp_path)
    write_json(tmp_path / RESULTS, results(good))
    with pytest.raises(RunFolderError, match="must hold the lines"):
        write_table(page, tmp_path)
    assert page.read_text(encoding="utf-8") == "nothing\n"
    (tmp_path / RESULTS).write_text("{torn", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is damaged"):
        write_table(page, tmp_path)
