"""What a cell of a sweep costs that trains nothing: our sweeper and launcher beside Hydra's own.

200 jobs of a function that does nothing, with the composed config of `dlhw-train`, in one process.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

APP = """
import sys, time
import hydra
from dlhw.config.store import conf_dir, register
register()
start = time.perf_counter()
hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")(lambda config: 0.0)()
print("seconds", time.perf_counter() - start)
"""
SIDES = {
    "Hydra's sweeper and launcher": ["hydra/sweeper=basic", "hydra/launcher=basic"],
    "grid and fused": ["hydra/sweeper=grid", "hydra/launcher=fused"],
}
LIMIT_MS = 20


def milliseconds(options: list[str], cells: int) -> float:
    """Time of one cell, all told."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "app.py"
        app.write_text(APP, encoding="utf-8")
        command = [sys.executable, str(app), "-m", f"optimizer.lr=range(1,{cells + 1})", *options]
        done = subprocess.run(
            [*command, f"hydra.sweep.dir={folder}/sweep", "hydra/job_logging=disabled"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if line.startswith("seconds")]
    if not told:
        raise SystemExit(done.stderr)
    return 1000 * float(told[0].split()[1]) / cells


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", type=int, default=200, help="jobs of the sweep (default 200)")
    args = parser.parse_args(argv)
    start = perf_counter()
    print(f"\noverhead of a cell, {args.cells} cells of a function that does nothing")
    for name, options in SIDES.items():
        print(f"{name:30} {milliseconds(options, args.cells):6.1f} ms a cell")
    print(f"(aim: at most {LIMIT_MS} ms; measured in {perf_counter() - start:.0f} s)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
