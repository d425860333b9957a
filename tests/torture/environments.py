"""The same seed in other environments: hash seed, locale, folder, time zone, home, clock. The bits are equal."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.torture.fingerprint import fingerprint, leftovers
from tests.torture.processes import start, wait
from tests.torture.row import Row
from tests.torture.tally import Tally

# Dropout, momentum, a split and early stopping use every random stream and every counter.
RUN = (
    "model.dropout=0.2", "optimizer=adam", "trainer.epochs=4", "data.limit=300", "trainer.matmul=highest",
    "trainer.early_stopping.patience=50", "tracking.weights_every=1",
)  # fmt: skip
# A process with this module on its path sees a clock that jumps back a day at every second call.
CLOCK = """
import time
from itertools import count
_calls, _time, _time_ns = count(), time.time, time.time_ns
time.time = lambda: _time() - 86_400 * (next(_calls) % 2)
time.time_ns = lambda: _time_ns() - 86_400 * 10**9 * (next(_calls) % 2)
"""
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions() -> None:
    """Call between fork and exec: from then on file permissions also hold for root."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def _read_only_home(cwd: Path) -> dict[str, str]:
    home = cwd / "home"
    home.mkdir()
    home.chmod(0o555)
    return {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}


def _jumping_clock(cwd: Path) -> dict[str, str]:
    (cwd / "sitecustomize.py").write_text(CLOCK, encoding="utf-8")
    paths = [str(cwd), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


ENVIRONMENTS: dict[str, Callable[[Path], dict[str, str]]] = {
    "PYTHONHASHSEED=1": lambda cwd: {"PYTHONHASHSEED": "1"},
    "LC_ALL=C, ASCII output": lambda cwd: {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"},
    "TZ=Pacific/Kiritimati": lambda cwd: {"TZ": "Pacific/Kiritimati"},
    "HOME missing": lambda cwd: {"HOME": str(cwd / "nowhere")},
    "HOME read-only": _read_only_home,
    "clock that jumps backwards": _jumping_clock,
}


def bits(environment: str) -> tuple[str, list[Path]]:
    """Fingerprint of a run in a new folder, whose name has a space and letters outside of ASCII; leftovers."""
    with TemporaryDirectory(prefix="größer als ") as name:
        cwd = Path(name)
        env = ENVIRONMENTS[environment](cwd) if environment else {}
        ended = wait(start(*RUN, "hydra.run.dir=run", cwd=cwd, env=env, before=obey_permissions))
        assert ended.status == 0, ended.err
        return fingerprint(cwd / "run"), leftovers(cwd)


def same_bits(count: int) -> Row:
    """A run in each of the first `count` environments, and the same run in the usual one."""
    tally, (expected, _) = Tally(), bits("")
    for environment in [*ENVIRONMENTS][:count]:
        here, left = bits(environment)
        tally.injected += 1
        tally.runs += 1
        tally.note("torn", left, f"{environment}: {left}")
        tally.note("wrong", here != expected, f"{environment}: other bits")
    return tally.row("another environment, same seed")
