"""Asking for the assets of a raster version: each once, and never over what somebody else has made."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from datapump.effects import Outcome, UnsettledError, once
from datapump.errors import RemoteRefusedError
from datapump.jobs.raster_assets import AssetKind, AssetState
from datapump.jobs.raster_uris import asset_type, find_asset, tile_set_of
from datapump.jobs.ticking import JobFailedError
from datapump.rasters.virtual import virtual_raster

if TYPE_CHECKING:
    from datapump.jobs.documents import RasterJob
    from datapump.jobs.raster_assets import RasterAsset
    from datapump.ports import Ports

_CONFLICT = 409
# What says how an asset is made, not what is made.
_HOW = frozenset({"timeout_sec", "num_processes", "compute_stats", "compute_histogram", "process_locally", "overwrite"})


class Made(StrEnum):
    """What a try to make an asset came to.

    Attributes:
        NOT_YET: The version does not take assets yet.
    """

    ASKED = "asked for"
    WRITTEN = "wrote"
    CLEARED = "cleared away what was left of"
    NOT_YET = "waits"


def make(job: RasterJob, asset: RasterAsset, ports: Ports) -> Made:
    """Take the next step towards an asset: at most one remote write.

    Raises:
        JobFailedError: Something else is in its place, or what it is made from is not there.
    """
    if asset.attempt and _clear(job, asset, ports):
        return Made.CLEARED
    if asset.kind is AssetKind.VRT:
        _write_vrt(job, asset, ports)
        return Made.WRITTEN
    if asset.kind is AssetKind.SOURCE:
        _create_version(job, asset, ports)
        return Made.ASKED
    try:
        _create_asset(job, asset, ports)
    except RemoteRefusedError as error:
        if error.status == _CONFLICT:
            return Made.NOT_YET
        raise
    return Made.ASKED


def refuse_existing(job: RasterJob, ports: Ports) -> None:
    """Refuse a version that is there already, unless it is made from the very same.

    Raises:
        JobFailedError: It is there and made from other sources, failed, or of another kind.
    """
    source = job.assets[0]
    if source.state is not AssetState.WAITING or ports.runs.get_effect(_key(job, source)) is not None:
        return
    known = ports.data_api.version(job.dataset, job.version)
    if known is None:
        return
    if _is_ours(job, source, ports) is None:
        raise JobFailedError(
            f"{job.dataset} {job.version} exists already ({known['status']}) and is made from something else: choose "
            "another version, or delete that one first"
        )
    if known["status"] == "failed":
        raise JobFailedError(f"{job.dataset} {job.version} exists already and has failed: delete it first")


def _key(job: RasterJob, asset: RasterAsset, what: str = "asset") -> str:
    return f"{job.id}/{what}/{asset.name}/{asset.attempt}"


def _create_version(job: RasterJob, asset: RasterAsset, ports: Ports) -> None:
    api = ports.data_api
    key = _key(job, asset)
    if ports.runs.get_effect(key) is None and api.version(job.dataset, job.version) is not None:
        if _is_ours(job, asset, ports) is None:
            refuse_existing(job, ports)
        return
    options = asset.options
    once(
        key,
        ports,
        do=lambda: api.create_version(job.dataset, job.version, options, job.metadata),
        find=lambda: _found_version(job, asset, ports),
    )


def _found_version(job: RasterJob, asset: RasterAsset, ports: Ports) -> Outcome | None:
    if ports.data_api.version(job.dataset, job.version) is None:
        return None
    found = _is_ours(job, asset, ports)
    if found is None:
        raise JobFailedError(f"{job.dataset} {job.version} exists already and is made from something else")
    return found


def _is_ours(job: RasterJob, asset: RasterAsset, ports: Ports) -> Outcome | None:
    """The version's own tile set if it is made from the same; None if it is another.

    Raises:
        UnsettledError: It is not there yet: it comes a moment after the version.
    """
    known = ports.data_api.assets(job.dataset, job.version)
    if not known:
        version = ports.data_api.version(job.dataset, job.version)
        if version is not None and version["status"] == "pending":
            raise UnsettledError(f"{job.dataset} {job.version}")
        return None
    found = find_asset(job, asset, known, ports)
    return None if found is None or not _alike(asset.options, found, ports) else {}


def _create_asset(job: RasterJob, asset: RasterAsset, ports: Ports) -> None:
    api = ports.data_api
    key = _key(job, asset)

    def find() -> Outcome | None:
        found = find_asset(job, asset, api.assets(job.dataset, job.version), ports)
        return None if found is None else {"asset_id": found["asset_id"]}

    options = _options(job, asset, ports)
    if ports.runs.get_effect(key) is None:
        found = find_asset(job, asset, api.assets(job.dataset, job.version), ports)
        if found is not None:
            if not _alike(options, found, ports):
                raise JobFailedError(
                    f"{asset.name}: {found['asset_uri']} exists already and is made otherwise: delete it first"
                )
            return
    kind = asset_type(asset)
    once(key, ports, do=lambda: api.create_asset(job.dataset, job.version, kind, options), find=find)


def _options(job: RasterJob, asset: RasterAsset, ports: Ports) -> dict[str, Any]:
    """The creation options with the ids of what the asset is made from."""
    options: dict[str, Any] = dict(asset.options)
    parents = {one.name: one for one in job.assets}
    ids = [parents[name].asset_id for name in asset.made_from if parents[name].kind is AssetKind.TILE_SET]
    if asset.kind is AssetKind.TILE_SET:
        ids += [tile_set_of(other, ports) for other in asset.bands]
        return {**options, "auxiliary_assets": ids} if ids else options
    source = parents[asset.made_from[0]] if asset.made_from else job.assets[0]
    return {"source_asset_id": source.asset_id, **options}


def _alike(wanted: Any, found: dict[str, Any], ports: Ports) -> bool:  # noqa: ANN401 - JSON
    theirs = ports.data_api.creation_options(found["asset_id"])
    return all(_holds(theirs.get(name), value) for name, value in wanted.items() if name not in _HOW)


def _holds(theirs: Any, ours: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value of ours is told by theirs, which also tells defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(_holds(theirs.get(name), value) for name, value in ours.items())
    return bool(theirs == ours)


def _clear(job: RasterJob, asset: RasterAsset, ports: Ports) -> bool:
    """Delete what an earlier try of this job left unmade, once. False if nothing is left, or it was saved after all."""
    api = ports.data_api
    key = _key(job, asset, "clear")
    effect = ports.runs.get_effect(key)
    if (effect is not None and effect.done) or ports.runs.get_effect(_key(job, asset)) is not None:
        return False
    if asset.kind is AssetKind.SOURCE:
        version = api.version(job.dataset, job.version)
        if version is None or version["status"] == "saved" or not _was_asked_for(job, asset, ports):
            return False
        once(
            key,
            ports,
            do=lambda: api.delete_version(job.dataset, job.version),
            find=lambda: {} if api.version(job.dataset, job.version) is None else None,
        )
        return True
    found = find_asset(job, asset, api.assets(job.dataset, job.version), ports)
    if found is None or found["status"] == "saved" or not _was_asked_for(job, asset, ports):
        return False
    gone = found["asset_id"]
    once(
        key,
        ports,
        do=lambda: api.delete_asset(gone),
        find=lambda: {} if gone not in _ids(job, ports) else None,
    )
    return True


def _ids(job: RasterJob, ports: Ports) -> set[str]:
    return {str(one["asset_id"]) for one in ports.data_api.assets(job.dataset, job.version)}


def _was_asked_for(job: RasterJob, asset: RasterAsset, ports: Ports) -> bool:
    """Whether an earlier try of this job made it: nobody else's is ever deleted."""
    earlier = [asset.model_copy(update={"attempt": attempt}) for attempt in range(asset.attempt)]
    return any((effect := ports.runs.get_effect(_key(job, one))) is not None and effect.done for one in earlier)


def _write_vrt(job: RasterJob, asset: RasterAsset, ports: Ports) -> None:
    uri = str(asset.options["uri"])
    sources = [str(one) for one in asset.options["sources"]] if isinstance(asset.options["sources"], list) else []
    content = virtual_raster(sources, ports.objects)
    once(
        _key(job, asset),
        ports,
        do=lambda: ports.objects.put(uri, content),
        find=lambda: {} if ports.objects.exists(uri) and ports.objects.get(uri) == content else None,
    )
    asset.state = AssetState.SAVED
