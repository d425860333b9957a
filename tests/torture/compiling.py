"""Signals while the training step is compiled, which happens once on a machine, for up to a minute."""

import os
import signal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from zygote import QUIET_ENV, Start, Zygote, output_of, shared

from tests.torture.kills import SECONDS_TO_END, STATUS
from tests.torture.row import Row
from tests.torture.tally import Tally

RUN = ("data.limit=100", "tracking.tensorboard=false", "hydra.run.dir=run")
# Compilation takes longer than this on any machine.
LONGEST = 8.0
PATIENCE = 120.0
COMPILING = "compiling the training step"


def kill_compiling(count: int, seed: int) -> Row:
    """Start runs with an empty cache, and send a signal at a random moment of the compilation."""
    random, tally = Random(seed), Tally()
    for number in range(count):
        wanted = (signal.SIGTERM, signal.SIGINT)[number % 2]
        with TemporaryDirectory() as name:
            _one(shared(), Path(name), wanted, random.uniform(0, LONGEST), tally)
    return tally.row("a signal at a random moment of the first compilation (SIGTERM, Ctrl-C)")


def _one(zygote: Zygote, cwd: Path, wanted: signal.Signals, after: float, tally: Tally) -> None:
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
    tally.injected += 1
    tally.runs += 1
    tally.note("wrong", status != STATUS[wanted], f"{wanted.name} ended with status {status}")
    tally.note("wrong", seconds > SECONDS_TO_END, f"{wanted.name} took {seconds:.1f} s")
    tally.note("wrong", "Traceback" in output_of(cwd), output_of(cwd)[-2000:])
    tally.note("torn", left := [*cwd.glob("run/**/*"), *cwd.glob("cache/**/*.*")], f"left behind: {left}")
