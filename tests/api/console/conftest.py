"""A real Chromium, and embedded servers for it to look at."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing, contextmanager
from functools import cache

import pytest

from api import app
from api.console.build import BUNDLE, build
from tests.support.console_world import raster_command
from tests.support.deployment import SYNC, Deployment
from tests.support.programs import need
from tests.support.raster_jobs import put_source
from tests.support.server import ServerProcess

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LEASE = "geostore__viirs"
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def chromium():
    """Closed with the module: as long as it is open its event loop runs in this thread, and no other test's can.

    A package it would be only closed with where the folder is one; this one is none.
    """
    need("chromium", "chromium")
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - only where there is a browser

    expect.set_options(timeout=WAIT_MS)

    if not BUNDLE.exists():
        build()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Night:
    """An embedded server after a night, what holds its jobs up, and its clients."""

    def __init__(self, folder):
        self.folder = folder
        self.server = ServerProcess(folder, viirs_url=folder / "feed.csv", poll_max_s="0.3", effect_settle_s="0")

    @property
    def url(self):
        return self.server.url

    @property
    def key(self):
        return self.server.key

    def client(self):
        return self.server.client()

    def sql(self, *statement):
        with sqlite3.connect(self.folder / "datapump.sqlite", timeout=20) as connection:
            connection.execute(*statement)
        connection.close()

    def hold(self):
        """From now on a sync's job waits for its turn."""
        self.sql("INSERT INTO leases VALUES (?, ?, ?)", (LEASE, "f" * 32, "f" * 32))

    def release(self):
        self.sql("DELETE FROM leases WHERE execution_id = ?", ("f" * 32,))

    @contextmanager
    def held_sync(self, version):
        """The id of a sync whose job waits for its turn as long as the block lasts."""
        self.hold()
        try:
            with self.client() as client:
                command = {**SYNC, "parameters": {"types": ["viirs"], "sync_version": version}}
                identity = client.submit(json.dumps(command))["id"]
            yield identity
        finally:
            self.release()

    def ended(self, execution_id):
        """The execution, once it has ended."""
        with self.client() as client:
            after = 0
            while True:
                page = client.events(execution_id, after=after, wait=10)
                after = max([after, *(event["seq"] for event in page["items"])])
                if page["ended"]:
                    return client.execution(execution_id)

    def failed_sync(self, version="v20260117"):
        """A sync whose job has failed: one of its tables is gone."""
        with closing(self.server.data_api()) as data_api:
            if data_api.version("geostore__viirs__weekly_alerts", "v1") is not None:
                data_api.delete_version("geostore__viirs__weekly_alerts", "v1")
        command = {**SYNC, "parameters": {"types": ["viirs"], "sync_version": version}}
        with self.client() as client:
            return self.ended(client.submit(json.dumps(command))["id"])


@pytest.fixture(scope="package")
def night(night_folder, tmp_path_factory):
    """A server for the tests of this folder; each leaves it so that the others' still hold."""
    folder = tmp_path_factory.mktemp("served") / "data"
    shutil.copytree(night_folder, folder)
    made = Night(folder)
    with made.server:
        yield made


@pytest.fixture(scope="package")
def things(night):
    """One of each that has a page of its own, by what `PAGES` calls it."""
    put_source(night)
    with night.client() as client:
        raster = night.ended(client.submit(json.dumps(raster_command()))["id"])
        return {
            "failed": night.failed_sync("v20260128")["id"],
            "raster": raster["id"],
            "plan": night.ended(client.submit(json.dumps(SYNC), plan=True)["id"])["id"],
            "config": client.sync_configs(sync_type="viirs", limit=1)["items"][0]["id"],
            "backfill": client.make_backfill({"types": ["viirs"], "sync_versions": ["v20260301", "v20260302"]})["id"],
        }


@cache
def documented():
    """The calls that the contract names: method, and pattern of the path."""
    return [
        (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"))
        for path, item in app.build().openapi()["paths"].items()
        for method in item
    ]


class Traffic:
    """What the browser asked for, and what it complained of."""

    def __init__(self):
        self.requests = []
        self.complaints = []
        self.expected = []

    def watch(self, page):
        page.on("request", lambda request: self.requests.append((request.method, request.url)))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def check(self, origin):
        """Nothing was asked for but documented calls and the console's own files; nothing broke or was blocked."""
        known = documented()
        for method, url in self.requests:
            assert url.startswith((f"{origin}/", "data:")), url
            path = url.removeprefix(origin).partition("?")[0].partition("#")[0]
            own = path.startswith("/console")
            assert (
                url.startswith("data:") or own or any(method == verb and pattern.match(path) for verb, pattern in known)
            ), f"{method} {path}"
        complaints = [line for line in self.complaints if not any(part in line for part in self.expected)]
        assert complaints == []


@pytest.fixture
def open_page(chromium):
    """Opens pages of a server, the key entered; afterwards what they asked for and complained of is checked."""
    contexts = []
    traffic = Traffic()
    origins = set()

    def opened(night, where="", *, key=None, expected=(), **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        traffic.watch(page)
        traffic.expected += expected
        origins.add(night.url)
        page.goto(f"{night.url}/console/#/{where}")
        page.fill("input[name=key]", key or night.key)
        page.click("button[type=submit]")
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            # What a test answers in the server's place may be in flight still: its error would be the next test's.
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    for origin in origins:
        traffic.check(origin)


@pytest.fixture
def deployment_of():
    """The stores of a server's folder, to be written to while it runs."""
    made = []

    def of(night):
        deployment = Deployment(night.folder)
        made.append(deployment)
        return deployment

    yield of
    for deployment in made:
        deployment.close()
