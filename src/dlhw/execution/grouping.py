"""Which runs can train together."""

import json
from collections.abc import Sequence
from typing import Any

from dlhw.config.fields import cohort_fields
from dlhw.config.root import TrainConfig

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
    """What trains together, and why cohorts are apart.

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
    """The values in which a cohort differs from others; a group's name speaks for its keys."""
    names = [key for key in all_fields[0] if key.endswith(".name")]
    alike = [each for each in all_fields if all(each.get(key) == fields.get(key) for key in names)]
    by_name = [key for key in names if _differs(key, all_fields)]
    # where a group has another option, its name says enough; keys tell apart what has the same options
    by_key = [key for key in fields if key not in names and _differs(key, alike)]
    told = ((key.removesuffix(".name"), _short(_shown(fields, key))) for key in [*by_name, *by_key])
    return " ".join(f"{key}={value}" for key, value in told)


def _differs(key: str, all_fields: Sequence[Fields]) -> bool:
    return len({_shown(each, key) for each in all_fields}) > 1


def _shown(fields: Fields, key: str) -> str:
    return str(fields[key]) if key in fields else ""


def _short(text: str) -> str:
    """The layers of a net built by hand would fill the screen."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
