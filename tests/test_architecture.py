"""The layers of the package: an import points only downwards, and nothing imports what it may not know.

docs/dev/architecture.md says what each package is for. Imports inside functions and under `TYPE_CHECKING` count
as well: a reader follows them like any other.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import dlhw

SOURCE = Path(dlhw.__file__).parent
# Top to bottom. A package or module imports from its own line and from those below it; no two lines form a circle.
LAYERS = (
    "commands",
    "reproduce",
    "hydra_support",
    "sweep",
    "execution",
    "reporting",
    "callbacks",
    "procedures",
    "runs",
    "training",
    "kernels",
    "models",
    "data",
    "optim",
    "nn",
    "config",
)
# Small modules at the top level of the package, which import each other and nothing of the layers.
BASE = (
    "cache",
    "content",
    "display",
    "environment",
    "environment_checks",
    "errors",
    "files",
    "interruption",
    "locks",
    "random",
    "sections",
    "source",
    "status",
    "terminal",
)
# layer -> modules that it may not import, now or later, besides what stands above it.
MAY_NOT_IMPORT = {
    "sweep": ("hydra", "omegaconf"),
    "execution": ("hydra", "omegaconf"),
    "reporting": ("hydra", "omegaconf", "torch", "dlhw.training"),
    "runs": ("hydra", "omegaconf", "torch"),
    "callbacks": ("hydra", "omegaconf"),
    "procedures": ("hydra", "omegaconf"),
    "training": ("hydra", "omegaconf", "dlhw.runs"),
    "kernels": ("hydra", "omegaconf"),
    "models": ("hydra", "omegaconf"),
    "data": ("hydra", "omegaconf"),
    "optim": ("hydra", "omegaconf"),
    "nn": ("hydra", "omegaconf"),
    "config": ("torch", "numpy", "hydra"),
}


class Import(NamedTuple):
    """One import statement."""

    module: str
    """dotted name of the importing module"""
    target: str
    """dotted name of what is imported"""
    place: str
    """file and line"""
    is_late: bool
    """whether it stands in a function or under TYPE_CHECKING"""
    is_for_types: bool
    """whether it stands under TYPE_CHECKING"""


def test_imports_point_downwards() -> None:
    wrong = [
        f"{line.place}: {layer_of(line.module)} imports {line.target}, which is above it"
        for line in imports()
        if line.target.startswith("dlhw.") and _is_above(layer_of(line.target), layer_of(line.module))
    ]
    assert not wrong


def test_no_layer_imports_what_it_may_not_know() -> None:
    wrong = [
        f"{line.place}: {layer_of(line.module)} imports {line.target}"
        for line in imports()
        for forbidden in MAY_NOT_IMPORT.get(layer_of(line.module), ())
        if f"{line.target}.".startswith(f"{forbidden}.") and not (forbidden == "torch" and line.is_for_types)
    ]
    assert not wrong


def test_only_one_package_uses_the_internals_of_hydra_and_omegaconf() -> None:
    public = {
        "omegaconf.MISSING",
        "omegaconf.OmegaConf",
        "omegaconf.DictConfig",
        "hydra.errors.HydraException",
    }
    wrong = [
        f"{line.place}: {line.target}"
        for line in imports()
        if line.target.partition(".")[0] in ("hydra", "omegaconf")
        and layer_of(line.module) != "hydra_support"
        and line.target not in public
    ]
    assert not wrong


def test_every_module_has_a_layer() -> None:
    top = {path.stem for path in SOURCE.glob("*.py")} | {
        path.name for path in SOURCE.iterdir() if _is_package(path)
    }
    assert top - {"__init__", "conf"} == {*LAYERS, *BASE}


def test_modules_form_no_circles() -> None:
    """Late imports count too: two modules that import each other are one."""
    modules = {name for name, _ in sources()}
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for line in imports():
        target = line.target if line.target in modules else line.target.rpartition(".")[0]
        if target in modules and target not in (line.module, "dlhw"):
            edges[line.module].add(target)
    assert circle(edges) is None


def test_no_class_name_stands_for_two_things() -> None:
    places: dict[str, list[str]] = {}
    for module, path in sources():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(module)
    assert not {name: modules for name, modules in places.items() if len(modules) > 1}


def test_import_dlhw_loads_neither_torch_nor_hydra() -> None:
    program = "import sys, dlhw; print(*sorted({'torch', 'hydra', 'pandas', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_configs_are_read_without_torch() -> None:
    program = "import sys, dlhw.config.root; print(*sorted({'torch', 'numpy', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def circle(edges: dict[str, set[str]]) -> list[str] | None:
    """A circle of a directed graph, its first node repeated at the end, or None."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            for target in sorted(edges[node]):
                if closed := visit(target, [*path, node]):
                    return closed
            done.add(node)
        return None

    return next(filter(None, (visit(node, []) for node in sorted(edges))), None)


def layer_of(module: str) -> str:
    """`dlhw.nn.layer` -> `nn`."""
    return module.split(".")[1] if "." in module else "__init__"


def _is_above(target: str, importing: str) -> bool:
    if importing == "__init__" or target == "__init__":
        return False
    if importing in BASE:
        return target in LAYERS
    return target in LAYERS and LAYERS.index(target) < LAYERS.index(importing)


def _is_package(path: Path) -> bool:
    return path.is_dir() and any(path.glob("*.py"))


@cache
def sources() -> list[tuple[str, Path]]:
    """Dotted name and path of every module."""
    return [(_dotted(path), path) for path in sorted(SOURCE.rglob("*.py"))]


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> list[Import]:
    """All import statements of the package."""
    return [line for name, path in sources() for line in _imports_of(name, path)]


def _imports_of(name: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    early = {id(node) for node in tree.body}
    for_types = {
        id(child)
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in node.body
    }
    for node in ast.walk(tree):
        place = f"{path.relative_to(SOURCE.parent.parent)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place}: relative import"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            yield Import(name, target, place, id(node) not in early, id(node) in for_types)
