"""The packaged template, deployed: its tables, its state machine, its functions' environments carry a command."""

from __future__ import annotations

import json

import pytest

from datapump.settings import ApiSettings, ExecutorSettings, PipelineSettings, read_settings
from tests.deployment.conftest import package
from tests.support.deployment import ANALYSIS, SYNC
from tests.support.twins import AwsTwin, EmbeddedTwin

SETTINGS = {
    "api": ApiSettings,
    "dispatcher": PipelineSettings,
    "executor": ExecutorSettings,
    "postprocessor": PipelineSettings,
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return json.loads(package(tmp_path_factory.mktemp("packaged"), "production").read_text())["Resources"]


def ran(d):
    with d:
        d.prepare()
        executions = [d.run(command).id for command in (ANALYSIS, SYNC)]
        assert [str(d.runs.get_execution(one).status) for one in executions] == ["succeeded"] * 2
        return d.final(*executions)


def test_commands_run_through_what_the_template_deploys(template, tmp_path, monkeypatch):
    folders = {name: tmp_path / name for name in ("aws", "embedded")}
    for folder in folders.values():
        folder.mkdir()
    feeds = {name: {"viirs_url": str(folder / "feed.csv")} for name, folder in folders.items()}
    deployed = AwsTwin(folders["aws"], template=template, **feeds["aws"])
    environments = deployed.account.environments
    assert ran(deployed) == ran(EmbeddedTwin(folders["embedded"], **feeds["embedded"]))
    assert set(environments) == set(SETTINGS)
    for name, variables in environments.items():
        with monkeypatch.context() as alone:
            for variable, value in variables.items():
                alone.setenv(variable, value)
            assert read_settings(SETTINGS[name]).environment == "production"
