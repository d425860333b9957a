"""What all tests share: one thread, and the real MNIST where it is."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from zygote import Zygote, shared

# `--hypothesis-profile=thorough`: fifty times as many examples, for a night.
settings.register_profile("thorough", max_examples=5000, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the real MNIST or a GPU where there is none."""
    folder = os.environ.get("DLHW_DATA_DIR")
    has_mnist = folder is not None and (Path(folder) / "MNIST" / "raw").is_dir()
    for item in items:
        if item.get_closest_marker("mnist") and not has_mnist:
            item.add_marker(
                pytest.mark.skip(reason="DLHW_DATA_DIR does not point to a folder with MNIST/raw")
            )
        if item.get_closest_marker("cuda") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session")
def zygote() -> Zygote:
    """Starts our commands in a moment."""
    return shared()


@pytest.fixture
def no_version_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have told Hydra a version base, which stays; Hydra's own suites expect that nobody has."""
    from hydra import version

    monkeypatch.setattr(version.VersionBase.instance(), "version_base", version._UNSPECIFIED_)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors gain nothing from threads, and tests may run beside each other."""
    torch.set_num_threads(1)
