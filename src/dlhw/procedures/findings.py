"""What a procedure has found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Numbers, sentences and tables.

    Args:
        values: name -> number, for summary.json and the columns `values.<name>` of `dlhw.load_runs`.
        sentences: what was found, in words, for the console and the run's log.
        tables: file name without ending -> rows with the same columns, written as CSV.
        num_samples: split -> how many samples of it were used.
        split_hashes: the same parts -> SHA-256 of their samples, as `Dataset.hashes` has it.
    """

    values: Mapping[str, float]
    sentences: Sequence[str] = ()
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    num_samples: Mapping[str, int] = field(default_factory=dict)
    split_hashes: Mapping[str, str] = field(default_factory=dict)
