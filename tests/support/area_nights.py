"""Nights of user areas: what they do, what they leave, and the same from scratch."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import shapely

from datapump.executions import ExecutionStatus
from datapump.sync_configs import config_id
from tests.support.areas import rw_sync, with_areas
from tests.support.deployment import ANALYSIS, copied

FOLDER = "s3://gfw-pipelines/geotrellis/features/geostore/"
RW = config_id("viirs", "v1", "geostore", "v1", "rw_areas")
N1, N2, N3 = "v20260201", "v20260202", "v20260203"


@contextmanager
def following(template, folder, **settings):
    """A deployment in which the analysis of user areas is published and followed, with an Areas API as `areas`."""
    with copied(template, folder, **settings) as deployment, with_areas(deployment) as areas:
        deployment.areas = areas
        yield deployment


def fires(version):
    return {"command": "sync", "parameters": {"types": ["viirs"], "sync_version": version}}


def sync(world, version=N1, status=ExecutionStatus.SUCCEEDED, **ports):
    execution = world.run(rw_sync(version), replace(world.ports, **ports))
    assert execution.status is status, (execution, world.jobs(execution.id))
    return execution


def square(number):
    """Small squares, each around the fires of one place of the feed: 10.0, 10.1 and 10.2 degrees north."""
    return shapely.box(10.0, 9.96 + number / 10, 10.1, 10.04 + number / 10)


def counted(world, version="v1", dataset="geostore__viirs__daily_alerts"):
    """Alerts by area and day, however many rows they are spread over."""
    counts = Counter()
    for identity, day, count in world.rows(dataset, version):
        counts[identity, day] += int(count)
    return {key: count for key, count in counts.items() if count}


def from_scratch(world, version):
    """The same, computed anew from all files and alerts."""
    command = {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "analysis_version": version, "sync": False}}
    assert world.run(command).status is ExecutionStatus.SUCCEEDED
    return counted(world, version)


def writes(world):
    objects = {info.uri: info.modified for info in world.objects.listing("s3://gfw-pipelines/")}
    return objects, world.server.log(), world.areas.store.requests()


def files(world):
    return [info.uri.removeprefix(FOLDER) for info in world.objects.listing(FOLDER)]


def owed(world, config=RW):
    return world.sync_configs.get(config).metadata.areas_owed
