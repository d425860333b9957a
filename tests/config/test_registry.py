"""One registry for each group: whoever adds an option cannot forget one of the places that need to know it."""

import dataclasses
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import dlhw.config
from dlhw.config.catalogue import conf_dir
from dlhw.config.data_base import DataConfig
from dlhw.config.fields import file
from dlhw.config.loss import EVERY_LOSS, LossName
from dlhw.config.model import MLPConfig, ModelConfig, Pooling
from dlhw.config.model_base import Activation, InitScheme
from dlhw.config.options import OPTIONS
from dlhw.config.registry import Choice, Option, import_builder
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose
from dlhw.hydra_support.help import groups_text, keys_text
from dlhw.models.gradient_checks import CheckOptions, registered_parts
from dlhw.nn.registry import all_layers

EVERY_OPTION = [schema for options in OPTIONS.values() for schema in options.values()]
CHOICES: list[Choice] = [
    choice for kind in (LossName, Activation, InitScheme, Pooling) for choice in kind if choice.builder
]


def classes_of_config(base: type) -> Iterator[type]:
    for module in pkgutil.iter_modules(dlhw.config.__path__):
        for _, member in inspect.getmembers(import_module(f"dlhw.config.{module.name}"), inspect.isclass):
            if issubclass(member, base):
                yield member


def test_every_config_class_with_a_name_is_an_option() -> None:
    named = {schema for schema in classes_of_config(Option) if schema.__dict__.get("name", "???") != "???"}
    assert named == set(EVERY_OPTION)


def test_every_kind_of_choice_is_covered_here() -> None:
    assert set(classes_of_config(Choice)) - {Choice} == {type(choice) for choice in CHOICES}


@pytest.fixture(scope="module")
def help_text() -> str:
    return f"{groups_text()}\n{keys_text()}\n"


@pytest.mark.parametrize("schema", EVERY_OPTION, ids=lambda schema: schema.__name__)
def test_every_option_has_builder_file_and_help(schema: type[Option], help_text: str) -> None:
    group = next(group for group, options in OPTIONS.items() if schema in options.values())
    assert callable(import_builder(schema))
    assert (conf_dir() / group / f"{schema.name}.yaml").is_file()
    assert f"    {schema.name} " in help_text
    assert f"  {group}={schema.name}\n" in help_text
    assert "builder" not in {spec.name for spec in dataclasses.fields(schema)}


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{type(choice).__name__}.{choice}")
def test_every_choice_has_a_builder(choice: Choice) -> None:
    assert callable(import_builder(choice))


def test_only_stand_ins_have_no_builder() -> None:
    kinds = (LossName, Activation, InitScheme, Pooling)
    assert {choice for kind in kinds for choice in kind} - set(CHOICES) == {LossName.auto, Pooling.none}


def test_whatever_has_gradients_is_in_the_common_checks() -> None:
    checked = {name for name, _ in registered_parts(CheckOptions(), compose)}
    penalties = set(OPTIONS["regularizer"]) - {"none"}
    assert {*all_layers(), *map(str, EVERY_LOSS), *OPTIONS["model"], *penalties} == checked


def test_the_registries_need_no_torch() -> None:
    code = "import sys; from dlhw.config.options import OPTIONS; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("key", ["model.builder", "+model.builder", "optimizer.builder", "model.options"])
def test_a_config_cannot_name_what_is_built(key: str) -> None:
    with pytest.raises(ConfigError, match=r"model|optimizer"):
        compose([f"{key}=os:system"])
    assert import_builder(MLPConfig).__module__ == "dlhw.models.build"


def test_a_second_option_of_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="Second: MLPConfig is named mlp"):

        class Second(ModelConfig):
            builder = "dlhw.models.build:mlp"
            name: str = "mlp"


@pytest.mark.parametrize("builder", ["", "dlhw.models.build", "dlhw.models.build:", "a b:c"])
def test_an_option_needs_a_builder(builder: str) -> None:
    with pytest.raises(TypeError, match=r"builder must be 'module:name'"):
        type("Unbuilt", (ModelConfig,), {"builder": builder, "name": "unbuilt"})
    assert "unbuilt" not in OPTIONS["model"]


def test_a_data_set_must_say_which_files_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataConfig, "options", dict(DataConfig.options))
    space = {"builder": "dlhw.data.csv:load_csv", "name": "corpus"}
    with pytest.raises(TypeError, match="must declare the fields that hold its files"):
        type("Corpus", (DataConfig,), space)
    path = {"path": file("x.txt"), "__annotations__": {"path": str}}
    schema: Any = dataclasses.dataclass(kw_only=True)(type("Corpus", (DataConfig,), space | path))
    assert [path.name for path in schema().files().values()] == ["x.txt"]
