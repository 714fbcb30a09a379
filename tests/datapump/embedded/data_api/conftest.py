"""A Data API for each test that wants one, all behind one server."""

from contextlib import contextmanager

import httpx
import pytest

from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.objects import Objects
from tests.datapump.embedded.data_api.serving import TOKENS, Api, Steps, free_port, serving


class Stage:
    """Passes requests on to the application of the test that runs."""

    def __init__(self):
        self.app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def stage():
    stage = Stage()
    with (
        free_port() as (listening, url),
        serving(stage, listening, lifespan="off"),
        httpx.Client(base_url=url) as client,
    ):
        client.timeout = 30
        yield stage, client


@pytest.fixture
def limits():
    """Settings that a test module wants otherwise."""
    return {}


@contextmanager
def running(folder, stage, limits):
    """A Data API in a folder; requests go to it while nobody else takes the stage."""
    steps = Steps()
    stage, client = stage
    url = str(client.base_url).rstrip("/")
    settings = DataApiSettings(folder=folder / "api", public_url=url, tokens=TOKENS, **limits)
    stage.app = app = create_data_api(settings, Objects(folder / "objects"), SystemClock(), steps)
    service = app.state.service
    service.start()
    yield Api(client, service, steps, folder / "objects")
    steps.open()
    service.stop()


@pytest.fixture
def api(tmp_path, limits, stage):
    with running(tmp_path, stage, limits) as api:
        yield api


@pytest.fixture(scope="module")
def lasting_api(tmp_path_factory, stage):
    """One for all the tests of a module that only read; `on_stage` it before each."""
    with running(tmp_path_factory.mktemp("lasting"), stage, {}) as api:
        yield api, stage[0].app


@pytest.fixture
def on_stage(lasting_api, stage):
    stage[0].app = lasting_api[1]
    return lasting_api[0]
