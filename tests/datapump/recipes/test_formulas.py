"""The formulas of the recipes as arithmetic: tables of pixel values, and what must hold of any."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datapump.errors import DataError
from datapump.rasters.formula import evaluate
from datapump.recipes import recipe_of
from datapump.recipes.formulas import formula_by_year

DAY_0 = date(2014, 12, 31)
UINT16 = st.integers(0, 65535)
ALERT = st.one_of(st.just(0), st.builds(lambda c, d: 10000 * c + d, st.integers(2, 3), st.integers(1, 9999)))


def asset(dataset, name):
    return recipe_of(dataset).find(name)


def compute(dataset, name, *bands, types):
    """The values of a formula over bands in the types of its sources, plain and with the absent pixels masked."""
    made = asset(dataset, name)
    plain = [np.array(band, dtype=kind) for band, kind in zip(bands, types, strict=True)]
    named = dict(zip("ABCDEFGH", plain, strict=False))
    values = evaluate(made.calc, named, made.data_type)
    masked = {letter: np.ma.array(band, mask=band == 0) for letter, band in named.items()}
    filled = np.ma.filled(evaluate(made.calc, masked, made.data_type), 0)
    assert filled.tolist() == values.tolist(), "masks of absent pixels change nothing"
    return values.tolist()


def check(dataset, name, types, table):
    *bands, expected = zip(*table, strict=True)
    assert compute(dataset, name, *bands, types=types) == list(expected)


def test_radd_keeps_low_and_high_confidence():
    check(
        "wur_radd_alerts",
        "date_conf",
        ["uint16"],
        [(0, 0), (1, 0), (19999, 0), (20000, 20000), (22200, 22200), (32200, 32200), (39999, 39999), (40000, 0),
         (65535, 0)],
    )  # fmt: skip


def test_glad_s2_counts_its_days_from_2014():
    check(
        "umd_glad_sentinel2_alerts",
        "date_conf",
        ["uint8", "uint16"],
        [(0, 0, 0), (0, 900, 0), (1, 1, 21462), (1, 2000, 23461), (2, 0, 31461), (4, 9, 31470), (255, 8538, 39999)],
    )
    assert DAY_0 + timedelta(1462) == date(2019, 1, 1)


def test_dist_takes_what_is_strong_dated_and_seen_twice():
    table = [
        # anomaly, day, count, expected
        (30, 1, 2, 20001),
        (29, 1, 2, 0),
        (254, 1, 2, 20001),
        (255, 1, 2, 0),
        (30, 0, 2, 0),
        (30, -1, 2, 0),
        (30, 2000, 1, 0),
        (30, 2000, 3, 22000),
        (30, 2000, 4, 32000),
        (30, 2000, 254, 32000),
        (30, 2000, 255, 0),
        (99, 2767, 9, 32767),
        (0, 0, 0, 0),
    ]
    check("umd_glad_dist_alerts", "currentweek", ["uint8", "int16", "uint8"], table)


def test_dist_keeps_what_earlier_weeks_had_where_this_one_has_none():
    check(
        "umd_glad_dist_alerts",
        "default",
        ["int16", "int16"],
        [(0, 0, 0), (20005, 0, 20005), (0, 30001, 30001), (20005, 30001, 20005), (32767, 20001, 32767)],
    )
    assert asset("umd_glad_dist_alerts", "default").calc_alone == "A"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("intensity", [(9, 0, 0), (9, 20001, 55), (0, 32767, 55)]),
        ("date_conf", [(9, 0, 0), (9, 20001, 22193), (0, 30001, 32193), (0, 32767, 34959)]),
        ("resample10m", [(9, 0, 0), (9, 29999, 0), (0, 30000, 32192), (0, 32767, 34959)]),
    ],
)
def test_what_is_made_from_all_dist_alerts(name, table):
    check("umd_glad_dist_alerts", name, ["int16", "int16"], table)
    assert DAY_0 + timedelta(2192) == date(2020, 12, 31)


@pytest.mark.parametrize("dataset", ["gfw_integrated_alerts", "gfw_integrated_dist_alerts"])
def test_intensity_is_where_there_is_an_alert(dataset):
    check(dataset, "intensity", ["uint16"], [(0, 0), (1, 55), (49999, 55)])


def test_integrated_alerts_have_the_earliest_day_and_the_joint_confidence():
    table = [
        (0, 0, 0, 0),
        (22500, 0, 0, 22500),
        (32500, 0, 0, 32500),
        (0, 22500, 0, 22500),
        (0, 0, 32500, 32500),
        (22500, 22600, 0, 42500),
        (22600, 22500, 0, 42500),
        (32500, 0, 22400, 42400),
        (32500, 32499, 32498, 42498),
        (22500, 22500, 22500, 42500),
        (39999, 29999, 39999, 49999),
        (20000, 0, 0, 20000),
    ]
    check("gfw_integrated_alerts", "date_conf", ["uint16"] * 3, table)


@given(arrays("uint16", (3, 50), elements=UINT16))
def test_integrated_alerts_are_as_the_definition_says_for_any_values(bands):
    expected = []
    for values in bands.T.tolist():
        alerts = [value for value in values if value > 0]
        s = sum(value // 10000 for value in values)
        c = 3 if s > 3 else max(s - 1, 0)
        expected.append(10000 + 10000 * c + min(value % 10000 for value in alerts) if alerts else 0)
    assert compute("gfw_integrated_alerts", "date_conf", *bands, types=["uint16"] * 3) == expected


@given(st.lists(st.tuples(ALERT, ALERT, ALERT, ALERT), min_size=1, max_size=30))
def test_a_further_integrated_alert_never_lowers_the_confidence_nor_makes_the_day_later(rows):
    first, second, third, further = (np.array(band, dtype="uint16") for band in zip(*rows, strict=True))
    before = np.array(integrated(first, second, np.zeros_like(third)))
    after = np.array(integrated(first, second, third))
    assert np.all(after // 10000 >= before // 10000)
    alert_before, alert_after = before > 0, after > 0
    assert np.all(alert_after[alert_before])
    assert np.all(after[alert_before] % 10000 <= before[alert_before] % 10000)
    stronger = np.where((first > 0) & (first < 30000), first + np.uint16(10000), first)
    assert np.all(np.array(integrated(stronger, second, further)) >= np.array(integrated(first, second, further)))


def integrated(*bands):
    return compute("gfw_integrated_alerts", "date_conf", *bands, types=["uint16"] * 3)


def test_dist_and_integrated_alerts_agree_within_180_days():
    table = [
        # integrated, DIST, expected
        (0, 0, 0),
        (23000, 0, 23000),
        (0, 33000, 33000),
        (23000, 33000, 43000),
        (23180, 33000, 43000),
        (23181, 33000, 23181),
        (23000, 33180, 43000),
        (23000, 33181, 33181),
        (49999, 39999, 49999),
        (43100, 33000, 43000),
        (32200, 32192, 42192),
        (20000, 32192, 32192),
    ]
    check("gfw_integrated_dist_alerts", "date_conf", ["uint16", "uint16"], table)


@given(arrays("uint16", (2, 60), elements=UINT16))
def test_the_merge_with_dist_is_as_the_definition_says_for_any_values(bands):
    expected = []
    for a, b in bands.T.tolist():
        day_a, day_b = a % 10000, b % 10000
        if b == 0 or day_a > day_b + 180:
            expected.append(a)
        elif day_b > day_a + 180:
            expected.append(b)
        else:
            expected.append(40000 + min(day_a, day_b))
    assert compute("gfw_integrated_dist_alerts", "date_conf", *bands, types=["uint16"] * 2) == expected


def glad_l(*years, first=2021):
    """Pixel by pixel, the (confidence, date) of each year."""
    made = asset("umd_glad_landsat_alerts", "date_conf")
    bands = {}
    for index, pairs in enumerate(years):
        confidence, day = zip(*pairs, strict=True)
        bands["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[2 * index]] = np.array(confidence, dtype="uint8")
        bands["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[2 * index + 1]] = np.array(day, dtype="uint16")
    calc = formula_by_year(made.calc_by_year, [first + index for index in range(len(years))])
    return evaluate(calc, bands, made.data_type).tolist()


def test_glad_l_takes_the_earliest_year_that_has_an_alert():
    found = glad_l(
        #  none     first    both     second   high     edges
        [(0, 0), (1, 1), (2, 365), (0, 99), (3, 10), (255, 1)],
        [(0, 0), (0, 9), (3, 5), (2, 1), (0, 0), (3, 365)],
        [(0, 7), (3, 3), (3, 366), (3, 1), (1, 1), (0, 0)],
    )
    assert found == [0, 20000 + 2193, 20000 + 2557, 20000 + 2558, 30000 + 2202, 30000 + 2193]
    assert DAY_0 + timedelta(2193) == date(2021, 1, 1)
    assert DAY_0 + timedelta(2558) == date(2022, 1, 1)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(1, 366)), min_size=8, max_size=8), min_size=1, max_size=6
    )
)
def test_glad_l_is_as_the_definition_says_for_any_years(years):
    expected = []
    for pixel in range(8):
        value = 0
        for index, year in reversed(list(enumerate(years))):
            confidence, day = year[pixel]
            if confidence > 0:
                days = (date(2021 + index, 1, 1) - date(2015, 1, 1)).days
                value = 20000 + (10000 if confidence > 2 else 0) + days + day
        expected.append(value)
    assert glad_l(*years) == expected


def test_glad_l_s_formula_grows_for_twenty_years():
    years = [[(0, 0)]] * 20 + [[(3, 100)]]
    assert glad_l(*years[-13:]) == [30000 + (date(2033, 1, 1) - date(2015, 1, 1)).days + 100]
    assert len(formula_by_year(asset("umd_glad_landsat_alerts", "date_conf").calc_by_year, range(2021, 2043))) < 20_000


@pytest.mark.parametrize("dataset", ["umd_glad_sentinel2_alerts", "umd_glad_dist_alerts"])
def test_the_type_holds_the_recipe_s_last_day_and_no_later_one(dataset):
    recipe = recipe_of(dataset)
    source = recipe.source
    first = date(2018, 12, 31) if dataset == "umd_glad_sentinel2_alerts" else date(2020, 12, 31)
    last = (recipe.content.last_day - first).days
    bands = {"A": np.array([100], dtype="uint8"), "C": np.array([9], dtype="uint8")}
    value = evaluate(source.calc, {**bands, "B": np.array([last], dtype="uint16")}, source.data_type)[0]
    assert value // 10000 == 3
    with_a_day_more = {**bands, "B": np.array([last + 1], dtype="uint16")}
    if source.data_type == "int16":
        with pytest.raises(DataError, match="int16 cannot hold"):
            evaluate(source.calc, with_a_day_more, source.data_type)
    else:
        assert evaluate(source.calc, with_a_day_more, source.data_type)[0] // 10000 == 4, (
            "it reads as another confidence"
        )


@pytest.mark.parametrize(
    "dataset", ["wur_radd_alerts", "umd_glad_landsat_alerts", "gfw_integrated_alerts", "gfw_integrated_dist_alerts"]
)
def test_days_have_four_digits(dataset):
    assert recipe_of(dataset).content.last_day == DAY_0 + timedelta(9999)
