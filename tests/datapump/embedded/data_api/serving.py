"""A Data API on loopback, and a hand on its background work."""

import socket
import threading
from contextlib import contextmanager

import uvicorn

from datapump.embedded.data_api.settings import Caller
from tests.support.live import Server

ADMIN = {"Authorization": "Bearer admin-token"}
TOKENS = {
    "admin-token": Caller(user_id="admin", role="ADMIN", email="admin@example.org"),
    "manager-token": Caller(user_id="manager", role="MANAGER", email="manager@example.org"),
    "user-token": Caller(user_id="user", role="USER"),
}
PATIENCE_S = 20


@contextmanager
def free_port():
    """A listening socket on a port that nobody else has, and its base URL."""
    # with its protocol named, asyncio turns Nagle's algorithm off: else every answer takes 40 ms
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def serving(app, listening, lifespan="on"):
    """The application under uvicorn, for the length of the block."""
    server = Server(uvicorn.Config(app, log_level="error", lifespan=lifespan, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert server.is_up.wait(PATIENCE_S)
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


class Steps:
    """Holds background work at the points it is told to, until it is let go on."""

    def __init__(self, *held):
        self._held = set(held)
        self._waiting = []
        self._passed = []
        self._changed = threading.Condition()

    def __call__(self, point, _task_id):
        with self._changed:
            if point in self._held:
                self._waiting.append(point)
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: point not in self._held or point not in self._waiting, PATIENCE_S)
            self._passed.append(point)
            self._changed.notify_all()

    def hold(self, *points):
        """Hold work at these points from now on."""
        with self._changed:
            self._held |= set(points)

    def arrive(self, *points):
        """Wait until work is held at one of these points; returns which."""
        with self._changed:
            assert self._changed.wait_for(lambda: set(points) & set(self._waiting), PATIENCE_S), self._passed
            return (set(points) & set(self._waiting)).pop()

    def go(self, point):
        """Let the work that is held there go on."""
        with self._changed:
            self._waiting.remove(point)
            self._changed.notify_all()

    def passed(self, point, times=1):
        """Wait until work has passed a point so many times."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._passed.count(point) >= times, PATIENCE_S), self._passed

    def open(self):
        """Hold nothing any more."""
        with self._changed:
            self._held.clear()
            self._waiting.clear()
            self._changed.notify_all()

    def until(self, state):
        """Wait until `state()` is true; it is looked at again whenever work has passed a point."""
        with self._changed:
            assert self._changed.wait_for(state, PATIENCE_S), self._passed


class Api:
    """A client that waits for background work, and the buckets behind the Data API."""

    def __init__(self, client, service, steps, buckets):
        self.client = client
        self.service = service
        self.steps = steps
        self.buckets = buckets

    def source(self, name, content, bucket="sources"):
        """An object with this content; returns its name."""
        path = self.buckets / "s3" / bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return f"s3://{bucket}/{name}"

    def put(self, path, body, headers=ADMIN):
        return self.client.put(path, json=body, headers=headers)

    def post(self, path, body, headers=ADMIN):
        return self.client.post(path, json=body, headers=headers)

    def patch(self, path, body, headers=ADMIN):
        return self.client.patch(path, json=body, headers=headers)

    def delete(self, path, headers=ADMIN):
        return self.client.delete(path, headers=headers)

    def data(self, path, **query):
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def dataset(self, name="table"):
        assert self.put(f"/dataset/{name}", {"metadata": {}}).status_code == 201

    def table(self, version, sources, dataset="table", **options):
        """Make a version of a table from texts or names of objects, and wait; returns its status."""
        names = [
            self.source(f"{dataset}/{version}/{at}.tsv", one) if "\n" in one or not one else one
            for at, one in enumerate(sources)
        ]
        body = {"source_type": "table", "source_driver": "text", "source_uri": names, "delimiter": "\t"}
        body |= {"create_dynamic_vector_tile_cache": False, **options}
        return self.version(version, body, dataset)

    def version(self, version, creation_options, dataset="table"):
        """Make a version, and wait; returns its status."""
        if self.client.get(f"/dataset/{dataset}").status_code == 404:
            self.dataset(dataset)
        path = f"/dataset/{dataset}/{version}"
        answer = self.put(path, {"creation_options": creation_options})
        assert answer.status_code == 202, answer.text
        self.steps.until(lambda: self.data(path)["status"] != "pending")
        return self.data(path)["status"]

    def append(self, version, text, dataset="table", suffix="tsv"):
        """Append a text, and wait; returns the status of the version's table asset."""
        path = f"/dataset/{dataset}/{version}"
        uri = self.source(f"{dataset}/{version}/more-{len(self.service.request_log())}.{suffix}", text)
        assert self.post(f"{path}/append", {"source_uri": [uri]}).status_code == 200
        self.steps.until(lambda: self.assets(version, dataset)[0][1] != "pending")
        return self.assets(version, dataset)[0][1]

    def asset(self, version, asset_type, creation_options, dataset="table"):
        """Make a further asset, and wait; returns the asset."""
        path = f"/dataset/{dataset}/{version}/assets"
        answer = self.post(path, {"asset_type": asset_type, "creation_options": creation_options})
        assert answer.status_code == 202, answer.text
        asset_id = answer.json()["data"]["asset_id"]
        self.steps.until(lambda: self.data(f"/asset/{asset_id}")["status"] != "pending")
        return self.data(f"/asset/{asset_id}")

    def assets(self, version, dataset="table"):
        return [(one["asset_type"], one["status"]) for one in self.data(f"/dataset/{dataset}/{version}/assets")]

    def reason(self, version, dataset="table"):
        """The last message of a version's change log."""
        return self.data(f"/dataset/{dataset}/{version}/change_log")[-1]["message"]

    def sql(self, sql, version="v1", dataset="table"):
        return self.data(f"/dataset/{dataset}/{version}/query/json", sql=sql)
