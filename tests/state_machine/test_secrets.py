"""Secrets planted in settings and in what remote systems answer are in no log, problem, event or document."""

import json
import logging
import time
import warnings

from datapump.analyses import SyncType
from datapump.clock import SystemClock
from datapump.secret_files import secret_file
from datapump.settings import Settings
from datapump.stores.sqlite import Database, SqliteSyncConfigStore
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id
from state_machine.embedded import create_embedded
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
    "slack_channel": "data-updates",
}
# as FIRMS has it: 32 letters and digits
MAP_KEY = (PLANTED * 4)[:32]
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
        self.sent.append({**headers, "path": scope["path"], "query": scope["query_string"].decode()})
        told = json.dumps({"status": "failed", "message": f"bad token {headers.get('authorization')}", "role": "USER"})
        await send({"type": "http.response.start", "status": 403, "headers": [(b"x-secret", PLANTED.encode())]})
        await send({"type": "http.response.body", "body": told.encode()})


def put_configs(path, *sync_types):
    """Make feeds be asked for: an enabled config follows each."""
    database = Database(path)
    for sync_type in sync_types:
        names = {"analysis": "viirs", "analysis_version": "v1", "dataset": "gadm", "dataset_version": "v4.1"}
        metadata = SyncMetadata(geotrellis_version="2.4.1", features_1x1="s3://gfw-pipelines/features/gadm.tsv")
        config = SyncConfig(
            id=config_id(*names.values(), sync_type), sync=True, metadata=metadata, sync_type=sync_type, **names
        )
        SqliteSyncConfigStore(database, SystemClock()).put(config)
    database.close()


def test_planted_secrets_are_shown_nowhere(tmp_path, caplog):
    # Libraries tell of headers when they are debugged; nothing here turns that on.
    caplog.set_level(logging.INFO)
    for name in ("api", "datapump", "state_machine"):
        caplog.set_level(logging.DEBUG, name)
    telltale = Telltale()
    with serving(telltale) as remote:
        urls = {"data_api_url": remote, "areas_api_url": remote, "rw_api_url": remote}
        urls["viirs_url"] = f"{remote}/api/area/csv/{MAP_KEY}/VIIRS_SNPP_NRT/world/1"
        urls["modis_url"] = f"{remote}/feed.csv?key={PLANTED}"
        urls["slack_webhooks"] = {"data-updates": f"{remote}/services/{PLANTED}"}
        hosts = {"feed_hosts": {"127.0.0.1"}, "webhook_hosts": {"127.0.0.1"}}
        settings = Settings(_env_file=None, data_dir=tmp_path, **urls, **hosts, **SETTINGS)
        told = [repr(settings), str(settings)]
        put_configs(tmp_path / "datapump.sqlite", SyncType.VIIRS, SyncType.MODIS)
        with TestClient(create_embedded(settings).app) as client:
            told.append(client.get("/executions", headers={"Authorization": f"Bearer {GFW_TOKEN}"}).text)
            client.headers["Authorization"] = (
                f"Bearer {secret_file(settings.data_dir, 'admin-key').read_text().strip()}"
            )
            made = [client.post("/commands", json=ANALYSIS)]
            made.append(
                client.post(
                    "/commands", json={"command": "sync", "parameters": {"types": ["rw_areas", "viirs", "modis"]}}
                )
            )
            deadline = time.monotonic() + 60
            for one in made:
                address = f"/executions/{one.json()['id']}"
                while (document := client.get(address).json())["status"] in {"accepted", "running"}:
                    assert time.monotonic() < deadline, document
                told += [one.text, json.dumps(document), client.get(f"{address}/events").text]
            for path in ("/executions", "/freshness", "/catalog", "/audit", "/health", "/sync-configs", "/nothing"):
                told.append(client.get(path).text)
    paths = {sent["path"] + sent["query"] for sent in telltale.sent if PLANTED in json.dumps(sent)}
    for part in ("/services/", "/api/area/csv/", "key="):
        assert [path for path in paths if part in path], f"nothing was sent to {part}"
    assert PLANTED not in "".join(told)
    assert PLANTED not in caplog.text
    files = [path for path in tmp_path.rglob("*.sqlite*") if path.is_file()]
    assert files
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]
