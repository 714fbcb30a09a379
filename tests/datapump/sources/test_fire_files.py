import pytest
from hypothesis import given
from hypothesis import strategies as st

from datapump.analyses import Analysis
from datapump.errors import DataError
from datapump.sources.fire_files import (
    FireType,
    near_real_time_folder,
    near_real_time_name,
    parse_near_real_time_name,
    scientific_folder,
)
from datapump.sources.fire_time import FireTime

times = st.builds(FireTime, st.integers(0, 50_000_000))


def test_a_nights_file_is_named_by_its_first_and_last_fire():
    name = near_real_time_name(FireTime.parse("2022-02-26 0005"), FireTime.parse("2022-02-27 2133"))
    assert name == "2022-02-26-0005_2022-02-27-2133.tsv"


@given(times, times)
def test_a_name_is_read_back(one, other):
    first, last = sorted((one, other))
    assert parse_near_real_time_name(near_real_time_name(first, last)) == (first, last)


def test_a_whole_key_with_unpadded_times_is_read():
    first, last = parse_near_real_time_name("s3://lake/a/near_real_time/2022-02-26-5_2022-02-27-933.tsv")
    assert (str(first), str(last)) == ("2022-02-26 0005", "2022-02-27 0933")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x.tsv",
        "2022-02-26-0005.tsv",
        "2022-02-26-0005_2022-02-27-2133.csv",
        "2022-02-26-0005_2022-02-27-2133.tsv.part",
        "2022-02-26-2561_2022-02-27-2133.tsv",
        "2022-02-27-2133_2022-02-26-0005.tsv",
    ],
)
def test_another_name_is_refused_and_shown(name):
    with pytest.raises(DataError, match="is not a night's fire file"):
        parse_near_real_time_name(name)


def test_a_file_cannot_end_before_it_begins():
    with pytest.raises(ValueError, match="which is earlier"):
        near_real_time_name(FireTime(2), FireTime(1))


def test_folders_are_those_of_the_data_lake():
    assert (
        near_real_time_folder(FireType.VIIRS, "gfw-data-lake")
        == "s3://gfw-data-lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv/near_real_time/"
    )
    assert (
        scientific_folder(FireType.MODIS, "lake")
        == "s3://lake/nasa_modis_fire_alerts/v6/vector/epsg-4326/tsv/scientific/"
    )


def test_fire_types_are_named_as_the_analyses_are():
    assert {FireType(analysis.value) for analysis in (Analysis.VIIRS, Analysis.MODIS)} == set(FireType)
    assert FireType.VIIRS.other is FireType.MODIS
    assert FireType.MODIS.other is FireType.VIIRS


def test_columns_are_in_the_order_that_readers_go_by():
    shared = ("latitude", "longitude", "acq_date", "acq_time", "confidence")
    assert FireType.VIIRS.columns == (*shared, "bright_ti4", "bright_ti5", "frp")
    assert FireType.MODIS.columns == (*shared, "brightness", "bright_t31", "frp")
