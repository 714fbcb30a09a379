"""The embedded Data API in this process, without a port: the real application behind the client's own requests."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

from pydantic import SecretStr

from datapump.clients.data_api import DataApi
from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.objects import Objects

with warnings.catch_warnings():
    # The test client prefers the successor of httpx, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

URL = "http://testserver"
TOKEN = "token"


@contextmanager
def data_api_in(folder, *, works=False):
    """A client of a Data API of its own, as long as the block lasts; one that works also loads rows."""
    tokens = {TOKEN: {"role": "ADMIN", "user_id": "datapump"}}
    settings = DataApiSettings.model_validate({"folder": folder / "data_api", "public_url": URL, "tokens": tokens})
    app = create_data_api(settings, Objects(folder / "objects"), SystemClock())
    (app.state.service.start if works else app.state.service.open)()
    client = DataApi(URL, SecretStr(TOKEN), 30)
    client.close()
    client._client = TestClient(app)
    try:
        yield client
    finally:
        client.close()
        app.state.service.stop()
