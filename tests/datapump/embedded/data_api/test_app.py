import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from datapump.clock import SystemClock
from datapump.embedded.data_api.app import create_data_api
from datapump.embedded.data_api.settings import DataApiSettings
from datapump.errors import ConflictError, InternalError, StorageError
from datapump.objects import Objects
from tests.datapump.embedded.data_api.serving import ADMIN, TOKENS, Api, Steps, free_port, serving

ROWS = "key\n1\n"


def make(folder, url="http://127.0.0.1:1", steps=None):
    settings = DataApiSettings(folder=folder / "api", public_url=url, tokens=TOKENS)
    return create_data_api(settings, Objects(folder / "objects"), SystemClock(), steps or Steps())


def test_mounted_below_a_path_every_address_holds(tmp_path):
    steps = Steps()
    with free_port() as (listening, url):
        base = f"{url}/data-api"
        app = make(tmp_path, base, steps)
        service = app.state.service
        service.start()
        outer = Starlette(routes=[Mount("/data-api", app)])
        with serving(outer, listening), httpx.Client(base_url=base) as client:
            api = Api(client, service, steps, tmp_path / "objects")
            assert api.table("v1", [ROWS]) == "saved"
            api.patch("/dataset/table/v1", {"is_latest": True})
            asset = api.data("/dataset/table/v1/assets")[0]
            assert asset["asset_uri"] == f"{base}/dataset/table/v1/query"
            assert client.get("/dataset/table/latest/").headers["location"] == "/data-api/dataset/table/v1/"
            assert client.get("/dataset/table/v1/").headers["location"] == f"{base}/dataset/table/v1"
            query = client.get(asset["asset_uri"], params={"sql": "select count(*) from data"}, follow_redirects=True)
            assert query.json()["data"] == [{"count": 1}]
            followed = client.get("/dataset/table/latest", follow_redirects=True)
            assert followed.json()["data"]["version"] == "v1"
            page = client.get("/datasets", params={"page[size]": 1}).json()
            assert page["links"]["self"] == f"{base}/datasets?page[number]=1&page[size]=1"
            again = api.put("/dataset/table/v2", {"creation_options": api.data("/dataset/table/v1/creation_options")})
            assert again.headers["location"] == "/table/v2"
            assert service.request_log()[0].path == "/dataset/table"
            assert client.get("/nope").json() == {"detail": "Not Found"}
        service.stop()


def test_a_new_address_shows_in_what_was_made_before(tmp_path):
    uris = []
    for port in (1, 2):
        app = make(tmp_path, f"http://127.0.0.1:{port}")
        app.state.service.start()
        with serving_anywhere(app) as client:
            if port == 1:
                api = Api(client, app.state.service, app.state.service._checkpoint, tmp_path / "objects")
                api.table("v1", [ROWS])
            uris.append(client.get("/assets").json()["data"][0]["asset_uri"])
        app.state.service.stop()
    assert uris == [f"http://127.0.0.1:{port}/dataset/table/v1/query" for port in (1, 2)]


class serving_anywhere:  # noqa: N801 - read as a function
    def __init__(self, app):
        self._port = free_port()
        self._app = app

    def __enter__(self):
        listening, url = self._port.__enter__()
        self._serving = serving(self._app, listening, lifespan="off")
        self._serving.__enter__()
        self._client = httpx.Client(base_url=url)
        return self._client

    def __exit__(self, *_):
        self._client.close()
        self._serving.__exit__(None, None, None)
        self._port.__exit__(None, None, None)


@pytest.mark.parametrize("path", ["/datasets", "/dataset/table", "/dataset/table/v1", "/dataset/table/latest"])
def test_head_is_not_allowed(api, path):
    assert api.client.head(path).status_code == 405


def test_a_trailing_slash_is_redirected_away(api):
    answer = api.client.get("/datasets/", params={"page[size]": 1})
    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"{str(api.client.base_url).rstrip('/')}/datasets?page")


class TestBodies:
    @pytest.fixture
    def limits(self):
        return {"max_body_bytes": 1000}

    def test_a_large_body_is_refused_by_its_length(self, api):
        answer = api.put("/dataset/table", {"metadata": {"title": 2000 * "x"}})
        assert (answer.status_code, answer.json()["status"]) == (413, "failed")
        assert api.put("/dataset/table", {"metadata": {"title": 500 * "x"}}).status_code == 201

    def test_a_large_body_without_a_length_is_refused_too(self, api):
        chunks = (b" " * 100 for _ in range(100))
        answer = api.client.put("/dataset/table", content=chunks, headers=ADMIN)
        assert answer.status_code == 413


def test_only_one_process_works_on_a_folder(api, tmp_path):
    other = make(tmp_path).state.service
    with pytest.raises(ConflictError, match="in use by another process"):
        other.start()
    api.service.stop()
    other.start()
    other.stop()


def test_a_store_of_a_newer_program_is_refused_and_left_alone(tmp_path):
    service = make(tmp_path).state.service
    service.start()
    with service.change() as change:
        change.sql.execute("COMMIT")
        change.sql.execute("PRAGMA user_version = 99")
        change.sql.execute("BEGIN")
    service.stop()
    for _ in range(2):
        with pytest.raises(StorageError, match="of version 99"):
            service.start()


def test_a_service_that_has_not_started_says_so(tmp_path):
    service = make(tmp_path).state.service
    with pytest.raises(InternalError, match="has not been started"):
        service.request_log()
    service.stop()


def test_starting_and_stopping_twice_does_no_harm(tmp_path):
    service = make(tmp_path).state.service
    service.start()
    service.start()
    service.stop()
    service.stop()
    service.start()
    assert service.request_log() == []
    service.stop()


def test_no_token_is_stored(api):
    api.table("v1", [ROWS])
    stored = b"".join(path.read_bytes() for path in api.service.settings.folder.rglob("*") if path.is_file())
    assert b"admin-token" not in stored
