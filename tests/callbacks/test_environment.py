import dataclasses
from pathlib import Path

import pytest

from dlhw.callbacks.environment import cpu_name, machine
from dlhw.config.fields import config_hash
from dlhw.config.optimizer import SGDConfig
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import TrackingConfig


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("processor: 0\nmodel name\t: A Processor @ 3 GHz\n", "A Processor @ 3 GHz"),
        ("nothing", None),
        (None, None),
    ],
)
def test_cpu_name(tmp_path: Path, content: str | None, name: str | None) -> None:
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    found = cpu_name(tmp_path / "cpuinfo")
    assert found
    assert name in (None, found)


def test_machine_of_a_cpu_run_names_no_accelerator() -> None:
    assert machine("cpu")["accelerator"] is None


def test_config_hash_follows_what_changes_numbers(config: TrainConfig) -> None:
    same = dataclasses.replace(config, name="other", tracking=TrackingConfig(tensorboard=False))
    assert config_hash(same) == config_hash(config)
    assert config_hash(dataclasses.replace(config, seed=4)) != config_hash(config)
    assert config_hash(dataclasses.replace(config, optimizer=SGDConfig(lr=0.3))) != config_hash(config)
