"""User areas synced end to end: cut, analysed, appended, and their owners told once."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import pytest
import shapely

from datapump.dispatcher import dispatch
from datapump.engines import RunState, RunStatus
from datapump.executions import ExecutionStatus
from datapump.executor import tick
from datapump.jobs.documents import JobStatus
from datapump.sync_configs import config_id
from tests.support.areas import rw_sync, with_areas
from tests.support.deployment import ANALYSIS, AREA, GEOSTORES, copied, published_night
from tests.support.plans import planned, requests

FOLDER = "s3://gfw-pipelines/geotrellis/features/geostore/"
RW = config_id("viirs", "v1", "geostore", "v1", "rw_areas")
SEA = shapely.box(-150, -61, -149, -60.5)
N1, N2, N3 = "v20260201", "v20260202", "v20260203"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """User areas whose fires are analysed, and follow their feeds."""
    return published_night(tmp_path_factory.mktemp("template"))


@pytest.fixture
def world(template, tmp_path):
    with copied(template, tmp_path) as deployment, with_areas(deployment) as areas:
        deployment.areas = areas
        yield deployment


def fires(day, version):
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


def test_pending_areas_are_analysed_and_saved_and_their_owners_told_once(world):
    one, other = world.areas.add(square(0), square(1))
    execution = sync(world)
    assert files(world) == ["areas.tsv", f"{N1}.tsv"]
    header, *rows = world.objects.get(f"{FOLDER}{N1}.tsv").decode().splitlines()
    assert header == "geostore_id\tgeom\ttcl\tglad"
    assert sorted(row.split("\t")[0] for row in rows) == sorted([one, one, other])
    counts = counted(world)
    assert (counts[one, "2026-01-15"], counts[other, "2026-01-15"]) == (1, 1)
    assert counts == from_scratch(world, "v9")
    assert world.areas.statuses() == {one: "saved", other: "saved"}
    assert sorted(email.geostore for email in world.areas.store.emails()) == sorted([one, other])
    assert [job.message for job in world.jobs(execution.id)][-1] == "2 areas became saved"
    assert owed(world) is None
    assert world.sync_configs.get(RW).sync_version == N1


def test_files_that_cannot_be_read_and_areas_that_are_rejected_are_told_so_that_they_are_found_again(world):
    folder = world.areas.folder
    folder.mkdir()
    line = {"type": "LineString", "coordinates": [[10, 10], [11, 11]]}
    (folder / "broken.geojson").write_text('{"type": "FeatureCollection", "features": [,]}')
    (folder / "lines.geojson").write_text(json.dumps({"type": "Feature", "id": "river", "geometry": line}))
    named = {"type": "Feature", "geometry": {**line, "type": "Point"}, "properties": {"name": "The well"}}
    (folder / "named.geojson").write_text(json.dumps(named))
    notes = sync(world).notes
    assert any("the file of areas broken.geojson holds no areas: Expecting value" in note for note in notes)
    told = sorted(note.split(" ", 3)[3] for note in notes if "is rejected" in note)
    assert told == [
        "(The well) is rejected: its geometry is a Point, neither a Polygon nor a MultiPolygon",
        "(lines.geojson#river) is rejected: its geometry is a LineString, neither a Polygon nor a MultiPolygon",
    ]
    (again,) = sync(world, N2).notes
    assert again.startswith("rw_areas: the file of areas broken.geojson holds no areas")


def test_two_configs_that_would_append_the_same_rows_are_told_and_neither_is_followed(world):
    (area,) = world.areas.add(square(0))
    for version in ("v1", "v2"):
        config = world.sync_configs.get(RW).model_copy(
            update={
                "id": config_id("glad", version, "geostore", "v1", "rw_areas"),
                "analysis": "glad",
                "analysis_version": version,
            }
        )
        world.sync_configs.put(config)
    execution = sync(world, status=ExecutionStatus.FAILED)
    (error,) = execution.errors
    assert "2 sync configs of geostore glad are on (of the analysis versions v1, v2)" in error
    assert [job.table.analysis for job in world.jobs(execution.id) if job.kind == "analysis"] == ["viirs"]
    assert world.areas.statuses() == {area: "pending"}


def test_a_second_night_with_nothing_new_writes_nothing(world):
    world.areas.add(square(0))
    sync(world)
    before = writes(world)
    execution = sync(world, N2)
    assert writes(world) == before
    assert world.jobs(execution.id) == []
    assert execution.notes == ["rw_areas: nothing to do: no areas are pending"]


def test_only_this_nights_file_is_analysed(world):
    world.areas.add(square(0))
    (job, _) = world.jobs(sync(world).id)
    assert job.features == [f"{FOLDER}{N1}.tsv"]
    assert all(result.action == "append" for result in job.results)
    assert len(job.alert_sources) == 1


def test_later_fires_reach_the_new_areas_once(world):
    world.areas.add(square(0))
    sync(world)
    assert world.run(fires("2026-01-16", N1)).status is ExecutionStatus.SUCCEEDED
    world.areas.add(square(1))
    sync(world, N2)
    assert counted(world) == from_scratch(world, "v9")
    assert sum(counted(world).values()) == 3 * 2 + 2 + 2


def test_every_rejected_area_is_told_with_its_reason_and_set_to_error(world):
    good = world.areas.add(square(0))[0]
    ids = {
        "short": world.areas.add_geojson({"type": "Point", "coordinates": [1, 2]}, identity="short"),
        "Point": world.areas.add_geojson({"type": "Point", "coordinates": [1, 2]}),
        "hectares": world.areas.add_geojson(shapely.geometry.mapping(square(1)), areaHa=2e9),
        "analysed": world.areas.add(SEA)[0],
        "empty": world.areas.add_geojson({"type": "Polygon", "coordinates": []}),
    }
    execution = sync(world)
    told = {note.split()[2]: note for note in execution.notes if "is rejected" in note}
    assert sorted(told) == sorted(ids.values())
    assert [words for words, identity in ids.items() if words not in told[identity] and words != "short"] == []
    assert "32 hexadecimal" in told["short"]
    assert world.areas.statuses() == {good: "saved", **dict.fromkeys(ids.values(), "error")}
    assert [email.geostore for email in world.areas.store.emails()] == [good]
    before = writes(world)
    sync(world, N2)
    assert writes(world) == before


def test_areas_without_any_geometry_are_told_and_stay_pending(world):
    world.areas.store.add_area(None)
    world.areas.store.add_area("0" * 32)
    (good,) = world.areas.add(square(0))
    execution = sync(world)
    assert "rw_areas: 1 pending areas have no geometry of their own: they are left out" in execution.notes
    assert f"rw_areas: area {'0' * 32} stays pending: it has no geometry in the Areas API" in execution.notes
    assert world.areas.statuses() == {good: "saved", None: "pending", "0" * 32: "pending"}


def test_an_area_that_stores_an_old_id_gets_its_status_by_that(world):
    (current,) = world.areas.add(square(0))
    old = "0" * 32
    world.areas.store.add_geostore(old, {}, current=current)
    world.areas.store.add_area(old, email="old@example.org")
    sync(world)
    rows = world.objects.get(f"{FOLDER}{N1}.tsv").decode().splitlines()[1:]
    assert {row.split("\t")[0] for row in rows} == {current}
    assert world.areas.statuses() == {current: "saved", old: "saved"}


def test_the_same_night_again_leaves_its_file_and_numbers_the_next(world):
    world.areas.add(square(0))
    sync(world)
    first = world.objects.get(f"{FOLDER}{N1}.tsv")
    sync(world)
    assert files(world) == ["areas.tsv", f"{N1}.tsv"]
    world.areas.add(square(1))
    sync(world)
    assert files(world) == ["areas.tsv", f"{N1}.tsv", f"{N1}_2.tsv"]
    assert world.objects.get(f"{FOLDER}{N1}.tsv") == first
    assert counted(world) == from_scratch(world, "v9")


def test_an_area_in_a_file_from_elsewhere_is_neither_cut_again_nor_saved(world):
    world.areas.add_geojson(shapely.geometry.mapping(square(0)), identity=AREA)
    execution = sync(world)
    assert files(world) == ["areas.tsv"]
    assert world.areas.statuses() == {AREA: "pending"}
    assert ["which no sync has made" in note for note in execution.notes] == [True]


def broken(world):
    world.engine.script = [RunStatus(state=RunState.FAILED, message="bad row", retryable=False)]


def test_after_a_failed_analysis_its_areas_stay_pending_and_are_brought_the_next_night(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    (analysis, statuses) = world.jobs(execution.id)
    assert (analysis.status, statuses.status) == (JobStatus.FAILED, JobStatus.FAILED)
    assert "stay pending" in statuses.message
    assert world.areas.statuses() == {one: "pending"}
    assert world.run(fires("2026-01-16", N1)).status is ExecutionStatus.SUCCEEDED
    (other,) = world.areas.add(square(1))
    again = sync(world, N2)
    assert sorted(job.features[0] for job in world.jobs(again.id) if job.kind == "analysis") == [
        f"{FOLDER}{N1}.tsv",
        f"{FOLDER}{N2}.tsv",
    ]
    assert world.areas.statuses() == {one: "saved", other: "saved"}
    assert len(world.areas.store.emails()) == 2
    assert counted(world) == from_scratch(world, "v9")


def test_a_failure_of_one_files_analysis_does_not_hold_up_another_nights_areas(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    sync(world, status=ExecutionStatus.FAILED)
    (other,) = world.areas.add(square(1))
    broken(world)
    sync(world, N2, status=ExecutionStatus.FAILED)
    assert world.areas.statuses() == {one: "pending", other: "saved"}


def put_modis(world, day):
    folder = "s3://gfw-data-lake/nasa_modis_fire_alerts/v6/vector/epsg-4326/tsv/near_real_time/"
    header = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbrightness\tbright_t31\tfrp"
    row = f"10.0\t10.05\t{day}\t0000\t99\t300\t290\t1"
    world.objects.put(f"{folder}{day}-0000_{day}-0000.tsv", f"{header}\n{row}\n".encode())


def add_modis(world):
    """A second analysis of the areas, which follows its own feed."""
    put_modis(world, "2026-01-15")
    table = {"dataset": "geostore", "version": "v1", "analysis": "modis"}
    parameters = {**ANALYSIS["parameters"], "tables": [table]}
    assert world.run({**ANALYSIS, "parameters": parameters}).status is ExecutionStatus.SUCCEEDED


def test_what_a_sibling_has_appended_is_not_appended_again(world):
    add_modis(world)
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    assert sorted(job.status for job in world.jobs(execution.id)) == ["complete", "failed", "failed"]
    before = {analysis: counted(world, "v1", f"geostore__{analysis}__daily_alerts") for analysis in ("viirs", "modis")}
    assert sum((one, "2026-01-15") in counts for counts in before.values()) == 1
    sync(world, N2)
    for analysis in ("viirs", "modis"):
        assert counted(world, "v1", f"geostore__{analysis}__daily_alerts")[one, "2026-01-15"] == 1
    assert world.areas.statuses() == {one: "saved"}


def test_a_retry_of_the_execution_finishes_what_it_left(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    execution = sync(world, status=ExecutionStatus.FAILED)
    failed = [job.model_dump(mode="json") for job in world.jobs(execution.id) if job.status is JobStatus.FAILED]
    again = world.run({"command": "continue_jobs", "parameters": {"jobs": failed}})
    assert again.status is ExecutionStatus.SUCCEEDED
    assert world.areas.statuses() == {one: "saved"}
    assert owed(world) is None
    assert counted(world) == from_scratch(world, "v9")


def test_areas_that_are_being_analysed_are_left_to_that_execution(world):
    world.areas.add(square(0))
    first = world.submit(rw_sync(N1))
    world.carry_until(lambda: any(job.step == "analyzing" for job in world.jobs(first)))
    second = world.submit(rw_sync(N2))
    assert world.carry(second).status is ExecutionStatus.SUCCEEDED
    (waited, *_) = [event.message for event in world.runs.list_events(second) if event.kind == "retry"]
    assert f"execution {first} is writing geostore__viirs: the areas stay pending" in waited
    assert world.carry(first).status is ExecutionStatus.SUCCEEDED
    assert world.jobs(second) == []
    assert len(world.areas.store.emails()) == 1


def test_nothing_is_said_about_areas_outside_production(world):
    settings = world.settings.model_copy(update={"environment": "staging"})
    (one,) = world.areas.add(square(0))
    world.areas.add_geojson({"type": "Point", "coordinates": [1, 2]})
    for version in (N1, N2):
        sync(world, version, settings=settings)
    assert world.areas.statuses()[one] == "pending"
    assert world.areas.store.requests() == []


def test_without_a_config_the_areas_api_is_not_even_asked(world):
    world.sync_configs.patch(RW, {"sync": False})
    execution = sync(world, areas_api=None)
    assert execution.notes == ["rw_areas: nothing to do: no enabled sync config of this type"]


def test_a_config_that_was_switched_off_gets_what_it_missed(world):
    other = world.sync_configs.get(RW).model_copy(update={"id": "off", "analysis_version": "v1"})
    world.sync_configs.put(other)
    world.sync_configs.patch("off", {"sync": False})
    world.areas.add(square(0))
    sync(world)
    assert (owed(world), list(owed(world, "off"))) == (None, [N1])


def test_a_deployment_without_an_areas_api_says_so(world):
    execution = sync(world, status=ExecutionStatus.FAILED, areas_api=None)
    assert "set DATAPUMP_AREAS_API_URL" in execution.errors[0]


def test_an_analysis_that_the_engine_cannot_compute_holds_up_saving_and_is_told(world):
    tcl = world.sync_configs.get(RW).model_copy(update={"id": "tcl", "analysis": "tcl"})
    world.sync_configs.put(tcl)
    (one,) = world.areas.add(square(0))
    execution = sync(world, status=ExecutionStatus.FAILED)
    assert ["engine cannot compute tcl" in error for error in execution.errors] == [True]
    assert world.areas.statuses() == {one: "pending"}
    world.sync_configs.patch("tcl", {"sync": False})
    sync(world, N2)
    assert world.areas.statuses() == {one: "saved"}


def test_an_extent_in_the_bucket_is_taken(world):
    cell = {"type": "Feature", "properties": {"tcl": True, "glad": False}, "geometry": shapely.geometry.mapping(SEA)}
    document = json.dumps({"type": "FeatureCollection", "features": [cell]}).encode()
    world.objects.put("s3://gfw-pipelines/geotrellis/features/extent_1x1.geojson", document)
    sea, land = world.areas.add(SEA, square(0))
    sync(world)
    assert world.areas.statuses() == {sea: "saved", land: "error"}


def test_an_answer_that_is_too_large_is_asked_for_in_halves(world):
    ids = world.areas.add(*(square(number) for number in range(5)))
    huge = world.areas.add_geojson({"type": "Polygon", "coordinates": [[[1.0, 2.0]] * 20_000]})
    client = world.areas.client(max_bytes=100_000)
    execution = sync(world, areas_api=client)
    client.close()
    assert world.areas.statuses() == {**dict.fromkeys(ids, "saved"), huge: "pending"}
    assert any(f"area {huge} stays pending: the Areas API answered" in note for note in execution.notes)


def test_a_full_analysis_settles_what_was_owed(world):
    (one,) = world.areas.add(square(0))
    broken(world)
    sync(world, status=ExecutionStatus.FAILED)
    for table in ("daily_alerts", "weekly_alerts", "whitelist"):
        world.data_api.delete_version(f"geostore__viirs__{table}", "v1")
    assert world.run(ANALYSIS).status is ExecutionStatus.SUCCEEDED
    assert owed(world) is None
    sync(world, N2)
    assert world.areas.statuses() == {one: "saved"}


def test_the_files_from_elsewhere_stay_as_they_are(world):
    before = world.objects.get(GEOSTORES)
    world.areas.add(square(0))
    sync(world)
    assert world.objects.get(GEOSTORES) == before


def test_a_plan_writes_nothing_and_the_work_is_what_it_said(world):
    (one,) = world.areas.add(square(0))
    (bad,) = [world.areas.add_geojson({"type": "Point", "coordinates": [1, 2]})]
    before, configs = writes(world), world.sync_configs.list().items
    plan, _ = planned(world, rw_sync(N1))
    assert (writes(world), world.sync_configs.list().items) == (before, configs)
    assert [(job.kind, job.outcome) for job in plan.jobs] == [("analysis", "complete")] + [
        ("area_statuses", "complete")
    ] * 2
    sync(world)
    told = [(write.detail["status"], write.detail["geostores"]) for write in plan.writes if "status" in write.detail]
    assert sorted(told) == sorted(world.areas.updates()) == [("error", [bad]), ("saved", [one])]
    # No subscription has changed: there is nothing to sync, and no plan to.
    assert len([write for write in plan.writes if write.system == "areas_api"]) == len(told)
    uploads = {write.target for write in plan.writes if write.system == "objects" and write.action == "upload"}
    assert {f"{FOLDER}{N1}.tsv", f"s3://gfw-pipelines/geotrellis/areas/{N1}.json"} <= uploads
    assert requests(plan) == sorted(f"{line.method} {line.path}" for line in world.server.log()[len(before[1]) :])


def test_two_syncs_that_need_the_same_tables_never_wait_for_each_other_for_ever(world):
    add_modis(world)
    world.areas.add(square(0))
    areas = world.submit(rw_sync(N1))
    both = world.submit({"command": "sync", "parameters": {"types": ["modis", "viirs"], "sync_version": N1}})
    settings = world.settings.model_copy(update={"modis_url": str(world.folder / "none.csv")})
    world.ports = replace(world.ports, settings=settings)
    put_modis(world, "2026-01-16")
    dispatch(areas, world.ports)
    dispatch(both, world.ports)
    jobs = {job.table.analysis: job.id for job in world.jobs(areas) if job.kind == "analysis"}
    fires = {job.table.analysis: job.id for job in world.jobs(both)}
    tick(areas, jobs["viirs"], world.ports)
    tick(both, fires["modis"], world.ports)
    for execution in (areas, both):
        world.carry(execution, steps=3000)
        assert {job.status for job in world.jobs(execution)} == {JobStatus.COMPLETE}
    assert counted(world) == from_scratch(world, "v9")


def check_nights(world, seed, steps):
    """Nights of fires and areas in any order, whose analyses fail now and then: in the end all is as from scratch."""
    chosen = random.Random(seed)
    days = iter(range(16, 30))
    seen = ["2026-01-15"]
    number = 0
    for night in range(1, steps + 1):
        version = f"v202602{night:02}"
        what = chosen.choice(["areas", "areas", "fires", "fires", "both"])
        if what != "fires" and number < 3:
            world.areas.add(square(number))
            number += 1
        if what != "areas":
            seen.append(f"2026-01-{next(days)}")
            world.put_feed(*seen, count=3)
        failing = chosen.choice([[], [], ["x"], ["x", "y"]])
        world.engine.script = [RunStatus(state=RunState.FAILED, message=one, retryable=False) for one in failing]
        types = {"areas": ["rw_areas"], "fires": ["viirs"], "both": chosen.sample(["rw_areas", "viirs"], 2)}[what]
        world.run({"command": "sync", "parameters": {"types": types, "sync_version": version}})
    world.engine.script = []
    for types in (["viirs"], ["rw_areas"]):
        last = world.run({"command": "sync", "parameters": {"types": types, "sync_version": "v20260228"}})
        assert last.status is ExecutionStatus.SUCCEEDED, (last, world.jobs(last.id))
    assert set(world.areas.statuses().values()) <= {"saved"}
    assert len(world.areas.store.emails()) == number
    assert counted(world) == from_scratch(world, "v9")


@pytest.mark.parametrize("seed", range(1))
def test_any_order_of_nights_and_failures_loses_and_doubles_nothing(world, seed):
    check_nights(world, seed, steps=6)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 40))
def test_many_more_orders_of_nights_and_failures_lose_and_double_nothing(world, seed):
    check_nights(world, seed, steps=12)
