"""User areas synced end to end: cut, analysed, appended, and their owners told once."""

from __future__ import annotations

import json

import pytest
import shapely

from datapump.executions import ExecutionStatus
from datapump.sync_configs import config_id
from tests.support.area_nights import (
    FOLDER,
    N1,
    N2,
    RW,
    counted,
    files,
    fires,
    following,
    from_scratch,
    owed,
    square,
    sync,
    writes,
)
from tests.support.areas import rw_sync
from tests.support.deployment import AREA, GEOSTORES
from tests.support.plans import planned, requests

SEA = shapely.box(-150, -61, -149, -60.5)


@pytest.fixture
def world(night_folder, tmp_path):
    with following(night_folder, tmp_path) as deployment:
        yield deployment


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
    assert world.run(fires(N1)).status is ExecutionStatus.SUCCEEDED
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


def test_a_deployment_without_an_areas_api_says_so(world):
    execution = sync(world, status=ExecutionStatus.FAILED, areas_api=None)
    assert "set DATAPUMP_AREAS_API_URL" in execution.errors[0]


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
