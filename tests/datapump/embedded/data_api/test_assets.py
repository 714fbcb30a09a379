import pytest

ROWS = "lat_d\tlon_d\n1\t2\n"
TILE_SET = {"pixel_meaning": "year", "data_type": "uint16", "grid": "10/40000"}
RASTER = {**TILE_SET, "source_type": "raster", "source_driver": "GeoTIFF"}
UNKNOWN = "11111111-1111-4111-8111-111111111111"
VECTOR = "raster tile sets from vector features are not available in the embedded Data API"


@pytest.fixture
def points(api):
    assert api.table("v1", [ROWS], latitude="lat_d", longitude="lon_d") == "saved"
    return api


def ask(api, asset_type, creation_options, version="v1", **more):
    body = {"asset_type": asset_type, "creation_options": creation_options, **more}
    return api.post(f"/dataset/table/{version}/assets", body)


def test_a_version_of_a_broken_raster_is_taken_and_fails_with_its_reason(api):
    uri = api.source("a.tif", b"II*\0")
    assert api.version("v1", {**RASTER, "source_uri": [uri]}) == "failed"
    assert api.assets("v1") == [("Raster tile set", "failed")]
    assert api.reason("v1").startswith("a.tif is not a GeoTIFF that can be read: ")
    asset = api.data("/dataset/table/v1/assets")[0]
    assert asset["asset_uri"] == "s3://gfw-data-lake/table/v1/raster/epsg-4326/10/40000/year/geotiff/{tile_id}.tif"
    query = api.client.get("/dataset/table/v1/query/json", params={"sql": "select 1 from data"})
    assert (query.status_code, query.json()["message"]) == (422, "Raster tile set queries require a geometry.")
    assert ask(api, "COG", {"source_asset_id": asset["asset_id"]}).json()["message"] == (
        "Version status is `failed`. Cannot add any assets."
    )


@pytest.mark.parametrize(
    ("change", "loc", "kind"),
    [
        ({"no_data": 0.0}, "no_data", "type_error.integer"),
        ({"no_data": "NaN"}, "no_data", "type_error.enum"),
        ({"no_data": True}, "no_data", "type_error.integer"),
        ({"no_data": [0]}, "no_data", "assertion_error"),
        ({"resampling": None}, "resampling", "type_error.none.not_allowed"),
        ({"grid": "10/1"}, "grid", "type_error.enum"),
        ({"num_processes": "8"}, "num_processes", "type_error.integer"),
        ({"symbology": {"type": "discrete", "colormap": {"1": {"red": 300}}}}, "red", "value_error.number.not_le"),
        ({"source_driver": "PNG"}, "source_driver", "type_error.enum"),
        ({"timeout": 5}, "timeout", "value_error.extra"),
    ],
)
def test_raster_options_are_checked_as_the_service_does(api, change, loc, kind):
    api.dataset()
    options = {**RASTER, "band_count": 2, "source_uri": ["s3://sources/a.tif"], **change}
    messages = api.put("/dataset/table/v1", {"creation_options": options}).json()["message"]
    assert loc in [one["loc"][-1] for one in messages if one["type"] == kind]


@pytest.mark.parametrize("no_data", [None, 0, -1, "nan", [0, 0], ["nan", "nan"]])
def test_these_values_stand_for_no_data(api, no_data):
    api.dataset()
    uri = api.source("a.tif", b"II*\0")
    options = {**RASTER, "band_count": 2, "no_data": no_data, "source_uri": [uri]}
    assert api.put("/dataset/table/v1", {"creation_options": options}).status_code == 202


def test_a_raster_asset_is_taken_and_fails_while_the_version_stays(points):
    asset = points.asset("v1", "Raster tile set", {**TILE_SET, "grid": "zoom_3"})
    assert asset["status"] == "failed"
    assert "/raster/epsg-3857/zoom_3/year/" in asset["asset_uri"]
    assert points.reason("v1") == VECTOR
    assert points.data("/dataset/table/v1")["status"] == "saved"


@pytest.mark.parametrize(
    ("asset_type", "options", "status", "message"),
    [
        ("Raster tile cache", {}, 400, "Parent asset type Raster tile set does not exist."),
        ("csv", {}, 400, "Parent asset type Database table does not exist."),
        ("Database table", {}, 500, "Creation of asset type Database table not implemented."),
        (
            "Raster tile set",
            {**TILE_SET, "auxiliary_assets": [UNKNOWN]},
            400,
            f"Auxiliary asset {UNKNOWN} does not exist.",
        ),
    ],
)
def test_assets_that_cannot_be_are_refused(points, asset_type, options, status, message):
    fitting = {} if asset_type == "Raster tile set" else {"field_attributes": None}
    answer = ask(points, asset_type, {**fitting, **options})
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["status"] == ("error" if status == 500 else "failed")


def test_a_type_without_a_procedure_is_501(api):
    api.table("v1", ["key\n1\n"])
    answer = ask(api, "tsv", {})
    assert (answer.status_code, answer.json()["status"]) == (501, "error")


def test_options_of_another_type_break(points):
    answer = ask(points, "1x1 grid", TILE_SET)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_an_unknown_type_or_option_is_422(points):
    assert ask(points, "Zarr", {}).json()["message"][0]["loc"] == ["body", "asset_type"]
    assert ask(points, "1x1 grid", {"colour": "red"}).status_code == 422
    assert ask(points, "Raster tile set", {**TILE_SET, "source_uri": []}).status_code == 422


def test_a_pending_version_takes_no_assets(points):
    points.steps.hold("reading")
    uri = points.source("b.tsv", ROWS)
    body = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
    points.put("/dataset/table/v2", {"creation_options": body})
    answer = ask(points, "1x1 grid", {}, "v2")
    assert answer.status_code == 409
    assert answer.json()["message"] == (
        "Version status is currently `pending`. Please retry once version is in status `saved`"
    )


def test_an_answer_tells_where_the_new_asset_is(points):
    answer = ask(points, "Static vector tile cache", {"tile_strategy": "continuous", "layer_style": []})
    asset = answer.json()["data"]
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/table/v1/asset/{asset['asset_id']}"
    assert (asset["status"], asset["metadata"], asset["is_managed"]) == ("pending", {}, True)
    assert points.data(f"/asset/{asset['asset_id']}/tasks")[0]["asset_id"] == asset["asset_id"]


def test_assets_are_filtered(points):
    points.asset("v1", "ndjson", {})
    table, ndjson = points.data("/dataset/table/v1/assets")
    path = "/dataset/table/v1/assets"
    assert points.data(path, asset_type="ndjson") == [ndjson]
    assert points.data(path, is_default=True) == [table]
    assert points.data(path, asset_uri=table["asset_uri"]) == [table]
    assert points.data(path, is_latest=True) == []
    assert points.data("/assets", dataset="table", asset_type="ndjson") == [ndjson]
    assert points.client.get(path, params={"asset_type": "Zarr"}).status_code == 422
    page = points.client.get(path, params={"page[number]": 2, "page[size]": 1}).json()
    assert (page["data"], page["meta"]["total_items"]) == ([ndjson], 2)


def test_a_default_asset_is_not_deleted(points):
    asset = points.data("/dataset/table/v1/assets")[0]
    answer = points.delete(f"/asset/{asset['asset_id']}")
    assert (answer.status_code, answer.json()["status"]) == (409, "failed")


def test_deleting_a_dynamic_tile_cache_breaks_and_an_unknown_asset_is_404(api):
    api.table("v1", ["key\n1\n"], create_dynamic_vector_tile_cache=True)
    tiles = api.data("/dataset/table/v1/assets")[1]
    assert api.delete(f"/asset/{tiles['asset_id']}").text == "Internal Server Error"
    assert api.delete(f"/asset/{UNKNOWN}").status_code == 404
    assert api.client.get(f"/asset/{UNKNOWN}").status_code == 404
    assert api.delete("/asset/nope").status_code == 422
    assert api.client.get(f"/asset/{UNKNOWN}/creation_options").status_code == 500
