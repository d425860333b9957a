"""The same seed in other surroundings: hash seed, locale, folder, time zone, home, clock. The bits stay."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.torture.count import Count
from tests.torture.fingerprint import fingerprint, leftovers
from tests.torture.processes import start, wait
from tests.torture.row import Row

# Dropout, momentum, a split and early stopping: every random stream and every counter has a part in it.
RUN = (
    "model.dropout=0.2", "optimizer=adam", "trainer.epochs=4", "data.limit=300", "trainer.matmul=highest",
    "trainer.early_stopping.patience=50", "tracking.weights_every=1",
)  # fmt: skip
# What a process with this on its path sees of the time: each second look is a day before the one before it.
CLOCK = """
import time
from itertools import count
_looks, _time, _time_ns = count(), time.time, time.time_ns
time.time = lambda: _time() - 86_400 * (next(_looks) % 2)
time.time_ns = lambda: _time_ns() - 86_400 * 10**9 * (next(_looks) % 2)
"""
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions() -> None:
    """To be called between fork and exec: from then on permissions hold for root too."""
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


SURROUNDINGS: dict[str, Callable[[Path], dict[str, str]]] = {
    "PYTHONHASHSEED=1": lambda cwd: {"PYTHONHASHSEED": "1"},
    "LC_ALL=C, ASCII output": lambda cwd: {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"},
    "TZ=Pacific/Kiritimati": lambda cwd: {"TZ": "Pacific/Kiritimati"},
    "HOME missing": lambda cwd: {"HOME": str(cwd / "nowhere")},
    "HOME read-only": _read_only_home,
    "clock that jumps backwards": _jumping_clock,
}


def bits(surroundings: str) -> tuple[str, list[Path]]:
    """Fingerprint of a run in a new folder, whose name has a space and letters outside of ASCII; leftovers."""
    with TemporaryDirectory(prefix="größer als ") as name:
        cwd = Path(name)
        env = SURROUNDINGS[surroundings](cwd) if surroundings else {}
        ended = wait(start(*RUN, "hydra.run.dir=run", cwd=cwd, env=env, before=obey_permissions))
        assert ended.status == 0, ended.err
        return fingerprint(cwd / "run"), leftovers(cwd)


def same_bits(count: int) -> Row:
    """A run in each of the first `count` surroundings, and the same run in none of them."""
    found, (expected, _) = Count(), bits("")
    for surroundings in [*SURROUNDINGS][:count]:
        here, left = bits(surroundings)
        found.injected += 1
        found.runs += 1
        found.note("torn", left, f"{surroundings}: {left}")
        found.note("wrong", here != expected, f"{surroundings}: other bits")
    return found.row("other surroundings, same seed")
