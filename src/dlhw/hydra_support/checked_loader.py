"""Hydra's loader of configs, which refuses what it cannot read, and names that would become objects."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

import hydra._internal.hydra as hydra_main
import hydra.errors
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra.core.default_element import ResultDefault
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dlhw.config.old_keys import upgraded_cells, upgraded_overrides, upgraded_tree
from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
from dlhw.errors import ConfigError
from dlhw.hydra_support.messages import is_internal
from dlhw.hydra_support.targets import refuse_targets

# Groups that a command line chooses options of.
GROUPS = (*OPTIONS, *SINGLE_OPTIONS, "experiment")


class CheckedLoader(ConfigLoaderImpl):
    """Composes every config of a command, before Hydra makes objects from it."""

    def load_configuration(self, *args: Any, **kwargs: Any) -> DictConfig:
        """Compose a config, as Hydra does.

        Raises:
            ConfigError: if a file is damaged, the config names what may not be named, or an override adds
                what another one sets or chooses an internal option.
        """
        name, overrides, *rest = [
            *args,
            *(kwargs.pop(key) for key in ("config_name", "overrides") if key in kwargs),
        ]
        overrides = upgraded_overrides(overrides)
        refuse_twice(overrides)
        refuse_internal(overrides)
        try:
            config = super().load_configuration(name, overrides, *rest, **kwargs)
        except (HydraException, OmegaConfBaseException):
            raise
        except (YAMLError, ValueError, OSError, RecursionError) as error:
            raise ConfigError(yaml_error(error)) from error
        refuse_targets(config)
        refuse_variables(config)
        return config

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        """As Hydra does; a file may have keys of earlier versions."""
        result = super()._load_single_config(default, repo)
        if not result.is_schema_source and isinstance(result.config, DictConfig):
            upgrade_file(result.config)
        return result

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """The options of a group; Hydra's own method first copies its whole state, which takes 15 ms."""
        if config_name is None and not overrides:
            return self.repository.get_group_options(group_name, results_filter)
        return super().get_group_options(group_name, results_filter, config_name, overrides)


def upgrade_file(config: DictConfig) -> None:
    """Replace the keys of earlier versions in the content of one file.

    Raises:
        ConfigError: if an old key contradicts another key.
    """
    trainer = config.get("trainer")
    with flag_override(config, ["readonly", "struct"], False):
        if isinstance(trainer, DictConfig) and ("engine" in trainer or "kernels" in trainer):
            plain = OmegaConf.to_container(trainer, resolve=False)
            config.trainer = upgraded_tree({"trainer": plain}, note=True)["trainer"]
        for key in ("hydra", "experiment"):
            node = config.get(key)
            if isinstance(node, DictConfig):
                plain = OmegaConf.to_container(node, resolve=False)
                if (upgraded := upgraded_cells(plain)) != plain:
                    config[key] = upgraded


def refuse_variables(config: DictConfig) -> None:
    """A config sets no environment variable: PATH or LD_PRELOAD would choose which programs run.

    Raises:
        ConfigError: naming the first.
    """
    for name in OmegaConf.select(config, "hydra.job.env_set") or ():
        raise ConfigError(
            f"hydra.job.env_set.{name} cannot be set, because a config must not change the environment: set "
            f"{name} in the shell that starts the command"
        )


def refuse_twice(overrides: Sequence[str]) -> None:
    """Of `optimizer=sgd +optimizer=adam` Hydra takes the first, and says nothing.

    Raises:
        ConfigError: naming both.
    """
    options = {line.partition("=")[0]: line for line in overrides}
    for key, line in options.items():
        if key.startswith("+") and (other := options.get(key.lstrip("+"))) is not None:
            raise ConfigError(f"{key.lstrip('+')} is given twice, by {other} and {line}: leave one out")


def refuse_internal(overrides: Sequence[str]) -> None:
    """Schemas (`base_mlp`) and shared pieces (`_recipe`) are files of a group, but no options.

    Raises:
        ConfigError: naming the one that was chosen.
    """
    for line in overrides:
        group, _, value = line.lstrip("+").partition("=")
        chosen = [name for name in value.split(",") if is_internal(name)]
        if group in GROUPS and chosen:
            raise ConfigError(f"{group}={chosen[0]}: no such option; dlhw-train --help lists them")


def yaml_error(error: Exception) -> str:
    """Which file of YAML cannot be read, and why. Hydra does not say which; the frame that read it knows."""
    paths = [frame.f_locals.get("full_path") for frame, _ in walk_tb(error.__traceback__)]
    path = next((path for path in reversed(paths) if isinstance(path, str)), "")
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f", line {mark.line + 1}"
    why = str(getattr(error, "problem", None) or error) or type(error).__name__
    reason = " ".join(why.split())[:200]
    return f"{path}{where} is not YAML that can be read: {reason}" if path else reason


@contextmanager
def checked_loading() -> Iterator[None]:
    """While this lasts, Hydra composes with `CheckedLoader`.

    Hydra 1.4 warns of changes in 1.5, which `pyproject.toml` excludes; no user can act on these warnings.
    """
    before = hydra_main.ConfigLoaderImpl
    hydra_main.ConfigLoaderImpl = CheckedLoader  # type: ignore[misc]
    try:
        with warnings.catch_warnings():
            if (migration := getattr(hydra.errors, "Hydra15MigrationWarning", None)) is not None:
                warnings.simplefilter("ignore", migration)
            # a plain UserWarning about the callback of conf/train.yaml; targets.py checks every target
            warnings.filterwarnings("ignore", r"hydra\.utils\.instantiate\(\) resolved _target_='dlhw\.")
            yield
    finally:
        hydra_main.ConfigLoaderImpl = before  # type: ignore[misc]
