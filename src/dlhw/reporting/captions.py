"""Captions: the sentences that a table needs so that its numbers are not misread."""

from collections.abc import Sequence

from dlhw.config.data_base import VAL_FROM_TEST
from dlhw.reporting.formatting import many
from dlhw.reporting.frames import SIZES
from dlhw.reporting.metrics import SPLIT_NAMES
from dlhw.reporting.statistics import MIN_FOR_INTERVAL
from dlhw.reporting.study import Study
from dlhw.reporting.swept_keys import VERSION_KEYS, versions_of

SELECTED = {"best": "best (best validation score)", "last": "last"}
SCALES = "on the logit scale for accuracies, on the log scale for losses and other positive quantities"


def warnings(study: Study) -> list[str]:
    """Warnings that every table of a study repeats, because its numbers are not what a reader expects."""
    sentences = ["Cells were selected by TEST (--select test)."] if study.select == "test" else []
    sentences += [VAL_FROM_TEST] if study.is_val_from_test else []
    return [*sentences, *_versions(study)]


def _versions(study: Study) -> list[str]:
    """A sentence for each: runs of several versions of the data, or of the code."""
    runs = [run for cell in study.cells for run in cell.runs]
    sentences = []
    for key, what in VERSION_KEYS.items():
        present = versions_of(runs, key)
        if present:
            how = (
                f"each cell holds one ({key})" if key in study.keys else "--versions gives each its own cells"
            )
            sentences.append(f"Several versions of the {what}: {', '.join(present)}; {how}.")
    return sentences


def how_measured(study: Study) -> list[str]:
    """The caption of the table of results."""
    sentences = [*_statistics(study), study.choice.sentence, *_meanings(study), *_left_out(study)]
    return [*warnings(study), *sentences]


def _statistics(study: Study) -> list[str]:
    estimates = study.estimates.values()
    counts = {estimate.n for estimate in estimates}
    sentences = []
    if max(counts, default=0) > 1:
        interval = f", and the 95 % interval of the mean (Student's t; {SCALES})"
        has_intervals = any(estimate.low is not None for estimate in estimates)
        sentences.append(f"Mean ± standard deviation over n seeds{interval if has_intervals else ''}.")
    if any(estimate.median is not None for estimate in estimates):
        sentences.append(
            "IQM: the interquartile mean, without the lowest and the highest quarter of the values."
        )
    random = {
        estimate.n
        for (index, _), estimate in study.estimates.items()
        if not study.cells[index].is_deterministic
    }
    sentences += few_seeds(sorted(count for count in random if 0 < count < MIN_FOR_INTERVAL))
    if any(cell.is_deterministic for cell in study.cells):
        sentences.append(
            "Identical runs: scores that are equal to the last bit over all seeds count once (n = 1), "
            "because nothing in them is random."
        )
    sentences += [*_sets(study), *_times(study)]
    sentences += _classes(study)
    if study.within:
        sentences.append(f"Cells average over {', '.join(study.within)} too.")
    return sentences


def _classes(study: Study) -> list[str]:
    """The names of the classes, unless they are only numbers."""
    names = {str(run["class_names"]) for cell in study.cells for run in cell.runs if run.get("class_names")}
    named = sorted(text for text in names if not all(name.isdecimal() for name in text.split(", ")))
    return [f"Classes: {text}." for text in named]


def _sets(study: Study) -> list[str]:
    """The meaning of `set [...]`, with the sizes of the splits."""
    intervals = [key for key in study.estimates if study.set_interval(*key) is not None]
    sizes = {
        f"{run[SIZES + metric.split]:,} {SPLIT_NAMES[metric.split]} samples"
        for index, metric in intervals
        for run in study.cells[index].samples
    }
    if not sizes:
        return []
    return [
        "set [low, high]: Wilson's 95 % interval for a single run of that accuracy on "
        f"{' and '.join(sorted(sizes))}; more seeds do not reduce this error."
    ]


def _times(study: Study) -> list[str]:
    sentences = {
        "seconds": "Seconds: wall time of training; runs that train together have one wall time.",
        "own_seconds": "Seconds, a run's own: its share of the wall time of the runs that train together.",
    }
    return [sentences[metric.name] for metric in study.metrics if metric.name in sentences]


def _meanings(study: Study) -> list[str]:
    """The meaning of final, best and selected, and of training scores."""
    whens = {metric.name.split("/")[0] for metric in study.metrics if metric.split}
    sentences = [text for when, text in _whens(study).items() if when in whens]
    runs = [run for cell in study.cells for run in cell.runs]
    is_running = any(run.get("trainer.train_metrics") == "running" for run in runs)
    if is_running and any(metric.split == "train" for metric in study.metrics):
        sentences.append(
            "Train numbers average over the batches since the last evaluation (train_metrics=running)."
        )
    return sentences


def _whens(study: Study) -> dict[str, str]:
    runs = [run for cell in study.cells for run in cell.runs]
    chosen = sorted({str(run.get("trainer.select")) for run in runs})
    kinds = " or ".join(SELECTED[kind] for kind in chosen if kind in SELECTED)
    return {
        "final": "Final: scores of the last parameters.",
        "best": "Best: scores of the parameters with the best validation score.",
        "selected": f"Selected: scores of the parameters that trainer.select names: {kinds}.",
    }


def _left_out(study: Study) -> list[str]:
    sentences = []
    if any(cell.ended("diverged") for cell in study.cells):
        sentences.append(
            "Diverged runs are listed in the notes and left out of the means; their cells cannot be best."
        )
    if study.repeats:
        sentences.append(f"Left out: {many(study.repeats, 'repeat')} of another run's config and seed.")
    if study.unreadable:
        sentences.append(f"Left out: {many(len(study.unreadable), 'unreadable run')}.")
    return sentences


def how_compared(baseline: str) -> list[str]:
    """The caption of the table of differences."""
    return [
        f"Mean of the differences from {baseline} between runs of the same seed, and its 95 % interval "
        "(Student's t).",
        "p: paired t test, with Holm's correction over all comparisons of this table. "
        "Not distinguishable: p > .05.",
        "Each interval is for one comparison: among many, some miss the true value by chance, so p decides.",
    ]


def how_sampled(baseline: str) -> list[str]:
    """The caption of the table of differences on the same test samples."""
    return [
        f"Each cell and {baseline} on the same test samples, paired by seed: the interval says how the "
        "difference would move with other test samples (paired bootstrap), not with other seeds.",
        "p: McNemar's test (mid-p) for one pair of runs, else the bootstrap, with Holm's correction over "
        "this table. Only cell : only baseline: samples that one of the two alone classifies correctly.",
    ]


def few_seeds(counts: Sequence[int]) -> list[str]:
    """Sentences about means over one or two seeds; none if there are no such means.

    Args:
        counts: the numbers of seeds below 3 that occur.
    """
    sentences = {
        1: "n = 1: a single run, so no standard deviation or interval over seeds.",
        2: "Only 2 seeds: too few to say how a further run would turn out.",
    }
    return [sentences[count] for count in counts if count in sentences]
