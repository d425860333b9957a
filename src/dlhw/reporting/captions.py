"""What has to be said with a table so that its numbers are not misread."""

from collections.abc import Sequence

from dlhw.config.data_base import VAL_FROM_TEST
from dlhw.reporting.formatting import many
from dlhw.reporting.frames import SIZES
from dlhw.reporting.metrics import PARTS
from dlhw.reporting.statistics import MIN_FOR_INTERVAL
from dlhw.reporting.study import Study
from dlhw.reporting.swept_keys import VERSION_KEYS, versions_of

SELECTED = {"best": "best (those of best validation)", "last": "last (the last ones)"}
SCALES = "on the logit scale for accuracies, on the log scale for losses and other positive quantities"


def warnings(study: Study) -> list[str]:
    """What every table of a study repeats, because its numbers are not what they seem."""
    sentences = ["Cells were selected by TEST (--select test)."] if study.select == "test" else []
    sentences += [VAL_FROM_TEST] if study.is_val_from_test else []
    return [*sentences, *_versions(study)]


def _versions(study: Study) -> list[str]:
    """Whether a table holds runs of several data sets, or of several versions of the code."""
    runs = [run for cell in study.cells for run in cell.runs]
    sentences = []
    for key, what in VERSION_KEYS.items():
        found = versions_of(runs, key)
        if found:
            how = (
                f"each cell holds one ({key})" if key in study.keys else "--versions gives each its own cells"
            )
            sentences.append(f"Several versions of the {what}: {', '.join(found)}; {how}.")
    return sentences


def how_measured(study: Study) -> list[str]:
    """Sentences for the table of results."""
    sentences = [*_statistics(study), study.choice.sentence, *_meanings(study), *_left_out(study)]
    return [*warnings(study), *sentences]


def _statistics(study: Study) -> list[str]:
    estimates = study.estimates.values()
    counts = {found.n for found in estimates}
    sentences = []
    if max(counts, default=0) > 1:
        interval = f", and the 95 % interval of the mean (Student's t; {SCALES})"
        has_intervals = any(found.low is not None for found in estimates)
        sentences.append(f"Mean ± standard deviation over n seeds{interval if has_intervals else ''}.")
    if any(found.median is not None for found in estimates):
        sentences.append(
            "IQM: the interquartile mean, without the lowest and the highest quarter of the values."
        )
    random = {
        found.n for (place, _), found in study.estimates.items() if not study.cells[place].is_deterministic
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
    """Names of the classes, where they are more than their numbers."""
    names = {str(run["class_names"]) for cell in study.cells for run in cell.runs if run.get("class_names")}
    named = sorted(text for text in names if not all(name.isdecimal() for name in text.split(", ")))
    return [f"Classes: {text}." for text in named]


def _sets(study: Study) -> list[str]:
    """What `set [...]` is, with the sizes of the sets."""
    intervals = [key for key in study.estimates if study.set_interval(*key) is not None]
    sizes = {
        f"{run[SIZES + metric.part]:,} {PARTS[metric.part]} samples"
        for place, metric in intervals
        for run in study.cells[place].samples
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
    """What final, best and selected mean; how train numbers came about."""
    whens = {metric.name.split("/")[0] for metric in study.metrics if metric.part}
    sentences = [text for when, text in _whens(study).items() if when in whens]
    runs = [run for cell in study.cells for run in cell.runs]
    is_running = any(run.get("trainer.train_metrics") == "running" for run in runs)
    if is_running and any(metric.part == "train" for metric in study.metrics):
        sentences.append(
            "Train numbers average over the batches since the last evaluation (train_metrics=running)."
        )
    return sentences


def _whens(study: Study) -> dict[str, str]:
    runs = [run for cell in study.cells for run in cell.runs]
    chosen = sorted({str(run.get("trainer.select")) for run in runs})
    kinds = " or ".join(SELECTED[kind] for kind in chosen if kind in SELECTED)
    return {
        "final": "Final: with the last parameters.",
        "best": "Best: with the parameters of best validation.",
        "selected": f"Selected: with the parameters of trainer.select: {kinds}.",
    }


def _left_out(study: Study) -> list[str]:
    sentences = []
    if any(cell.ended("diverged") for cell in study.cells):
        sentences.append(
            "Diverged runs stand in the notes, not in the means, and their cells cannot be best."
        )
    if study.repeats:
        sentences.append(f"Left out: {many(study.repeats, 'repeat')} of another run's config and seed.")
    if study.unreadable:
        sentences.append(f"Left out: {many(len(study.unreadable), 'unreadable run')}.")
    return sentences


def how_compared(baseline: str) -> list[str]:
    """Sentences for the table of differences."""
    return [
        f"Mean of the differences from {baseline} between runs of the same seed, and its 95 % interval "
        "(Student's t).",
        "p: paired t test, with Holm's correction over all comparisons of this table. "
        "Not distinguishable: p > .05.",
        "Each interval is for one comparison: among many, some miss by chance, and p decides.",
    ]


def how_sampled(baseline: str) -> list[str]:
    """Sentences for the table of differences on the same test samples."""
    return [
        f"Each cell and {baseline} on the same test samples, paired by seed: the interval says how the "
        "difference would move with other test samples (paired bootstrap), not with other seeds.",
        "p: McNemar's test (mid-p) for one pair of runs, else the bootstrap, with Holm's correction over "
        "this table. Only cell : only baseline: samples that one of the two alone classifies correctly.",
    ]


def few_seeds(counts: Sequence[int]) -> list[str]:
    """What has to be said where means are of one or two seeds; nothing without such.

    Args:
        counts: the numbers of seeds below 3 that occur.
    """
    sentences = {
        1: "n = 1: a single run, so no standard deviation or interval over seeds.",
        2: "Only 2 seeds: too few to tell how a further run would turn out.",
    }
    return [sentences[count] for count in counts if count in sentences]
