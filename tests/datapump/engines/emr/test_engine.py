"""The EMR engine against moto's EMR."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from datapump.analyses import Analysis, FeatureType
from datapump.aws import Aws
from datapump.engines import AnalysisRequest, RunState
from datapump.engines.emr import EmrEngine, EmrOptions
from datapump.engines.emr.statuses import run_status
from datapump.errors import (
    InvalidInputError,
    NotFoundError,
    RemoteBusyError,
    RemoteRefusedError,
    RemoteUnavailableError,
    UnsupportedError,
)
from datapump.objects import Objects
from tests.support.clock import FakeClock

REGION = "us-east-1"
OPTIONS = EmrOptions(pipeline_bucket="gfw-pipelines", jar_path="s3://jars", production=True)
REQUEST = AnalysisRequest(
    name="gadm_tcl_v1__job-1",
    analysis=Analysis.TCL,
    feature_type=FeatureType.GADM,
    features=("s3://gfw-pipelines/gadm.tsv",),
    output="s3://gfw-pipelines/results/tcl",
    dataset="gadm",
    geotrellis_version="2.6.20",
)


@pytest.fixture
def aws():
    with mock_aws():
        yield Aws(REGION)


@pytest.fixture
def engine(aws, tmp_path):
    objects = Objects(tmp_path)
    objects.put("s3://gfw-pipelines/gadm.tsv", b"fid\tgeom\n")
    return EmrEngine(aws, objects, FakeClock(), OPTIONS)


def named(name):
    return REQUEST.model_copy(update={"name": name})


def clusters(aws):
    return aws.emr().list_clusters()["Clusters"]


def test_a_run_is_a_cluster_that_is_found_by_its_name_and_by_its_id(aws, engine):
    assert engine.find(REQUEST.name) is None
    run_id = engine.start(REQUEST)
    [listed] = clusters(aws)
    assert (listed["Id"], listed["Name"]) == (run_id, REQUEST.name)
    for status in (engine.find(REQUEST.name), engine.find(REQUEST.name, run_id)):
        assert status.state is RunState.RUNNING
        assert status.run_id == run_id
        assert status.links["log"] == f"s3://gfw-pipelines/geotrellis/logs/{run_id}/"
        assert run_id in status.links["cluster"]


def test_starting_again_finds_the_cluster_and_starts_no_second_one(aws, engine):
    assert engine.start(REQUEST) == engine.start(REQUEST)
    assert len(clusters(aws)) == 1


def test_a_cluster_is_found_among_more_than_one_page(aws, engine):
    for number in range(120):
        engine._aws.emr(writes=True).run_job_flow(Name=f"other-{number}", Instances={"MasterInstanceType": "m1.large"})
    run_id = engine.start(REQUEST)
    assert engine.find(REQUEST.name).run_id == run_id
    assert engine.find("other-77") is not None
    assert engine.find("other-777") is None


def test_cancelling_terminates_the_cluster_and_cancelling_nothing_is_nothing(aws, engine):
    engine.cancel(REQUEST.name)
    first, second = engine.start(REQUEST), engine.start(named("second"))
    engine.cancel(REQUEST.name)
    engine.cancel("second", second)
    assert {listed["Id"]: listed["Status"]["State"] for listed in clusters(aws)} == {
        first: "TERMINATED",
        second: "TERMINATED",
    }


@pytest.mark.parametrize(
    ("state", "code", "expected", "retryable"),
    [
        ("STARTING", "", RunState.RUNNING, False),
        ("BOOTSTRAPPING", "", RunState.RUNNING, False),
        ("RUNNING", "", RunState.RUNNING, False),
        ("TERMINATING", "ALL_STEPS_COMPLETED", RunState.RUNNING, False),
        ("TERMINATED", "ALL_STEPS_COMPLETED", RunState.SUCCEEDED, False),
        ("TERMINATED_WITH_ERRORS", "STEP_FAILURE", RunState.FAILED, True),
        ("TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE", RunState.FAILED, True),
        ("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE", RunState.FAILED, True),
        ("TERMINATED", "INTERNAL_ERROR", RunState.FAILED, True),
        ("TERMINATED", "USER_REQUEST", RunState.CANCELLED, False),
        ("TERMINATING", "USER_REQUEST", RunState.CANCELLED, False),
    ],
)
def test_the_state_of_the_cluster_tells_that_of_the_run(state, code, expected, retryable):
    status = {"State": state, "StateChangeReason": {"Code": code, "Message": "as EMR says"}}
    told = run_status("j-1", status, region=REGION, logs="s3://logs")
    assert (told.state, told.retryable) == (expected, retryable)
    assert "j-1" in told.message
    assert ("as EMR says" in told.message) is (expected is not RunState.RUNNING)


class Answers:
    """A client of which one method answers badly."""

    def __init__(self, client, method, error):
        self._client = client
        self._method = method
        self._error = error
        self.calls = 0

    def __getattr__(self, name):
        if name != self._method:
            return getattr(self._client, name)

        def broken(**_):
            self.calls += 1
            raise self._error

        return broken


def client_error(code, status):
    response = {"Error": {"Code": code, "Message": "said EMR"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "RunJobFlow")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error("ThrottlingException", 400), RemoteBusyError),
        (client_error("InternalServerException", 500), RemoteUnavailableError),
        (ReadTimeoutError(endpoint_url="http://emr"), RemoteUnavailableError),
        (client_error("ValidationException", 400), RemoteRefusedError),
        (client_error("AccessDeniedException", 400), RemoteRefusedError),
    ],
)
def test_a_bad_answer_tells_whether_a_cluster_may_have_been_started(aws, engine, monkeypatch, error, expected):
    client = Answers(aws.emr(writes=True), "run_job_flow", error)
    monkeypatch.setitem(aws._clients, ("emr", True), client)
    with pytest.raises(expected) as caught:
        engine.start(REQUEST)
    assert type(caught.value) is expected
    assert REQUEST.name in caught.value.message
    assert client.calls == 1


def test_a_client_that_writes_never_asks_twice_by_itself(aws):
    attempts = {writes: aws.emr(writes=writes).meta.config.retries["total_max_attempts"] for writes in (True, False)}
    assert attempts == {True: 1, False: 6}


@pytest.mark.parametrize(
    ("changes", "error", "word"),
    [
        ({"feature_type": FeatureType.FEATURE}, UnsupportedError, "feature"),
        ({"analysis": Analysis.VIIRS}, InvalidInputError, "fire source"),
        ({"geotrellis_version": ""}, InvalidInputError, "GeoTrellis version"),
        ({"features": ("s3://gfw-pipelines/gone.tsv",)}, NotFoundError, "s3://gfw-pipelines/gone.tsv"),
    ],
)
def test_what_cannot_run_is_refused_before_there_is_a_cluster(aws, engine, changes, error, word):
    with pytest.raises(error, match=word):
        engine.start(REQUEST.model_copy(update=changes))
    assert clusters(aws) == []


def test_what_a_run_would_take_is_told_without_starting_it(aws, engine):
    told = engine.outlook(REQUEST)
    assert (told.engine, told.cluster.workers, told.cluster.on_demand) == ("emr", 10, 2)
    fires = {"analysis": Analysis.VIIRS, "feature_type": FeatureType.GEOSTORE, "fire_sources": ("s3://lake/*.tsv",)}
    whole = engine.outlook(REQUEST.model_copy(update={**fires, "features": ("s3://gfw-pipelines/*.tsv",)}))
    assert (whole.cluster.workers, whole.cluster.on_demand) == (200, 200)
    assert clusters(aws) == []
