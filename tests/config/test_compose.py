"""Every file under conf/ composes; every schema has its file; every config can be read back."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from dlhw.config.catalogue import conf_dir
from dlhw.config.fields import Role, leaves
from dlhw.config.group import Group
from dlhw.config.load import check, from_dict, to_dict
from dlhw.config.options import OPTIONS
from dlhw.errors import ConfigError
from dlhw.hydra_support.checked_loader import checked_loading
from dlhw.hydra_support.compose import compose
from dlhw.hydra_support.defaults import composed_option
from dlhw.hydra_support.help import described_keys, field_docs, keys_text, shown, topic_text
from dlhw.hydra_support.store import register

ALL_OPTIONS = [(group, name) for group, options in OPTIONS.items() for name in options]
REGRESSION = ["data=csv", "data.train=x.csv", "data.task=regression"]
# What an option needs beside itself to be a config that can be run.
NEEDS = {
    ("model", "logistic"): ["data.classes=[2,3]"],
    ("model", "linear"): REGRESSION,
    ("model", "quadratic"): REGRESSION,
    ("model", "hand_built"): ["data=gates", "trainer.epochs=0"],
    ("model", "interval_net"): ["data=interval", "trainer.epochs=0"],
    ("optimizer", "min_norm"): [*REGRESSION, "model=linear", "model.bias=false"],
    ("optimizer", "ridge"): [*REGRESSION, "model=linear", "model.bias=false"],
    ("data", "csv"): ["data.train=x.csv"],
    ("data", "npz"): ["data.path=x.npz"],
}


@pytest.mark.parametrize(("group", "name"), ALL_OPTIONS)
def test_every_option_composes_into_a_config_that_can_be_run(group: str, name: str) -> None:
    config = compose([f"{group}={name}", *NEEDS.get((group, name), [])])
    assert type(getattr(config, group)) is OPTIONS[group][name]
    assert check(config) is config


@pytest.mark.parametrize("group", OPTIONS)
def test_schemas_and_files_are_the_same(group: str) -> None:
    files = {path.stem for path in (conf_dir() / group).glob("*.yaml")}
    assert files == set(OPTIONS[group])


@pytest.mark.parametrize(("group", "name"), ALL_OPTIONS)
def test_yaml_values_are_the_defaults_of_the_schema(group: str, name: str) -> None:
    """Somebody who builds a config in Python gets what the command gives, except for paths of data."""
    overrides = [f"{group}={name}", *NEEDS.get((group, name), [])]
    composed = getattr(compose(overrides), group)
    given = {"train", "path", "root", "task", "classes"}
    if group == "data":
        given |= {"split", "normalize"}
    fresh = OPTIONS[group][name]()
    for spec in dataclasses.fields(fresh):
        if spec.name not in given:
            assert getattr(composed, spec.name) == getattr(fresh, spec.name), spec.name


@pytest.mark.parametrize(("group", "name"), ALL_OPTIONS)
def test_a_saved_config_is_read_back_whole(group: str, name: str) -> None:
    config = compose([f"{group}={name}", *NEEDS.get((group, name), [])])
    saved = OmegaConf.to_yaml(OmegaConf.create(to_dict(config)))
    assert from_dict(yaml.safe_load(saved)) == config


def test_data_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLHW_DATA_DIR", str(tmp_path))
    assert compose(["data=mnist"]).data.root == str(tmp_path)  # type: ignore[attr-defined]
    monkeypatch.delenv("DLHW_DATA_DIR")
    assert compose(["data=mnist"]).data.root == "data"  # type: ignore[attr-defined]


def test_seed_0_is_a_seed() -> None:
    config = compose(["seed=0"])
    assert config.data_seed() == 0
    assert compose(["seed=5"]).data_seed() == 5
    assert compose(["seed=5", "data.split.seed=0"]).data_seed() == 0
    assert compose(["data.split.order=sequential"]).data_seed() is None


def test_fields_that_may_differ_within_a_cohort_are_marked() -> None:
    marked = {key for key, leaf in leaves(compose(["regularizer=l2"])).items() if leaf.role is Role.per_run}
    assert marked == {
        "seed", "model.dropout", "model.init.value", "model.init.mean", "model.init.std", "model.init.bound", "model.init.gain",
        "model.init.bias", "optimizer.lr", "optimizer.momentum", "regularizer.alpha", "data.label_corruption",
        "trainer.early_stopping.patience", "trainer.early_stopping.min_delta",
        "trainer.early_stopping.train_accuracy",
    }  # fmt: skip


@pytest.mark.parametrize(
    "schema",
    [schema for options in OPTIONS.values() for schema in options.values()],
    ids=lambda schema: schema.__name__,
)
def test_every_key_stands_in_the_help(schema: type) -> None:
    text = keys_text()
    for spec in dataclasses.fields(schema):
        if spec.name not in ("name", "split", "init"):
            assert f".{spec.name}=" in text


def _as_composed(group: str, overrides: list[str]) -> Group:
    """A group before the whole config settles what it leaves open, such as `data.task=null`."""
    register()
    with checked_loading(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_object(hydra_compose("train", overrides=overrides)[group])
    assert isinstance(config, Group)
    return config


@pytest.mark.parametrize(("group", "name"), ALL_OPTIONS)
def test_help_prints_what_the_option_composes_to(group: str, name: str) -> None:
    """Every default that `--help all` prints is the one that Hydra's own composing gives."""
    config = _as_composed(group, [f"{group}={name}", *NEEDS.get((group, name), [])])
    composed = to_dict(config)
    given = {line.partition("=")[0].removeprefix(f"{group}.") for line in NEEDS.get((group, name), [])}
    printed = composed_option(group, name)
    assert {key: value for key, value in printed.items() if key not in given} == {
        key: value for key, value in composed.items() if key not in given
    }
    text = topic_text(f"{group}={name}")
    for key, leaf in leaves(config).items():
        if key not in {"name", *given}:
            assert f"{group}.{key}={shown(leaf.value)}" in text


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        (
            "data=csv",
            ["data.normalize=none", "data.split.val=0.2", "data.split.order=permutation", "unit_256"],
        ),
        ("trainer", ["trainer.epochs=20", "trainer.backend=auto", "compiled", "cuda_graph"]),
        ("optimizer.lr", ["optimizer=adam\n  optimizer.lr=0.001"]),
        ("model.init.scheme", ["kaiming_uniform"]),
        ("regularizer", ["l2", "l1"]),
        ("experiment=cs7643/lr", ["experiment=cs7643/lr: "]),
    ],
)
def test_a_topic_of_the_help_stands_alone(topic: str, words: list[str]) -> None:
    text = topic_text(topic)
    assert all(word in text for word in words), text
    assert "usage:" not in text
    if topic == "data=csv":
        assert "mnist" not in text


def test_a_topic_that_is_not_there_is_answered_by_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"--help data=csvv: no such option; did you mean data=csv\?"):
        topic_text("data=csvv")
    with pytest.raises(ConfigError, match=r"--help modle: no such topic; did you mean model\?"):
        topic_text("modle")


def test_every_key_has_a_text_that_names_its_values() -> None:
    for group, name in [*ALL_OPTIONS, ("trainer", "default"), ("tracking", "default")]:
        for key, _, text in described_keys(group, name):
            assert text.partition("(")[0], f"{group}={name}: {key} has no text"


def test_docs_of_fields_are_read_from_the_source() -> None:
    from dlhw.config.trainer import TrainerConfig

    text = "passes over the training split; 0 evaluates the initial parameters"
    assert field_docs(TrainerConfig)["epochs"] == text
    assert set(field_docs(TrainerConfig)) >= {"batch_size", "backend", "matmul", "select"}


def test_compose_refuses_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="model.hiden: no such key; did you mean model.hidden"):
        compose(["model.hiden=[3]"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["optimizer=sgd", "+optimizer=adam"], "optimizer is given twice, by optimizer=sgd and +optimizer=adam: leave one out"),
        (["optimizer.lr=0.1", "+optimizer.lr=3"], "optimizer.lr is given twice, by optimizer.lr=0.1 and +optimizer.lr=3"),
        (["+model=cnn"], "model is already chosen: model=cnn, without +, chooses another"),
        (["+optimizer.lr=0.3"], "optimizer.lr already exists: optimizer.lr=VALUE, without +, sets it"),
    ],
)  # fmt: skip
def test_what_is_there_is_not_added(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose(overrides)
    assert str(raised.value).startswith(sentence)
