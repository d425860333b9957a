"""Claims of a write-up that the runs refute: shown with the numbers, and no verdict depends on them."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from report_runs import frame_of, lr_sweep, study_of

from dlhw.config.experiment import ExperimentConfig
from dlhw.reporting.agreement import Agreement, ExperimentVerdict
from dlhw.reporting.agreement_tables import checks_csv, checks_table
from dlhw.reporting.judge import judge
from dlhw.reproduce.outcome import ExperimentEnding, Outcome, record

VAL = "final/val/accuracy"


def judged(folder: Path, *checks: dict[str, Any]) -> Agreement:
    tree = {"source": "s", "name": "n", "question": "Which rate is best?", "checks": list(checks)}
    experiment = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExperimentConfig), tree))
    assert isinstance(experiment, ExperimentConfig)
    return judge(study_of(folder), experiment)


def at_least(low: float, **fields: Any) -> dict[str, Any]:
    return {"rule": "range", "claim": f"Above {low}.", "metric": VAL, "low": low} | fields


@pytest.mark.parametrize(("low", "shown", "word"), [(2.0, 0, "REFUTED"), (0.0, 1, "shown")])
def test_a_claim_that_does_not_decide(tmp_path: Path, low: float, shown: int, word: str) -> None:
    agreement = judged(lr_sweep(tmp_path), at_least(0.0), at_least(low, decides=False))
    assert agreement.passes
    assert agreement.verdict is ExperimentVerdict.consistent
    refuted = "" if shown else ", 1 refuted"
    assert agreement.headline == (
        f"consistent, n = 3: 1 of 1 checks shown; {shown} of 1 claims of the write-up shown{refuted}"
    )
    table = checks_table(agreement)
    assert table is not None
    assert [line.entries[-1].text for line in table.lines] == ["shown", word]
    assert any("the verdict does not depend on it" in sentence for sentence in table.caption)
    assert [line.rpartition(",")[2] for line in checks_csv(agreement).splitlines()] == [
        "decides",
        "true",
        "false",
    ]
    kept = record(Outcome(label="s/n", ending=ExperimentEnding.done, agreement=agreement))
    assert (kept["checks"], kept["claims"]) == ("1 of 1", "1 shown" if shown else "1 refuted")
    assert kept["refuted"] == 1 - shown


def test_claims_alone_are_a_verdict_of_their_own(tmp_path: Path) -> None:
    agreement = judged(lr_sweep(tmp_path), at_least(2.0, decides=False))
    assert agreement.verdict is ExperimentVerdict.refuted_claim
    assert agreement.passes
    assert agreement.headline == "refuted claim: 0 of 1 claims of the write-up shown, 1 refuted"


def test_a_claim_that_the_seeds_do_not_decide_is_not_shown(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    frame = frame_of(folder)
    mean = float(frame[frame["optimizer.lr"] == 1][VAL].mean())
    agreement = judged(folder, at_least(mean - 1e-6, decides=False, where={"optimizer.lr": 1}))
    table = checks_table(agreement)
    assert table is not None
    assert table.lines[0].entries[-1].text == "not shown at n = 3"


def test_the_same_claim_disagrees_where_it_decides(tmp_path: Path) -> None:
    folder = lr_sweep(tmp_path)
    assert frame_of(folder)[VAL].max() <= 1
    agreement = judged(folder, at_least(2.0))
    assert not agreement.passes
    assert agreement.headline == "DISAGREES, n = 3: 0 of 1 checks shown, 1 contradicted"
    table = checks_table(agreement)
    assert table is not None
    assert table.lines[0].entries[-1].text == "CONTRADICTED"
    assert not any("does not depend" in sentence for sentence in table.caption)
