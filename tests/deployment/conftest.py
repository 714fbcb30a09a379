"""The zips and the compiled template, made once for all tests of the package."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from datapump.schedules import slots_of
from deployment import schedules, zips
from tests.support.programs import ROOT, need_node

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """The folder that `make package` makes the zips in, which all processes of the tests share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "package"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "runtime.json").exists():
            zips.build(folder)
    return folder


def package(folder, stage, **environment):
    """The compiled template of a stage, made away from the network's reach."""
    osls = need_node("osls")
    for name in ("serverless.yml", "deployment", "state_machine"):
        source, target = ROOT / name, folder / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    parts = folder / "build/package"
    parts.mkdir(parents=True)
    for name in zips.FUNCTIONS:
        # The packager only looks whether they are there.
        (parts / f"{name}.zip").touch()
    (parts / "runtime.json").write_text(json.dumps(zips.made_on()))
    (parts / "schedules.json").write_text(json.dumps(schedules.resources(slots_of(None))))
    # The packager refuses a service without a project of its own beside it.
    (folder / "package.json").write_text("{}")
    known = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
    }
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [osls, "package", "--stage", stage, "--package", "build/serverless"],
        cwd=folder,
        env=known | nowhere | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build/serverless/cloudformation-template-update-stack.json"


@pytest.fixture(scope="session")
def template_file(tmp_path_factory) -> Path:
    return package(tmp_path_factory.mktemp("production"), "production")


@pytest.fixture(scope="session")
def template(template_file):
    """The resources of production."""
    return json.loads(template_file.read_text())["Resources"]
