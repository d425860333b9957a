"""Compose the cells of a sweep without running it, for `dlhw-plan` and for wrong recipes."""

from collections.abc import Sequence

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from dlhw.config.catalogue import conf_dir
from dlhw.errors import ConfigError
from dlhw.hydra_support.checked_loader import checked_loading
from dlhw.hydra_support.overrides import sweep_arguments
from dlhw.hydra_support.store import register
from dlhw.hydra_support.sweeper import GridSweeper
from dlhw.hydra_support.task import task
from dlhw.sweep.prepare import Prepared


def prepare_sweep(arguments: Sequence[str]) -> tuple[Prepared, GridSweeper]:
    """Compose and check every cell of a sweep, without running anything.

    Args:
        arguments: of `dlhw-train -m`.

    Returns:
        The cells, and the sweeper that the config chooses.

    Raises:
        UserError: if no cell can be composed.
    """
    register()
    overrides = sweep_arguments(["-m", *arguments])[1:]
    with checked_loading(), initialize_config_dir(str(conf_dir()), job_name="train", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        master = hydra.compose_config("train", overrides, run_mode=RunMode.MULTIRUN)
        HydraConfig.instance().set_config(master)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        sweeper = _sweeper(context, master)
        lines = [str(line) for line in master.hydra.overrides.task]
        return sweeper.prepare(sweeper.cells(lines)), sweeper


def _sweeper(context: HydraContext, master: DictConfig) -> GridSweeper:
    sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=task, config=master)
    if not isinstance(sweeper, GridSweeper):
        raise ConfigError("dlhw-plan knows the cells of hydra/sweeper=grid only")
    return sweeper
