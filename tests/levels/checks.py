"""The levels in the experiments' files: checks of rule `value`, read as plain YAML."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

EXPERIMENTS = Path(__file__).parents[2] / "conf" / "experiment"


@cache
def checks_of(experiment: str) -> list[dict[str, Any]]:
    """The deciding checks of rule `value` of an experiment such as cs7643/lr."""
    node = OmegaConf.load(EXPERIMENTS / f"{experiment}.yaml").experiment
    checks = OmegaConf.to_container(node).get("checks", [])  # type: ignore[union-attr]
    return [check for check in checks if check["rule"] == "value" and check.get("decides", True)]


def check_of(experiment: str, settings: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The check of a metric in one cell.

    Raises:
        LookupError: if there is none.
    """
    for check in checks_of(experiment):
        if check["metric"] == metric and {**check.get("where", {}), **check.get("cell", {})} == dict(
            settings
        ):
            return check
    raise LookupError(f"{experiment} has no check of {metric} at {dict(settings)}")
