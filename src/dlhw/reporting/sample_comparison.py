"""Sampling error of a test set: of one run's accuracy, and of the difference between runs or cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.paired import paired_runs
from dlhw.reporting.statistics import CONFIDENCE, holm
from dlhw.reporting.swept_keys import Row
from dlhw.runs.folder import PREDICTIONS_FILE
from dlhw.runs.predictions import SplitPredictions, read_predictions

RESAMPLES = 10_000
Correct = NDArray[np.bool_]
# Kind of score -> the parameters that it belongs to; `selected` belongs to the stored ones.
PARAMETERS = {"final": "last", "best": "best"}
SAME_SAMPLES = "only predictions of the same test samples can be compared"


def wilson(accuracy: float, num_samples: int) -> tuple[float, float]:
    r"""Wilson's 95 % interval of one run's accuracy on n samples.

        (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n),   z = 1.96

    It lies within [0, 1] and has a width for p = 1 too.
    Source: E. B. Wilson, Probable inference, J. Amer. Statist. Assoc. 22 (1927).

    Args:
        accuracy: p, share of correct predictions.
        num_samples: n, size of the split.

    >>> [round(end, 4) for end in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    z2 = _z() ** 2 / num_samples
    centre = (accuracy + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (accuracy * (1 - accuracy) + z2 / 4)) / (1 + z2)
    return max(0.0, min(accuracy, centre - half)), min(1.0, max(accuracy, centre + half))


def _z() -> float:
    from scipy.special import ndtri  # type: ignore[import-untyped]  # loads faster than scipy.stats

    return float(ndtri(0.5 + CONFIDENCE / 2))


def mcnemar(only_first: int, only_second: int) -> float:
    r"""McNemar's test of two runs on the same samples: two-sided mid-p value.

        2 P(X < k) + P(X = k) for X ~ Binomial(b + c, ½), k = min(b, c)

    It includes half the probability of the observed counts, because the exact test is conservative.
    Source: Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs data, BMC Med. Res.
    Methodol. 13 (2013).

    Args:
        only_first: b, samples that the first run alone classifies correctly.
        only_second: c, samples that the second alone classifies correctly.

    >>> round(mcnemar(2, 9), 4)
    0.0386
    """
    from scipy.special import bdtr

    n, k = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    at_most, below = float(bdtr(k, n, 0.5)), float(bdtr(k - 1, n, 0.5)) if k else 0.0
    return at_most + below


@dataclass(frozen=True, kw_only=True)
class SampleComparison:
    """Comparison of two runs, or of two cells over their seeds, on the same test samples.

    Args:
        num_samples: size of the test split.
        num_pairs: number of pairs of runs.
        difference: accuracy of the first minus that of the second, mean over pairs.
        low: lower end of the 95 % interval over other test samples, with these trained parameters.
        high: upper end.
        p: two-sided; McNemar's mid-p for one pair of runs, else of the bootstrap.
        only_first: samples that the first run alone classifies correctly; None for more than one pair.
        only_second: samples that the second alone classifies correctly.
        adjusted: p with Holm's correction over all comparisons of a table; None outside a table.
    """

    num_samples: int
    num_pairs: int
    difference: float
    low: float
    high: float
    p: float
    only_first: int | None = None
    only_second: int | None = None
    adjusted: float | None = None


def compare_correct(pairs: Sequence[tuple[Correct, Correct]]) -> SampleComparison:
    """Compare runs sample by sample: a paired bootstrap, and McNemar's test for one pair of runs.

    The difference of a sample is the mean over the pairs of (correct in the first run) − (correct in the
    second). Samples are drawn with replacement 10,000 times (with a fixed seed), the same for both runs of a
    pair; the interval is a percentile interval. It says how the difference varies with the test samples, not
    with the seed.

    Args:
        pairs: for each pair of runs two arrays (N,): whether the run classifies each test sample correctly.

    Raises:
        ValueError: if there is no pair, or the arrays have different sizes.
    """
    if not pairs or len({side.shape for pair in pairs for side in pair}) != 1 or not pairs[0][0].size:
        raise ValueError("compare_correct needs at least one pair of runs, all with the same test samples")
    sums_N = np.sum([first.astype(np.int64) - second for first, second in pairs], axis=0)
    # Samples with equal differences are interchangeable, so only their counts are drawn.
    values, counts = np.unique(sums_N, return_counts=True)
    draws = np.random.default_rng(0).multinomial(len(sums_N), counts / len(sums_N), RESAMPLES)
    means = draws @ values / (len(sums_N) * len(pairs))
    low, high = np.quantile(means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    only_first, only_second = (int((sums_N == sign).sum()) for sign in (1, -1))
    is_one = len(pairs) == 1
    return SampleComparison(
        num_samples=len(sums_N),
        num_pairs=len(pairs),
        difference=float(sums_N.mean() / len(pairs)),
        low=float(low),
        high=float(high),
        p=mcnemar(only_first, only_second) if is_one else _bootstrap_p(means),
        only_first=only_first if is_one else None,
        only_second=only_second if is_one else None,
    )


def _bootstrap_p(means: NDArray[np.float64]) -> float:
    """Twice the share of the B draws on the other side of 0 (0 is on both sides), at least 2 / (B + 1)."""
    below, above = int((means <= 0).sum()), int((means >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(means) + 1))


def compare_folders(first: Sequence[Path], second: Sequence[Path]) -> SampleComparison:
    """Compare runs sample by sample: the i-th of `first` with the i-th of `second`.

    Raises:
        RunFolderError: if the numbers of folders differ, a run has no predictions, a file is damaged, or two
            runs were tested on different samples.
    """
    if not first or len(first) != len(second):
        raise RunFolderError(
            f"compare_predictions needs pairs of run folders, got {len(first)} and {len(second)}"
        )
    return compare_correct([_correct(one, other) for one, other in zip(first, second, strict=True)])


def _correct(first: Path, second: Path) -> tuple[Correct, Correct]:
    one, other = predictions_of(first), predictions_of(second)
    if not is_same_split(one, other):
        raise RunFolderError(f"{first} and {second} were tested on different samples: {SAME_SAMPLES}")
    return one.correct, other.correct


def predictions_of(folder: Path) -> SplitPredictions:
    """The predictions of a run's test split.

    Raises:
        RunFolderError: if there are none, or the file is damaged.
    """
    predictions = read_predictions(folder)
    if predictions is None:
        raise RunFolderError(
            f"{folder} has no {PREDICTIONS_FILE}: a run writes it at its end if it classifies, has a test "
            "split and tracking.predictions=true"
        )
    return predictions


def is_same_split(one: SplitPredictions, other: SplitPredictions) -> bool:
    """Whether two runs were tested on the same samples in the same order, by the hashes of their splits."""
    is_known = bool(one.split_hash) and one.split_hash == other.split_hash
    return is_known and one.targets.shape == other.targets.shape


def compare_cells(
    cells: Sequence[Cell], metrics: Sequence[RunMetric], base: int, also: Sequence[str] = ()
) -> tuple[dict[tuple[int, RunMetric], SampleComparison], list[str]]:
    """Compare cells with a baseline cell on the same test samples.

    Only test accuracies of the parameters whose predictions are stored are compared, and only if both runs of
    each pair were tested on the same samples.

    Returns:
        (index of the cell, metric) -> its comparison, with Holm's p-values over all; and a sentence for
        each file that cannot be read.
    """
    compared: dict[tuple[int, RunMetric], SampleComparison] = {}
    problems: list[str] = []
    for index, metric in product(range(len(cells)), metrics):
        if index == base or metric.split != "test" or metric.kind != "accuracy":
            continue
        try:
            comparison = _compare(cells[index], cells[base], metric, also)
        except RunFolderError as error:
            problems.append(f"Not compared on the same test samples: {error}.")
            continue
        if comparison is not None:
            compared[index, metric] = comparison
    adjusted = holm([comparison.p for comparison in compared.values()])
    pairs = zip(compared.items(), adjusted, strict=True)
    return {key: replace(comparison, adjusted=p) for (key, comparison), p in pairs}, list(
        dict.fromkeys(problems)
    )


def _compare(cell: Cell, base: Cell, metric: RunMetric, also: Sequence[str]) -> SampleComparison | None:
    runs = paired_runs(cell, base, also)
    if cell.is_deterministic and base.is_deterministic:
        runs = runs[:1]
    pairs = []
    for run, base_run in runs:
        one, other = _stored(run, metric), _stored(base_run, metric)
        if one is None or other is None or not is_same_split(one, other):
            return None
        pairs.append((one.correct, other.correct))
    is_one_split = len({pair[0].shape for pair in pairs}) == 1
    return compare_correct(pairs) if is_one_split and pairs[0][0].size else None


def _stored(run: Row, metric: RunMetric) -> SplitPredictions | None:
    """A run's predictions if they belong to the metric's parameters; otherwise None."""
    predictions = read_predictions(Path(str(run["folder"])))
    when = metric.name.partition("/")[0]
    if predictions is None or predictions.parameters != PARAMETERS.get(when, predictions.parameters):
        return None
    return predictions
