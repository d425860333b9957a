"""Roles of config fields: what identifies a run, what its cohort has in common, which files it reads."""

import dataclasses
from typing import Any

import pytest

from dlhw.config.data import DataConfig, MNISTConfig
from dlhw.config.fields import Role, cohort_fields, identity_fields, leaves, role_of
from dlhw.config.load import keys_with
from dlhw.config.options import OPTIONS
from dlhw.config.root import TrainConfig
from dlhw.environment_checks import expanded
from dlhw.execution.grouping import cohort_key


def test_what_is_observed_and_where_data_lies_identifies_no_run() -> None:
    one, other = TrainConfig(), TrainConfig(name="other")
    other.tracking.tensorboard = not one.tracking.tensorboard
    other.trainer.checkpoint_every = 3.0
    assert identity_fields(one) == identity_fields(other)
    assert cohort_key(one) == cohort_key(other)
    mnist, moved = (TrainConfig(data=MNISTConfig(root=root)) for root in ("data", "elsewhere"))
    assert identity_fields(mnist) == identity_fields(moved)
    assert cohort_key(mnist) != cohort_key(moved)


def test_a_number_of_the_program_identifies_a_run_and_not_its_cohort() -> None:
    one, other = TrainConfig(seed=1), TrainConfig(seed=2)
    assert identity_fields(one) != identity_fields(other)
    assert cohort_fields(one) == cohort_fields(other)


def test_each_setting_identifies_its_run_and_its_cohort() -> None:
    for key, leaf in leaves(TrainConfig()).items():
        assert (key in identity_fields(TrainConfig())) == (leaf.role in (Role.setting, Role.per_run)), key
        assert (key in cohort_fields(TrainConfig())) == (leaf.role is Role.setting), key


@pytest.mark.parametrize("name", DataConfig.options)
def test_each_file_that_a_field_names_is_watched(name: str) -> None:
    fields = [
        spec.name for spec in dataclasses.fields(DataConfig.options[name]) if role_of(spec) is Role.file
    ]
    given: dict[str, Any] = {field: f"{field}.data" for field in fields}
    watched = set(DataConfig.options[name](**given).files().values())
    assert {expanded(path) for path in given.values()} <= watched


def test_keys_are_those_of_every_option() -> None:
    assert keys_with(Role.location) == {"data.root", "data.download", "data.mirror"}
    assert {"name", "tracking.tensorboard", "trainer.on_divergence"} <= keys_with(Role.observation)
    assert {"seed", "optimizer.betas", "model.dropout"} <= keys_with(Role.per_run)
    assert {f"{group}.name" for group in OPTIONS} <= keys_with(Role.setting)
