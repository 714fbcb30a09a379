"""Which engines a deployment has, by its settings."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from datapump.buckets import Buckets
from datapump.engines import AnalysisRequest, RunState
from datapump.errors import ConflictError
from datapump.objects import Objects
from datapump.settings import Settings
from state_machine.engines import embedded_engine

ROLES = {"emr_service_role": "emr", "emr_instance_profile": "nodes"}
REAL = {"real_buckets": {"*"}, "aws_region": "us-east-1"}


def engine(folder, clock, **changes):
    settings = Settings(_env_file=None, data_dir=folder, **changes)
    return embedded_engine(settings, Objects(folder / "objects", Buckets.of(settings)), clock, versions=None)


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with mock_aws():
        yield boto3.client("emr", region_name="us-east-1")


def test_one_machine_has_its_own_engine_and_clusters_where_their_roles_are_named(tmp_path, clock):
    assert engine(tmp_path, clock).names == ("local",)
    assert engine(tmp_path, clock, **ROLES, **REAL).names == ("local", "emr")


def test_clusters_are_not_sent_to_folders(tmp_path, clock):
    with pytest.raises(ConflictError, match=r"clusters cannot read gfw-pipelines and gfw-data-lake.*_REAL_BUCKETS"):
        engine(tmp_path, clock, **ROLES)
    with pytest.raises(ConflictError, match="clusters cannot read gfw-data-lake, which"):
        engine(tmp_path, clock, **ROLES, real_buckets={"gfw-pipelines"})


def test_clusters_alone_need_roles(tmp_path, clock):
    with pytest.raises(ConflictError, match="DATAPUMP_ENGINE asks for EMR: set DATAPUMP_EMR_SERVICE_ROLE"):
        engine(tmp_path, clock, engine="emr")


def test_what_one_machine_sends_to_clusters_covers_all_countries_as_it_would_itself(tmp_path, clock, cloud):
    asked = AnalysisRequest(
        name="run",
        analysis="tcl",
        feature_type="gadm",
        features=("s3://gfw-pipelines/features/*.tsv",),
        output="s3://gfw-pipelines/out",
        geotrellis_version="2.6.20",
        engine="emr",
    )
    chosen = engine(tmp_path, clock, **ROLES, **REAL)
    clusters = chosen.named("emr")
    run_id = clusters.start(asked)
    assert clusters.find("run", run_id).state is RunState.RUNNING
    (step,) = cloud.list_steps(ClusterId=run_id)["Steps"]
    assert "--iso_start" not in step["Config"]["Args"]
    assert chosen.named("local").find("run") is None
