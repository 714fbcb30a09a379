"""Looking at the assets that are being made: which are saved, failed, gone, or take too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.jobs.raster_assets import AssetKind, AssetState
from datapump.jobs.raster_uris import find_asset

if TYPE_CHECKING:
    from datapump.clients.data_api import JSON
    from datapump.jobs.documents import RasterJob
    from datapump.jobs.raster_assets import RasterAsset
    from datapump.ports import Ports

_HOUR, _MINUTE = 3600, 60


def look(job: RasterJob, ports: Ports) -> bool:
    """Bring the states of the assets under way up to date; True if one has changed."""
    making = [asset for asset in job.assets if asset.state is AssetState.MAKING]
    if not making:
        return False
    version = ports.data_api.version(job.dataset, job.version)
    known = [] if version is None else ports.data_api.assets(job.dataset, job.version)
    before = [asset.state for asset in making]
    for asset in making:
        found = find_asset(job, asset, known, ports)
        asset.asset_id = asset.asset_id if found is None else str(found["asset_id"])
        _judge(asset, found, version, ports)
    return [asset.state for asset in making] != before


def _judge(asset: RasterAsset, found: JSON | None, version: JSON | None, ports: Ports) -> None:
    """Tell an asset's state from what the Data API says of it and of its version."""
    is_source = asset.kind is AssetKind.SOURCE
    fault: str | None = None
    if version is None:
        fault = "its version was deleted by somebody while it was made"
    elif found is not None and found["status"] == "failed":
        fault = f"the Data API failed to make it: {ports.data_api.reason(found)}"
    elif is_source and version["status"] == "failed":
        fault = f"the Data API failed to make the version: {ports.data_api.reason(found)}"
    elif found is None and not is_source:
        fault = "it was deleted by somebody while it was made"
    elif found is not None and found["status"] == "saved" and (not is_source or version["status"] == "saved"):
        asset.state = AssetState.SAVED
        return
    elif _is_late(asset, ports):
        fault = f"it is not made after {_duration(asset.timeout_sec)}{_stuck(found, is_source=is_source)}"
    if fault is not None:
        asset.state, asset.fault = AssetState.FAILED, fault


def _duration(seconds: int) -> str:
    return f"{seconds / _HOUR:g} hours" if seconds >= _HOUR else f"{seconds / _MINUTE:g} minutes"


def _is_late(asset: RasterAsset, ports: Ports) -> bool:
    return asset.since is not None and (ports.clock.now() - asset.since).total_seconds() > asset.timeout_sec


def _stuck(found: JSON | None, *, is_source: bool) -> str:
    """What to know of something that does not move on."""
    if is_source and found is None:
        return ": the version has no asset yet"
    if is_source and found is not None and found["status"] == "saved":
        return ": its tiles are saved, but the version stays pending, as it does for ever when its extent is missing"
    return ""
