"""Which runs can train together, and from which of their checkpoints they resume together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlhw.config.fields import cohort_fields
from dlhw.config.root import TrainConfig

if TYPE_CHECKING:
    from dlhw.training.state import ResumeState

LONGEST = 40  # characters of a value in the description of a cohort

Fields = dict[str, Any]


def cohort_key(config: TrainConfig) -> str:
    """Equal for runs that can train as one cohort."""
    return json.dumps(cohort_fields(config), sort_keys=True, default=str)


def group(configs: Sequence[TrainConfig]) -> list[list[int]]:
    """Places of the configs, cohort by cohort, by first appearance; a run that does not train is alone."""
    cohorts: dict[str, list[int]] = {}
    for place, config in enumerate(configs):
        key = cohort_key(config) if config.procedure.trains else f"alone {place}"
        cohorts.setdefault(key, []).append(place)
    return list(cohorts.values())


def describe(configs: Sequence[TrainConfig], cohorts: Sequence[Sequence[int]]) -> str:
    """Which runs train together, and how the cohorts differ.

    Such as `12 runs, trained together in 3 groups (4 × trainer.batch_size=16, 4 × trainer.batch_size=64, …)`.
    """
    runs = sum(map(len, cohorts))
    if not any(config.procedure.trains for config in configs):
        return f"{runs} run{'s' * (runs != 1)}, one after the other"
    if len(cohorts) < 2:
        return "1 run" if runs == 1 else f"{runs} runs, trained together"
    fields = [cohort_fields(configs[cohort[0]]) for cohort in cohorts]
    labels = [f"{len(cohort)} × {_label(own, fields)}" for cohort, own in zip(cohorts, fields, strict=True)]
    return f"{runs} runs, trained together in {len(cohorts)} groups ({', '.join(labels)})"


def _label(fields: Fields, all_fields: Sequence[Fields]) -> str:
    """The values in which a cohort differs from others; a group's name stands for its keys."""
    names = [key for key in all_fields[0] if key.endswith(".name")]
    alike = [other for other in all_fields if all(other.get(key) == fields.get(key) for key in names)]
    by_name = [key for key in names if _differs(key, all_fields)]
    # Where the option of a group differs, its name is enough; keys distinguish cohorts with the same options.
    by_key = [key for key in fields if key not in names and _differs(key, alike)]
    values = ((key.removesuffix(".name"), _short(_shown(fields, key))) for key in [*by_name, *by_key])
    return " ".join(f"{key}={value}" for key, value in values)


def _differs(key: str, all_fields: Sequence[Fields]) -> bool:
    return len({_shown(fields, key) for fields in all_fields}) > 1


def _shown(fields: Fields, key: str) -> str:
    return str(fields[key]) if key in fields else ""


def _short(text: str) -> str:
    """The layers of a net built by hand would fill the screen."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@dataclass(frozen=True)
class Start:
    """Runs that train together from the same step.

    Args:
        places: of the runs in their cohort, in order.
        saved: the checkpoint that each run resumes from; None: they start from the beginning.
    """

    places: tuple[int, ...]
    saved: "tuple[ResumeState, ...] | None" = None


def starts(checkpoints: "Sequence[Sequence[ResumeState]]") -> list[Start]:
    """Group the runs of a cohort.

    Runs without a checkpoint start together. Runs that had ended and only wait for the others are a group of
    their own. The others resume from the largest step of which all of them have a checkpoint: a kill between
    two files leaves some runs one checkpoint behind. Without such a step, each resumes from its newest.

    Args:
        checkpoints: the sound checkpoints of each run, newest first.
    """
    fresh = tuple(place for place, saved in enumerate(checkpoints) if not saved)
    ended = {place: saved[0] for place, saved in enumerate(checkpoints) if saved and _has_ended(saved[0])}
    others = {place: saved for place, saved in enumerate(checkpoints) if saved and place not in ended}
    groups = [Start(fresh)] if fresh else []
    return groups + _grouped(ended, by_step=False) + _grouped(_at_common_step(others), by_step=True)


def _has_ended(saved: "ResumeState") -> bool:
    return saved.progress.get("status") is not None


def _step(saved: "ResumeState") -> int:
    return int(saved.progress["step"])


def _at_common_step(checkpoints: "Mapping[int, Sequence[ResumeState]]") -> "dict[int, ResumeState]":
    steps = [{_step(saved) for saved in of_run} for of_run in checkpoints.values()]
    common = set.intersection(*steps) if steps else set()
    if not common:
        return {place: of_run[0] for place, of_run in checkpoints.items()}
    return {
        place: next(saved for saved in of_run if _step(saved) == max(common))
        for place, of_run in checkpoints.items()
    }


def _grouped(chosen: "Mapping[int, ResumeState]", *, by_step: bool) -> list[Start]:
    """Runs that were trained by other backends or matrix products stay apart: these round differently."""
    groups: dict[tuple[int, str, str], list[int]] = {}
    for place, saved in chosen.items():
        key = (_step(saved) if by_step else 0, saved.matmul, str(saved.backend))
        groups.setdefault(key, []).append(place)
    return [Start(tuple(places), tuple(chosen[place] for place in places)) for places in groups.values()]
