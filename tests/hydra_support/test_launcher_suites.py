"""Hydra's own tests of launchers: a task other than `dlhw-train` runs as with Hydra's own launcher."""

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from dlhw.hydra_support.launcher import FusedLauncher

# the configs of these tests are of an old Hydra version, which Hydra warns about
pytestmark = [
    pytest.mark.filterwarnings("ignore:Future Hydra versions", "ignore:(?s).*version_base"),
    pytest.mark.usefixtures("no_version_base"),
]


def test_hydra_finds_the_launcher() -> None:
    plugins = [
        plugin for plugin in Plugins.instance().discover(Launcher) if issubclass(plugin, FusedLauncher)
    ]
    assert [plugin.__name__ for plugin in plugins] == ["FusedLauncher"]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("fused", [])])
class TestFusedLauncher(LauncherTestSuite):
    """Jobs, folders, configs, callbacks."""


@pytest.mark.parametrize(("launcher_name", "overrides"), [("fused", ["hydra.sweeper.max_batch_size=2"])])
class TestFusedLauncherInBatches(BatchedSweeperTestSuite):
    """Several batches of one sweep."""


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"),
    [({}, ["-m", "hydra/job_logging=disabled", "hydra/hydra_logging=disabled", "hydra/launcher=fused"])],
)
class TestFusedLauncherInProcesses(IntegrationTestSuite):
    """Real processes."""
