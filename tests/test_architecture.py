"""The rules that hold the packages together, read off their source."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "datapump", "state_machine")
GEOSPATIAL = {"duckdb", "fiona", "geopandas", "numpy", "pandas", "pyarrow", "pyogrio", "pyproj", "rasterio", "shapely"}


def modules():
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(tree, *, at_load):
    """Names that a module imports; with `at_load` only those that importing it imports."""
    for node in statements(tree) if at_load else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def statements(tree):
    """Every statement outside functions and `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or typing_only:
            continue
        yield node
        yield from statements(node)


def loaded_by(name, seen=None):
    """All that importing a module imports, through our own modules."""
    seen = set() if seen is None else seen
    for target in imported(ast.parse(MODULES[name].read_text()), at_load=True):
        parents = [".".join(target.split(".")[: depth + 1]) for depth in range(target.count(".") + 1)]
        for one in parents:
            if one not in seen:
                seen.add(one)
                if one in MODULES:
                    loaded_by(one, seen)
    return seen


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "api"])
def test_the_api_loads_no_geospatial_code(name):
    assert not GEOSPATIAL & loaded_by(name)


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "datapump"])
def test_the_pipeline_never_imports_api_or_flow(name):
    tree = ast.parse(MODULES[name].read_text())
    assert not [one for one in imported(tree, at_load=False) if one.split(".")[0] in {"api", "state_machine"}]


@pytest.mark.parametrize("name", MODULES)
def test_only_settings_read_the_environment(name):
    if name == "datapump.settings":
        return
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not used & {"os.environ", "os.environb", "os.getenv", "os.putenv"}
    assert "environ" not in {
        alias.name
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }


def test_the_rules_can_fail():
    """The checks see what they are meant to see."""
    source = "from shapely import box\ndef f():\n    import api.app\n"
    tree = ast.parse(source)
    assert list(imported(tree, at_load=True)) == ["shapely", "shapely.box"]
    assert "api.app" in set(imported(tree, at_load=False))
    assert "shapely" in loaded_by("datapump.embedded.sample.world")


def files_imported(name):
    """Our own modules that a module names in its imports, at load, later, or for types alone."""
    targets = set(imported(ast.parse(MODULES[name].read_text()), at_load=False))
    inner = {".".join(target.split(".")[:-1]) for target in targets if target in MODULES}
    # `from package import module` names both; the package's own file counts only where nothing below it is meant.
    return {target for target in targets if target in MODULES and target not in inner} - {name}


def test_no_modules_import_each_other_in_a_circle():
    sorter = TopologicalSorter({name: files_imported(name) for name in MODULES})
    sorter.prepare()
