"""What is measured. Each module has `measure(full)`, which returns a report."""

from importlib import import_module

from benchmarks.report import Report
from dlhw.errors import ConfigError, did_you_mean, listing

# in the order of the page
SCENARIOS = (
    "single", "cohort", "tiny", "cnn", "sweep", "start", "launcher", "cells", "scaling", "profile", "cuda",
)  # fmt: skip


def check_name(name: str) -> str:
    """The name of a scenario.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in SCENARIOS:
        near = did_you_mean(name, SCENARIOS) or ";"
        raise ConfigError(f"--only {name}: no such scenario{near} there are {listing(SCENARIOS)}")
    return name


def measure(name: str, full: bool) -> Report:
    """Run a scenario in this process.

    Args:
        name: of the scenario.
        full: measure longer, and more.
    """
    report: Report = import_module(f"benchmarks.scenarios.{name}").measure(full)
    return report
