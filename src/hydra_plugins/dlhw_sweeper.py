"""Makes the grid sweeper known to Hydra, which only takes classes defined in this namespace."""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from dlhw.hydra_support import sweeper


class GridSweeper(sweeper.GridSweeper):
    """See `dlhw.hydra_support.sweeper`."""


@dataclass
class GridSweeperConf:
    """`hydra/sweeper=grid`."""

    _target_: str = "hydra_plugins.dlhw_sweeper.GridSweeper"
    max_batch_size: int | None = None
    """most jobs that the launcher gets at once; null: all"""
    params: dict[str, str] | None = None
    """swept keys, as on the command line: key -> `1,2,3`"""
    zip: Any = None
    """values that move together: {key: [...], key: [...]}, or a list of such groups"""
    grids: Any = None
    """a list of {key: [...]}: the sweep is their union"""
    seeds: int | None = None
    """number of seeds for each cell, the same for every cell"""
    on_error: str = "continue"
    """continue: run what can be run; stop: nothing if a config is wrong, no more once a run has failed"""
    on_change: str = "refuse"
    """done cells whose definition has changed: refuse, recompute or keep them"""


ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="dlhw")
