import json
import zipfile

import geopandas
import pytest
import shapely

SQUARE = shapely.box(-60.5, -5.5, -59.5, -4.5)


def feature(geometry, **properties):
    shape = None if geometry is None else json.loads(shapely.to_geojson(geometry))
    return {"type": "Feature", "properties": properties, "geometry": shape}


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": features})


def vector(api, driver, content, name="areas.geojson", **options):
    uri = api.source(name, content)
    body = {"source_type": "vector", "source_driver": driver, "source_uri": [uri]}
    return api.version("v1", {**body, "create_dynamic_vector_tile_cache": False, **options})


@pytest.fixture
def frame():
    data = {"Name": ["a", None], "size": [1, 2], "geometry": [SQUARE, shapely.Point(1, 2)]}
    return geopandas.GeoDataFrame(data, crs=4326)


def test_geojson_becomes_a_geo_table(api):
    content = collection(
        feature(SQUARE, fid=7, **{"Name A": "x", "day": "2026-01-02"}),
        feature(None, fid=8, **{"Name A": None, "day": None}),
    )
    assert vector(api, "GeoJSON", content) == "saved"
    assert api.assets("v1") == [("Geo database table", "saved")]
    rows = api.sql("select * from data order by fid")
    geom = rows[0].pop("geom")
    assert rows[0] == {"gfw_fid": 1, "fid": 7, "name_a": "x", "day": "2026-01-02"}
    assert rows[1] == {"gfw_fid": 2, "fid": 8, "name_a": None, "day": None, "geom": None}
    assert geom.startswith("0103000020E6100000")
    assert shapely.equals(shapely.from_wkb(geom), SQUARE)


def test_a_geopackage_and_its_layers(api, frame, tmp_path):
    polygons = frame.iloc[:1]
    for layer in ("one", "two"):
        polygons.to_file(tmp_path / "a.gpkg", layer=layer, driver="GPKG")
    content = (tmp_path / "a.gpkg").read_bytes()
    assert vector(api, "GPKG", content, "a.gpkg", layers=["one", "two"]) == "saved"
    assert [row["gfw_fid"] for row in api.sql("select gfw_fid from data")] == [1, 2]


def test_a_zipped_shapefile(api, frame, tmp_path):
    frame.iloc[:1].to_file(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    assert vector(api, "ESRI Shapefile", (tmp_path / "a.zip").read_bytes(), "a.zip") == "saved"
    assert api.sql("select name, size from data") == [{"name": "a", "size": 1}]


def test_geojson_lines(api):
    lines = "\n".join(json.dumps(feature(SQUARE, fid=number)) for number in range(3))
    assert vector(api, "GeoJSONSeq", lines + "\n", "a.ndjson") == "saved"
    assert api.sql("select count(*) from data") == [{"count": 3}]


def test_csv_with_well_known_text(api):
    content = f'fid,word,geom\n1,a,"{SQUARE.wkt}"\n2,b,\n'
    assert vector(api, "CSV", content, "a.csv") == "saved"
    rows = api.sql("select fid, geom from data order by fid")
    assert shapely.equals(shapely.from_wkb(rows[0]["geom"]), SQUARE)
    assert rows[1]["geom"] is None


@pytest.mark.parametrize(
    ("driver", "content", "reason"),
    [
        ("GPKG", collection(feature(SQUARE, fid=1)), "is not a GPKG file but GeoJSON"),
        ("GeoJSON", "{", "cannot be read as GeoJSON"),
        ("CSV", "fid,word\n1,a\n", "has no geometries"),
        (
            "GeoJSON",
            '<OGRVRTDataSource><OGRVRTLayer name="w"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>',  # noqa: E501 - one line of XML
            "cannot be read as GeoJSON",
        ),
        ("GeoJSON", collection(feature(SQUARE, geom=1)), "the attribute geom would be in the table twice"),
        ("GeoJSON", collection(feature(SQUARE, **{"a b": 1, "a_b": 2})), "the attribute a_b would be in the table"),
    ],
)
def test_what_is_no_such_file_fails_with_a_reason(api, driver, content, reason):
    assert vector(api, driver, content, "a.csv" if driver == "CSV" else "a.geojson") == "failed"
    assert reason in api.reason("v1")
    assert str(api.buckets) not in api.reason("v1")


def test_a_file_that_points_to_another_is_not_followed(api):
    secret = api.source("secret.csv", "fid,word\n1,secret\n", bucket="private")
    path = api.buckets / "s3" / secret.removeprefix("s3://")
    content = (
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{path}</SrcDataSource></OGRVRTLayer>'
        "</OGRVRTDataSource>"
    )
    assert vector(api, "GeoJSON", content, "a.geojson") == "failed"
    assert api.reason("v1") == "s3://sources/a.geojson is not a GeoJSON file but OGR_VRT"


def test_coordinates_that_are_not_degrees_are_refused(api, frame, tmp_path):
    frame.to_crs(3857).to_file(tmp_path / "a.gpkg", driver="GPKG")
    assert vector(api, "GPKG", (tmp_path / "a.gpkg").read_bytes(), "a.gpkg") == "failed"
    assert "only longitude and latitude in EPSG:4326 can be loaded" in api.reason("v1")


def test_a_schema_decides_types_and_must_fit(api):
    content = collection(feature(SQUARE, fid=1, code="7"))
    assert vector(api, "GeoJSON", content, table_schema=[{"name": "code", "data_type": "integer"}]) == "saved"
    assert api.sql("select code from data") == [{"code": 7}]
    api.delete("/dataset/table/v1")
    assert vector(api, "GeoJSON", content, table_schema=[{"name": "nope", "data_type": "integer"}]) == "failed"
    assert "the attribute nope, which the features have not" in api.reason("v1")


def test_appended_features_are_numbered_on(api):
    assert vector(api, "GeoJSON", collection(feature(SQUARE, code="a"))) == "saved"
    assert (
        api.append("v1", collection(feature(SQUARE, code="b"), feature(SQUARE, code="c")), suffix="geojson") == "saved"
    )
    assert [tuple(row.values()) for row in api.sql("select gfw_fid, code from data order by gfw_fid")] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert api.append("v1", collection(feature(SQUARE, other="b")), suffix="geojson") == "failed"
    assert "lacks the column code" in api.reason("v1")


def test_an_append_with_another_driver_is_refused(api):
    vector(api, "GeoJSON", collection(feature(SQUARE, code="a")))
    uri = api.source("more.geojson", collection(feature(SQUARE, code="a")))
    answer = api.post("/dataset/table/v1/append", {"source_uri": [uri], "source_driver": "GPKG"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("source_driver must match")


def test_one_file_drivers_take_one_file(api):
    api.dataset()
    body = {"source_type": "vector", "source_driver": "GeoJSON", "source_uri": ["s3://a-b/c.geojson"] * 2}
    messages = api.put("/dataset/table/v1", {"creation_options": body}).json()["message"]
    assert {
        "loc": ["body", "creation_options", "source_uri"],
        "msg": "GeoJSON and ESRI Shapefile vector sources require one and only one input file",
        "type": "assertion_error",
    } in messages


def test_a_vector_version_gets_a_failed_tile_cache_unless_told_not_to(api):
    content = collection(feature(SQUARE, fid=1))
    assert vector(api, "GeoJSON", content, create_dynamic_vector_tile_cache=True) == "saved"
    assert api.assets("v1") == [("Geo database table", "saved"), ("Dynamic vector tile cache", "failed")]
