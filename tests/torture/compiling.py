"""Signals while the training step is compiled, which happens once on a machine, for half a minute."""

import os
import signal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from zygote import QUIET_ENV, Start, Zygote, said, shared

from tests.torture.count import Count
from tests.torture.kills import SECONDS_TO_END, STATUS
from tests.torture.row import Row

RUN = ("data.limit=100", "tracking.tensorboard=false", "hydra.run.dir=run")
# Compilation takes longer than that on any machine.
LONGEST = 8.0
PATIENCE = 120.0
COMPILING = "compiling the training step"


def kill_compiling(count: int, seed: int) -> Row:
    """First runs with an empty cache, sent a signal at a random moment of the compilation."""
    random, found = Random(seed), Count()
    for number in range(count):
        wanted = (signal.SIGTERM, signal.SIGINT)[number % 2]
        with TemporaryDirectory() as name:
            _one(shared(), Path(name), wanted, random.uniform(0, LONGEST), found)
    return found.row("a signal at a random moment of the first compilation (SIGTERM, Ctrl-C)")


def _one(zygote: Zygote, cwd: Path, wanted: signal.Signals, after: float, found: Count) -> None:
    env = {**os.environ, **QUIET_ENV, "XDG_CACHE_HOME": str(cwd / "cache")}
    pid = zygote.begin(Start("dlhw-train", RUN, str(cwd), env))
    began, log = monotonic(), cwd / "run" / "train.log"
    while not (log.exists() and COMPILING in log.read_text()) and monotonic() - began < PATIENCE:
        sleep(0.01)
    sleep(after)
    os.kill(pid, wanted)
    began = monotonic()
    status = zygote.wait(pid)
    seconds = monotonic() - began
    found.injected += 1
    found.runs += 1
    found.note("wrong", status != STATUS[wanted], f"{wanted.name} ended with status {status}")
    found.note("wrong", seconds > SECONDS_TO_END, f"{wanted.name} took {seconds:.1f} s")
    found.note("wrong", "Traceback" in said(cwd), said(cwd)[-2000:])
    found.note("torn", left := [*cwd.glob("run/**/*"), *cwd.glob("cache/**/*.*")], f"left behind: {left}")
