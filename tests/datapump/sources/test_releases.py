"""Releases of alert rasters, found in buckets that are folders: on which days which, and with how many listings."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

import pytest

from datapump.errors import DataError
from datapump.names import day_of
from datapump.objects import Objects
from datapump.recipes import recipe_of
from datapump.sources.releases import find_release, upload_day

GLAD = "earthenginepartners-hansen"
C2 = f"gs://{GLAD}/GLADalert/C2"
TILES = 3
FINALS = {"2023/final": {23: 3}, "2024/final": {24: 3}}
ALL_FINAL = {**FINALS, "2025/final": {25: 3}}


class CountingObjects(Objects):
    """Keeps what was listed."""

    def __init__(self, root):
        super().__init__(root)
        self.listed = []

    def listing(self, folder):
        self.listed.append(folder)
        return super().listing(folder)

    def folders(self, folder):
        self.listed.append(folder)
        return super().folders(folder)


@pytest.fixture
def objects(tmp_path):
    return CountingObjects(tmp_path)


def put(objects, uri, content=b""):
    path = objects.path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def put_years(objects, folders):
    """By folder and two-digit year: how many tiles it has of the day band; of the confidence band it has all."""
    for folder, years in folders.items():
        for year, count in years.items():
            for number in range(count):
                put(objects, f"{C2}/{folder}/alertDate{year}_{number:03d}E.tif")
                put(objects, f"{C2}/{folder}/alert{year}_{number:03d}E.tif")
            put(objects, f"{C2}/{folder}/alertDate{year}.txt")


def glad_l(tiles=TILES, first_year=2023):
    recipe = recipe_of("umd_glad_landsat_alerts")
    release = recipe.release.model_copy(update={"tiles": tiles, "first_year": first_year})
    return recipe.model_copy(update={"release": release})


def days(*names, **years):
    """The same tiles in several days' folders."""
    return {name: {int(year.removeprefix("y")): count for year, count in years.items()} for name in names}


SCENARIOS = {
    # name: (today, folders, {year: its folder}, version)
    "today's provisional release": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_22", y26=3)},
        {2025: "2025/final", 2026: "2026/11_22"},
        "v20261122",
    ),
    "yesterday's, with none today": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_21", "2026/11_20", y26=3)},
        {2026: "2026/11_21"},
        "v20261121",
    ),
    "today's is being uploaded": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_22", y26=2), **days("2026/11_21", y26=3)},
        {2026: "2026/11_21"},
        "v20261121",
    ),
    "a gap of three weeks": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_01", "2026/10_31", y26=3)},
        {2026: "2026/11_01"},
        "v20261101",
    ),
    "several days are incomplete": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_22", "2026/11_20", "2026/11_19", y26=1), **days("2026/11_10", y26=3)},
        {2026: "2026/11_10"},
        "v20261110",
    ),
    "last year is provisional, beside this year": (
        "2026-06-15",
        {**FINALS, **days("2026/06_15", y25=3, y26=3)},
        {2024: "2024/final", 2025: "2026/06_15", 2026: "2026/06_15"},
        "v20260615",
    ),
    "last year is not released daily any more, and not final yet": (
        "2026-06-15",
        {**FINALS, **days("2026/06_15", "2026/06_14", y26=3), **days("2026/04_02", "2026/04_01", y25=3, y26=3)},
        {2025: "2026/04_02", 2026: "2026/06_15"},
        "v20260615",
    ),
    "last year's final is being uploaded": (
        "2026-07-01",
        {**FINALS, "2025/final": {25: 2}, **days("2026/07_01", y25=3, y26=3)},
        {2025: "2026/07_01", 2026: "2026/07_01"},
        "v20260701",
    ),
    "last year's final is there, and provisional ones still are": (
        "2026-07-02",
        {**FINALS, "2025/final": {25: 3}, **days("2026/07_02", y25=3, y26=3)},
        {2025: "2025/final", 2026: "2026/07_02"},
        "v20260702",
    ),
    "last year's provisional release is in last year's folder": (
        "2026-02-03",
        {**FINALS, **days("2026/02_03", y26=3), **days("2025/12_30", "2025/12_29", y25=3)},
        {2025: "2025/12_30", 2026: "2026/02_03"},
        "v20260203",
    ),
    "New Year's Eve": (
        "2026-12-31",
        {**ALL_FINAL, **days("2026/12_31", y26=3)},
        {2026: "2026/12_31"},
        "v20261231",
    ),
    "the first release of a new year": (
        "2026-01-05",
        {**FINALS, **days("2026/01_05", y25=3, y26=3), **days("2025/12_31", y25=3)},
        {2025: "2026/01_05", 2026: "2026/01_05"},
        "v20260105",
    ),
    "a new year's second day, its first release of the day before": (
        "2026-01-02",
        {**FINALS, **days("2026/01_01", y25=3, y26=3)},
        {2025: "2026/01_01", 2026: "2026/01_01"},
        "v20260101",
    ),
    "a new year's data come later than last year's new folder": (
        "2026-01-09",
        {**FINALS, **days("2026/01_09", y25=3, y26=1), **days("2026/01_08", y25=3, y26=3)},
        {2025: "2026/01_09", 2026: "2026/01_08"},
        "v20260108",
    ),
    "this year is final already": (
        "2026-12-20",
        {**ALL_FINAL, "2026/final": {26: 3}, **days("2026/12_01", y26=3)},
        {2026: "2026/final"},
        "v20261220",
    ),
    "a leap day": (
        "2024-02-29",
        {"2023/final": {23: 3}, **days("2024/02_29", y24=3), **days("2024/02_28", y24=3)},
        {2023: "2023/final", 2024: "2024/02_29"},
        "v20240229",
    ),
    "a year ago exactly is not too old": (
        "2026-05-10",
        {**FINALS, **days("2026/05_10", y26=3), **days("2025/05_10", y25=3)},
        {2025: "2025/05_10", 2026: "2026/05_10"},
        "v20260510",
    ),
    "folders that are no days, and days to come": (
        "2026-11-22",
        {
            **ALL_FINAL,
            **days("2026/11_30", "2026/13_01", "2026/test", "2026/02_30", y26=3),
            **days("2026/11_05", y26=3),
        },
        {2026: "2026/11_05"},
        "v20261105",
    ),
    "more tiles on an older day than the one that is found": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_22", y26=3), **days("2026/11_21", y26=4)},
        {2026: "2026/11_22"},
        "v20261122",
    ),
}
ERRORS = {
    # name: (today, folders, what the message says)
    "a new year without data": (
        "2027-01-01",
        {**ALL_FINAL, **days("2026/12_31", y26=3)},
        "no complete release of 2027",
    ),
    "a missing year": ("2026-11-22", {"2023/final": {23: 3}, **days("2026/11_22", y25=3, y26=3)}, "release of 2024"),
    "nothing at all": ("2026-11-22", {}, "no complete release of 2023: expected 3 tiles"),
    "a year and a day ago is too old": (
        "2026-05-10",
        {**FINALS, **days("2026/05_10", y26=3), **days("2025/05_09", y25=3)},
        "no complete release of 2025.* from 2025-05-10 to 2026-05-10",
    ),
    "the final extent has grown": (
        "2026-11-22",
        {**FINALS, "2025/final": {25: 4}, **days("2026/11_22", y26=3)},
        r"2025/final/alertDate25\*.tif: the extent has grown: 4 tiles.*at most 3.*release.tiles in the recipe of umd",
    ),
    "the provisional extent has grown": (
        "2026-11-22",
        {**ALL_FINAL, **days("2026/11_22", y26=4), **days("2026/11_21", y26=3)},
        "2026/11_22.*the extent has grown",
    ),
    "a day before its data's year": (
        "2026-01-03",
        {**FINALS, **days("2025/12_31", y25=3, y26=3)},
        "no complete release of 2026.* from 2026-01-01 to 2026-01-03",
    ),
}


@pytest.mark.parametrize(("today", "folders", "expected", "version"), SCENARIOS.values(), ids=SCENARIOS)
def test_glad_l_takes_of_each_year_the_final_release_or_the_newest_complete_day(
    objects, today, folders, expected, version
):
    put_years(objects, folders)
    recipe = glad_l()
    found = find_release(recipe, objects, date.fromisoformat(today))
    finals = {year: f"{year}/final" for year in range(2023, int(today[:4]))}
    assert found.years == {year: f"{C2}/{folder}" for year, folder in {**finals, **expected}.items()}
    assert found.version == version
    check_listings(objects, first_year=2023, this_year=int(today[:4]))


@pytest.mark.parametrize(("today", "folders", "message"), ERRORS.values(), ids=ERRORS)
def test_glad_l_says_which_year_has_no_release(objects, today, folders, message):
    put_years(objects, folders)
    with pytest.raises(DataError, match=message):
        find_release(glad_l(), objects, date.fromisoformat(today))
    check_listings(objects, first_year=2023, this_year=int(today[:4]))


def check_listings(objects, *, first_year, this_year):
    """At most three listings of the folder of any year of data, and of no other folder."""
    for year in range(first_year, this_year + 1):
        assert sum(uri.startswith(f"{C2}/{year}") for uri in objects.listed) <= 3
    assert len(objects.listed) <= 3 * (this_year - first_year + 1)
    assert len(set(objects.listed)) >= len(objects.listed) - 1, "a folder was listed again"


def test_there_are_scenarios_enough():
    assert len(SCENARIOS) + len(ERRORS) >= 20


@pytest.mark.parametrize("start", ["2024-02-25", "2025-12-20", "2026-06-25"])
def test_glad_l_never_lists_a_year_more_than_three_times_whatever_the_date(objects, start):
    put_years(objects, {**FINALS, **days("2025/11_30", "2026/06_28", y24=3, y25=3, y26=3), **days("2026/01_03", y26=1)})
    for offset in range(25):
        objects.listed.clear()
        today = date.fromisoformat(start) + timedelta(days=offset)
        with suppress(DataError):
            find_release(glad_l(), objects, today)
        check_listings(objects, first_year=2023, this_year=today.year)


def test_a_usual_day_of_glad_l_takes_one_listing_a_year_and_one_more(objects):
    put_years(
        objects, {"2021/final": {21: 115}, "2022/final": {22: 115}, "2023/01_15": {23: 115}, "2023/01_14": {23: 9}}
    )
    found = find_release(glad_l(tiles=115, first_year=2021), objects, date(2023, 1, 15))
    assert (found.version, len(found.years), len(objects.listed)) == ("v20230115", 3, 4)
    assert found.day == date(2023, 1, 15)


RADD = "gs://gfw_gee_export/wur_radd_alerts"


def put_radd(objects, **folders):
    for name, count in folders.items():
        for number in range(count):
            put(objects, f"{RADD}/{name}/tile_{number:03d}.tif")
        put(objects, f"{RADD}/{name}/tile.tif.aux.xml")


@pytest.mark.parametrize(
    ("folders", "version"),
    [
        ({"v20261115": 208, "v20261108": 208}, "v20261115"),
        ({"v20261115": 209, "v20261108": 208}, "v20261115"),
        ({"v20261115": 207, "v20261108": 209}, "v20261108"),
        ({"v20261122": 12, "v20261115": 0, "v20261108": 208}, "v20261108"),
        ({"v2026": 300, "latest": 300, "v20261399": 300, "v20261108": 208}, "v20261108"),
    ],
)
def test_radd_takes_the_newest_complete_folder(objects, folders, version):
    put_radd(objects, **folders)
    found = find_release(recipe_of("wur_radd_alerts"), objects, date(2026, 11, 22))
    assert (found.version, found.folder) == (version, f"{RADD}/{version}")
    assert len(objects.listed) <= 4


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({}, "there is no folder named vYYYYMMDD"),
        (
            {"v20261122": 1, "v20261115": 2, "v20261108": 3, "v20261101": 208},
            "expected 208 or 209 tiles, but v20261122 has 1, v20261115 has 2, v20261108 has 3",
        ),
        ({"v20261115": 210, "v20261108": 208}, "v20261115: the extent has grown: 210 tiles.*release.tiles"),
    ],
)
def test_radd_without_a_complete_folder_is_an_error(objects, folders, message):
    put_radd(objects, **folders)
    with pytest.raises(DataError, match=message):
        find_release(recipe_of("wur_radd_alerts"), objects, date(2026, 11, 22))


@pytest.mark.parametrize(
    ("text", "style", "day"),
    [
        ("Updated Fri Apr 15 14:27:01 2022 UTC", "words", "2022-04-15"),
        ("Updated Fri Apr  5 04:27:01 2022 UTC\n", "words", "2022-04-05"),
        ("Updated Sat Nov 9 13:43:05 2024-11-09 UTC", "iso", "2024-11-09"),
        ("Updated Sat Nov 9 13:43:05 2024-11-09 UTC\n", "iso", "2024-11-09"),
        ("Updated Sat Nov 9 13:43:05 2024-11-09 UTC", "words", None),
        ("Updated Fri Apr 15 14:27:01 2022 UTC", "iso", None),
        ("Updated Fri Apr 31 14:27:01 2022 UTC", "words", None),
        ("Updated Fri Foo 15 14:27:01 2022 UTC", "words", None),
        ("Updated 2024-13-09 UTC", "iso", None),
        ("", "words", None),
    ],
)
def test_an_upload_date_is_read_in_the_words_of_its_maker(text, style, day):
    assert upload_day(text, style) == (None if day is None else date.fromisoformat(day))


@pytest.mark.parametrize(
    ("dataset", "folder", "text", "version"),
    [
        ("umd_glad_sentinel2_alerts", "S2alert", b"Updated Fri Nov 20 14:27:01 2026 UTC", "v20261120"),
        ("umd_glad_dist_alerts", "DIST-ALERT", b"Updated Sat Nov 21 13:43:05 2026-11-21 UTC", "v20261121"),
    ],
)
def test_releases_in_place_are_named_after_their_upload(objects, dataset, folder, text, version):
    put(objects, f"gs://{GLAD}/{folder}/uploadDate.txt", text)
    found = find_release(recipe_of(dataset), objects, date(2026, 11, 22))
    assert (found.version, found.folder) == (version, f"gs://{GLAD}/{folder}")
    assert objects.listed == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "uploadDate.txt does not exist"),
        (b"", "no day can be read from ''"),
        (b"Updated \xff\xfe", "no day can be read"),
        (b"Updated Fri Nov 20 14:27:01 2036 UTC", "2036-11-20 is in the future"),
    ],
)
def test_an_upload_date_that_cannot_be_is_an_error(objects, text, message):
    if text is not None:
        put(objects, f"gs://{GLAD}/S2alert/uploadDate.txt", text)
    with pytest.raises(DataError, match=message):
        find_release(recipe_of("umd_glad_sentinel2_alerts"), objects, date(2026, 11, 22))


@pytest.mark.parametrize("name", ["v202005", "v20261399", "v4.1", "v20261122.1", "20261122", "latest", ""])
def test_a_version_that_is_not_named_after_a_day_has_none(name):
    assert day_of(name) is None


def test_a_version_s_day_is_read_off_its_name():
    assert day_of("v20240229") == date(2024, 2, 29)
