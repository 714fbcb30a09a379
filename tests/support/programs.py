"""What tests need and pip cannot bring: programs, real data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NODE = ROOT / "node_modules/.bin"


def need(program, package, install="apt-get install"):
    """Skip where a program is missing, naming the command that installs it; fail where nothing may be skipped."""
    if shutil.which(program) is None:
        do_without(f"needs {program}: {install} {package}")


def do_without(reason):
    """Skip a test, or fail where nothing may be skipped."""
    if os.environ.get("DATAPUMP_TEST_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


def need_node(program):
    """The path of a program of package.json; as `need` where it is missing."""
    need(str(NODE / program), "node_modules/.installed", "make")
    return str(NODE / program)
