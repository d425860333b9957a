"""Forks `dlhw-train` of whatever source tree PYTHONPATH names; reads one JSON object a line, answers with a number.

It knows nothing of that tree but its pyproject.toml, so that trees of different structure can be compared.
"""

import json
import os
import signal
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages


def serve(tree: Path) -> None:
    """Answer `{"start": arguments, "cwd": folder}` with a process id, `{"wait": id}` with its exit status."""
    script = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["dlhw-train"]
    module, _, function = script.partition(":")
    main = getattr(import_module(module), function)
    for module_info in walk_packages(
        import_module("dlhw").__path__, "dlhw."
    ):  # so that no run imports them again
        if not module_info.name.endswith("__main__"):
            import_module(module_info.name)
    source = Path(import_module("dlhw").__path__[0]).resolve()
    if source != (tree / "src" / "dlhw").resolve():
        raise SystemExit(f"this is dlhw of {source}, not of {tree}")
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork() or _become(main, question["start"], question["cwd"])
        print(answer, flush=True)


def _become(main: Callable[[], object], arguments: list[str], cwd: str) -> int:
    os.chdir(cwd)
    output = os.open("output.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in (1, 2):
        os.dup2(output, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, closefd=False, encoding="utf-8")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["dlhw-train", *arguments]
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
