"""Hydra's `run_job` with the same outcome in half the time: fewer copies of the config, YAML written in C."""

import os
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import (
    JobReturn,
    JobRuntime,
    JobStatus,
    _flush_loggers,
    configure_log,
    env_override,
)
from hydra.core.utils import run_job as hydra_run_job
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf._utils import OmegaConfDumper
from omegaconf.errors import OmegaConfBaseException

from dlhw.hydra_support.callback import without_hydra
from dlhw.runs.files import write_atomic

TASK_FILE = "config.yaml"
DIR_KEY, SUBDIR_KEY = "hydra.sweep.dir", "hydra.sweep.subdir"


class Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]
    """OmegaConf's way of quoting."""


Dumper.add_representer(str, OmegaConfDumper.str_representer)


def run_job(hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> JobReturn:
    """Run one job of a sweep in its folder. Jobs that change into their folder are left to Hydra."""
    if config.hydra.job.chdir is not False or config.hydra.output_subdir is None:
        return hydra_run_job(
            hydra_context=hydra_context,
            task_function=task_function,
            config=config,
            job_dir_key=DIR_KEY,
            job_subdir_key=SUBDIR_KEY,
        )
    before: Any = HydraConfig.instance().cfg
    try:
        hydra_config = _enter(config)
        job = JobReturn(
            cfg=without_hydra(config),
            hydra_cfg=hydra_config,
            overrides=[str(line) for line in config.hydra.overrides.task],
            working_dir=os.getcwd(),
        )
        configure_log(config.hydra.job_logging, config.hydra.verbose)
        _save(job, config)
        _call(job, hydra_context, task_function, config)
        return job
    finally:
        HydraConfig.instance().cfg = before


def _enter(config: DictConfig) -> DictConfig:
    """Make the folder, whose name may refer to Hydra's config; returns that config, with the folder in it."""
    OmegaConf.set_readonly(config.hydra, True)
    # `HydraConfig.set_config` copies Hydra's part; here the job's own is shown to whoever asks for it.
    hydra_config: Any = DictConfig({})
    hydra_config._content["hydra"] = config._get_node("hydra")
    HydraConfig.instance().cfg = hydra_config
    folder = Path(str(OmegaConf.select(config, DIR_KEY)), str(OmegaConf.select(config, SUBDIR_KEY)))
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = os.path.abspath(folder)
    folder.mkdir(parents=True, exist_ok=True)
    assert isinstance(hydra_config, DictConfig)
    return hydra_config


def _save(job: JobReturn, config: DictConfig) -> None:
    folder = Path(config.hydra.runtime.output_dir) / str(config.hydra.output_subdir)
    assert job.cfg is not None
    assert job.hydra_cfg is not None
    parts = {"config": job.cfg, "hydra": job.hydra_cfg, "overrides": config.hydra.overrides.task}
    for name, part in parts.items():
        save_config(part, f"{name}.yaml", folder)


def save_config(cfg: DictConfig | ListConfig, filename: str, output_dir: Path) -> None:
    """Write a config into `.hydra/`, whole or not at all.

    The task's config is saved resolved, with the values that the run has: read back in another environment,
    an interpolation would give another value.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    write_atomic(output_dir / filename, to_yaml(cfg, resolve=filename == TASK_FILE))


def to_yaml(config: DictConfig | ListConfig, *, resolve: bool = False) -> str:
    """As `OmegaConf.to_yaml`. A config that cannot be resolved, of another program's task, stays as it is."""
    try:
        plain = OmegaConf.to_container(config, resolve=resolve, enum_to_str=True)
    except OmegaConfBaseException:
        plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    text: str = yaml.dump(plain, default_flow_style=False, allow_unicode=True, sort_keys=False, Dumper=Dumper)
    return text


def _call(job: JobReturn, context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
    with env_override(config.hydra.job.env_set):
        context.callbacks.on_job_start(config=config, task_function=task)
        try:
            job.return_value = task(job.cfg)
            job.status = JobStatus.COMPLETED
        except Exception as error:
            job.return_value = error
            job.status = JobStatus.FAILED
    job.task_name = JobRuntime.instance().get("name")
    _flush_loggers()
    context.callbacks.on_job_end(config=config, job_return=job)
