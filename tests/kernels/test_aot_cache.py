"""Kept machine code: used when whole and one's own, else made anew."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dlhw.kernels import aot_cache

CODE = b"some machine code" * 100
SHOW = "import torch; from dlhw.kernels.aot_cache import load_steps as load; load(torch.float64)"


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file as `load_steps` keeps it."""
    file = tmp_path / "steps.obj"
    file.write_bytes(aot_cache._with_checksum(file.name, CODE))
    file.chmod(0o600)
    return file


def test_whole(stored: Path) -> None:
    assert aot_cache.load(stored) == CODE


@pytest.mark.parametrize("position", [0, 31, 32, -1])
def test_a_flipped_bit_is_seen(stored: Path, position: int) -> None:
    content = bytearray(stored.read_bytes())
    content[position] ^= 4
    stored.write_bytes(content)
    assert aot_cache.load(stored) is None


@pytest.mark.parametrize("length", [0, 10, 32, 500])
def test_cut_off(stored: Path, length: int) -> None:
    stored.write_bytes(stored.read_bytes()[:length])
    assert aot_cache.load(stored) is None


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_can_write_is_not_run(stored: Path, mode: int) -> None:
    stored.chmod(mode)
    assert aot_cache.load(stored) is None


def test_a_file_under_another_name_is_not_run(stored: Path) -> None:
    assert aot_cache.load(stored.rename(stored.with_name("steps-other.obj"))) is None


@pytest.mark.parametrize("name", ["version", "describe_machine"])
def test_the_name_depends_on_the_versions_of_numba_and_llvmlite(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = aot_cache.fingerprint()
    aot_cache.fingerprint.cache_clear()
    monkeypatch.setattr(aot_cache, name, lambda *package: ["0.1"])
    assert aot_cache.fingerprint() != before
    monkeypatch.undo()
    aot_cache.fingerprint.cache_clear()
    assert aot_cache.fingerprint() == before


def test_missing(tmp_path: Path) -> None:
    assert aot_cache.load(tmp_path / "nothing") is None


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    aot_cache.store(blocked / "dlhw" / "steps.obj", CODE)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: the compiled training step cannot be kept in {blocked / 'dlhw'},")


def test_made_once(tmp_path: Path) -> None:
    """The second time code is read, and numba is not even imported."""
    for numba_is_there in (True, False):
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
        command = [sys.executable, "-c", f"{SHOW}; import sys; print('numba' in sys.modules)"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-1] == str(numba_is_there)
    (file,) = (tmp_path / "dlhw").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_the_name_depends_on_the_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = aot_cache.fingerprint()
    aot_cache.fingerprint.cache_clear()
    (tmp_path / "aot_cache.py").write_text("# another")
    monkeypatch.setattr(aot_cache, "__file__", str(tmp_path / "aot_cache.py"))
    assert aot_cache.fingerprint() != before
    monkeypatch.undo()
    aot_cache.fingerprint.cache_clear()
    assert aot_cache.fingerprint() == before


def test_loaded_once() -> None:
    assert aot_cache.load_steps(torch.float64) is aot_cache.load_steps(torch.float64)
