"""What tests of the command line against a server need."""

from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from datapump.cli.main import app
from datapump.settings import get_settings
from tests.support.deployment import ANALYSIS, night
from tests.support.server import ServerProcess

QUICK = {"poll_min_s": 0.05, "poll_max_s": 0.2, "backoff_s": 0.05, "effect_settle_s": 0}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server on a night of fires, whose analysis is published."""
    data = tmp_path_factory.mktemp("server") / "data"
    data.mkdir()
    deployment = night(data)
    deployment.close()
    with ServerProcess(data, viirs_url=data / "feed.csv", **QUICK) as server:
        yield server


@pytest.fixture
def environment(monkeypatch):
    """Sets what the command line reads of the environment, and nothing else of it."""

    def choose(**settings):
        for name in [name for name in os.environ if name.startswith("DATAPUMP_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(f"DATAPUMP_{name.upper()}", str(value))
        get_settings.cache_clear()

    yield choose
    get_settings.cache_clear()


@pytest.fixture
def datapump(server, environment):
    """Runs the command line against the server; `.json` of the result is what it printed."""
    environment(url=server.url, data_dir=server.data)

    def run(*arguments, stdin=None):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        result.json = lambda: json.loads(result.stdout)
        return result

    return run


@pytest.fixture(scope="session")
def analysed(server):
    """The id of an execution that has published the analysis of user areas."""
    with server.client() as client:
        identity = client.submit(json.dumps(ANALYSIS), "analysed")["id"]
        while (execution := client.execution(identity))["status"] in {"accepted", "running"}:
            pass
        assert execution["status"] == "succeeded", execution
        return identity
