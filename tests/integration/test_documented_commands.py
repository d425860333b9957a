"""Every command that README, CONTRIBUTING and docs show, in the order of the page, in a fresh folder."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from commands import run

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*/*.md")),
]
COMMAND = re.compile(r"^(dlhw-[a-z]+|make)\b")
# Make target -> command that it runs with ARGS.
COMMAND_OF = {
    "train": "dlhw-train",
    "gradcheck": "dlhw-gradcheck",
    "plan": "dlhw-plan",
    "report": "dlhw-report",
    "reproduce": "dlhw-reproduce",
}
# Commands that are not run here, and why; all others are run.
NOT_RUN = {
    r"make (install|test|lint|format|torture|golden|bench|bench-full|bench-peers|tensorboard|help)\b": "installs, serves or takes minutes",
    r"make (sweep-\w+)\b": "a recipe of the Makefile, which needs a checkout",
    r"make (reproduce|gradcheck|levels)\b": "minutes; tests/reproduce and tests/models run them on less",
    r"dlhw-reproduce(?! --list| --help)": "minutes; tests/reproduce runs it on less",
    r"dlhw-report --select test$": "an option, without the folder",
    r"dlhw-gradcheck --all": "half a minute; tests/models checks every part",
}
# Added to commands that need all of MNIST, because there are only a few images here.
SMALLER = {"experiment=cs7643/lr": ("data.split.train=320", "data.split.val=80")}
# Placeholders for a name that the user chooses.
PLACEHOLDER = re.compile(r"[A-Z]{3,}|…|<|\.\.\.")


def commands_of(text: str) -> list[str]:
    """Commands in sh and bash blocks, and commands with arguments in sentences, in the order of the page."""
    commands: list[str] = []
    pattern = re.compile(r"^ *```(\w*)\n(.*?)^ *```|`((?:dlhw-[a-z]+|make) [^`]+)`", re.M | re.S)
    for language, block, inline in pattern.findall(text):
        if inline:
            commands += [] if PLACEHOLDER.search(inline.replace("ARGS=", "")) else [" ".join(inline.split())]
        elif language in ("sh", "bash"):
            lines = block.replace("\\\n", " ").splitlines()
            commands += [" ".join(line.split()) for line in lines if COMMAND.match(line.strip())]
    return commands


def words_of(line: str) -> list[str]:
    """The words of the command; a make target is replaced by its command."""
    words = shlex.split(line, comments=True)
    if words[0] != "make":
        return words
    values = [shlex.split(word.removeprefix("ARGS=")) for word in words[2:] if word.startswith("ARGS=")]
    return [COMMAND_OF[words[1]], *(argument for value in values for argument in value)]


def reason_not_run(line: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.match(pattern, line)), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh folder with a few images instead of MNIST, and files like those that a course hands out."""
    random = np.random.default_rng(0)
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, count in (("train", 400), ("t10k", 100)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = random.integers(0, 100, (count, 28, 28)).astype(np.uint8) + (15 * labels)[:, None, None]
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (raw / f"{split}-{name}-ubyte").write_bytes(
                bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
            )
    x_NI = random.normal(size=(900, 12))
    table = np.column_stack([x_NI, x_NI.sum(1) + random.normal(size=900)])
    header = ",".join([*(f"x{index}" for index in range(12)), "y"])
    names = {"train": 8, "valid": 100, "ds_val": 100}
    names |= {f"ds_train_n{count}": count for count in range(200, 900, 100)}
    for name, count in names.items():
        np.savetxt(tmp_path / f"{name}.csv", table[:count], delimiter=",", header=header, comments="")
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("docs/results/")])
def test_every_command_of_a_page_runs(folder: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLHW_DATA_DIR", raising=False)
    for line in dict.fromkeys(commands_of((ROOT / page).read_text(encoding="utf-8"))):
        if reason_not_run(line) is None:
            command, *arguments = words_of(line)
            arguments += [word for argument in arguments for word in SMALLER.get(argument, ())]
            done = run(command, *arguments, cwd=folder)
            assert done.returncode == 0, f"{page}: {line}\n{done.stdout[-2000:]}{done.stderr}"


def test_the_python_of_the_pages_runs_on_the_files_of_their_commands(folder: Path) -> None:
    run("dlhw-train", "-m", "optimizer.lr=1,0.1", "trainer.epochs=1", cwd=folder)
    text = (ROOT / "docs" / "user" / "sweeps.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.S)
    done = run("python", "-c", block, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_every_make_target_of_a_page_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page in PAGES:
        for line in commands_of((ROOT / page).read_text(encoding="utf-8")):
            if line.startswith("make "):
                assert set(re.findall(r"make ([a-z-]+)", line)) <= targets, f"{page}: {line}"


def test_the_list_of_commands_that_are_not_run_is_short_and_used() -> None:
    lines = [line for page in PAGES for line in commands_of((ROOT / page).read_text(encoding="utf-8"))]
    assert sum(reason_not_run(line) is None for line in set(lines)) >= 12
    for pattern in NOT_RUN:
        assert any(re.match(pattern, line) for line in lines), f"no command matches {pattern}"
