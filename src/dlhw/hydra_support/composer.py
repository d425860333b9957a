"""Compose the jobs of a sweep: Hydra composes each choice of groups once, values of keys are set on copies.

Hydra composes each job from the files (40 ms and more). Jobs that differ only in values of keys that exist
are the same composition with other values, so one composition for each choice of groups is enough.
"""

import io
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.experiment import ExperimentConfig
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError
from dlhw.hydra_support.messages import explain
from dlhw.hydra_support.typed import SHARED, copied, to_config, without_hydra

Choice = tuple[str, ...]
# A job's folder is known only after its config is: a sweeper adds this override to jobs composed before.
SUBDIR = "hydra.sweep.subdir="


@dataclass(frozen=True, kw_only=True)
class ComposedRun:
    """A run of a sweep, composed and checked: what the sweeper hands to the launcher.

    Args:
        number: of the run in its command.
        overrides: of the run, that of its folder among them.
        composed: its config with Hydra's part.
        config: the same, typed and checked.
        index: of the run in the whole sweep, of which a command may run a part.
        can_resume: whether checkpoints in its folder are of exactly this run.
    """

    number: int
    overrides: tuple[str, ...]
    composed: DictConfig
    config: TrainConfig
    index: int
    can_resume: bool = False

    @property
    def folder(self) -> Path:
        """For the run's files."""
        sweep = self.composed.hydra.sweep
        return Path(str(sweep.dir), str(sweep.subdir))


class Template:
    """Makes copies that are equal to a config and independent of it, in a fifth of `copy.deepcopy`'s time.

    The node `experiment` is shared, not copied: it belongs to the whole sweep, is often larger than the rest
    of the config, and nothing changes it. The bytes are those of an object of this process, and never
    leave it.
    Args:
        config: to copy.
    """

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self._shared = config._get_node(SHARED, validate_access=False)
        written = io.BytesIO()
        _Writer(written, self._shared).dump(config)
        self._bytes = written.getvalue()

    def copy(self) -> DictConfig:
        """Another copy."""
        copied = _Reader(io.BytesIO(self._bytes), self._shared).load()
        assert isinstance(copied, DictConfig)
        return copied


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, shared: Any) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._shared = shared

    def persistent_id(self, obj: Any) -> str | None:
        return SHARED if obj is self._shared and obj is not None else None


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: Any) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, pid: str) -> Any:
        return self._shared


class Composer:
    """Composes jobs as `ConfigLoader.load_sweep_config` does, faster.

    Args:
        loader: Hydra's.
        master: the sweep's own config.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self._parser = OverridesParser.create(config_loader=loader)
        self._bases: dict[Choice, Template] = {}
        self._parsed: dict[str, Override] = {}
        self._groups: dict[str, bool] = {}
        self._kept: dict[Choice, DictConfig] = {}
        self._checked: dict[Choice, TrainConfig] = {}
        self._experiments: dict[int, tuple[Any, ExperimentConfig | None]] = {}

    def run(
        self, overrides: Sequence[str], number: int, *, index: int | None = None, can_resume: bool = False
    ) -> ComposedRun:
        """Compose and check a run, or hand out the run that `keep` and `checked` have prepared.

        Raises:
            UserError: if the run's config is not valid.
        """
        config = self.checked(overrides)
        try:
            composed = self.compose(overrides, number)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(explain(error)) from error
        return ComposedRun(
            number=number,
            overrides=tuple(overrides),
            composed=composed,
            config=config,
            index=number if index is None else index,
            can_resume=can_resume,
        )

    def keep(self, overrides: Sequence[str]) -> DictConfig:
        """Compose a job ahead of time; `compose` with the same overrides returns this one, once."""
        inner = _inner(overrides)
        if inner not in self._kept:
            self._kept[inner] = self._compose(inner)
        return self._kept[inner]

    def checked(self, overrides: Sequence[str]) -> TrainConfig:
        """The typed config of a job; composed and checked once, and kept for `compose`.

        Raises:
            UserError: if the job's config is not valid.
        """
        inner = _inner(overrides)
        if inner not in self._checked:
            try:
                self._checked[inner] = self._typed(self.keep(inner))
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(explain(error)) from error
        return self._checked[inner]

    def _typed(self, job: DictConfig) -> TrainConfig:
        """The experiment that jobs share is converted and checked with the first of them."""
        node = job._get_node("experiment", validate_access=False)
        if id(node) not in self._experiments:
            config = to_config(without_hydra(job))
            # the node as well: while it is kept, no other can have its id
            self._experiments[id(node)] = (node, config.experiment)
            return config
        _, experiment = self._experiments[id(node)]
        return replace(to_config(copied(job, without=["hydra", "experiment"])), experiment=experiment)

    def compose(self, overrides: Sequence[str], number: int) -> DictConfig:
        """The config of one job, with Hydra's own part.

        Args:
            overrides: of this job, all values fixed.
            number: of the job in its sweep; becomes hydra.job.num and hydra.job.id.

        Raises:
            HydraException, OmegaConfBaseException: if an override does not fit.
        """
        inner = _inner(overrides)
        job = self._kept.pop(inner) if inner in self._kept else self._compose(inner)
        with flag_override(job.hydra, ["readonly", "struct"], False):
            job.hydra.job.num, job.hydra.job.id = number, str(number)
            for line in (line for line in overrides if line.startswith(SUBDIR)):
                job.hydra.sweep.subdir = self._parse(line).value()
                job.hydra.overrides.hydra.append(line)
        return job

    def _compose(self, overrides: Choice) -> DictConfig:
        parsed = [self._parse(line) for line in overrides]
        if any(override.key_or_group.startswith("hydra") for override in parsed):
            return self.loader.load_sweep_config(self.master, list(overrides))
        return self._on_base(parsed)

    def _parse(self, line: str) -> Override:
        if line not in self._parsed:  # Hydra's parser takes some milliseconds an override
            self._parsed[line] = self._parser.parse_override(line)
        return self._parsed[line]

    def _on_base(self, parsed: Sequence[Override]) -> DictConfig:
        # which keys there are depends on the groups' options: an experiment brings an optimizer with its own
        options = self._base(_lines(line for line in parsed if self._is_group(line.key_or_group)))
        values = [line for line in parsed if self._is_value(line, options.config)]
        job = self._base(_lines(line for line in parsed if line not in values)).copy()
        for override in values:
            OmegaConf.update(job, override.key_or_group, override.value(), merge=True)
        lines = list(_lines(parsed))
        with flag_override(job.hydra, ["readonly", "struct"], False):
            job.hydra.overrides.task = lines
            job.hydra.job.override_dirname = _dirname(parsed, job)
        OmegaConf.copy_cache(from_config=self.master, to_config=job)
        return job

    def _base(self, choice: Choice) -> Template:
        if choice not in self._bases:
            self._bases[choice] = Template(self.loader.load_sweep_config(self.master, list(choice)))
        return self._bases[choice]

    def _is_value(self, override: Override, config: DictConfig) -> bool:
        """Whether an override sets a key that a config has; what is left goes to Hydra."""
        key = override.key_or_group
        plain = override.type is OverrideType.CHANGE and override.package is None
        is_shared = key.startswith(f"{SHARED}.")  # a node that copies have in common
        return plain and not is_shared and not self._is_group(key) and _has_key(config, key)

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            self._groups[key] = bool(self.loader.get_group_options(key))
        return self._groups[key]


def _lines(overrides: Iterable[Override]) -> Choice:
    return tuple(str(override.input_line) for override in overrides)


def _inner(overrides: Sequence[str]) -> Choice:
    """A job's overrides without that of its folder."""
    return tuple(line for line in overrides if not line.startswith(SUBDIR))


def _has_key(config: DictConfig, key: str) -> bool:
    """Whether a dotted key names a leaf that exists."""
    parent, _, last = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig) or last not in node:
        return False
    return not isinstance(node._get_node(last), DictConfig)


def _dirname(parsed: Sequence[Override], job: DictConfig) -> str:
    """hydra.job.override_dirname by Hydra's rule: sorted, without the excluded keys."""
    rule = job.hydra.job.config.override_dirname
    lines = sorted(str(line.input_line) for line in parsed if line.key_or_group not in rule.exclude_keys)
    return str(rule.item_sep).join(lines).replace("=", str(rule.kv_sep))
