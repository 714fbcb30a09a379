from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datapump.engines.local.identities import Identities
from datapump.engines.local.tables import Doubles, Part, Table
from datapump.errors import InternalError

AREA, EXTENT, LOSS = "area__ha", "umd_tree_cover_extent_2000__ha", "umd_tree_cover_loss__ha"
BIOMASS, CO2 = "whrc_aboveground_biomass_stock_2000__Mg", "whrc_aboveground_co2_stock_2000__Mg"


def summary(level="adm2", **amounts):
    rows = len(next(iter(amounts.values())))
    parts = (Part(pa.array(["a\tb"]), np.zeros(rows, dtype=int)), *(Doubles(np.array(v)) for v in amounts.values()))
    return Table(level, "summary", ("x", "y", *amounts), parts, None, rows)


def fires(name, when, texts, counts):
    columns = ("iso", "alert__date" if name == "daily_alerts" else "alert__year", "alert__count")
    parts = (Part(pa.array(["a"]), np.zeros(len(counts), dtype=int)), Part(pa.array(texts), np.array(when)))
    return Table("iso", name, columns, parts, np.array(counts), len(counts))


def test_right_numbers_pass():
    found = Identities()
    right = {AREA: [3.0, 2.0], EXTENT: [3.0, 1.0], LOSS: [0.0, 1.0], BIOMASS: [3.0, 6.0]}
    right[CO2] = [3.0 * 0.47 * 44 / 12, 6.0 * 0.47 * 44 / 12]
    found.check(summary(**right))
    found.check(summary("iso", **{name: [sum(values)] for name, values in right.items()}))


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({AREA: [1.0], EXTENT: [1.1]}, f"{EXTENT} exceeds {AREA}"),
        ({AREA: [2.0], EXTENT: [1.0], LOSS: [1.5]}, f"{LOSS} exceeds {EXTENT}"),
        ({BIOMASS: [1.0], CO2: [1.8]}, f"{CO2} is not 1.72333 x {BIOMASS}"),
        ({AREA: [float("nan")]}, f"{AREA} is not finite everywhere"),
    ],
)
def test_a_number_that_contradicts_another_ends_the_run(amounts, message):
    with pytest.raises(InternalError, match=f"adm2/summary contradicts itself: {message}"):
        Identities().check(summary(**amounts))


def test_levels_that_do_not_add_up_end_the_run():
    found = Identities()
    found.check(summary(**{AREA: [1.0, 2.0]}))
    with pytest.raises(InternalError, match=r"iso/summary.*area__ha adds up to 3\.1, but to 3\.0 at level adm2"):
        found.check(summary("iso", **{AREA: [3.1]}))


def test_levels_add_up_where_amounts_above_and_below_nothing_cancel_out():
    found, net = Identities(), "gfw_net_flux_co2e__Mg"
    found.check(summary(**{net: [0.1 + 0.2, 1e6, -1e6, -0.3]}))
    found.check(summary("iso", **{net: [(0.1 + 0.2 + 1e6) + (-1e6 - 0.3)]}))


def test_weeks_are_the_days_regrouped():
    days = fires("daily_alerts", [0, 1, 2], ["2026-01-04", "2026-01-05", "2026-01-11"], [1, 2, 3])
    found = Identities()
    found.check(days)
    found.check(fires("weekly_alerts", [0, 1], ["2026\t1", "2026\t2"], [1, 5]))
    with pytest.raises(InternalError, match="its days do not add up to the weeks"):
        found.check(fires("weekly_alerts", [0, 1], ["2026\t1", "2026\t2"], [2, 4]))
