"""Folders and data that are replaced under a running process, changed, or from elsewhere."""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import yaml

from tests.torture.processes import TINY, Ended, start, train, wait
from tests.torture.row import Row
from tests.torture.tally import Tally
from tests.torture.watching import until

ENDLESS = (*TINY, "trainer.epochs=1000000")
CELLS = ("optimizer.lr=0.1,0.2", "seeds=1")
LOST = "was removed, moved or replaced while this process trained in it"
SECRET = "a-secret-of-the-user"
# Files of a run that resuming writes, each replaced by a link out of the folder.
LINKED = ("metrics.csv", "train.log", "checkpoints/last.safetensors", "checkpoints", ".hydra/run.lock")
KEYS = ("optimizer.lr", "optimizer.momentum", "data.limit", "seed", "name", "trainer.batch_size")


def contents(folder: Path) -> dict[str, str]:
    """Relative path -> hash of each file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def folder_replaced(count: int, seed: int) -> Row:
    """Stop a process, remove its folder, let another process create it again, and let the first continue."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd = Path(name)
        for number in range(count):
            folder = cwd / f"folder{number}"
            kind = (
                [f"hydra.run.dir={folder}"]
                if number % 2 == 0
                else ["-m", *CELLS, f"hydra.sweep.dir={folder}"]
            )
            first = start(*kind, *ENDLESS, cwd=cwd)
            until(partial(_has_metrics, folder), first)
            sleep(random.uniform(0, 1))
            first.send_signal(signal.SIGSTOP)
            shutil.rmtree(folder)
            second = train(*kind, *TINY, "trainer.epochs=2", cwd=cwd)
            before = contents(folder)
            first.send_signal(signal.SIGCONT)
            ended = wait(first)
            tally.injected += 1
            tally.runs += 1
            tally.note("wrong", not stops_with(ended, LOST), f"{folder.name} {ended}")
            tally.note("lost", second.status != 0, f"{folder.name} {second}")
            tally.note("torn", contents(folder) != before, f"{folder.name} was written into")
    return tally.row("a folder removed and created again while its process was stopped")


def _has_metrics(folder: Path) -> bool:
    return any(folder.rglob("metrics.csv"))


def stops_with(ended: Ended, sentence: str) -> bool:
    """Whether a process ended with status 1 and one line on stderr that contains `sentence`."""
    return ended.status == 1 and sentence in ended.err and len(ended.err.splitlines()) == 1


def data_changed(count: int, seed: int) -> Row:
    """Flip a label somewhere in the middle of the data, and extend the sweep."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd = Path(name)
        data = cwd / "data.csv"
        rows = [
            f"{random.random():.200f},{random.random():.200f},{random.randrange(2)}" for _ in range(22_000)
        ]
        data.write_text("\n".join(["a,b,label", *rows]) + "\n")
        command = ("-m", *TINY, "trainer.epochs=1", "data=csv", f"data.train={data}", "hydra.sweep.dir=sweep")
        assert train(*command, "optimizer.lr=0.1,0.2", cwd=cwd).status == 0
        for _ in range(count):
            _flip(data, random.randrange(7_000, 15_000))
            before = contents(cwd / "sweep")
            refused = train(*command, "optimizer.lr=0.1,0.2,0.3", cwd=cwd)
            is_refused = refused.status == 1 and "of another definition" in refused.err
            tally.note("wrong", not is_refused, f"{refused}")
            tally.note("torn", contents(cwd / "sweep") != before, "the sweep was written into")
            again = train(*command, "optimizer.lr=0.1,0.2,0.3", "hydra.sweeper.on_change=recompute", cwd=cwd)
            hashes = {_hashes(path) for path in (cwd / "sweep").rglob("summary.json")}
            tally.note("wrong", again.status != 0 or len(hashes) != 1, f"{again} {hashes}")
            tally.injected += 1
            tally.runs += 3
    return tally.row("a label flipped in the middle of the data, the sweep extended")


def _flip(data: Path, line: int) -> None:
    lines = data.read_text().splitlines()
    lines[line] = f"{lines[line][:-1]}{1 - int(lines[line][-1])}"
    data.write_text("\n".join(lines) + "\n")


def _hashes(summary: Path) -> str:
    return json.dumps(json.loads(summary.read_text())["split_hashes"])


def foreign_folders(count: int, seed: int) -> Row:
    """Read and resume folders with interpolations that name a secret, and with links out of the folder."""
    random, tally = Random(seed), Tally()
    with TemporaryDirectory() as name:
        cwd = Path(name)
        ended = train(*TINY, "trainer.epochs=2", "hydra.run.dir=original", cwd=cwd)
        assert ended.status == 0, ended.err
        (cwd / "original" / "summary.json").unlink()  # there is something to resume
        for number in range(count):
            folder = cwd / f"foreign{number}"
            shutil.copytree(cwd / "original", folder)
            if number % 2 == 0:
                _interpolate(folder, random.sample(KEYS, 2))
                _read(folder, tally)
            else:
                _link(folder, random.choice(LINKED), cwd / f"outside{number}", tally)
            tally.injected += 1
            tally.runs += 1
    return tally.row("folders from elsewhere: interpolations that name a secret, links out of the folder")


def _interpolate(folder: Path, keys: Sequence[str]) -> None:
    path = folder / ".hydra" / "config.yaml"
    tree: dict[str, Any] = yaml.safe_load(path.read_text())
    for key in keys:
        *groups, last = key.split(".")
        node = tree
        for group in groups:
            node = node[group]
        node[last] = "${oc.env:SECRET}"
    path.write_text(yaml.safe_dump(tree))


def _read(folder: Path, tally: Tally) -> None:
    """No command may print the secret, into a page or onto the screen."""
    env = {"SECRET": SECRET}
    commands: Mapping[str, list[str]] = {
        "dlhw-report": [str(folder)], "dlhw-eval": [str(folder)], "dlhw-train": [f"resume={folder}"],
    }  # fmt: skip
    for command, arguments in commands.items():
        ended = wait(start(*arguments, cwd=folder.parent, env=env, command=command))
        tally.note("wrong", ended.status not in (0, 1), f"{command} {ended}")
        tally.note("wrong", SECRET in ended.out + ended.err, f"{command} printed the secret: {ended}")
    leaked = [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    tally.note("wrong", leaked, f"{leaked} hold the secret")


def _link(folder: Path, inside: str, outside: Path, tally: Tally) -> None:
    """Resuming must not write through a link."""
    target = folder / inside
    if target.exists():
        target.rename(outside)
    else:
        outside.write_text("another user's file")
    os.symlink(outside, target)
    before = contents(outside.parent) if outside.is_file() else contents(outside)
    ended = train(f"resume={folder}", cwd=folder.parent)
    after = contents(outside.parent) if outside.is_file() else contents(outside)
    tally.note("wrong", not stops_with(ended, "is a link out of the run's folder"), f"{inside} {ended}")
    tally.note("torn", before != after, f"{inside}: written through a link")
