import math
import struct
from datetime import date

import pyarrow as pa
import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.errors import DataError
from datapump.sources import point_shapefile
from datapump.sources.point_shapefile import PointShapefile, is_shapefile

coordinates = st.floats(-180, 180).map(lambda number: round(number, 5))
texts = st.one_of(st.none(), st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=8))
records = st.tuples(
    st.one_of(st.none(), st.tuples(coordinates, coordinates)),
    texts,
    st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda number: round(number, 3))),
    st.one_of(st.none(), st.integers(-(10**8), 10**8)),
    st.one_of(st.none(), st.dates(date(1900, 1, 1))),
)


def write(path, rows, geometry="Point"):
    shapes, words, reals, whole, days = zip(*rows, strict=True)
    wkb = [None if shape is None else struct.pack("<BIdd", 1, 1, *shape) for shape in shapes]
    table = pa.table(
        {
            "words": pa.array(words, pa.string()),
            "reals": pa.array(reals, pa.float64()),
            "whole": pa.array(whole, pa.int32()),
            "days": pa.array(days, pa.date32()),
            "geometry": pa.array(wkb, pa.binary()),
        }
    )
    pyogrio.write_arrow(
        table, path, geometry_name="geometry", geometry_type=geometry, crs="EPSG:4326", driver="ESRI Shapefile"
    )
    return path


ROW = ((1.5, 2.5), "a", 0.25, 7, None)


@pytest.fixture
def shp(tmp_path):
    return write(tmp_path / "points.shp", [ROW] * 3)


def read(path, wanted=("words", "reals", "whole", "days")):
    """Every record's x, y and attributes, and how many were deleted."""
    batches = list(PointShapefile(path).batches(wanted))
    rows = [
        row
        for batch in batches
        for row in zip(
            batch.x.tolist(), batch.y.tolist(), *(batch.attributes[name].to_pylist() for name in wanted), strict=True
        )
    ]
    return rows, sum(batch.deleted for batch in batches)


def refused(path, said):
    with pytest.raises(DataError, match=said):
        read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(records, min_size=1, max_size=40), st.integers(1, 50))
def test_records_are_read_as_by_a_general_reader(tmp_path_factory, monkeypatch, rows, at_once):
    monkeypatch.setattr(point_shapefile, "_ROWS_AT_ONCE", at_once)
    path = write(tmp_path_factory.mktemp("oracle") / "points.shp", rows)
    found, deleted = read(path)
    expected = pyogrio.read_arrow(path)[1].to_pylist()
    assert deleted == 0
    for (x, y, words, reals, whole, days), row in zip(found, expected, strict=True):
        shape = row["wkb_geometry"]
        assert (None if math.isnan(x) else (x, y)) == (None if shape is None else struct.unpack("<dd", shape[5:]))
        assert words == (row["words"] or "")
        assert (float(reals) if reals.strip("*") else None) == row["reals"]
        assert (int(whole) if whole.strip("*") else None) == row["whole"]
        assert (days if days.strip("0") else None) == (row["days"] and f"{row['days']:%Y%m%d}")


def test_only_wanted_attributes_are_read(shp):
    shapefile = PointShapefile(shp)
    assert shapefile.columns == ("words", "reals", "whole", "days")
    assert shapefile.rows == 3
    assert [list(batch.attributes) for batch in shapefile.batches(["whole"])] == [["whole"]]


def test_points_with_heights_are_read(tmp_path):
    path = write(tmp_path / "points.shp", [ROW] * 2, "Point Z")
    assert [row[:2] for row in read(path)[0]] == [(1.5, 2.5)] * 2


def test_points_with_measures_between_empty_shapes_are_read(shp):
    measured = struct.pack("<iddd", 21, 1.5, 2.5, 9)
    content = shp.read_bytes()[:100]
    index = shp.with_suffix(".shx").read_bytes()[:100]
    for number, shape in enumerate((measured, bytes(4), measured)):
        index += struct.pack(">ii", len(content) // 2, len(shape) // 2)
        content += struct.pack(">ii", number + 1, len(shape) // 2) + shape
    shp.write_bytes(content[:24] + struct.pack(">i", len(content) // 2) + content[28:32] + bytes([21]) + content[33:])
    shp.with_suffix(".shx").write_bytes(index)
    assert [row[:2] for row in read(shp)[0]] == [(1.5, 2.5), (pytest.approx(math.nan, nan_ok=True),) * 2, (1.5, 2.5)]


def test_deleted_records_are_passed_over_and_counted(shp):
    table = shp.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    header, record = struct.unpack("<HH", content[8:12])
    content[header + record] = ord("*")
    table.write_bytes(content)
    rows, deleted = read(shp)
    assert (len(rows), deleted) == (2, 1)


def test_bytes_beyond_ascii_do_no_harm(shp):
    table = shp.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"a   ", b"\xff\0\xe4 ", 1))
    assert [row[2] for row in read(shp)[0]] == ["\x7f \x7f", "a", "a"]


def test_a_shapefile_without_records_is_read(shp):
    for suffix in (".shp", ".shx"):
        file = shp.with_suffix(suffix)
        file.write_bytes(file.read_bytes()[:24] + struct.pack(">i", 50) + file.read_bytes()[28:100])
    table = shp.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:4] + bytes(4) + table.read_bytes()[8:])
    assert read(shp) == ([], 0)


def test_other_files_are_found_whatever_the_case_of_their_suffix(shp):
    shp.with_suffix(".dbf").rename(shp.with_suffix(".DBF"))
    assert len(read(shp)[0]) == 3


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_a_missing_file_is_named(shp, suffix):
    shp.with_suffix(suffix).unlink()
    refused(shp, f"points.shp comes without its {suffix} file")


@pytest.mark.parametrize("suffix", [".shp", ".shx", ".dbf"])
def test_a_file_cut_short_anywhere_is_refused(shp, suffix):
    file = shp.with_suffix(suffix)
    whole = file.read_bytes()
    end = len(whole) - (suffix == ".dbf")  # the last byte of a table only marks its end
    for length in range(0, end, 5):
        file.write_bytes(whole[:length])
        refused(shp, r"cut short|not one whole shapefile|is not a shapefile")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    st.sampled_from([".shp", ".shx", ".dbf"]), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1)
)
def test_a_damaged_shapefile_is_read_or_refused(shp, suffix, changes):
    file = shp.with_suffix(suffix)
    whole = file.read_bytes()
    content = bytearray(whole)
    for at, value in changes:
        content[at % len(content)] = value
    file.write_bytes(content)
    try:
        shapefile = PointShapefile(shp)
        for batch in shapefile.batches(shapefile.columns):
            assert {len(column) for column in (batch.x, batch.y, *batch.attributes.values())} == {len(batch.x)}
    except DataError:
        pass  # refused
    finally:
        file.write_bytes(whole)


def test_shapes_that_are_no_points_are_refused(tmp_path):
    line = pa.table({"a": [1], "geometry": pa.array([struct.pack("<BIIdddd", 1, 2, 2, 0, 0, 1, 1)])})
    path = tmp_path / "lines.shp"
    pyogrio.write_arrow(
        line, path, geometry_name="geometry", geometry_type="LineString", crs="EPSG:4326", driver="ESRI Shapefile"
    )
    refused(path, "is not a shapefile of points")


def test_a_shape_of_another_kind_among_points_is_refused(shp):
    content = bytearray(shp.read_bytes())
    content[108:112] = struct.pack("<i", 5)
    shp.write_bytes(content)
    refused(shp, "holds shapes that are no points")


def test_binary_attributes_are_refused(shp):
    table = shp.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    content[32 + 11] = ord("I")
    table.write_bytes(content)
    refused(shp, "keeps words in the binary type 'I'")


def test_a_shapefile_is_told_by_how_it_begins(shp):
    assert is_shapefile(shp)
    assert not is_shapefile(shp.with_suffix(".dbf"))
