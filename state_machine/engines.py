"""The engines of the embedded deployment put together: which there are, and what chooses between them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from datapump.aws import Aws
from datapump.engines.choice import ChoosingEngine, Limits
from datapump.engines.emr import EmrEngine, EmrOptions
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.sizing import Sizer
from datapump.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path

    from datapump.clients.data_api import DataApi
    from datapump.clock import Clock
    from datapump.engines import Engine, EngineName
    from datapump.objects import Objects
    from datapump.settings import Settings


def embedded_engine(settings: Settings, objects: Objects, clock: Clock, versions: DataApi) -> ChoosingEngine:
    """This machine's engine, and, where the settings name the roles of clusters, EMR's.

    Raises:
        ConflictError: Clusters are asked for that are not configured, or could not read this deployment's buckets.
    """
    engines: dict[EngineName, Engine] = {"local": _local_engine(settings, objects, clock, versions)}
    if settings.emr_service_role is not None and settings.emr_instance_profile is not None:
        engines["emr"] = _emr_engine(settings, objects, clock)
    elif settings.engine == "emr":
        raise ConflictError("DATAPUMP_ENGINE asks for EMR: set DATAPUMP_EMR_SERVICE_ROLE and _INSTANCE_PROFILE, too")
    cores = len(os.sched_getaffinity(0))
    estimate = Sizer(objects, _layers(settings), settings.analysis_processes, cores)
    return ChoosingEngine(engines, estimate, Limits.of(settings))


def _emr_engine(settings: Settings, objects: Objects, clock: Clock) -> EmrEngine:
    here = [
        name for name in (settings.pipeline_bucket, settings.data_lake_bucket) if objects.is_folder(f"s3://{name}/")
    ]
    if here:
        raise ConflictError(
            f"clusters cannot read {' and '.join(here)}, which are folders of this machine: list these buckets in "
            "DATAPUMP_REAL_BUCKETS, or leave out DATAPUMP_EMR_SERVICE_ROLE"
        )
    return EmrEngine(Aws.of(settings), objects, clock, EmrOptions.of(settings))


def _local_engine(settings: Settings, objects: Objects, clock: Clock, versions: DataApi) -> LocalEngine:
    return LocalEngine(
        folder=settings.data_dir.resolve() / "engine",
        objects=objects,
        layers=_layers(settings),
        max_runs=settings.engine_processes,
        processes=settings.analysis_processes,
        versions=versions,
        clock=clock,
    )


def _layers(settings: Settings) -> Path | None:
    """The catalog file of layers; None: none is configured."""
    layers = settings.data_dir / "layers.toml"
    return settings.layers or (layers if layers.is_file() else None)
