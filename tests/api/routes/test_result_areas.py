"""`GET /results/{dataset}/{version}/areas` and `.../places`: what the engine left for maps, or why there is nothing."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from datapump.objects import Objects
from datapump.outlines import MOST_BYTES, outline_uri
from datapump.places import MOST_PLACES, places_uri
from tests.support.data_api_server import DataApiServer

DATASET = "gadm__viirs__adm2_daily_alerts"
FIRST, SECOND = "s3://gfw-pipelines/geotrellis/results/first", "s3://gfw-pipelines/geotrellis/results/second"
PATH = f"/results/{DATASET}/v1/areas"
PLACES = f"/results/{DATASET}/v1/places"
CREATED = {
    "source_type": "table",
    "source_driver": "text",
    "delimiter": "\t",
    "table_schema": [
        {"name": "iso", "data_type": "text"},
        {"name": "adm1", "data_type": "integer"},
        {"name": "alert__count", "data_type": "integer"},
    ],
}


def area(iso, adm1, corner):
    ring = [[corner, 0], [corner + 1, 0], [corner + 1, 1], [corner, 0]]
    return {
        "type": "Feature",
        "properties": {"iso": iso, "adm1": adm1},
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
    }


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path / "objects")


@pytest.fixture
def published(world, objects, tmp_path):
    """A table of two runs: made by the first, rows of the second appended."""
    names = [f"{output}/adm2/daily_alerts/part-00000-x-c000.csv" for output in (FIRST, SECOND)]
    for name in names:
        objects.put(name, b"iso\tadm1\talert__count\nBRA\t1\t3\n")
    with DataApiServer(tmp_path / "data_api", objects) as server, closing(server.client()) as data_api:
        data_api.create_dataset(DATASET, {})
        data_api.create_version(DATASET, "v1", {**CREATED, "source_uri": names[:1]})
        server.settle()
        data_api.append(DATASET, "v1", names[1:])
        world.data_api_server = server
        world.services = world.app.state.services = replace(world.services, data_api=lambda: data_api, objects=objects)
        yield world


def test_each_area_is_there_once_as_the_newest_run_drew_it(published, objects, reader):
    objects.put(outline_uri(FIRST, "adm2"), collection(area("BRA", 1, 0), area("BRA", 2, 1)))
    objects.put(outline_uri(SECOND, "adm2"), collection(area("BRA", 1, 7), area("PER", 1, 9)))
    objects.put(outline_uri(SECOND, "iso"), collection(area("XXX", 1, 7)))
    answer = reader.get(PATH)
    assert answer.status_code == 200
    found = {tuple(one["properties"].values()): one["geometry"]["coordinates"] for one in answer.json()["features"]}
    assert set(found) == {("BRA", 1), ("BRA", 2), ("PER", 1)}
    assert found["BRA", 1][0][0][0] == [7, 0]


def test_a_table_whose_outlines_were_never_written_says_so(published, reader):
    answer = reader.get(PATH)
    assert answer.status_code == 404
    assert "no outlines are kept of the areas of gadm__viirs__adm2_daily_alerts v1" in answer.json()["detail"]


def test_a_version_that_is_not_there_is_named(published, reader):
    answer = reader.get(f"/results/{DATASET}/v9/areas")
    assert answer.status_code == 404
    assert f"has no {DATASET} v9" in answer.json()["detail"]


def test_a_deployment_that_keeps_no_outlines_says_so(published, reader):
    published.services = published.app.state.services = replace(published.services, objects=None)
    answer = reader.get(PATH)
    assert answer.status_code == 501
    assert "keeps no outlines" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [b"<img src=x>", b"{}", b'{"type":"FeatureCollection","features":[{"type":"Feature"}]}', b" " * (MOST_BYTES + 1)],
    ids=["no JSON", "no collection", "no area", "too large"],
)
def test_a_file_that_is_not_as_the_engine_writes_it_is_refused(published, objects, reader, content):
    objects.put(outline_uri(SECOND, "adm2"), content)
    answer = reader.get(PATH)
    assert answer.status_code == 422
    assert outline_uri(SECOND, "adm2") in answer.json()["detail"]


def fires(total, **days):
    """A file of places: of each day, the longitudes of fires on the equator."""
    features = [
        {
            "type": "Feature",
            "properties": {"date": day.replace("_", "-").removeprefix("d")},
            "geometry": {"type": "MultiPoint", "coordinates": [[x, 0] for x in places]},
        }
        for day, places in days.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features, "total": total}).encode()


def test_fires_of_all_runs_are_together_by_day_the_newest_run_first(published, objects, reader):
    objects.put(places_uri(FIRST), fires(9_000, d2026_01_15=range(MOST_PLACES)))
    objects.put(places_uri(SECOND), fires(3, d2026_01_16=[1, 2], d2026_01_15=[7]))
    answer = reader.get(PLACES).json()
    found = {day["properties"]["date"]: day["geometry"]["coordinates"] for day in answer["features"]}
    assert list(found) == ["2026-01-16", "2026-01-15"]
    assert found["2026-01-16"] == [[1, 0], [2, 0]]
    assert found["2026-01-15"][0] == [7, 0]
    assert sum(map(len, found.values())) == MOST_PLACES
    assert (answer["total"], answer["runs"]) == (9_003, 2)


def test_a_table_whose_places_were_never_written_says_so(published, reader):
    answer = reader.get(PLACES)
    assert answer.status_code == 404
    assert "no places are kept of what gadm__viirs__adm2_daily_alerts v1 counts" in answer.json()["detail"]


def test_a_deployment_that_keeps_no_places_and_a_version_that_is_not_there_say_so(published, reader):
    assert reader.get(f"/results/{DATASET}/v9/places").status_code == 404
    published.services = published.app.state.services = replace(published.services, objects=None)
    answer = reader.get(PLACES)
    assert (answer.status_code, "keeps no places" in answer.json()["detail"]) == (501, True)


@pytest.mark.parametrize(
    "content",
    [b"{}", fires(-1), fires(1, d20260116=[1]), b" " * (MOST_BYTES + 1)],
    ids=["no file", "-1", "day", "large"],
)
def test_a_file_of_places_that_is_not_as_the_engine_writes_it_is_refused(published, objects, reader, content):
    objects.put(places_uri(SECOND), content)
    answer = reader.get(PLACES)
    assert answer.status_code == 422
    assert places_uri(SECOND) in answer.json()["detail"]


def test_of_a_table_with_a_row_for_each_fire_the_newest_rows_are_shown(published, objects, reader):
    uri, names = "s3://gfw-data-lake/all.tsv", ["latitude", "longitude", "alert__date"]
    objects.put(uri, b"latitude\tlongitude\talert__date\n10.5\t-60.25\t2026-01-15\n11\t-61\t2026-01-16\n")
    schema = [{"name": name, "data_type": "date" if "date" in name else "numeric"} for name in names]
    data_api = published.services.data_api()
    data_api.create_dataset("wdpa__viirs__all", {})
    options = {**CREATED, "table_schema": schema, "latitude": "latitude", "longitude": "longitude", "source_uri": [uri]}
    data_api.create_version("wdpa__viirs__all", "v1", {**options, "create_dynamic_vector_tile_cache": False})
    published.data_api_server.settle()
    answer = reader.get("/results/wdpa__viirs__all/v1/places").json()
    assert [day["properties"]["date"] for day in answer["features"]] == ["2026-01-16", "2026-01-15"]
    assert answer["features"][1]["geometry"]["coordinates"] == [[-60.25, 10.5]]
    assert (answer["total"], answer["runs"]) == (2, None)
