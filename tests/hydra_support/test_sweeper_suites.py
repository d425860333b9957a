"""Hydra's own tests, with dlhw's sweeper and launcher: other tasks run as with Hydra's own."""

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from dlhw.hydra_support.sweeper import GridSweeper

# the configs of these tests are of an old Hydra version, which Hydra warns about
pytestmark = [
    pytest.mark.filterwarnings("ignore:Future Hydra versions", "ignore:(?s).*version_base"),
    pytest.mark.usefixtures("no_version_base"),
]
GRID = "hydra/sweeper=grid"


def test_hydra_finds_the_sweeper() -> None:
    plugins = [plugin for plugin in Plugins.instance().discover(Sweeper) if issubclass(plugin, GridSweeper)]
    assert [plugin.__name__ for plugin in plugins] == ["GridSweeper"]


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
