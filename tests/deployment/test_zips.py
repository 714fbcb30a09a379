"""The zips: small enough, whole, with bytecode, and the same from the same sources."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile

import pytest
from packaging.utils import canonicalize_name

from deployment import zips
from tests.support.programs import ROOT
from tests.test_architecture import MODULES, imported

LIMIT = 60 * 2**20
HANDLERS = {
    "api": "api.lambda_handler.handler",
    "executor": "state_machine.handlers.executor",
    "postprocessor": "state_machine.handlers.postprocessor",
}
# What Lambda sets, and nothing of this machine; no Python package but what is in the folder.
LIKE_LAMBDA = """
import sys
folder, handler = sys.argv[1:]
sys.path.insert(0, folder)
import importlib
module, _, name = handler.rpartition(".")
assert callable(getattr(importlib.import_module(module), name))
from datapump.aws import Aws
from datapump.stores.dynamodb import Tables
aws = Aws("us-east-1")
aws.emr(), aws.step_functions(), aws.secrets(), Tables("runs", "configs", region="us-east-1").client
print(sum(1 for one in sys.modules.values() if (getattr(one, "__cached__", None) or "").startswith(folder)))
"""


@pytest.fixture(scope="session")
def unpacked(built, tmp_path_factory):
    folders = {}
    for name in HANDLERS:
        folders[name] = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(built / f"{name}.zip") as archive:
            archive.extractall(folders[name])
    return folders


@pytest.mark.parametrize("name", HANDLERS)
def test_a_zip_is_small_enough_for_lambda(built, name):
    with zipfile.ZipFile(built / f"{name}.zip") as archive:
        assert sum(entry.file_size for entry in archive.infolist()) < LIMIT


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_imported_from_its_zip_alone(unpacked, name):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LIKE_LAMBDA, str(unpacked[name]), HANDLERS[name]],
        env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.parametrize("name", HANDLERS)
def test_every_module_has_its_bytecode(built, name):
    with zipfile.ZipFile(built / f"{name}.zip") as archive:
        names = set(archive.namelist())
    modules = {one for one in names if one.endswith(".py")}
    missing = {one for one in modules if zips.importlib.util.cache_from_source(one) not in names}
    assert not missing
    assert not [one for one in names if one.startswith(("tests/", "moto/"))]


PARTS = {
    "api": ["api.lambda_handler"],
    "executor": ["datapump.executor", "state_machine.production", "state_machine.telemetry"],
    "postprocessor": ["datapump.postprocessor", "state_machine.step_functions", "state_machine.telemetry"],
}
# The command line's pictures: the API gives out only what charts are drawn from.
NEVER = {"vl_convert"}


def reachable(names):
    """Every module that these may come to import, also within their functions."""
    seen, left = set(), list(names)
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in MODULES:
            tree = ast.parse(MODULES[name].read_text())
            for node in ast.walk(tree):
                if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                    node.body = []
            left += [
                ".".join(one.split(".")[:depth])
                for one in imported(tree, at_load=False)
                for depth in range(1, one.count(".") + 2)
            ]
    return seen


@pytest.mark.parametrize("name", HANDLERS)
def test_whatever_a_function_may_come_to_import_is_in_its_zip(built, name):
    with zipfile.ZipFile(built / f"{name}.zip") as archive:
        there = {one.split("/")[0].split(".")[0] for one in archive.namelist()}
    wanted = {one for one in reachable(PARTS[name]) if "." not in one} - set(sys.stdlib_module_names)
    assert {"pydantic", "datapump"} <= wanted
    assert wanted - there - NEVER == set()


def test_two_builds_of_the_same_sources_are_the_same(tmp_path):
    source = tmp_path / "module.py"
    source.write_text("answer = 42\n")
    files = [zips.File("module.py", source), zips.File("data.txt", ROOT / "LICENSE")]
    zips.write_zip(tmp_path / "one.zip", files)
    os.utime(source, (1, 1))
    zips.write_zip(tmp_path / "two.zip", reversed(files))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_dispatchers_image_has_all_that_dispatching_imports(built, tmp_path):
    listed = {
        canonicalize_name(line.partition("==")[0].partition("[")[0])
        for line in (built / "dispatcher-requirements.txt").read_text().splitlines()
        if "==" in line
    }
    assert {"numpy", "shapely", "pyogrio", "obstore", "boto3"} <= listed
    assert not {"pytest", "moto", "ruff", "duckdb"} & listed
    for one in zips.closure(zips.IMAGE):
        for top in {file.parts[0] for file in one.files} - {"..", "__pycache__"}:
            place = tmp_path / top
            if not place.exists():
                place.symlink_to(one.locate_file(top))
    for package in zips.PACKAGES:
        (tmp_path / package).symlink_to(ROOT / package)
    check = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import state_machine.handlers, datapump.dispatcher, datapump.sources\n"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", check], check=True)


def test_each_requirement_of_the_image_has_its_hashes(built):
    entries = (built / "dispatcher-requirements.txt").read_text().split("\n")
    pinned = [line for line in entries if "==" in line]
    assert len(pinned) == len(set(pinned)) > 20
    assert all(line.endswith("\\") for line in pinned)
