"""Nothing that is read can run code: no reader in the source that could, and none at work in the commands."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
CALLS = {
    "eval", "exec", "torch.load", "np.load", "numpy.load", "pandas.read_pickle", "hydra.utils.instantiate",
    "instantiate", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "logging.config.dictConfig",
}  # fmt: skip
# A copy of an object of the same process, never written: the fastest way to copy a config.
IN_MEMORY = Path("dlhw/hydra_support/composer.py")
# The loader is chosen once, where both choices are safe ones.
SAFE_LOADERS = {"LOADER", "yaml.SafeLoader", "yaml.CSafeLoader"}
HOOK = """
import importlib, os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, args):
    if event == "pickle.find_class":
        os.write(log, f"{sys._getframe(1).f_code.co_filename} {args}\\n".encode())
sys.addaudithook(hook)
module, sys.argv = sys.argv[2], [sys.argv[2], *sys.argv[3:]]
importlib.import_module(module).main()
"""


def openings(source: str) -> Iterator[str]:
    """Names in a file by which data could create arbitrary objects."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in CALLS:
        yield name
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if keywords.get("allow_pickle", "False") != "False":
        yield f"{name}(allow_pickle)"
    if name == "yaml.load" and SAFE_LOADERS.isdisjoint([*map(ast.unparse, node.args), *keywords.values()]):
        yield name


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_opening_in_the_source(path: Path) -> None:
    names = list(openings(path.read_text(encoding="utf-8")))
    assert names == (["pickle"] if path.relative_to(SOURCE) == IN_MEMORY else [])


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from pickle import loads", "import torch\ntorch.load('x')", "eval('1')", "exec('1')",
        "np.load('x')", "npy.read_array(file, allow_pickle=True)", "read(file, allow_pickle=flag)",
        "yaml.load(text, yaml.Loader)", "yaml.unsafe_load(text)", "hydra.utils.instantiate(node)", "import joblib",
    ],
)  # fmt: skip
def test_an_opening_is_seen(line: str) -> None:
    assert list(openings(line))


@pytest.mark.parametrize("line", ["npy.read_array(file, allow_pickle=False)", "yaml.load(text, LOADER)"])
def test_what_is_safe_passes(line: str) -> None:
    assert not list(openings(line))


def audited(log: Path, module: str, *arguments: str, cwd: Path) -> list[str]:
    """Run a command in a process that notes every class that is unpickled; returns who asked for one."""
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", HOOK, str(log), module, *arguments]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def is_in_memory(event: str) -> bool:
    """Copies of configs; and numba's, of functions that it compiles."""
    file = Path(event.partition(" (")[0])
    return file.parts[-3:] == IN_MEMORY.parts or {"numba", "core"} <= set(file.parts)


def test_the_commands_unpickle_nothing_that_they_read(tmp_path: Path) -> None:
    log, tiny = tmp_path / "events", ["trainer.epochs=1", "data.limit=200", "tracking.console=none"]
    events = audited(log, "dlhw.commands.train", *tiny, "hydra.run.dir=alone", cwd=tmp_path)
    assert [event for event in events if not is_in_memory(event)] == []
    audited(log, "dlhw.commands.train", "-m", "seeds=2", *tiny, "hydra.sweep.dir=sweep", cwd=tmp_path)
    audited(log, "dlhw.commands.evaluate", "alone", cwd=tmp_path)
    events = audited(log, "dlhw.commands.report", "sweep", cwd=tmp_path)
    assert [event for event in events if not is_in_memory(event)] == []


def test_the_hook_sees_what_it_is_there_for(tmp_path: Path) -> None:
    (tmp_path / "reads.py").write_text(
        "import io, pickle, collections\n"
        "def main():\n    pickle.load(io.BytesIO(pickle.dumps(collections.OrderedDict())))\n"
    )
    (event,) = audited(tmp_path / "events", "reads", cwd=tmp_path)
    assert "OrderedDict" in event
    assert not is_in_memory(event)
