"""The embedded Areas API on a free port of this machine, and areas to put into it."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace

import shapely
from pydantic import SecretStr

from datapump.clients.areas_api import AreasApi
from datapump.clock import SystemClock
from datapump.embedded.areas_api.app import create_areas_api
from datapump.embedded.areas_api.settings import AreasApiSettings
from tests.support.live import serving

TOKEN = "areas-token"
USER_TOKEN = "user-token"


class AreasServer:
    """A running Areas API: its address, its store, and the folder that it takes areas from."""

    def __init__(self, folder, url, app):
        self.folder = folder
        self.url = url
        self.app = app
        self.store = app.state.store

    def client(self, token=TOKEN, **options):
        return AreasApi(self.url, None if token is None else SecretStr(token), 20, **options)

    def add(self, *shapes, email="owner@example.org"):
        """Pending areas of shapes; returns the ids of their geometries."""
        return [self.add_geojson(shapely.geometry.mapping(shape), email=email) for shape in shapes]

    def add_geojson(self, geometry, *, identity=None, email="owner@example.org", **attributes):
        """A pending area of a GeoJSON geometry, whatever is wrong with it."""
        identity = identity or hashlib.md5(json.dumps(geometry).encode(), usedforsecurity=False).hexdigest()
        self.store.add_geostore(identity, attributes_of(geometry) | attributes)
        self.store.add_area(identity, email=email)
        return identity

    def statuses(self):
        """Status by id of the geometry."""
        return {area["attributes"].get("geostore"): area["attributes"]["status"] for area in self.store.areas()}

    def updates(self):
        """The status updates that were asked for: (status, geostores)."""
        bodies = [json.loads(one.body) for one in self.store.requests() if one.path == "/v2/area/update"]
        return [(body["update_params"]["status"], body["geostores"]) for body in bodies]


def attributes_of(geometry):
    """A geometry's attributes as the service keeps them."""
    feature = {"type": "Feature", "properties": None, "geometry": geometry}
    return {"geojson": {"crs": {}, "type": "FeatureCollection", "features": [feature]}, "lock": False}


@contextmanager
def areas_server(folder, clock=None, **settings):
    """The Areas API, as long as the block lasts."""
    told = {
        "store": folder / "areas.sqlite",
        "folder": folder / "areas",
        "tokens": {
            TOKEN: {"role": "ADMIN", "user_id": "datapump"},
            USER_TOKEN: {"role": "USER", "user_id": "somebody"},
        },
        **settings,
    }
    app = create_areas_api(AreasApiSettings.model_validate(told), clock or SystemClock())
    with serving(app) as url:
        yield AreasServer(folder / "areas", url, app)
    app.state.store.close()


def rw_sync(sync_version):
    """The command that syncs user areas."""
    return {"command": "sync", "parameters": {"types": ["rw_areas"], "sync_version": sync_version}}


@contextmanager
def with_areas(deployment):
    """A deployment whose ports lead to an Areas API of its own, as long as the block lasts."""
    with areas_server(deployment.folder, deployment.clock) as server:
        client = server.client()
        deployment.ports = replace(deployment.ports, areas_api=client)
        yield server
        client.close()
