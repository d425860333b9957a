"""Runs of very many evaluations. `make torture` watches one of 100,000, `make torture ARGS=--quick` of 3,000."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlhw.callbacks.tensorboard import Thinning
from tests.torture.long import EVALUATES, MAX_GROWTH, MAX_NEW_FILES, is_bounded
from tests.torture.processes import train
from tests.torture.watching import Use

COUNT = 3000


def test_what_counts_as_bounded() -> None:
    start = Use(memory=500 << 20, files=10)
    assert is_bounded([start, Use(start.memory + MAX_GROWTH - 1, start.files + MAX_NEW_FILES)])
    assert not is_bounded([start, Use(start.memory + MAX_GROWTH, start.files)])
    assert not is_bounded([start, Use(start.memory, start.files + MAX_NEW_FILES + 1)])
    assert not is_bounded([])


def test_curves_are_thinned_and_end_where_the_run_ends(tmp_path: Path) -> None:
    ended = train(*EVALUATES, f"trainer.epochs={COUNT - 1}", cwd=tmp_path)
    assert ended.status == 0, ended.err
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    steps = [scalar.step for scalar in events.Scalars("loss/val")]
    assert steps == [*range(1, 2001), *range(2002, COUNT - 1, 2), COUNT - 1]
    # Every fifth evaluation draws, and more and more of these drawings are left out.
    assert 50 < len(events.Histograms("weights/fc.weight")) < COUNT // 5 // 2


def test_a_series_of_any_length_keeps_few_points() -> None:
    thinning = Thinning(2000)
    kept = [number for number in range(1, 1_000_001) if thinning.keeps()]
    assert len(kept) <= 2000 * (1 + 9 / 2)
    gaps = [(after - before, before) for before, after in zip(kept, kept[1:], strict=False)]
    assert max(gap / before for gap, before in gaps if gap > 1) <= 1 / 1000
