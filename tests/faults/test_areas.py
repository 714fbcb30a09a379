"""The sync of user areas when the Areas API is away or odd, or the process dies: nothing lost, nobody told twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from pydantic import SecretStr

from datapump.clients.areas_api import AreasApi
from datapump.errors import RemoteUnavailableError
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from tests.support.area_nights import following, square
from tests.support.areas import TOKEN, rw_sync
from tests.support.faults import Crash, Tap, TappedDataApi, at_random, carried, once_at_each, tapped_writes

AREAS_WRITES = {"POST /v2/area/sync", "POST /v2/area/update"}
SEED = 20260201
QUICK = 2
LONG = 60
CRASHES = 8


class TappedAreasApi(AreasApi):
    """The client; every exchange goes through a tap."""

    def __init__(self, url, tap, *, reads=True):
        super().__init__(url, SecretStr(TOKEN), 30)
        self._tap = tap
        self._reads = reads

    def _exchange(self, method, path, query, body, *, read):
        def perform():
            return super(TappedAreasApi, self)._exchange(method, path, query, body, read=read)

        name = f"{method} {path}"
        return self._tap(name, perform) if self._reads or name in AREAS_WRITES else perform()


def unavailable(name):
    return RemoteUnavailableError(f"the Areas API did not answer {name}: ReadTimeout")


@pytest.fixture
def world(night_folder, tmp_path):
    with following(night_folder, tmp_path, areas_settle_s=30) as deployment:
        yield deployment


def ports_with(world, plan):
    """Ports whose Areas API breaks as a plan says, and the tap that counts."""
    tap = Tap(plan, unavailable)
    return replace(world.ports, areas_api=TappedAreasApi(world.areas.url, tap)), tap


def told(world):
    return sorted(email.geostore for email in world.areas.store.emails())


def test_a_service_that_is_away_for_a_while_is_waited_for(world):
    (one,) = world.areas.add(square(0))
    ports, tap = ports_with(world, lambda count, _: "before" if count <= 5 else None)
    execution = world.run(rw_sync("v20260201"), ports)
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert len(tap.calls) > 5
    assert told(world) == [one]
    ports.areas_api.close()


def test_a_service_that_stays_away_fails_the_feed_in_words_and_nothing_is_written(world):
    world.areas.add(square(0))
    before = [info.uri for info in world.objects.listing("s3://gfw-pipelines/")]
    ports, _ = ports_with(world, lambda *_: "before")
    execution = world.run(rw_sync("v20260201"), ports)
    assert execution.status is ExecutionStatus.FAILED
    assert execution.errors == ["rw_areas: the Areas API did not answer POST /v2/area/sync: ReadTimeout"]
    assert [info.uri for info in world.objects.listing("s3://gfw-pipelines/")] == before
    ports.areas_api.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_update_that_gets_no_answer_is_not_asked_for_twice(world, when):
    """Whether it has happened is looked up, after the time in which it may be on its way."""
    one, other = sorted(world.areas.add(square(0), square(1)))
    broken = []

    def plan(_, name):
        if name == "POST /v2/area/update" and not broken:
            broken.append(world.clock.now())
            return when
        return None

    ports, tap = ports_with(world, plan)
    execution = world.run(rw_sync("v20260201"), ports)
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert told(world) == [one, other]
    assert tap.calls.count("POST /v2/area/update") == {"before": 2, "after": 1}[when]
    if when == "before":
        assert (world.clock.now() - broken[0]).total_seconds() >= 30
    ports.areas_api.close()


def test_an_update_that_stays_unanswered_leaves_the_areas_to_the_next_night(world):
    (one,) = world.areas.add(square(0))
    ports, _ = ports_with(world, lambda _, name: "before" if name == "POST /v2/area/update" else None)
    execution = world.run(rw_sync("v20260201"), ports)
    (analysis, statuses) = world.jobs(execution.id)
    assert (analysis.status, statuses.status) == (JobStatus.COMPLETE, JobStatus.FAILED)
    assert "gave up after" in statuses.message
    assert told(world) == []
    ports.areas_api.close()
    again = world.run(rw_sync("v20260202"))
    assert [job.kind for job in world.jobs(again.id)] == ["area_statuses"]
    assert told(world) == [one]


def test_areas_that_somebody_else_has_saved_meanwhile_are_not_told_again(world):
    one, other = world.areas.add(square(0), square(1))
    execution = world.submit(rw_sync("v20260201"))
    world.carry_until(lambda: [job.step for job in world.jobs(execution)][-1:] == ["telling"])
    world.areas.store.update([one], {"status": "saved"})
    assert world.carry(execution).status is ExecutionStatus.SUCCEEDED
    assert told(world) == sorted([one, other])
    assert world.jobs(execution)[-1].message == "1 area became saved"


def test_a_list_that_shrinks_while_it_is_read_ends_the_night_all_the_same(world):
    ids = world.areas.add(*(shapely.box(x / 10, 1, x / 10 + 0.01, 1.01) for x in range(120)))
    gone = ids[:60]

    class Shrinking(TappedAreasApi):
        def _exchange(self, method, path, query, body, *, read):
            answer = super()._exchange(method, path, query, body, read=read)
            if path == "/v2/area":
                world.areas.store.update(gone, {"status": "error"})
            return answer

    api = Shrinking(world.areas.url, Tap(lambda *_: None, unavailable))
    execution = world.run(rw_sync("v20260201"), replace(world.ports, areas_api=api))
    api.close()
    assert execution.status is ExecutionStatus.SUCCEEDED
    world.run(rw_sync("v20260202"))
    statuses = world.areas.statuses()
    assert [one for one in ids[60:] if statuses[one] != "saved"] == []


def test_a_batch_is_at_most_a_hundred_and_each_area_is_told_once(world):
    ids = world.areas.add(*(shapely.box(x / 100, 1, x / 100 + 0.005, 1.005) for x in range(230)))
    assert world.run(rw_sync("v20260201")).status is ExecutionStatus.SUCCEEDED
    assert sorted(len(batch) for _, batch in world.areas.updates()) == [30, 100, 100]
    assert told(world) == sorted(ids)


def play(night_folder, folder, plan):
    """Two nights of user areas that are gone on with after each crash; what they leave, and the calls they made."""
    tap = Tap(plan, Crash)
    with following(night_folder, folder, areas_settle_s=0) as deployment:
        areas = deployment.areas
        data_api = TappedDataApi(deployment.server.url, tap, reads=False)
        areas_api = TappedAreasApi(areas.url, tap, reads=False)

        def ports():
            return replace(tapped_writes(deployment, tap, data_api), areas_api=areas_api)

        for night in (0, 1):
            areas.add(square(night))
            areas.add_geojson({"type": "Point", "coordinates": [night, 2]})
            identity = deployment.submit(rw_sync(f"v2026020{night + 1}"))
            execution = carried(deployment, identity, ports)
            assert execution.status is ExecutionStatus.SUCCEEDED, (execution, deployment.jobs(identity))
        data_api.close()
        areas_api.close()
        files = {
            info.uri: deployment.objects.get(info.uri)
            for info in deployment.objects.listing("s3://gfw-pipelines/geotrellis/features/")
        }
        outcome = deployment.outcome()
        return {
            "tables": outcome["tables"],
            "configs": outcome["configs"],
            "files": files,
            "statuses": areas.statuses(),
            "updates": sorted(map(str, areas.updates())),
            "emails": sorted(email.geostore for email in areas.store.emails()),
        }, tap.calls


@pytest.fixture(scope="module")
def calm(night_folder, tmp_path_factory):
    return play(night_folder, tmp_path_factory.mktemp("calm"), lambda *_: None)


def test_dying_at_each_kind_of_write_once(night_folder, tmp_path, calm):
    assert {"put", "patch", "begin", "POST /v2/area/update"} <= set(calm[1])
    for when in ("before", "after"):
        plan, left = once_at_each(calm[1], when)
        assert play(night_folder, tmp_path / when, plan)[0] == calm[0]
        assert left == set()


def check_crashes(night_folder, folder, calm, seed):
    plan, moments = at_random(seed, CRASHES, len(calm[1]))
    outcome, calls = play(night_folder, folder, plan)
    assert len(calls) > max(moments)
    assert outcome == calm[0], moments


@pytest.mark.parametrize("number", range(QUICK))
def test_dying_at_random_writes(night_folder, tmp_path, calm, number):
    check_crashes(night_folder, tmp_path, calm, SEED + number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(QUICK, LONG))
def test_dying_at_many_more_random_writes(night_folder, tmp_path, calm, number):
    check_crashes(night_folder, tmp_path, calm, SEED + number)
