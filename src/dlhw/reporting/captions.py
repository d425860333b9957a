"""What has to be said with a table so that its numbers are not misread."""

from collections.abc import Sequence

from dlhw.config.data_base import VAL_FROM_TEST
from dlhw.reporting.numbers import many
from dlhw.reporting.study import Study

SELECTED = {"best": "best (those of best validation)", "last": "last (the last ones)"}


def warnings(study: Study) -> list[str]:
    """What every table of a study repeats, because its numbers are not what they seem."""
    told = ["Cells were selected by TEST (--select test)."] if study.select == "test" else []
    return [*told, VAL_FROM_TEST] if study.is_val_from_test else told


def how_measured(study: Study) -> list[str]:
    """Sentences for the table of results."""
    told = [*_statistics(study), study.choice.sentence, *_meanings(study), *_left_out(study)]
    return [*warnings(study), *told]


def _statistics(study: Study) -> list[str]:
    counts = {found.n for found in study.estimates.values()}
    told = []
    if max(counts, default=0) > 1:
        told.append(
            "Mean ± standard deviation over n seeds, and the 95 % interval of the mean (Student's t)."
        )
    if 1 in counts:
        told.append("n = 1: a single run, so no standard deviation or interval.")
    if study.within:
        told.append(f"Cells average over {', '.join(study.within)} too.")
    return told


def _meanings(study: Study) -> list[str]:
    """What final, best and selected mean; how train numbers came about."""
    whens = {metric.name.split("/")[0] for metric in study.metrics if metric.part}
    told = [text for when, text in _whens(study).items() if when in whens]
    runs = [run for cell in study.cells for run in cell.runs]
    is_running = any(run.get("trainer.train_metrics") == "running" for run in runs)
    if is_running and any(metric.part == "train" for metric in study.metrics):
        told.append(
            "Train numbers average over the batches since the last evaluation (train_metrics=running)."
        )
    return told


def _whens(study: Study) -> dict[str, str]:
    runs = [run for cell in study.cells for run in cell.runs]
    chosen = sorted({str(run.get("trainer.select")) for run in runs})
    told = " or ".join(SELECTED[each] for each in chosen if each in SELECTED)
    return {
        "final": "Final: with the last parameters.",
        "best": "Best: with the parameters of best validation.",
        "selected": f"Selected: with the parameters of trainer.select: {told}.",
    }


def _left_out(study: Study) -> list[str]:
    told = []
    if any(cell.ended("diverged") for cell in study.cells):
        told.append("Diverged runs stand in the notes, not in the means, and their cells cannot be best.")
    if study.repeats:
        told.append(f"Left out: {many(study.repeats, 'repeat')} of another run's config and seed.")
    if study.unreadable:
        told.append(f"Left out: {many(len(study.unreadable), 'unreadable run')}.")
    return told


def how_compared(baseline: str) -> list[str]:
    """Sentences for the table of differences."""
    return [
        f"Mean of the differences from {baseline} between runs of the same seed, and its 95 % interval "
        "(Student's t).",
        "Not distinguishable: the interval covers 0. No pairs: fewer than two seeds in common.",
        "Each interval stands alone: among many comparisons some miss by chance.",
    ]


def few_seeds(counts: Sequence[int]) -> list[str]:
    """What has to be said where means are of one or two seeds; nothing without such."""
    if not counts:
        return []
    told = " or ".join(map(str, counts))
    seeds = "seed" if list(counts) == [1] else "seeds"
    return [f"Only {told} {seeds}: too few to tell how a further run would turn out."]
