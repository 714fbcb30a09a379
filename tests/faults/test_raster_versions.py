"""A raster version whose process dies, or whose Data API stays out: in the end everything is as if neither had been.

The same for a version of which an asset fails, is retried, and is crashed at while it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import Deployment, anonymous
from tests.support.faults import Crash, Tap, TappedDataApi, at_random, carried, once_at_each, tapped_writes, unavailable
from tests.support.jobs import begun
from tests.support.raster_jobs import DATASET, cog, intensity, old, put_source, raster_job, source, vrt

SEED = 20260201
QUICK = 3
LONG = 60
CRASHES = 8


def jobs():
    """An old version, then one that makes it superfluous."""
    first = raster_job(
        source(source_uri=["gs://alerts/v20250101/"]), intensity(), id="old", version="v20250101"
    )  # fmt: skip
    retire = [old("v20250101", kind="assets", assets=["/intensity/"]), old("v20250101")]
    graph = (source(), intensity(), cog(), cog("intensity", "intensity"), vrt("default", "intensity"))
    return [first, raster_job(*graph, retire=retire, notify=["gnw"])]


def outcome(deployment):
    """What is left for good, and what was asked of the Data API, in order."""
    versions = {}
    for version in deployment.data_api.dataset(DATASET)["versions"]:
        told = deployment.data_api.version(DATASET, version)
        assets = [(a["asset_type"], a["asset_uri"], a["status"]) for a in deployment.data_api.assets(DATASET, version)]
        versions[version] = (told["status"], told["is_latest"], told["metadata"]["content_date_range"], assets)
    lake = deployment.folder / "objects" / "s3"
    files = {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(lake.rglob("*"))
        if path.is_file() and not path.name.endswith(".geojson")
    }
    ids = {a["asset_id"]: a["asset_uri"] for v in versions for a in deployment.data_api.assets(DATASET, v)}
    log = []
    for line in deployment.server.log():
        text = f"{line.method} {line.path} {line.status} {anonymous(line.body)}"
        for asset_id, uri in ids.items():
            text = text.replace(asset_id, uri)
        log.append(text if "/asset/" not in text else f"{line.method} /asset {line.status}")
    return {"versions": versions, "files": files, "log": log}


def play(folder, plan, error, *, reads):
    """Both jobs, taken up again after each crash; returns what they leave, and the calls that were made."""
    tap = Tap(plan, error)
    with Deployment(folder) as deployment:
        put_source(deployment)
        put_source(deployment, "v20250101", {(0, 0): [[20_001]]})
        api = TappedDataApi(deployment.server.url, tap, reads=reads)

        def ports():
            return replace(deployment.ports, data_api=api) if reads else tapped_writes(deployment, tap, api)

        for job in jobs():
            execution = carried(deployment, begun(deployment, job), ports)
            (done,) = deployment.jobs(execution.id)
            assert execution.status is ExecutionStatus.SUCCEEDED, done.errors
            notes = [note for note in done.notes if "gone already" not in note]
        api.close()
        deployment.server.settle()
        return {**outcome(deployment), "notes": notes}, tap.calls


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """What undisturbed jobs leave, and the writes that they make."""
    return play(tmp_path_factory.mktemp("calm"), lambda *_: None, Crash, reads=False)


@pytest.fixture(scope="module")
def calm_requests(tmp_path_factory):
    """The same, with every request to the Data API."""
    return play(tmp_path_factory.mktemp("calm"), lambda *_: None, unavailable, reads=True)


def test_all_kinds_of_writes_are_crashed_at(calm):
    outcome, calls = calm
    assert {"finish", "save_job", "intend", "complete", "acquire", "put"} <= set(calls)
    assert {call.split()[0] for call in calls if " " in call} == {"PUT", "POST", "PATCH", "DELETE"}
    assert list(outcome["versions"]) == ["v20260201"]
    assert [line.split()[0] for line in outcome["log"]] == [
        "PUT", "PUT", "POST", "PATCH", "PUT", "POST", "POST", "POST", "PATCH", "DELETE", "DELETE"
    ]  # fmt: skip
    assert len(outcome["notes"]) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_crashing_at_each_kind_of_call_once(tmp_path, calm, when):
    plan, left = once_at_each(calm[1], when)
    assert play(tmp_path, plan, Crash, reads=False)[0] == calm[0]
    assert {name for name in left if "/asset/" not in name} == set()


@pytest.mark.parametrize("number", range(QUICK))
def test_crashing_at_random_calls(tmp_path, calm, number):
    check_crashes(tmp_path, calm, SEED + number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(QUICK, LONG))
def test_crashing_at_many_more_random_calls(tmp_path, calm, number):
    check_crashes(tmp_path, calm, SEED + number)


def check_crashes(folder, calm, seed):
    plan, moments = at_random(seed, CRASHES, len(calm[1]))
    result, _ = play(folder, plan, Crash, reads=False)
    assert result == calm[0], moments


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_request_fails_when_it_is_made_first(tmp_path, calm_requests, when):
    seen = Counter()

    def plan(_, name):
        seen[name] += 1
        return when if seen[name] == 1 else None

    assert play(tmp_path, plan, unavailable, reads=True)[0] == calm_requests[0]


def test_every_write_fails_three_times(tmp_path, calm_requests):
    seen = Counter()

    def plan(_, name):
        seen[name] += not name.startswith("GET")
        return "before" if 1 <= seen[name] <= 3 else None

    assert play(tmp_path, plan, unavailable, reads=True)[0] == calm_requests[0]


def test_a_retry_that_is_crashed_at_deletes_and_makes_the_failed_asset_once(tmp_path):
    bad = cog("bad", options={"implementation": "bad", "resampling": "q1"})
    with Deployment(tmp_path) as deployment:
        put_source(deployment)
        execution = deployment.carry(begun(deployment, raster_job(source(), bad)))
        (job,) = deployment.jobs(execution.id)
        job.assets[1].options["resampling"] = "mode"
        left = {"intend", "complete", "save_job", f"POST /dataset/{DATASET}/v20260201/assets"}

        def plan(_, name):
            name = "DELETE" if name.startswith("DELETE") else name
            if name in left or (name == "DELETE" and "delete seen" not in left):
                left.discard(name)
                left.update({"delete seen"} if name == "DELETE" else set())
                return "after"
            return None

        tap = Tap(plan, Crash)
        api = TappedDataApi(deployment.server.url, tap, reads=False)
        document = json.loads(job.model_dump_json())
        execution_id = deployment.submit({"command": "continue_jobs", "parameters": {"jobs": [document]}})
        execution = carried(deployment, execution_id, partial(tapped_writes, deployment, tap, api))
        api.close()
        assert execution.status is ExecutionStatus.SUCCEEDED, deployment.jobs(execution_id)[0].errors
        assert left == {"delete seen"}
        assert [line.method for line in deployment.server.log()] == ["PUT", "PUT", "POST", "DELETE", "POST", "PATCH"]
