"""Shared by all tests: one thread, and the real MNIST if it is available."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from zygote import Zygote, shared

# `--hypothesis-profile=thorough`: fifty times as many examples, for a night.
settings.register_profile("thorough", max_examples=5000, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need the real MNIST or a GPU if there is none."""
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
    """Starts dlhw's commands fast."""
    return shared()


@pytest.fixture
def no_version_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset Hydra's version base, which other tests may have set; Hydra's own suites expect that it is unset."""
    from hydra import version

    monkeypatch.setattr(version.VersionBase.instance(), "version_base", version._UNSPECIFIED_)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors gain nothing from threads, and tests may run in parallel."""
    torch.set_num_threads(1)
