"""Names that act on a terminal or on markup: every command shows them, and its logs hold them, as text."""

from pathlib import Path

from commands import run

EVIL = "a[/b]\x1b[31m\u202e"
FOLDER = "a[b]\x1b[31m\u202e=1"
TINY = (
    "data=csv", "data.train=data.csv", "model=softmax", "trainer.epochs=1", "trainer.gradcheck=false",
    "tracking.tensorboard=false",
)  # fmt: skip
LOGS = ("*.log", "*.md", "*.tex", "*.csv", "*.html")


def table(folder: Path) -> None:
    """Twice the same data under two names, with classes whose names are markup and escapes."""
    rows = [f"{place * 7 % 13},{(EVIL, '=1+1', '<script>')[place % 3]}" for place in range(200)]
    text = "\n".join(["x,label", *rows])
    for name in ("data.csv", f"{FOLDER}.csv"):
        (folder / name).write_text(f"{text}\n")


def shown(*command: str, cwd: Path, status: int = 0) -> str:
    """What a command says; nothing of it acts on a terminal."""
    done = run(*command, cwd=cwd)
    assert done.returncode == status, done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    return said


def test_every_command_shows_names_as_text(tmp_path: Path) -> None:
    table(tmp_path)
    escaped = FOLDER.encode("unicode_escape").decode()
    shown("dlhw-train", *TINY, f"hydra.run.dir='{FOLDER}'", cwd=tmp_path)
    for command in ("dlhw-eval", "dlhw-report"):
        assert escaped in shown(command, FOLDER, cwd=tmp_path)
    assert f"{escaped} has ended" in shown("dlhw-train", f"resume={FOLDER}", cwd=tmp_path)

    rates = ("optimizer.lr=0.1,0.2", f"data.train=data.csv,'{FOLDER}.csv'", "trainer.batch_size=20,40")
    sweep = (*TINY, *rates, f"hydra.sweep.dir='sweep{FOLDER}'")
    assert f"in sweep{escaped}: 4 to run" in shown("dlhw-plan", *sweep, cwd=tmp_path)
    assert f"in sweep{escaped}: 4 to run" in shown("dlhw-train", "-m", *sweep, cwd=tmp_path)
    assert f"sweep{escaped}/report/index.html" in shown("dlhw-report", f"sweep{FOLDER}", cwd=tmp_path)
    assert escaped in shown("dlhw-plan", f"--{FOLDER}", cwd=tmp_path, status=2)

    written = [path for pattern in LOGS for path in tmp_path.rglob(pattern) if path.parent != tmp_path]
    assert any(path.name == "train.log" for path in written)
    for path in written:
        content = path.read_text(encoding="utf-8")
        assert not any(mark in content for mark in ("\x1b", "\u202e", "<script>")), path
