import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlhw.callbacks.checkpoints import save_checkpoint
from dlhw.files import append_whole, remove_file, write_atomic, write_json
from dlhw.locks import FolderLostError, sweep_held


@pytest.mark.parametrize("content", ["text with ü", b"\x00\xff", ""])
def test_write_atomic_replaces_the_whole_file(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a much longer content from before")
    write_atomic(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_atomic(path, 3)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rename_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", "cannot replace a folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_written_file_has_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_atomic(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_json_writes_null_for_what_json_lacks_and_keeps_order(tmp_path: Path) -> None:
    tree = {"b": float("nan"), "a": [1.5, (float("inf"), -float("inf"))], "c": {"d": None, "e": "é"}}
    write_json(tmp_path / "file.json", tree)
    text = (tmp_path / "file.json").read_text(encoding="utf-8")
    read = json.loads(text, parse_constant=pytest.fail)
    assert read == {"b": None, "a": [1.5, [None, None]], "c": {"d": None, "e": "é"}}
    assert list(read) == ["b", "a", "c"]
    assert text.startswith('{\n  "b"')
    assert text.endswith("}\n")


def test_json_floats_read_back_to_the_same_bits(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", [0.1 + 0.2])
    assert json.loads((tmp_path / "file.json").read_text()) == [0.1 + 0.2]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: append_whole(folder / "file", b"more"),
        lambda folder: append_whole(folder / "other", b"more", is_new=True),
        lambda folder: remove_file(folder / "file"),
        lambda folder: write_atomic(folder / "file", b"other"),
        lambda folder: save_checkpoint(folder / "checkpoints" / "last.safetensors", {}, {}),
    ],
)
def test_a_folder_that_was_made_anew_is_not_changed(change: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with sweep_held(folder):
        change_in(folder, change)
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        (folder / "file").write_bytes(b"of another process")
        with pytest.raises(FolderLostError, match="was removed, moved or replaced"):
            change(folder)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("file", b"of another process")]


def change_in(folder: Path, change: Callable[[Path], None]) -> None:
    """In a folder that is held, the same change is made."""
    (folder / "file").write_bytes(b"own")
    before = sorted((path.name, path.stat().st_ino, path.stat().st_size) for path in folder.iterdir())
    change(folder)
    after = sorted((path.name, path.stat().st_ino, path.stat().st_size) for path in folder.iterdir())
    assert after != before


def test_a_file_that_is_gone_is_not_begun_in_the_middle(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"metrics\.csv"):
        append_whole(tmp_path / "metrics.csv", b"0,1.0,26,val,0.5,0.5,1.0\n")
    assert not [*tmp_path.iterdir()]
    append_whole(tmp_path / "metrics.csv", b"run\n", is_new=True)
    append_whole(tmp_path / "metrics.csv", b"0\n")
    assert (tmp_path / "metrics.csv").read_bytes() == b"run\n0\n"
