import json
from pathlib import Path

import pytest

from dlhw.tracking.files import write_atomic, write_json


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
