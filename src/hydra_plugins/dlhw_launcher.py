"""Makes the fused launcher known to Hydra, which only takes classes defined in this namespace."""

from dataclasses import dataclass

from hydra.core.config_store import ConfigStore

from dlhw.hydra_support import launcher


class FusedLauncher(launcher.FusedLauncher):
    """See `dlhw.hydra_support.launcher`."""


@dataclass
class FusedLauncherConf:
    """`hydra/launcher=fused`."""

    _target_: str = "hydra_plugins.dlhw_launcher.FusedLauncher"
    max_runs: int | None = None
    """most runs that train together; null: as many as memory allows"""
    verify: int = 0
    """runs of the sweep that are trained again alone, to print the largest difference"""


ConfigStore.instance().store(group="hydra/launcher", name="fused", node=FusedLauncherConf, provider="dlhw")
