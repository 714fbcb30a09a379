from __future__ import annotations

import datetime as dt

import pytest

from datapump.analyses import Analysis
from datapump.engines.local.files import Files, expand
from datapump.engines.local.fires import FireReader
from datapump.errors import DataError

HEADER = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp\n"
REST = "330.1\t290.2\t5.5"


def read(tmp_path, text, analysis="viirs"):
    path = tmp_path / "fires.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogateescape"))
    reader = FireReader(Analysis(analysis), Files(None), lambda _: None)
    texts = {}
    found = []
    for chunk in reader.chunks(expand(Files(None), [str(path)], "fire", each=False)):
        texts = {number: text for text, number in reader.confidences.items()}
        for lat, lon, day, conf in zip(chunk.latitude, chunk.longitude, chunk.day, chunk.confidence, strict=True):
            date = dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
            found.append((float(lat), float(lon), str(date), texts[int(conf)]))
    return reader, found


def test_fires_are_read_by_name_in_any_order(tmp_path):
    _, found = read(tmp_path, "confidence\tacq_date\tLONGITUDE\tlatitude\tsatellite\nn\t2026-01-01\t-60.5\t-3.25\tT\n")
    assert found == [(-3.25, -60.5, "2026-01-01", "n")]


def test_fires_are_read_by_position_where_the_header_has_other_names(tmp_path):
    reader, found = read(tmp_path, f"lat\tlon\tday\ttime\tconf\ta\tb\tc\n-3.25\t-60.5\t2026-01-01\t0105\tl\t{REST}\n")
    assert found == [(-3.25, -60.5, "2026-01-01", "l")]
    (told,) = reader.by_position.values()
    assert told == {"latitude": "lat", "longitude": "lon", "acq_date": "day", "confidence": "conf"}


@pytest.mark.parametrize(
    ("value", "category"),
    [
        ("100", "h"),
        ("99", "h"),
        ("98", "n"),
        ("40", "n"),
        ("39", "l"),
        ("0", "l"),
        ("40.5", "n"),
        (" 70 ", "n"),
        ("", None),
        ("n", None),
        ("-1", None),
        ("101", None),
        ("nan", None),
    ],
)
def test_modis_confidence_is_cut_into_three(tmp_path, value, category):
    _, found = read(tmp_path, f"{HEADER}1\t2\t2026-01-01\t0105\t{value}\t{REST}\n", "modis")
    assert found == [(1, 2, "2026-01-01", category)]


@pytest.mark.parametrize(
    ("value", "kept"), [("n", "n"), ("nominal", "nominal"), ("", None), (" h ", "h"), ("85", "85")]
)
def test_viirs_confidence_is_kept(tmp_path, value, kept):
    _, found = read(tmp_path, f"{HEADER}1\t2\t2026-01-01\t0105\t{value}\t{REST}\n")
    assert found == [(1, 2, "2026-01-01", kept)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("90.01\t2\t2026-01-01\t0105\tn", "latitude beyond 90 or longitude beyond 180 degrees"),
        ("-90.01\t2\t2026-01-01\t0105\tn", "latitude beyond 90 or longitude beyond 180 degrees"),
        ("1\t180.01\t2026-01-01\t0105\tn", "latitude beyond 90 or longitude beyond 180 degrees"),
        ("1\t-180.01\t2026-01-01\t0105\tn", "latitude beyond 90 or longitude beyond 180 degrees"),
        ("x\t2\t2026-01-01\t0105\tn", "latitude or longitude is not a number"),
        ("1\t\t2026-01-01\t0105\tn", "latitude or longitude is not a number"),
        ("nan\t2\t2026-01-01\t0105\tn", "latitude or longitude is not a number"),
        ("inf\t2\t2026-01-01\t0105\tn", "latitude or longitude is not a number"),
        ("1,5\t2\t2026-01-01\t0105\tn", "latitude or longitude is not a number"),
        ("1\t2\t2026-02-30\t0105\tn", "acq_date is not a date YYYY-MM-DD"),
        ("1\t2\t20260101\t0105\tn", "acq_date is not a date YYYY-MM-DD"),
        ("1\t2\t\t0105\tn", "acq_date is not a date YYYY-MM-DD"),
        ("1\t2\t2026-01-01 00:00\t0105\tn", "acq_date is not a date YYYY-MM-DD"),
        ("1\t2\t2026-01-01\t0105\t\udcff", "not UTF-8 text"),
    ],
)
def test_a_fire_that_cannot_be_placed_is_dropped_and_counted(tmp_path, row, reason):
    good = f"1\t2\t2026-01-01\t0105\tn\t{REST}\n"
    reader, found = read(tmp_path, f"{HEADER}{good}{row}\t{REST}\n+1.5\t-2.5e0\t2026-01-01\t0105\tn\t{REST}\n")
    assert found == [(1, 2, "2026-01-01", "n"), (1.5, -2.5, "2026-01-01", "n")]
    (told,) = reader.skipped.report()
    assert (told["reason"], told["rows"], told["examples"][0]["row"]) == (reason, 1, 3)
    assert list(reader.rows.values()) == [3]


def test_the_edges_of_the_earth_are_kept(tmp_path):
    places = [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)]
    rows = "".join(f"{lat}\t{lon}\t2026-01-01\t0105\tn\t{REST}\n" for lat, lon in places)
    _, found = read(tmp_path, HEADER + rows)
    assert [fire[:2] for fire in found] == places


def test_identical_rows_are_as_many_fires(tmp_path):
    _, found = read(tmp_path, HEADER + f"1\t2\t2026-01-01\t0105\tn\t{REST}\n" * 3)
    assert len(found) == 3


def test_files_are_read_one_after_the_other_in_chunks_over_their_borders(tmp_path, monkeypatch):
    monkeypatch.setattr("datapump.engines.local.fires.CHUNK", 4)
    for name, count in (("a", 3), ("b", 0), ("c", 5)):
        rows = "".join(f"{k}\t0\t2026-01-01\t0105\tn\t{REST}\n" for k in range(count))
        (tmp_path / f"{name}.tsv").write_text(HEADER + rows)
    read_bytes = []
    reader = FireReader(Analysis.VIIRS, Files(None), read_bytes.append)
    chunks = list(reader.chunks(expand(Files(None), [str(tmp_path / "*.tsv")], "fire", each=False)))
    assert [len(chunk) for chunk in chunks] == [8]
    assert list(reader.rows.values()) == [3, 0, 5]
    assert sum(read_bytes) == sum((tmp_path / f"{name}.tsv").stat().st_size for name in "ac")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: expected a header line"),
        ("latitude\tlongitude\tacq_date\tacq_time\n1\t2\t2026-01-01\t0105\n", "lacks the column confidence"),
        ("latitude\tlongitude\tacq_date\tacq_time\tfrp\n", "lacks the column confidence"),
        ("latitude,longitude,acq_date\n1,2,2026-01-01\n", "lacks the columns longitude, acq_date, confidence"),
        (f"1.5\t2.5\t2026-01-01\t0105\tn\t{REST}\n", "has no header line"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "fires.tsv") in caught.value.message
