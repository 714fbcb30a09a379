import csv
import itertools
import zipfile
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datapump.errors import DataError, NotFoundError, StorageError
from datapump.sources.archives import ArchiveLimits
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime
from datapump.sources.firms import FiresSummary, convert, detect_fire_type
from tests.support.disk import largest_file

VIIRS_HEADER = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp\n"


def at(text):
    return FireTime.parse(text)


def body(path):
    return [tuple(line.split("\t")) for line in path.read_text().splitlines()[1:]]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "night" / "fires.tsv"


@pytest.fixture
def feed(tmp_path, write_csv, viirs_row):
    """A VIIRS feed of fires at the given times."""

    def write(*times):
        rows = [
            viirs_row(acq_date=time[:10], acq_time=time[11:], latitude=str(number / 8))
            for number, time in enumerate(times)
        ]
        return write_csv(tmp_path / "feed.csv", rows)

    return write


def test_new_fires_are_written_by_time_and_summed_up(feed, out):
    path = feed("2022-02-27 2133", "2022-02-26 20", "2022-02-26 0005", "2022-02-26 1200")
    summary = convert(path, FireType.VIIRS, after=at("2022-02-26 0005"), out=out)
    assert out.read_text() == VIIRS_HEADER + (
        "0.125\t-37.427\t2022-02-26\t0020\tn\t310.16\t272.01\t64.94\n"
        "0.375\t-37.427\t2022-02-26\t1200\tn\t310.16\t272.01\t64.94\n"
        "0\t-37.427\t2022-02-27\t2133\tn\t310.16\t272.01\t64.94\n"
    )
    assert summary == FiresSummary(
        rows=3,
        first=at("2022-02-26 0020"),
        last=at("2022-02-27 2133"),
        read=4,
        skipped={"not newer": 1},
        feed_first=at("2022-02-26 0005"),
        feed_last=at("2022-02-27 2133"),
        out=out,
    )
    assert list(out.parent.iterdir()) == [out]


def test_modis_fires_have_their_own_columns(tmp_path, write_csv, modis_row, out):
    path = write_csv(tmp_path / "feed.csv", [modis_row()])
    assert convert(path, FireType.MODIS, after=None, out=out).rows == 1
    assert out.read_text() == (
        "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbrightness\tbright_t31\tfrp\n"
        "-4.99722\t-37.427\t2022-02-26\t0020\t70\t310.16\t272.01\t64.94\n"
    )


def test_nothing_newer_writes_nothing_and_says_why(feed, out):
    path = feed("2022-02-26 0005", "2022-02-27 2133")
    summary = convert(path, FireType.VIIRS, after=at("2022-02-27 2133"), out=out)
    assert (summary.rows, summary.first, summary.out) == (0, None, None)
    assert summary.reason == "nothing newer than 2022-02-27 2133: the feed ends at 2022-02-27 2133"
    assert summary.skipped == {"not newer": 2}
    assert list(out.parent.iterdir()) == []


def test_nothing_within_bounds_writes_nothing_and_says_why(feed, out):
    path = feed("2022-02-26 0005", "2022-02-27 2133")
    summary = convert(path, FireType.VIIRS, after=at("2022-02-26 0005"), until=at("2022-02-27 0000"), out=out)
    assert summary.reason == (
        "nothing later than 2022-02-26 0005 and not later than 2022-02-27 0000: "
        "the feed goes from 2022-02-26 0005 to 2022-02-27 2133"
    )
    assert summary.skipped == {"not newer": 1, "later than until": 1}
    summary = convert(path, FireType.VIIRS, after=None, until=at("2022-02-25 0000"), out=out)
    assert summary.reason is not None
    assert summary.reason.startswith("nothing not later than 2022-02-25 0000: the feed goes")
    assert not out.exists()


def test_an_empty_feed_writes_nothing_and_says_why(tmp_path, write_csv, out):
    summary = convert(write_csv(tmp_path / "feed.csv", []), FireType.VIIRS, after=None, out=out)
    assert (summary.rows, summary.read, summary.reason) == (0, 0, "the feed holds no fires")


def test_fires_up_to_a_time_are_written_and_that_time_with_them(feed, out):
    path = feed("2022-02-26 0005", "2022-02-26 0006", "2022-02-26 0007")
    assert convert(path, FireType.VIIRS, after=None, until=at("2022-02-26 0006"), out=out).last == at("2022-02-26 0006")


def test_a_gap_before_the_feed_is_told(feed, out):
    path = feed("2022-02-26 0630", "2022-02-27 2133")
    summary = convert(path, FireType.VIIRS, after=at("2022-02-25 1800"), out=out)
    assert summary.gap_hours == 12.5
    assert summary.gap == (
        "the feed begins at 2022-02-26 0630, 12.5 hours later than the last fire saved (2022-02-25 1800): "
        "fires in between are missing; fill them in from the FIRMS archive"
    )
    for after in (None, at("2022-02-26 0630"), at("2022-02-26 0700")):
        summary = convert(path, FireType.VIIRS, after=after, out=out)
        assert (summary.gap, summary.gap_hours) == (None, None)


def test_a_fire_listed_twice_is_written_once(tmp_path, write_csv, viirs_row, out):
    rows = [viirs_row(), viirs_row(), viirs_row(bright_ti4="310.160", acq_time="20"), viirs_row(latitude="-4.99723")]
    summary = convert(write_csv(tmp_path / "feed.csv", rows), FireType.VIIRS, after=None, out=out)
    assert (summary.rows, summary.read, summary.skipped) == (2, 4, {"duplicate": 2})
    assert len(set(body(out))) == 2


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path, write_csv, viirs_row, out):
    rows = [
        viirs_row(),
        viirs_row(latitude=""),
        viirs_row(latitude="91"),
        viirs_row(acq_date="yesterday"),
        viirs_row(acq_time="2561"),
        viirs_row(acq_time="2561"),
        viirs_row(confidence="maybe"),
        viirs_row(frp="much"),
    ]
    path = write_csv(tmp_path / "feed.csv", rows)
    with path.open("a") as file:
        file.write("1,2\n")
    summary = convert(path, FireType.VIIRS, after=None, out=out)
    assert (summary.rows, summary.read) == (1, 9)
    assert summary.skipped == {
        "coordinate out of range": 1,
        "impossible confidence": 1,
        "no coordinate": 1,
        "unreadable date": 1,
        "unreadable frp": 1,
        "unreadable time": 2,
        "wrong number of fields": 1,
    }


def test_a_feed_without_a_usable_row_is_refused(tmp_path, write_csv, viirs_row, out):
    rows = [viirs_row(confidence="70"), viirs_row(confidence="80"), viirs_row(acq_date="")]
    with pytest.raises(
        DataError, match=r"none of the 3 rows of feed.csv can be used: 2 impossible confidence, 1 unread"
    ):
        convert(write_csv(tmp_path / "feed.csv", rows), FireType.VIIRS, after=None, out=out)
    assert not out.exists()


def test_missing_measurements_are_empty_fields(tmp_path, write_csv, write_shapefile, viirs_row, out):
    rows = [viirs_row(frp="", bright_ti5="nan")]
    convert(write_csv(tmp_path / "feed.csv", rows), FireType.VIIRS, after=None, out=out)
    assert body(out)[0][5:] == ("310.16", "", "")
    rows = [viirs_row(frp=None, bright_ti5=None)]
    convert(write_shapefile(tmp_path / "feed.zip", rows), FireType.VIIRS, after=None, out=out)
    assert body(out)[0][5:] == ("310.16", "", "")


@pytest.mark.parametrize("zipped", [False, True])
def test_columns_that_are_missing_are_named(tmp_path, write_csv, write_shapefile, viirs_row, zipped, out):
    row = {name: value for name, value in viirs_row().items() if name not in ("bright_ti5", "acq_time")}
    path = write_shapefile(tmp_path / "feed.zip", [row]) if zipped else write_csv(tmp_path / "feed.csv", [row])
    with pytest.raises(DataError) as raised:
        convert(path, FireType.VIIRS, after=None, out=out)
    message = raised.value.message
    assert "has no acq_time, bright_ti5: a feed of viirs fires has the columns latitude, longitude, acq_date" in message
    assert "this one has latitude, longitude, bright_ti4, scan" in message
    assert "looks like" not in message
    assert not out.exists()


def test_a_message_does_not_show_columns_without_end(tmp_path, out):
    (tmp_path / "feed.csv").write_text(",".join(f"c{number}" for number in range(5_000)) + "\n")
    with pytest.raises(DataError, match=r"this one has c0, c1, .*, c39 and 4960 more$"):
        convert(tmp_path / "feed.csv", FireType.VIIRS, after=None, out=out)


def test_a_feed_of_the_other_kind_is_told(feed, out):
    with pytest.raises(DataError, match=r"has no brightness, bright_t31: .*; it looks like a feed of viirs fires"):
        convert(feed("2022-02-26 0005"), FireType.MODIS, after=None, out=out)


def test_the_fire_type_is_told_from_the_columns(tmp_path, feed, write_csv, write_shapefile, viirs_row, modis_row):
    assert detect_fire_type(feed("2022-02-26 0005")) is FireType.VIIRS
    assert detect_fire_type(write_shapefile(tmp_path / "viirs.zip", [viirs_row()])) is FireType.VIIRS
    assert detect_fire_type(write_csv(tmp_path / "modis.csv", [modis_row()])) is FireType.MODIS
    (tmp_path / "other.csv").write_text("latitude,longitude\n")
    with pytest.raises(DataError, match="neither a VIIRS nor a MODIS feed: its columns are latitude, longitude"):
        detect_fire_type(tmp_path / "other.csv")


def test_a_feed_that_is_not_there_is_named(tmp_path, out):
    for read in (detect_fire_type, lambda path: convert(path, FireType.VIIRS, after=None, out=out)):
        with pytest.raises(NotFoundError, match=r"nowhere.csv' does not exist"):
            read(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("kind", ["int", "double", "padded", "colons"])
def test_times_are_padded_whatever_a_shapefile_keeps_them_as(tmp_path, write_shapefile, viirs_row, kind, out):
    times = {"int": "20", "double": "20", "padded": "0020", "colons": "00:20"}
    types = {"int": pa.int32(), "double": pa.float64()}
    path = write_shapefile(
        tmp_path / "feed.zip",
        [viirs_row(acq_time=times[kind])],
        types={"acq_time": types.get(kind, pa.string())},
    )
    convert(path, FireType.VIIRS, after=None, out=out)
    assert body(out)[0][3] == "0020"


def test_padded_times_sort_as_times(feed, out):
    times = ["2359", "20", "5", "0", "133", "1200"]
    convert(feed(*(f"2022-02-26 {time}" for time in times)), FireType.VIIRS, after=None, out=out)
    assert [row[3] for row in body(out)] == ["0000", "0005", "0020", "0133", "1200", "2359"]


def test_shapefile_and_csv_of_the_same_fires_give_the_same_file(tmp_path, write_csv, write_shapefile, viirs_row, out):
    rows = [
        viirs_row(latitude=str(number / 7)[:8], frp=str(number * 1.25), acq_time=f"{number:04d}", confidence=word)
        for number, word in enumerate(["low", "nominal", "high", "nominal"])
    ]
    for path in (write_csv(tmp_path / "feed.csv", rows), write_shapefile(tmp_path / "feed.zip", rows)):
        convert(path, FireType.VIIRS, after=None, out=out.with_name(path.name + ".tsv"))
    assert (out.parent / "feed.csv.tsv").read_bytes() == (out.parent / "feed.zip.tsv").read_bytes()


# Any feed

times = st.integers(0, 9).map(lambda number: f"2022-02-{26 + number // 5} {number % 5 * 100 + 20}")
fires = st.fixed_dictionaries(
    {
        "latitude": st.sampled_from(["-4.99722", "10", "0", "-0.0", "95", ""]),
        "confidence": st.sampled_from(["low", "n", "High", "?"]),
        "frp": st.sampled_from(["64.94", "1e-5", "", "1.0", "1"]),
        "time": times,
    }
)


def rows_of(values, viirs_row):
    return [
        viirs_row(
            latitude=value["latitude"],
            confidence=value["confidence"],
            frp=value["frp"],
            acq_date=value["time"][:10],
            acq_time=value["time"][11:],
        )
        for value in values
    ] + [viirs_row(acq_date="2022-02-28")]


@given(st.lists(fires), times)
@settings(max_examples=60, deadline=None)
def test_two_nights_of_a_feed_give_the_rows_of_one_none_twice(tmp_path_factory, write_csv, viirs_row, values, cut):
    folder = tmp_path_factory.mktemp("nights")
    path = write_csv(folder / "feed.csv", rows_of(values, viirs_row))
    whole = convert(path, FireType.VIIRS, after=None, out=folder / "whole.tsv")
    one = convert(path, FireType.VIIRS, after=None, until=at(cut), out=folder / "one.tsv")
    other = convert(path, FireType.VIIRS, after=one.last, out=folder / "other.tsv")
    nights = [row for night in (one, other) if night.out for row in body(night.out)]
    assert nights == body(folder / "whole.tsv")
    assert len(set(nights)) == len(nights) == whole.rows == one.rows + other.rows
    for summary in (whole, one, other):
        assert summary.rows + sum(summary.skipped.values()) == summary.read == len(values) + 1
    again = convert(path, FireType.VIIRS, after=other.last or one.last, out=folder / "again.tsv")
    assert (again.rows, again.out) == (0, None)


@given(st.lists(fires), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_a_feed_does_not_matter(tmp_path_factory, write_csv, viirs_row, values, random):
    folder = tmp_path_factory.mktemp("shuffled")
    rows = rows_of(values, viirs_row)
    for name, order in (("one", rows), ("other", random.sample(rows, len(rows)))):
        convert(write_csv(folder / f"{name}.csv", order), FireType.VIIRS, after=None, out=folder / name)
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_real_fires_are_written_as_read_by_hand(real_data, out):
    path = real_data / "MODIS_C6_1_Global_24h.csv"
    summary = convert(path, FireType.MODIS, after=None, out=out)
    with path.open(newline="") as file:
        expected = sorted(
            (
                row["acq_date"],
                row["acq_time"],
                *(float(row[name]) for name in ("latitude", "longitude")),
                int(row["confidence"]),
                *(float(row[name]) for name in ("brightness", "bright_t31", "frp")),
            )
            for row in csv.DictReader(file)
        )
    written = [
        (row[2], row[3], float(row[0]), float(row[1]), int(row[4]), *(float(text) for text in row[5:]))
        for row in body(out)
    ]
    assert (summary.rows, summary.read, summary.skipped) == (19_416, 19_416, {})
    assert (str(summary.first), str(summary.last)) == ("2022-02-26 0005", "2022-02-27 2133")
    assert written == expected


def test_real_fires_split_at_every_hour_are_the_same_rows(real_data, out):
    path = real_data / "MODIS_C6_1_Global_24h.csv"
    convert(path, FireType.MODIS, after=None, out=out)
    hours = [FireTime(minute) for minute in range(at("2022-02-26 0000").minute, at("2022-02-27 2200").minute, 300)]
    rows = Counter()
    for after, until in itertools.pairwise([None, *hours, None]):
        night = convert(path, FireType.MODIS, after=after, until=until, out=out.with_name("night.tsv"))
        if night.out:
            rows.update(body(night.out))
    assert rows == Counter(body(out))


# Damage


def test_a_truncated_archive_leaves_nothing(tmp_path, write_shapefile, viirs_row, out):
    path = write_shapefile(tmp_path / "feed.zip", [viirs_row()] * 50)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="is not a whole zip archive"):
        convert(path, FireType.VIIRS, after=None, out=out)
    assert list(out.parent.iterdir()) == []


def test_a_bomb_leaves_nothing(tmp_path, out):
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed.csv", bytes(20 * 2**20))
    with pytest.raises(DataError, match="200 times its own size"):
        convert(path, FireType.VIIRS, after=None, out=out)
    assert list(out.parent.iterdir()) == []


def test_an_archive_that_leads_out_of_its_folder_leaves_nothing(tmp_path, out):
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.csv", "latitude,longitude\n")
    with pytest.raises(DataError, match="leads out of the folder"):
        convert(path, FireType.VIIRS, after=None, out=out)
    assert list(out.parent.iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))


def test_an_archive_beyond_given_limits_is_refused(tmp_path, write_shapefile, viirs_row, out):
    path = write_shapefile(tmp_path / "feed.zip", [viirs_row()])
    for read in (
        lambda limits: convert(path, FireType.VIIRS, after=None, out=out, limits=limits),
        lambda limits: detect_fire_type(path, limits=limits),
    ):
        with pytest.raises(DataError, match="more than the 2 allowed"):
            read(ArchiveLimits(entries=2))


@pytest.mark.parametrize("name", ["feed.csv", "feed.zip"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, write_csv, viirs_row, name, out):
    rows = [viirs_row(latitude=str(number / 100)) for number in range(5_000)]
    path = write_csv(tmp_path / "feed.csv", rows)
    if name == "feed.zip":
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "feed.csv")
    out.parent.mkdir()
    out.write_text("last night's")
    with largest_file(100_000), pytest.raises(StorageError, match="File too large") as raised:
        convert(tmp_path / name, FireType.VIIRS, after=None, out=out)
    assert raised.value.retryable
    assert out.read_text() == "last night's"
    assert list(out.parent.iterdir()) == [out]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(feed, tmp_path):
    path = feed("2022-02-26 0005")
    with pytest.raises(StorageError, match="could not be turned into"):
        convert(path, FireType.VIIRS, after=None, out=path / "fires.tsv")
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="could not be turned into"):
        convert(path, FireType.VIIRS, after=None, out=tmp_path / "taken")


def test_the_written_file_has_the_permissions_of_any_new_file(feed, out):
    convert(feed("2022-02-26 0005"), FireType.VIIRS, after=None, out=out)
    (out.parent / "plain").touch()
    assert out.stat().st_mode == (out.parent / "plain").stat().st_mode
