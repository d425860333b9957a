"""The result of a procedure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Numbers, sentences and tables that a procedure returns.

    Args:
        values: name -> number, for summary.json and the columns `values.<name>` of `dlhw.load_runs`.
        sentences: the results in words, for the console and the run's log.
        tables: file name without ending -> rows with the same columns, written as CSV.
        num_samples: split -> number of its samples that were used.
        split_hashes: split -> SHA-256 of their samples, as `Dataset.hashes` has it.
    """

    values: Mapping[str, float]
    sentences: Sequence[str] = ()
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    num_samples: Mapping[str, int] = field(default_factory=dict)
    split_hashes: Mapping[str, str] = field(default_factory=dict)
