"""Jobs composed by copies are what Hydra composes from the files."""

from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dlhw.config.catalogue import conf_dir
from dlhw.hydra_support.composer import Composer
from dlhw.hydra_support.job import to_yaml
from dlhw.hydra_support.store import register
from dlhw.hydra_support.typed import to_config, without_hydra

CASES = [
    [],
    ["optimizer.lr=0.25"],
    ["optimizer.lr=1", "seed=3", "trainer.epochs=2"],
    ["optimizer=adam", "optimizer.lr=0.25"],
    ["optimizer=adam", "optimizer.betas=[0.5,0.6]"],
    ["model=cnn", "data=mnist", "data.split.val=0.2"],
    ["model.hidden=[3,4]"],
    ["model.hidden=[]"],
    ["name='a b'"],
    ["name=${data.name}"],
    ["model.init.scheme=constant", "model.init.value=2", "model.init.bias='${model.init.value}'"],
    ["data=csv", "data.num_train=20", "data.train='n${data.num_train}, a.csv'"],
    ["+extra=1"],
    ["++optimizer.lr=2"],
    ["~regularizer"],
    ["data.split={train:0.5,val:0.1}"],
    ["trainer.early_stopping.patience=null"],
    ["hydra.job.name=other", "optimizer.lr=2"],
    ["experiment=cs7643/lr", "optimizer.lr=2"],
    ["experiment=cs7643/lr", "optimizer.lr=2", "experiment.note=another"],
]


@pytest.fixture(scope="module")
def sweep() -> Iterator[tuple[ConfigLoader, DictConfig]]:
    register()
    before = Singleton.get_state()
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="train"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        arguments = ["trainer.epochs=3", "optimizer.lr=1,2", "hydra.sweep.dir=x"]
        master = hydra.compose_config("train", arguments, run_mode=RunMode.MULTIRUN)
        HydraConfig.instance().set_config(master)
        yield hydra.config_loader, master
    Singleton.set_state(before)


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
@pytest.mark.parametrize("resolve", [False, True])
def test_a_job_is_what_hydra_composes(
    sweep: tuple[ConfigLoader, DictConfig], overrides: list[str], resolve: bool
) -> None:
    loader, master = sweep
    expected = loader.load_sweep_config(master, overrides)
    composed = Composer(loader, master).compose(overrides, 4)
    for job in (expected, composed):
        with_number(job)
    if resolve:  # Hydra's own part refers to a running job
        del expected.hydra, composed.hydra
    assert OmegaConf.to_container(composed, resolve=resolve) == OmegaConf.to_container(
        expected, resolve=resolve
    )
    assert OmegaConf.get_type(composed) is OmegaConf.get_type(expected)
    assert to_yaml(composed) == OmegaConf.to_yaml(expected)


def with_number(job: DictConfig) -> None:
    OmegaConf.set_readonly(job, False)
    OmegaConf.set_struct(job, False)
    OmegaConf.set_struct(job.hydra, False)
    OmegaConf.set_readonly(job.hydra, False)
    job.hydra.job.num = job.hydra.job.id = 4


def test_the_folder_of_a_job_does_not_need_another_composition(
    sweep: tuple[ConfigLoader, DictConfig],
) -> None:
    composer = Composer(*sweep)
    kept = composer.keep(["optimizer.lr=0.5"])
    job = composer.compose(["optimizer.lr=0.5", "hydra.sweep.subdir='lr=0.5'"], 7)
    assert job is kept
    assert (job.hydra.sweep.subdir, job.hydra.job.num) == ("lr=0.5", 7)
    assert list(job.hydra.overrides.task) == ["optimizer.lr=0.5"]
    assert "hydra.sweep.subdir='lr=0.5'" in job.hydra.overrides.hydra
    assert composer.compose(["optimizer.lr=0.5"], 8) is not kept


def test_jobs_of_an_experiment_are_checked_as_each_would_be_alone(
    sweep: tuple[ConfigLoader, DictConfig],
) -> None:
    composer, choice = Composer(*sweep), "experiment=cs7643/lr"
    for change in ("optimizer.lr=2", "optimizer.lr=3", "experiment.note=another"):
        overrides = [choice, change]
        alone = to_config(without_hydra(sweep[0].load_sweep_config(sweep[1], overrides)))
        assert alone.experiment is not None
        assert composer.checked(overrides) == alone


def test_a_copy_may_be_changed(sweep: tuple[ConfigLoader, DictConfig]) -> None:
    composer = Composer(*sweep)
    first, second = (composer.compose(["optimizer.lr=0.5", f"seed={seed}"], seed) for seed in (1, 2))
    first.optimizer.momentum = 0.9
    first.data.split.train = 7
    assert (second.optimizer.momentum, second.data.split.train) == (0, None)
    assert (first.seed, second.seed) == (1, 2)
    assert first.name == second.name == "digits-mlp"  # what refers to another key looks it up in its own job
    second.data.name = "other"
    assert (first.name, second.name) == ("digits-mlp", "other-mlp")
