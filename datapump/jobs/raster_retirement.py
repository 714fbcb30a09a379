"""Deleting what a new raster version makes superfluous; each is looked at again at the moment of its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import once
from datapump.errors import RemoteRefusedError
from datapump.recipes import recipes

if TYPE_CHECKING:
    from collections.abc import Callable

    from datapump.clients.data_api import JSON
    from datapump.jobs.documents import RasterJob
    from datapump.jobs.raster_assets import Retirement
    from datapump.ports import Ports


def retire_one(job: RasterJob, retirement: Retirement, ports: Ports) -> str | None:
    """Delete a version, or the next asset of one: at most one remote write.

    What the Data API refuses to delete is told of and left: the new version is published all the same.

    Returns:
        What became of it, in words; None if more of it is to be deleted.
    """
    name = f"{retirement.dataset} {retirement.version}"
    known = ports.data_api.version(retirement.dataset, retirement.version)
    fault = _protected(job, retirement, known, ports)
    if fault is not None:
        return f"{name} was not deleted: {fault}"
    try:
        if retirement.kind == "version":
            return _delete_version(job, retirement, known, ports)
        return _delete_asset(job, retirement, ports)
    except RemoteRefusedError as error:
        return f"{name} was to be deleted, and is still there: {error.message}"


def _protected(job: RasterJob, retirement: Retirement, known: JSON | None, ports: Ports) -> str | None:
    """Why nothing of a version may be deleted now."""
    if (retirement.dataset, retirement.version) == (job.dataset, job.version):
        return "it is the new version"
    recipe = recipes(ports.settings.recipes).get(retirement.dataset)
    if recipe is not None and retirement.version in recipe.retention.keep:
        return "it is preserved"
    if known is not None and known["is_latest"]:
        return "it is the latest version"
    return None


def _delete_version(job: RasterJob, retirement: Retirement, known: JSON | None, ports: Ports) -> str:
    api, dataset, version = ports.data_api, retirement.dataset, retirement.version
    key = f"{job.id}/retire/{dataset}/{version}"
    if known is None and ports.runs.get_effect(key) is None:
        return f"{dataset} {version} is gone already"
    _once(
        key,
        lambda: api.delete_version(dataset, version),
        lambda: api.version(dataset, version) is None,
        ports,
    )
    return f"deleted {dataset} {version}: {retirement.reason}"


def _delete_asset(job: RasterJob, retirement: Retirement, ports: Ports) -> str | None:
    """Delete the next asset; None if there may be more."""
    name = f"{retirement.dataset} {retirement.version}"
    found = _next_asset(retirement, ports)
    if found is None:
        return f"deleted assets of {name}: {retirement.reason}"
    asset_id = str(found["asset_id"])
    _once(
        f"{job.id}/retire/{retirement.dataset}/{retirement.version}/{asset_id}",
        lambda: ports.data_api.delete_asset(asset_id),
        lambda: all(str(one["asset_id"]) != asset_id for one in _assets(retirement, ports)),
        ports,
    )
    return None


def _next_asset(retirement: Retirement, ports: Ports) -> JSON | None:
    parts = retirement.assets or []
    return next(
        (one for one in _assets(retirement, ports) if any(part in str(one["asset_uri"]) for part in parts)), None
    )


def _assets(retirement: Retirement, ports: Ports) -> list[JSON]:
    if ports.data_api.version(retirement.dataset, retirement.version) is None:
        return []
    return ports.data_api.assets(retirement.dataset, retirement.version)


def _once(key: str, do: Callable[[], None], gone: Callable[[], bool], ports: Ports) -> None:
    once(key, ports, do=do, find=lambda: {} if gone() else None)
