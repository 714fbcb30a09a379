"""Programs that tests need and pip cannot bring."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program, package):
    """Skip where a program is missing, naming the command that installs it; fail where nothing may be skipped."""
    if shutil.which(program) is not None:
        return
    reason = f"needs {program}: apt-get install {package}"
    if os.environ.get("DATAPUMP_TEST_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)
