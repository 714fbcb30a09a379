import zipfile

import pytest

from datapump.errors import DataError
from datapump.sources.archives import ArchiveLimits
from datapump.sources.firms_feed import open_feed

WANTED = ("acq_date", "acq_time", "frp")


@pytest.fixture
def opened(tmp_path):
    return lambda path: open_feed(path, tmp_path / "work", ArchiveLimits())


@pytest.fixture
def zipped(tmp_path):
    """Write a zip of files and texts by name."""

    def write(name="feed.zip", **entries):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries.items():
                archive.writestr(entry.replace("_", "."), content)
        return tmp_path / name

    return write


def read(feed, wanted=WANTED):
    return [
        row
        for batch in feed.batches(wanted)
        for row in zip(
            batch.latitude.tolist(),
            batch.longitude.tolist(),
            *(batch.texts[name].to_pylist() for name in wanted),
            strict=True,
        )
    ]


ROW = (-4.99722, -37.427, "2022-02-26", "0020", "64.94")
CSV = "latitude,longitude,acq_date,acq_time,frp\n-4.99722,-37.427,2022-02-26,0020,64.94\n"


def test_a_csv_is_read(tmp_path, opened, write_csv, viirs_row):
    feed = opened(write_csv(tmp_path / "feed.csv", [viirs_row(), viirs_row(frp="")]))
    assert read(feed) == [ROW, (*ROW[:-1], "")]
    assert feed.columns[:3] == ("latitude", "longitude", "bright_ti4")


def test_a_shapefile_is_read_by_its_points(tmp_path, opened, write_shapefile, viirs_row):
    path = write_shapefile(tmp_path / "feed.shp", [viirs_row()])
    feed = opened(path)
    assert [row[:2] for row in read(feed)] == [ROW[:2]]
    assert {"latitude", "bright_ti4", "acq_time"} <= set(feed.columns)
    assert read(feed)[0][2:4] == ("20220226", "0020")


def test_a_zipped_shapefile_is_read(tmp_path, opened, write_shapefile, viirs_row):
    assert len(read(opened(write_shapefile(tmp_path / "feed.zip", [viirs_row()] * 3)))) == 3


def test_a_zip_is_told_by_how_it_begins(tmp_path, opened, zipped):
    assert read(opened(zipped(feed_csv=CSV).rename(tmp_path / "feed"))) == [ROW]


def test_a_zipped_csv_is_read_and_other_files_are_left_alone(opened, zipped):
    assert read(opened(zipped(Readme_txt="Read me", feed_CSV=CSV))) == [ROW]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace("latitude,longitude", '"LATITUDE", Longitude '),
        CSV.replace("-4.99722", '" -4.99722 "').replace("0020", '"0020"'),
        CSV.rstrip("\n"),
        CSV + "\n\n",
    ],
)
def test_csv_is_understood_in_its_dialects(tmp_path, opened, text):
    (tmp_path / "feed.csv").write_text(text, encoding="utf-8", newline="")
    assert read(opened(tmp_path / "feed.csv")) == [ROW]


def test_rows_with_other_numbers_of_fields_are_passed_over_and_counted(tmp_path, opened):
    (tmp_path / "feed.csv").write_text(CSV + "1,2,3\n" + "1,2,2022-02-26,0020,64.94,extra\n" + "-4.9")
    feed = opened(tmp_path / "feed.csv")
    assert read(feed) == [ROW]
    assert feed.passed_over == {"wrong number of fields": 3}


def test_a_csv_without_rows_is_read(tmp_path, opened):
    for text in (CSV.splitlines()[0], CSV.splitlines()[0] + "\n"):
        (tmp_path / "feed.csv").write_text(text)
        assert read(opened(tmp_path / "feed.csv")) == []


def test_coordinates_that_are_no_numbers_are_nan(tmp_path, opened):
    (tmp_path / "feed.csv").write_text(CSV + "north,,2022-02-26,0020,1\n")
    assert [str(number) for number in read(opened(tmp_path / "feed.csv"))[1][:2]] == ["nan", "nan"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"<!doctype html><html>", "is a web page"),
        (b"\xff\xfel\0a\0t\0", "does not begin with a line of column names"),
        (b'"latitude,longitude\n', "does not begin with a line of column names"),
        (b"latitude,Latitude\n", "has the column 'latitude' twice"),
    ],
)
def test_what_is_no_csv_is_refused(tmp_path, opened, content, said):
    (tmp_path / "feed.csv").write_bytes(content)
    with pytest.raises(DataError, match=said):
        opened(tmp_path / "feed.csv")


@pytest.mark.parametrize("content", [b"\xff,1,2022-02-26,0020,1\n", b"1," + b"1" * 3_000_000])
def test_a_csv_that_cannot_be_read_is_refused(tmp_path, opened, content):
    (tmp_path / "feed.csv").write_bytes(CSV.encode() + content)
    with pytest.raises(DataError, match=r"feed.csv cannot be read as CSV: \S+"):
        read(opened(tmp_path / "feed.csv"))


@pytest.mark.parametrize("entries", [{"a_shp": "", "b_shp": ""}, {"a_csv": CSV, "b_csv": CSV}, {"a_txt": ""}, {}])
def test_an_archive_without_one_feed_is_refused_and_shown(opened, zipped, entries):
    with pytest.raises(DataError, match=r"expected exactly one \.shp or else one \.csv in it, not") as raised:
        opened(zipped(**entries))
    assert all(name.replace("_", ".") in raised.value.message for name in entries)


def test_a_file_that_only_claims_to_be_a_shapefile_is_refused(tmp_path, opened):
    (tmp_path / "feed.shp").write_text("<OGRVRTDataSource></OGRVRTDataSource>" * 10)
    (tmp_path / "feed.shx").touch()
    (tmp_path / "feed.dbf").touch()
    with pytest.raises(DataError, match="is not a shapefile"):
        opened(tmp_path / "feed.shp")
