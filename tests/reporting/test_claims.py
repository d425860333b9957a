"""Claims of a text that our runs may not show: told with the numbers, and no verdict depends on them."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from report_runs import frame_of, lr_sweep, study_of

from dlhw.config.experiment import ExperimentConfig
from dlhw.reporting.agreement import Agreement, judge
from dlhw.reporting.agreement_tables import checks_csv, checks_table
from dlhw.reproduce.outcome import Ending, Outcome, record

VAL = "final/val/accuracy"


def judged(folder: Path, *checks: dict[str, Any]) -> Agreement:
    tree = {"source": "s", "name": "n", "question": "Which rate is best?", "checks": list(checks)}
    found = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExperimentConfig), tree))
    assert isinstance(found, ExperimentConfig)
    return judge(study_of(folder), found)


def at_least(low: float, **told: Any) -> dict[str, Any]:
    return {"rule": "range", "claim": f"Above {low}.", "metric": VAL, "low": low} | told


@pytest.mark.parametrize(("low", "shown", "word"), [(2.0, 0, "NOT SHOWN"), (0.0, 1, "yes")])
def test_a_claim_that_does_not_decide(tmp_path: Path, low: float, shown: int, word: str) -> None:
    told = judged(lr_sweep(tmp_path), at_least(0.0), at_least(low, decides=False))
    assert told.agrees
    assert told.headline == f"checks: 1 of 1 hold; further claims: {shown} of 1 shown"
    table = checks_table(told)
    assert table is not None
    assert [line.entries[-1].text for line in table.lines] == ["yes", word]
    assert any("no verdict depends on it" in sentence for sentence in table.caption)
    assert [line.rpartition(",")[2] for line in checks_csv(told).splitlines()] == ["decides", "true", "false"]
    kept = record(Outcome(label="s/n", ending=Ending.done, agreement=told))
    assert (kept["checks"], kept["claims"]) == ("1 of 1", f"{shown} of 1")


def test_the_same_claim_disagrees_where_it_decides(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    assert frame_of(folder)[VAL].max() <= 1
    told = judged(folder, at_least(2.0))
    assert not told.agrees
    assert told.headline == "checks: 0 of 1 hold"
    table = checks_table(told)
    assert table is not None
    assert table.lines[0].entries[-1].text == "NO"
    assert not any("no verdict" in sentence for sentence in table.caption)
