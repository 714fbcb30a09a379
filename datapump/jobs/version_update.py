"""The job of a version_update command: one raster version, as its caller describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.effects import UnsettledError
from datapump.errors import ConflictError
from datapump.jobs.documents import RasterJob
from datapump.jobs.raster_assets import AssetKind, RasterAsset
from datapump.jobs.raster_making import refuse_existing
from datapump.jobs.ticking import JobFailedError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from datapump.commands import VersionUpdateParameters
    from datapump.ports import Ports

SOURCE = "tile_set"


def version_job(parameters: VersionUpdateParameters, ports: Ports) -> RasterJob:
    """The job that a command calls for.

    Raises:
        ConflictError: The version is there already and made from something else, or from what is not known yet.
        RemoteError: The Data API did not answer well.
    """
    dates = parameters.content_date_range
    job = RasterJob(
        id=ports.clock.new_id(),
        dataset=parameters.dataset,
        version=parameters.version,
        metadata={
            "content_date_range": dates.model_dump(mode="json"),
            "content_date_description": parameters.content_date_description
            or f"{dates.start_date} to {dates.end_date}",
        },
        assets=_assets(parameters),
    )
    try:
        refuse_existing(job, ports)
    except JobFailedError as error:
        raise ConflictError(error.message) from None
    except UnsettledError:
        raise ConflictError(
            f"{job.dataset} {job.version} is there, was begun a moment ago, and does not say yet what it is made from: "
            "try again in a minute"
        ) from None
    return job


def _assets(parameters: VersionUpdateParameters) -> list[RasterAsset]:
    own = parameters.tile_set_parameters
    options: dict[str, JsonValue] = own.model_dump(mode="json", exclude_none=True)
    source: dict[str, JsonValue] = {"source_type": "raster", "source_driver": "GeoTIFF", **options}
    assets = [RasterAsset(name=SOURCE, kind=AssetKind.SOURCE, options=source, timeout_sec=own.timeout_sec)]
    cache = parameters.tile_cache_parameters
    if cache is not None:
        told: dict[str, JsonValue] = cache.model_dump(mode="json", exclude_none=True)
        assets.append(
            RasterAsset(
                name="tile_cache",
                kind=AssetKind.TILE_CACHE,
                made_from=[SOURCE],
                options=told,
                timeout_sec=cache.timeout_sec,
            )
        )
    return assets
