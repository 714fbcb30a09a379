"""The number of workers: one row a rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.engines import AnalysisRequest
from datapump.engines.emr.workers import limiting_sources, worker_count

GB = 10**9
GLOB = ("s3://features/geostore/*.tsv",)
FILE = ("s3://features/areas.tsv",)
FIRE = ("s3://lake/night.tsv",)


def request(analysis="viirs", feature_type="gadm", features=FILE, **changes):
    known = {"name": "run", "output": "s3://out/folder", "features": features}
    return AnalysisRequest(analysis=Analysis(analysis), feature_type=FeatureType(feature_type), **{**known, **changes})


CASES = [
    # Folders: analysis, what else, in production, elsewhere.
    ("user areas", request(features=GLOB, sync_type=SyncType.RW_AREAS), 0, 30, 30),
    ("a folder, tcl", request("tcl", features=GLOB), 0, 200, 50),
    ("a folder, viirs", request("viirs", features=GLOB), 0, 200, 50),
    ("a folder, glad changes", request("glad", features=GLOB, change_only=True), 0, 30, 50),
    ("a folder, glad whole", request("glad", features=GLOB), 0, 100, 50),
    ("a folder, modis", request("modis", features=GLOB), 0, 100, 50),
    ("a folder, integrated", request("integrated_alerts", "geostore", features=GLOB), 0, 100, 50),
    ("retries do not count for folders", request("tcl", features=GLOB, retries=3), 0, 200, 50),
    # Files.
    ("glad changes", request("glad", change_only=True), 9 * GB, 10, 10),
    ("glad whole", request("glad"), 2 * GB, 100, 100),
    ("integrated", request("integrated_alerts"), 9 * GB, 60, 60),
    ("integrated changes", request("integrated_alerts", change_only=True, retries=2), 9 * GB, 60, 60),
    ("50 a gigabyte", request(), 3 * GB, 150, 150),
    ("tcl twice", request("tcl"), 3 * GB, 300, 300),
    ("burned areas twice", request("burned_areas"), GB, 100, 100),
    ("changes three quarters", request(change_only=True), 2 * GB, 75, 75),
    ("wdpa a quarter", request(feature_type="wdpa"), 2 * GB, 25, 25),
    ("a quarter more a retry", request(retries=3), 2 * GB, 175, 175),
    ("all together", request("tcl", "wdpa", change_only=True, retries=2), 4 * GB, 112, 112),
    ("at least ten", request(), 1, 10, 10),
]


@pytest.mark.parametrize(
    ("asked", "size", "production", "elsewhere"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_number_of_workers_follows_the_rule(asked, size, production, elsewhere):
    assert worker_count(asked, size, production=True) == production
    assert worker_count(asked, size, production=False) == elsewhere


def test_a_single_alert_file_of_a_sync_decides_instead_of_the_features():
    nightly = request(features=GLOB, fire_sources=FIRE, sync_type=SyncType.VIIRS, change_only=True)
    assert limiting_sources(nightly) == FIRE
    assert worker_count(nightly, GB // 100, production=True) == 10
    assert limiting_sources(nightly.model_copy(update={"fire_sources": FIRE * 2})) == GLOB
    assert limiting_sources(nightly.model_copy(update={"sync_type": None})) == GLOB


@given(st.sampled_from(Analysis), st.integers(0, 10**12), st.integers(0, 10**11), st.booleans())
def test_more_bytes_never_get_fewer_workers(analysis, size, more, production):
    asked = request(analysis)
    smaller = worker_count(asked, size, production=production)
    assert 10 <= smaller <= worker_count(asked, size + more, production=production)
