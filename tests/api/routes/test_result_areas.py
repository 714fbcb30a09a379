"""`GET /results/{dataset}/{version}/areas`: outlines from where the engine left them, or why there are none."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from datapump.objects import Objects
from datapump.outlines import MOST_BYTES, outline_uri
from tests.support.deployment import DataApiServer

DATASET = "gadm__viirs__adm2_daily_alerts"
FIRST, SECOND = "s3://gfw-pipelines/geotrellis/results/first", "s3://gfw-pipelines/geotrellis/results/second"
PATH = f"/results/{DATASET}/v1/areas"
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
        world.services = world.app.state.services = replace(world.services, data_api=data_api, objects=objects)
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
