"""Areas read from JSON files of any size."""

from __future__ import annotations

import json

import pytest

from datapump.areas import reading
from datapump.areas.reading import read_areas
from datapump.errors import DataError

SQUARE = {"type": "Polygon", "coordinates": [[[10, 1], [11, 1], [11, 2], [10, 1]]]}
A, B = "a" * 32, "b" * 32


def answer(*ids, **attributes):
    told = {"geojson": SQUARE, **attributes}
    data = [
        {"geostoreId": one, "geostore": {"data": {"type": "geoStore", "id": one, "attributes": told}}} for one in ids
    ]
    return {"data": data, "info": {"found": len(ids), "foundIds": list(ids)}}


@pytest.fixture
def read(tmp_path):
    def areas(document):
        path = tmp_path / "areas.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
        return list(read_areas(path))

    return areas


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_an_answer_of_find_by_ids_gives_its_geometries(read, monkeypatch, chunk):
    monkeypatch.setattr(reading, "CHUNK", chunk)
    assert read(answer(A, B, areaHa=12.5)) == [(one, {"geojson": SQUARE, "areaHa": 12.5}) for one in (A, B)]


def test_geojson_features_give_themselves_with_their_ids(read):
    features = [
        {"type": "Feature", "id": "one", "properties": None, "geometry": SQUARE},
        {"type": "Feature", "properties": {"geostore_id": B, "areaHa": 3}, "geometry": SQUARE},
        {"type": "Feature", "properties": {"id": 7}, "geometry": SQUARE},
        {"type": "Feature", "id": 0, "properties": {"id": 8}, "geometry": SQUARE},
    ]
    found = read({"type": "FeatureCollection", "features": features, "bbox": [1, 2, 3, 4]})
    assert [identity for identity, _ in found] == ["one", B, "7", "0"]
    assert found[1][1] == {"geojson": features[1], "areaHa": 3}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "it is no object"),
        ({"geostoreId": "short", "geostore": {"data": {"attributes": {}}}}, "32 hexadecimal"),
        ({"geostoreId": A}, "no attributes"),
        ({}, "32 hexadecimal"),
    ],
)
def test_an_item_that_is_none_is_told_with_its_reason(read, item, reason):
    ((_, told), (identity, _)) = read({"data": [item, answer(B)["data"][0]]})
    assert (reason in told, identity) == (True, B)


@pytest.mark.parametrize("identity", [None, "", "a\tb", 'a"b'])
def test_a_feature_without_a_usable_id_is_told(read, identity):
    ((_, told),) = read({"features": [{"type": "Feature", "id": identity, "geometry": SQUARE}]})
    assert "has no id" in told


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"data": [{]}', '{"other": 1}', '{"data": [', '{"data"', "[" * 100_000]
)
def test_what_is_no_list_of_areas_is_told(read, text):
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read(text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        list(read_areas(tmp_path / "none.json"))
