from __future__ import annotations

import random

import pytest
import shapely

from datapump.analyses import FeatureType
from datapump.engines import AnalysisRequest
from datapump.engines.local.features import read_features
from datapump.engines.local.files import Files, expand
from datapump.engines.local.row_filters import RowFilter
from datapump.errors import DataError
from tests.datapump.engines.local import worlds

SQUARE = shapely.box(10, 0, 11, 1)
HEX = shapely.to_wkb(SQUARE, hex=True)
GADM = "fid\tgid_0\tgid_1\tgid_2\ttile_id\ttcl\tglad\tgeom\n"
WDPA = "site_id\tname\tiucn_cat\tiso3\tstatus\ttcl\tglad\tgeom\n"
BOWTIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def read(path, feature_type):
    files = expand(Files(None), [str(path)], "feature", each=True)
    return read_features(files, FeatureType(feature_type), Files(None), lambda _: None)


def read_text(tmp_path, text, feature_type="feature"):
    path = tmp_path / "features.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, feature_type)


def reasons(features):
    return {reason["reason"]: reason["rows"] for reason in features.skipped.report()}


@pytest.mark.parametrize("srid", [None, 4326])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_wkb_and_ewkb_are_read_in_either_case(tmp_path, srid, case):
    polygon = SQUARE if srid is None else shapely.set_srid(SQUARE, srid)
    text = case(shapely.to_wkb(polygon, hex=True, include_srid=True))
    assert text.lower().startswith("0103000020e6100000" if srid else "0103000000")
    features = read_text(tmp_path, f"fid\tgeom\n7\t{text}\n8\t {text} \n")
    assert features.ids.table.to_pydict() == {"feature__id": [7, 8]}
    assert shapely.equals(features.geometries, SQUARE).all()


@pytest.mark.parametrize(
    ("feature_type", "text", "ids"),
    [
        ("gadm", f"{GADM}1\tIDN\tIDN.1_1\tIDN.1.5_1\t0\tt\tt\t{HEX}\n", ("IDN", 1, 5)),
        ("gadm", f"gid\tGID_2\tGID_1\tGID_0\tgeom\n1\tIDN.1.5_1\tIDN.1_1\tIDN\t{HEX}\n", ("IDN", 1, 5)),
        ("gadm", f"a\tb\tc\td\te\tf\tg\th\n1\tIDN\tIDN.1_1\tIDN.1.5_1\t0\tt\tt\t{HEX}\n", ("IDN", 1, 5)),
        ("wdpa", f"{WDPA}12\tA\tII\tBRA\tD\tt\tt\t{HEX}\n", (12, "A", "II", "BRA", "D")),
        ("wdpa", f"geom\tstatus\tiso\tiucn_cat\tname\twdpaid\n{HEX}\tD\tBRA\tII\tA\t12\n", (12, "A", "II", "BRA", "D")),
        ("geostore", f"geostore_id\tgeom\ttcl\tglad\nabc\t{HEX}\tTrue\tFalse\n", ("abc",)),
        ("geostore", f"geom\tgeostore_id\n{HEX}\tabc\n", ("abc",)),
        ("feature", f"fid\tname\ttcl\tglad\tgeom\n007\tX\tt\tt\t{HEX}\n", (7,)),
        ("feature", f"gfw_fid\tgeom\n7\t{HEX}\n", (7,)),
        ("feature", f"\ufefffid\tgeom\r\n7\t{HEX}\r\n", (7,)),
    ],
)  # fmt: skip
def test_columns_are_found_by_name_and_else_by_position(tmp_path, feature_type, text, ids):
    features = read_text(tmp_path, text, feature_type)
    assert tuple(features.ids.table.to_pylist()[0].values()) == ids
    assert features.skipped.total == 0


def test_fields_read_by_position_are_told(tmp_path):
    features = read_text(tmp_path, f"gfw_fid\tgeom\n7\t{HEX}\n")
    assert list(features.by_position.values()) == [{"fid": "gfw_fid"}]
    features = read_text(tmp_path, f"wdpaid\tname\tiucn_cat\tiso\tstatus\tgeom\n7\ta\tb\tc\td\t{HEX}\n", "wdpa")
    assert list(features.by_position.values()) == [{}], "a former name is a name"


@pytest.mark.parametrize(
    ("gid_1", "gid_2", "expected"),
    [
        ("IDN.1_1", "IDN.1.5_1", (1, 5)),
        ("IDN.12_3", "IDN.12.105_2", (12, 105)),
        ("GHA1.1_2", "GHA1.1.3_2", (1, 3)),
        ("IDN.1", "IDN.1.5", (1, 5)),
        ("", "", (None, None)),
        ("?", "NA", (None, None)),
        ("IDN.x_1", "IDN.1.y_1", (None, None)),
        ("IDN.1.5_1", "IDN.1_1", (None, None)),
    ],
)
def test_gadm_ids_are_taken_apart_and_null_where_they_cannot_be(tmp_path, gid_1, gid_2, expected):
    text = f"{GADM}1\tIDN\t{gid_1}\t{gid_2}\t0\tt\tt\t{HEX}\n"
    features = read_text(tmp_path, text, "gadm")
    assert features.ids.table.to_pylist() == [{"iso": "IDN", "adm1": expected[0], "adm2": expected[1]}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"x\t{HEX}", "fid is not an integer"),
        (f"1.0\t{HEX}", "fid is not an integer"),
        (f"\t{HEX}", "fid is not an integer"),
        (f"{10**20}\t{HEX}", "fid is not an integer"),
        (f"\udcff\t{HEX}", "id is not UTF-8 text"),
        ("1\t", "geometry is empty"),
        ("1\t010300000000000000", "geometry is empty"),
        ("1\t0xyz", "geometry is not hexadecimal WKB"),
        ("1\t" + HEX[:-1], "geometry is not hexadecimal WKB"),
        ("1\t" + HEX[:-2], "geometry is not hexadecimal WKB"),
        ("1\tPOLYGON ((0 0, 1 0, 1 1, 0 0))", "geometry is not hexadecimal WKB"),
        ("1\t" + shapely.to_wkb(shapely.Point(1, 2), hex=True), "geometry is not a polygon"),
        ("1\t" + shapely.to_wkb(shapely.LineString([(1, 2), (3, 4)]), hex=True), "geometry is not a polygon"),
        ("1\t" + shapely.to_wkb(shapely.Point(), hex=True), "geometry is empty"),
        (
            "1\t" + shapely.to_wkb(shapely.set_srid(SQUARE, 3857), hex=True, include_srid=True),
            "geometry is not in WGS 84 (EPSG:4326)",
        ),
        (
            "1\t" + shapely.to_wkb(shapely.Polygon([(0, 0), (1, 1), (2, 2), (0, 0)]), hex=True),
            "geometry is invalid and nothing is left of it when repaired",
        ),
        (
            "1\t" + shapely.to_wkb(shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)]), hex=True),
            "an edge of the geometry spans more than 180 degrees: cut it in two at 180 degrees east",
        ),
        (f"1\t{HEX}\tmore", "not 2 columns"),
        ("1", "not 2 columns"),
    ],
)
def test_a_bad_row_is_skipped_counted_and_shown(tmp_path, row, reason):
    text = f"fid\tgeom\n5\t{HEX}\n{row}\n6\t{HEX}\n".encode(errors="surrogateescape")
    features = read_text(tmp_path, text)
    assert features.ids.table.to_pydict() == {"feature__id": [5, 6]}
    (told,) = features.skipped.report()
    assert (told["reason"], told["rows"], told["examples"][0]["row"]) == (reason, 1, 3)
    assert told["examples"][0]["file"] == str(tmp_path / "features.tsv")
    assert list(features.rows.values()) == [3]


@pytest.mark.parametrize(
    ("feature_type", "text", "reason"),
    [
        ("geostore", f"geostore_id\tgeom\nok\t{HEX}\n  \t{HEX}\n", "geostore_id is empty"),
        ("wdpa", f"{WDPA}1\tA\tB\tC\tD\tt\tt\t{HEX}\nA\tA\tB\tC\tD\tt\tt\t{HEX}\n", "site_id is not an integer"),
        ("gadm", f"gid_0\tgid_1\tgid_2\tgeom\nIDN\tIDN.1\tIDN.1.1\t{HEX}\n\tIDN.1\tIDN.1.1\t{HEX}\n", "gid_0 is empty"),
    ],
)  # fmt: skip
def test_a_row_without_an_id_is_skipped(tmp_path, feature_type, text, reason):
    features = read_text(tmp_path, text, feature_type)
    assert reasons(features) == {reason: 1}
    assert len(features.ids) == 1


def test_bad_rows_are_found_wherever_they_are_and_keep_their_row_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("datapump.engines.local.delimited._BLOCK_BYTES", 700)
    dice = random.Random(3)
    bad = {row: dice.choice([f"{row}\tzz", f"x\t{HEX}", f"{row}\t{HEX}\t"]) for row in dice.sample(range(2, 102), 40)}
    lines = [bad.get(row, f"{row}\t{HEX}") for row in range(2, 102)]
    features = read_text(tmp_path, "fid\tgeom\n" + "\n".join(lines) + "\n")
    assert features.ids.table.to_pydict()["feature__id"] == [row for row in range(2, 102) if row not in bad]
    assert sum(reasons(features).values()) == 40
    for reason in features.skipped.report():
        kind = {"fid is not an integer": "x", "not 2 columns": "\t"}
        mark = kind.get(reason["reason"], "zz")
        expected = [row for row in sorted(bad) if (bad[row][0] if mark == "x" else bad[row]).endswith(mark)]
        assert [example["row"] for example in reason["examples"]] == expected[:3]


def test_an_invalid_polygon_is_repaired_and_counted(tmp_path):
    text = shapely.to_wkb(BOWTIE, hex=True)
    features = read_text(tmp_path, f"fid\tgeom\n1\t{text}\n2\t{HEX}\n")
    assert features.repaired == 1
    assert shapely.is_valid(features.geometries).all()
    assert shapely.area(features.geometries[0]) == pytest.approx(0.5)


def test_of_a_collection_only_its_polygons_count(tmp_path):
    both = shapely.GeometryCollection([SQUARE, shapely.LineString([(20, 20), (30, 30)])])
    features = read_text(tmp_path, f"fid\tgeom\n1\t{shapely.to_wkb(both, hex=True)}\n")
    assert shapely.equals(features.geometries[0], SQUARE)


def test_rows_of_one_id_lie_side_by_side(tmp_path):
    order = [3, 1, 2, 1, 3, 2, 1]
    features = read_text(tmp_path, "fid\tgeom\n" + "".join(f"{fid}\t{HEX}\n" for fid in order))
    assert features.ids.table.to_pydict() == {"feature__id": [1, 2, 3]}
    assert features.codes.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_a_row_longer_than_a_block_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("datapump.engines.local.delimited._BLOCK_BYTES", 256)
    circle = shapely.Point(0, 0).buffer(1, quad_segs=500)
    text = shapely.to_wkb(circle, hex=True)
    rows = "".join(f"{fid}\t{text if fid % 5 == 4 else HEX}\n" for fid in range(20)) + "x\n"
    features = read_text(tmp_path, "fid\tgeom\n" + rows)
    assert features.ids.table.to_pydict()["feature__id"] == list(range(20))
    assert reasons(features) == {"not 2 columns": 1}


def test_an_unclosed_quote_is_told_with_the_lines_it_swallowed(tmp_path):
    rows = [f"1\tA\tB\tC\tD\t{HEX}", f'2\t"A\tB\tC\tD\t{HEX}', f"3\tA\tB\tC\tD\t{HEX}"]
    text = "\n".join(["site_id\tname\tiucn_cat\tiso3\tstatus\tgeom", *rows, ""])
    features = read_text(tmp_path, text, "wdpa")
    (told,) = features.skipped.report()
    assert "a quote that is not closed?" in told["examples"][0]["id"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: expected a header line"),
        ("\n", "is empty: expected a header line"),
        ("fid\tgeom", "holds no features: there is no row below its header"),
        ("fid\tgeom\n", "holds no features: there is no row below its header"),
        (f"fid\tname\n1\t{HEX}\n", None),
        ("fid\n1\n", "lacks the column geom; its header line is 'fid'"),
        (f"fid,geom\n1,{HEX}\n", "lacks the column geom"),
        (f"tcl\tgeom\nt\t{HEX}\n", "lacks the column fid"),
        (f"7\t{HEX}\n", "has no header line"),
        ("fid\tgeom\n1\tzz\n2\tzz\nx\tzz\n", "none of the 3 rows .* can be used: 1 x fid is not an integer; 2 x geom"),
        (b"\xff\xfe\x00f\x00", "not tab-separated UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, message):
    if message is None:
        assert len(read_text(tmp_path, text).ids) == 1
        return
    with pytest.raises(DataError, match=message) as caught:
        read_text(tmp_path, text)
    assert str(tmp_path / "features.tsv") in caught.value.message
    assert not caught.value.retryable


def test_gadm_without_a_level_is_refused_rather_than_read_from_under_another_name(tmp_path):
    with pytest.raises(DataError, match="lacks the columns gid_2, geom"):
        read_text(tmp_path, f"fid\tgid_0\tgid_1\ttile_id\tgeometry\n1\tIDN\tIDN.1_1\t0\t{HEX}\n", "gadm")


def test_one_file_without_rows_among_several_is_refused(tmp_path):
    for name, rows in (("a", f"1\t{HEX}\n"), ("b", "")):
        (tmp_path / f"{name}.tsv").write_text("fid\tgeom\n" + rows)
    with pytest.raises(DataError, match=r"b\.tsv holds no features"):
        read(tmp_path / "*.tsv", "feature")


def test_several_files_with_columns_in_different_orders_are_one_set(tmp_path):
    (tmp_path / "a.tsv").write_text(f"fid\tgeom\n1\t{HEX}\n2\t{HEX}\n")
    (tmp_path / "b.tsv").write_text(f"geom\ttcl\tfid\n{HEX}\tt\t2\n")
    features = read(tmp_path / "*.tsv", "feature")
    assert features.codes.tolist() == [0, 1, 1]
    assert list(features.rows.values()) == [2, 1]


def test_every_world_s_ids_are_read_back(tmp_path):
    for feature_type, names in worlds.NAMES.items():
        world = worlds.World(feature_type, [(name, SQUARE) for name in names])
        world.write(tmp_path / feature_type)
        features = read(tmp_path / feature_type / "features.tsv", feature_type)
        found = {tuple("" if v is None else str(v) for v in row.values()) for row in features.ids.table.to_pylist()}
        assert found == set(names)


def asked(analysis, feature_type, **changes):
    worlds_request = {
        "name": "r",
        "analysis": analysis,
        "feature_type": feature_type,
        "features": ("f",),
        "output": "o",
    }
    return AnalysisRequest.model_validate(worlds_request | changes)


@pytest.mark.parametrize(
    ("analysis", "left"),
    [("tcl", [1, 2, 5]), ("glad", [1, 3]), ("integrated_alerts", [1, 3]), ("viirs", [1, 2, 3, 4, 5])],
)
def test_rows_without_the_flag_of_the_analysis_are_left_out_and_counted(tmp_path, analysis, left):
    flags = [("t", "True"), ("true", "f"), ("False", "1"), ("", "no"), ("YES", "False")]
    rows = [f"{k}\tIDN\tIDN.{k}_1\tIDN.{k}.1_1\t0\t{tcl}\t{glad}\t{HEX}\n" for k, (tcl, glad) in enumerate(flags, 1)]
    (tmp_path / "features.tsv").write_text(GADM + "".join(rows))
    files = expand(Files(None), [str(tmp_path / "features.tsv")], "feature", each=True)
    wanted = RowFilter.of(asked(analysis, "gadm"))
    found = read_features(files, FeatureType("gadm"), Files(None), lambda _: None, wanted)
    assert found.ids.table.to_pydict()["adm1"] == left
    assert found.skipped.total == 5 - len(left)
    assert sum(found.rows.values()) == 5


def test_flags_of_geostores_do_not_matter_and_a_file_may_lack_them(tmp_path):
    assert RowFilter.of(asked("tcl", "geostore")) == RowFilter()
    (tmp_path / "features.tsv").write_text(f"fid\tgid_0\tgid_1\tgid_2\tgeom\n1\tIDN\tIDN.1_1\tIDN.1.1_1\t{HEX}\n")
    files = expand(Files(None), [str(tmp_path / "features.tsv")], "feature", each=True)
    wanted = RowFilter.of(asked("tcl", "gadm"))
    assert len(read_features(files, FeatureType("gadm"), Files(None), lambda _: None, wanted).codes) == 1


def test_countries_are_limited_by_the_order_of_their_codes_without_the_last(tmp_path):
    codes = ["BLZ", "BRA", "CAN", "COK", "COL"]
    rows = [f"{k}\tn\tII\t{code}\tD\tt\tt\t{HEX}\n" for k, code in enumerate(codes)]
    (tmp_path / "features.tsv").write_text(WDPA + "".join(rows))
    files = expand(Files(None), [str(tmp_path / "features.tsv")], "feature", each=True)
    wanted = RowFilter.of(asked("tcl", "wdpa", iso_start="BRA", iso_end="COK"))
    found = read_features(files, FeatureType("wdpa"), Files(None), lambda _: None, wanted)
    assert found.ids.table.to_pydict()["wdpa_protected_area__iso"] == ["BRA", "CAN"]
    assert reasons(found) == {"left out: its country is not from BRA on, before COK": 3}


def test_geometries_on_both_sides_of_180_degrees_and_around_a_pole_are_taken_as_they_are(tmp_path):
    sides = shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)])
    pole = shapely.Polygon([(-180, -90), (180, -90), (180, -80), (90, -75), (0, -78), (-90, -70), (-180, -80)])
    rows = [f"{number}\t{shapely.to_wkb(shape, hex=True)}\n" for number, shape in enumerate([sides, pole])]
    features = read_text(tmp_path, ("fid\tgeom\n" + "".join(rows)).encode())
    assert features.skipped.total == 0
    assert shapely.area(features.geometries).tolist() == [sides.area, pole.area]
