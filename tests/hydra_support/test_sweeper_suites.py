"""The suites that Hydra ships, with our sweeper and our launcher: other tasks run as with Hydra's own."""

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from dlhw.hydra_support.sweeper import GridSweeper

# the suites' own configs are of an old Hydra version, which Hydra warns of
pytestmark = [
    pytest.mark.filterwarnings("ignore:Future Hydra versions", "ignore:(?s).*version_base"),
    pytest.mark.usefixtures("no_version_base"),
]
GRID = "hydra/sweeper=grid"


def test_hydra_finds_the_sweeper() -> None:
    found = [each for each in Plugins.instance().discover(Sweeper) if issubclass(each, GridSweeper)]
    assert [each.__name__ for each in found] == ["GridSweeper"]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("fused", [GRID]), ("basic", [GRID])])
class TestGridSweeper(LauncherTestSuite):
    """Jobs, folders, configs, callbacks."""


@pytest.mark.parametrize(
    ("launcher_name", "overrides"), [("fused", [GRID, "hydra.sweeper.max_batch_size=2"])]
)
class TestGridSweeperInBatches(BatchedSweeperTestSuite):
    """Several batches of one sweep."""


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"),
    [
        (
            {},
            [
                "-m",
                "hydra/job_logging=disabled",
                "hydra/hydra_logging=disabled",
                "hydra/launcher=fused",
                GRID,
            ],
        )
    ],
)
class TestGridSweeperInProcesses(IntegrationTestSuite):
    """Real processes."""
