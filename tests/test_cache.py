from pathlib import Path

import pytest

from dlhw.cache import cache_folder, read_private, write_private


def test_a_relative_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("here", ".", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == tmp_path / ".cache" / "dlhw"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert cache_folder() == tmp_path / "there" / "dlhw"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_can_write_is_not_read(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "folder" / "file"
    write_private(file, b"content")
    assert read_private(file) == b"content"
    file.chmod(mode)
    assert read_private(file) is None


def test_what_is_missing_or_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write_private(tmp_path / "file" / "below", b"content")
    write_private(Path("relative", "file"), b"content")
    assert read_private(tmp_path / "file" / "below") is None
    assert not Path("relative").exists()
