"""Secrets planted in settings and in what remote systems answer are in no log, problem, event or document."""

import json
import logging
import time
import warnings

from datapump.settings import Settings
from state_machine.embedded import admin_key_file, create_embedded
from tests.support.live import serving

with warnings.catch_warnings():
    # The test client prefers the successor of httpx, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PLANTED = "swordfish"
SETTINGS = {
    "data_api_token": f"{PLANTED}-data-api",
    "areas_api_token": f"{PLANTED}-areas-api",
    "areas_api_key": f"{PLANTED}-areas-key",
    "rw_api_key": f"{PLANTED}-rw-key",
    "slack_webhooks": {"data-updates": f"https://hooks.slack.com/{PLANTED}"},
}
TABLE = {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"}
PARAMETERS = {"analysis_version": "v1", "sync": True, "geotrellis_version": "2.4.1", "tables": [TABLE]}
ANALYSIS = {"command": "analysis", "parameters": PARAMETERS}
GFW_TOKEN = f"{PLANTED}.gfw.token"


class Telltale:
    """A remote system that refuses everything, and repeats what it was sent and worse."""

    def __init__(self):
        self.sent = []

    async def __call__(self, scope, _receive, send):
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.sent.append(headers)
        told = json.dumps({"status": "failed", "message": f"bad token {headers.get('authorization')}", "role": "USER"})
        await send({"type": "http.response.start", "status": 403, "headers": [(b"x-secret", PLANTED.encode())]})
        await send({"type": "http.response.body", "body": told.encode()})


def test_planted_secrets_are_shown_nowhere(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    telltale = Telltale()
    with serving(telltale) as remote:
        urls = {"data_api_url": remote, "areas_api_url": remote, "rw_api_url": remote}
        settings = Settings(_env_file=None, data_dir=tmp_path, **urls, **SETTINGS)
        told = [repr(settings), str(settings)]
        with TestClient(create_embedded(settings).app) as client:
            told.append(client.get("/executions", headers={"Authorization": f"Bearer {GFW_TOKEN}"}).text)
            client.headers["Authorization"] = f"Bearer {admin_key_file(settings).read_text().strip()}"
            made = [client.post("/commands", json=ANALYSIS)]
            made.append(
                client.post("/commands", json={"command": "sync", "parameters": {"types": ["rw_areas", "viirs"]}})
            )
            deadline = time.monotonic() + 60
            for one in made:
                address = f"/executions/{one.json()['id']}"
                while (document := client.get(address).json())["status"] in {"accepted", "running"}:
                    assert time.monotonic() < deadline, document
                told += [one.text, json.dumps(document), client.get(f"{address}/events").text]
            for path in ("/executions", "/freshness", "/catalog", "/audit", "/health", "/sync-configs", "/nothing"):
                told.append(client.get(path).text)
    assert any(PLANTED in json.dumps(headers) for headers in telltale.sent), "nothing was sent to the remote system"
    assert PLANTED not in "".join(told)
    assert PLANTED not in caplog.text
    files = [path for path in tmp_path.rglob("*.sqlite*") if path.is_file()]
    assert files
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]
