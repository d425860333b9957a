"""Where the time goes from a command to its first update: `python -m benchmarks.stages SPAWNED ARGUMENT…`.

Runs `dlhw-train ARGUMENT…` with its stages timed, and prints them as JSON, seconds by name, when the
first updates are done. SPAWNED is the time at which the process was started, in seconds since the epoch.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

Result = TypeVar("Result")

# modules that the command imports before the first update
MODULES = (
    "dlhw.commands.train", "dlhw.hydra_support.task", "dlhw.execution.single", "dlhw.data.dataset",
    "dlhw.callbacks.console", "dlhw.callbacks.tensorboard", "dlhw.training.fit",
)  # fmt: skip
# stage -> module, and the name in it that is called once
CALLS = {
    "data": ("dlhw.data.dataset", "load_dataset"),
    "gradient check": ("dlhw.training.fit", "check_gradients"),
    "compiled steps: read, or compile": ("dlhw.training.backends.compiled", "CompiledSteps.__init__"),
    "choice of the matrix product": ("dlhw.training.fit", "resolve_matmul"),
    "first update": ("dlhw.training.backends.shard", "Shard.train"),
}
START, IMPORTS, COMPOSE = "interpreter", "imports", "compose and check the config, make the folder"
REST = "the rest: model, callbacks, the run's files"


def main() -> None:
    """Entry point."""
    begun = time.time()
    spawned, *arguments = sys.argv[1:]
    stages = {START: begun - float(spawned)}
    start = time.perf_counter()
    for module in MODULES:
        import_module(module)
    stages[IMPORTS] = time.perf_counter() - start
    _watch(stages, time.time() - time.perf_counter() - float(spawned))
    sys.argv = ["dlhw-train", *arguments]
    sys.modules["dlhw.commands.train"].main()


def _watch(stages: dict[str, float], offset: float) -> None:
    """Time every stage; the last one prints."""
    composing = time.perf_counter()

    def composed() -> None:
        stages[COMPOSE] = time.perf_counter() - composing

    def begun() -> None:
        known = sum(stages.values())
        stages[REST] = time.perf_counter() + offset - known
        print(json.dumps(stages), flush=True)

    _wrap("dlhw.execution.single", "train_run", before=composed)
    for stage, (module, name) in CALLS.items():
        _wrap(module, name, stages, stage, after=begun if stage == "first update" else None)


def _wrap(
    module: str,
    name: str,
    stages: dict[str, float] | None = None,
    stage: str = "",
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> None:
    """Time the first call of a function or method."""
    *path, last = name.split(".")
    owner: Any = import_module(module)
    for part in path:
        owner = getattr(owner, part)
    original: Callable[..., Any] = getattr(owner, last)

    def timed(*arguments: Any, **named: Any) -> Any:
        setattr(owner, last, original)
        if before is not None:
            before()
        start = time.perf_counter()
        result = original(*arguments, **named)
        if stages is not None:
            stages[stage] = time.perf_counter() - start
        if after is not None:
            after()
        return result

    setattr(owner, last, timed)


if __name__ == "__main__":
    main()
