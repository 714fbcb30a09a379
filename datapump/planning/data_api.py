"""The Data API of a plan: answers as if every write had been made, and makes none."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import httpx

from datapump.clients.data_api import JSON, DataApi
from datapump.errors import InternalError
from datapump.planning.one_pixel import one_pixel
from datapump.planning.sources import missing_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.planning.objects import PlannedObjects
    from datapump.planning.plans import Action, Recorder

UNCHANGED = object()
TILE_SET, TILE_CACHE, COG, TABLE = "Raster tile set", "Raster tile cache", "COG", "Database table"


@dataclass
class _Version:
    """A version as the plan has made or changed it."""

    document: JSON
    assets: list[JSON] = field(default_factory=list)
    options: dict[str, JSON] = field(default_factory=dict)


class PlannedDataApi(DataApi):
    """Reads what is there, with the plan's own writes laid over it.

    Args:
        real: The deployment's client, which is only asked to read.
        data_lake_bucket: Where the Data API would put rasters.
        recorder: Is told of every write.
        objects: Where the files would lie that others are then made from.
    """

    def __init__(self, real: DataApi, data_lake_bucket: str, recorder: Recorder, objects: PlannedObjects) -> None:
        self.url = real.url
        self._real = real
        self._lake = f"s3://{data_lake_bucket}"
        self._recorder = recorder
        self._objects = objects
        self._numbers = count(1)
        self._datasets: dict[str, JSON] = {}
        self._versions: dict[tuple[str, str], _Version | None] = {}
        self._latest: dict[str, str] = {}

    def close(self) -> None:
        """The connections are the deployment's."""

    def exchange(
        self, method: str, path: str, *, body: JSON | None = None, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Answer a read as the plan would find things; record a write and pretend that it has happened."""
        place = path.strip("/").split("/")
        if method != "GET":
            missing = self._missing(body or {})
            if missing:
                message = f"Cannot access all of the source files (non-existent). Invalid sources: {missing}"
                return httpx.Response(
                    400, json={"status": "failed", "message": message}, request=httpx.Request(method, self.url + path)
                )
            status, written = self._write(method, place, body or {})
            return self._answer(method, path, written, status=status)
        if place[0] == "dataset" and place[2:] == ["latest"] and place[1] in self._latest:
            location = f"/dataset/{place[1]}/{self._latest[place[1]]}"
            return self._answer(method, path, None, status=307, location=location)
        data = self._read(place)
        if data is UNCHANGED:
            return self._real.exchange(method, path, query=query)
        return self._answer(method, path, data, status=404 if data is None else 200)

    def _missing(self, body: JSON) -> list[str]:
        options = body.get("creation_options") or {}
        if options.get("source_type") != "raster":
            return []
        return missing_sources([str(uri) for uri in options["source_uri"]], self._objects)

    def _read(self, place: list[str]) -> object:
        """What the plan has changed or may have changed; `UNCHANGED` if the real answer holds."""
        found: object = UNCHANGED
        match place:
            case ["datasets"]:
                found = self._all_datasets()
            case ["dataset", name] if name != "latest":
                found = self._dataset(name)
            case ["dataset", name, number, *what] if (name, number) in self._versions and what in ([], ["assets"]):
                known = self._versions[name, number]
                found = None if known is None else known.assets if what else known.document
            case ["dataset", name, number] if name in self._latest and number != "latest":
                document = self._real.version(name, number)
                found = None if document is None else {**document, "is_latest": number == self._latest[name]}
            case ["asset", asset_id, *what] if (held := self._asset(asset_id)) is not None:
                version, asset = held
                shown: dict[str, object] = {"creation_options": version.options.get(asset_id, {}), "change_log": []}
                found = shown.get(what[0], asset) if what else asset
        return found

    def _write(self, method: str, place: list[str], body: JSON) -> tuple[int, JSON]:
        match method, place:
            case "PUT", ["dataset", name]:
                result = 201, self._create_dataset(name, body)
            case "PUT", ["dataset", name, version]:
                result = 202, self._create(name, version, body)
            case "POST", ["dataset", name, version, "append"]:
                result = 200, self._append(name, version, body["source_uri"])
            case "POST", ["dataset", name, version, "assets"]:
                result = 202, self._create_asset(name, version, body)
            case "PATCH", ["dataset", name, version]:
                result = 200, self._update(name, version, body)
            case "DELETE", ["dataset", name, version]:
                result = 200, self._delete(name, version)
            case "DELETE", ["asset", asset_id]:
                result = 200, self._delete_asset(asset_id)
            case _:
                raise InternalError(f"a plan cannot tell what the Data API does at {method} /{'/'.join(place)}")
        return result

    def _create_dataset(self, name: str, body: JSON) -> JSON:
        self._datasets[name] = {"dataset": name, "versions": [], "metadata": body.get("metadata", {})}
        self._note("create", name, "PUT", f"/dataset/{name}")
        return self._datasets[name]

    def _delete(self, name: str, version: str) -> JSON:
        known = self._held(name, version)
        self._versions[name, version] = None
        self._note("delete", f"{name} {version}", "DELETE", f"/dataset/{name}/{version}")
        return known.document

    def _create(self, name: str, version: str, body: JSON) -> JSON:
        document: JSON = {
            "dataset": name, "version": version, "is_latest": False, "status": "saved",
            "metadata": body.get("metadata") or {}, "assets": [],
        }  # fmt: skip
        made = _Version(document)
        self._versions[name, version] = made
        options = body["creation_options"]
        kind = TILE_SET if options["source_type"] == "raster" else TABLE
        self._add(made, name, version, kind, options)
        sources = len(options.get("source_uri") or [])
        self._recorder.note(
            "data_api", "create", f"{name} {version}", request=f"PUT /dataset/{name}/{version}", files=sources
        )
        return document

    def _append(self, name: str, version: str, uris: list[str]) -> JSON:
        known = self._held(name, version)
        for asset in known.assets:
            if asset["asset_type"] in {TABLE, "Geo database table"}:
                options = known.options.setdefault(str(asset["asset_id"]), {})
                options["source_uri"] = [*(options.get("source_uri") or []), *uris]
                asset["updated_on"] = self._now()
        path = f"/dataset/{name}/{version}/append"
        self._recorder.note("data_api", "upload", f"{name} {version}", request=f"POST {path}", files=len(uris))
        return known.document

    def _create_asset(self, name: str, version: str, body: JSON) -> JSON:
        known = self._held(name, version)
        asset = self._add(known, name, version, str(body["asset_type"]), body["creation_options"])
        self._note("create", f"{name} {version} {asset['asset_uri']}", "POST", f"/dataset/{name}/{version}/assets")
        if asset["asset_type"] == COG:
            self._objects.stage(str(asset["asset_uri"]), one_pixel())
        return asset

    def _update(self, name: str, version: str, body: JSON) -> JSON:
        known = self._held(name, version)
        known.document["metadata"] = {**known.document["metadata"], **body.get("metadata", {})}
        if body.get("is_latest"):
            for (dataset, _), other in self._versions.items():
                if dataset == name and other is not None:
                    other.document["is_latest"] = other is known
            self._latest[name] = version
        what = {"latest": True} if body.get("is_latest") else {"metadata": sorted(body.get("metadata", {}))}
        request = f"PATCH /dataset/{name}/{version}"
        self._recorder.note("data_api", "update", f"{name} {version}", request=request, **what)
        return known.document

    def _delete_asset(self, asset_id: str) -> JSON:
        held = self._asset(asset_id)
        if held is None:
            asset: JSON = self._real.exchange("GET", f"/asset/{asset_id}").json()["data"]
            held = self._held(asset["dataset"], asset["version"]), asset
        version, asset = held
        version.assets = [one for one in version.assets if one["asset_id"] != asset_id]
        self._note("delete", str(asset["asset_uri"]), "DELETE", f"/asset/{asset_id}")
        return asset

    def _held(self, name: str, version: str) -> _Version:
        """The plan's own copy of a version, taken from the real one at the first write."""
        known = self._versions.get((name, version))
        if known is None:
            document = self._real.version(name, version)
            if document is None or (name, version) in self._versions:
                raise InternalError(f"a plan would write to {name} {version}, which does not exist")
            if name in self._latest:
                document = {**document, "is_latest": self._latest[name] == version}
            known = _Version(copy.deepcopy(document), copy.deepcopy(self._real.assets(name, version)))
            for asset in known.assets:
                asset_id = str(asset["asset_id"])
                answer = self._real.exchange("GET", f"/asset/{asset_id}/creation_options")
                known.options[asset_id] = answer.json()["data"] if answer.is_success else {}
            self._versions[name, version] = known
        return known

    def _add(self, version: _Version, name: str, number: str, kind: str, options: JSON) -> JSON:
        asset_id = f"00000000-0000-4000-8000-{next(self._numbers):012d}"
        asset = {
            "asset_id": asset_id, "dataset": name, "version": number, "asset_type": kind, "status": "saved",
            "asset_uri": self._uri(name, number, kind, options), "is_managed": True,
            "created_on": self._now(), "updated_on": self._now(), "metadata": {},
        }  # fmt: skip
        version.assets.append(asset)
        version.options[asset_id] = copy.deepcopy(options)
        version.document["assets"].append([kind, asset["asset_uri"], asset_id])
        return asset

    def _uri(self, name: str, version: str, kind: str, options: JSON) -> str:
        raster = f"{self._lake}/{name}/{version}/raster/epsg-4326"
        if kind == TILE_SET:
            return f"{raster}/{options['grid']}/{options['pixel_meaning']}/geotiff/{{tile_id}}.tif"
        if kind == COG:
            return f"{raster}/cog/{options.get('implementation', 'default')}.tif"
        if kind == TILE_CACHE:
            return f"{self.url}/{name}/{version}/{options.get('implementation', 'default')}/{{z}}/{{x}}/{{y}}.png"
        return f"{self.url}/dataset/{name}/{version}/query"

    def _asset(self, asset_id: str) -> tuple[_Version, JSON] | None:
        for version in self._versions.values():
            if version is not None:
                for asset in version.assets:
                    if asset["asset_id"] == asset_id:
                        return version, asset
        return None

    def _all_datasets(self) -> list[JSON]:
        names = {str(known["dataset"]): known for known in self._real.datasets()} | self._datasets
        return [self._with_versions(names[name]) for name in sorted(names)]

    def _dataset(self, name: str) -> JSON | None:
        known = self._datasets.get(name) or self._real.dataset(name)
        return None if known is None else self._with_versions(known)

    def _with_versions(self, dataset: JSON) -> JSON:
        held = {version: one for (name, version), one in self._versions.items() if name == dataset["dataset"]}
        there = set(dataset.get("versions") or []) | set(held)
        return {**dataset, "versions": sorted(version for version in there if held.get(version, True) is not None)}

    def _note(self, action: Action, target: str, method: str, path: str) -> None:
        self._recorder.note("data_api", action, target, request=f"{method} {path}")

    def _now(self) -> str:
        """Times only have to differ: what is compared is whether one has changed."""
        return f"planned {next(self._numbers)}"

    def _answer(
        self, method: str, path: str, data: object, *, status: int = 200, location: str | None = None
    ) -> httpx.Response:
        headers = {} if location is None else {"location": location}
        request = httpx.Request(method, self.url + path)
        return httpx.Response(status, json={"data": data, "status": "success"}, headers=headers, request=request)
