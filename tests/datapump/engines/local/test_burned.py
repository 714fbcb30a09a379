"""Burned areas: hectares of features that burned, by day."""

from __future__ import annotations

import csv
import datetime as dt
import random

import numpy as np
import pytest
import shapely

from datapump.analyses import Analysis, FeatureType
from datapump.engines.local import zonal
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.columns import tables
from datapump.engines.local.files import Files
from datapump.engines.local.raster_columns import columns
from datapump.errors import DataError
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import RasterWorld, near, patch, random_polygons, sums, table

LEVELS = {"gadm": ["adm2", "adm1", "iso"], "wdpa": ["wdpa"], "geostore": ["geostore"]}
DENSITY = "umd_tree_cover_density_2000"


def inside_of(polygon, world):
    from tests.datapump.engines.local.rasterworlds import inside  # noqa: PLC0415 - beside its only use

    return {
        (row, column)
        for row in range(world.shape[0])
        for column in range(world.shape[1])
        if inside(polygon, *world.centre(row, column))
    }


def write_burned(path, burned):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["fire_id", "alert__date", "geom"])
        writer.writerows([k, day, shapely.to_wkb(polygon, hex=True)] for k, (day, polygon) in enumerate(burned))


def run(world, folder, **changes):
    catalog = world.write(folder)
    asked = worlds.request(folder, world.feature_type, "burned_areas", fire_sources=(str(folder / "burned.csv"),))
    asked = asked.model_copy(update=changes)
    return zonal.run(asked, Files(None), layers=catalog, progress=lambda *_: None)


@pytest.mark.parametrize("seed", range(20))
def test_burned_areas_are_those_of_a_pixel_by_pixel_sum(tmp_path, seed):
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = (dice.randint(3, 9), dice.randint(3, 9))
    corner = dice.choice([(27008, 27008 * 2), (27008 + 1020, 27008 * 3 - 4)])
    origin = (corner[0] - dice.randint(0, 4), corner[1] - dice.randint(0, 4))
    world = RasterWorld("burned_areas", dice.choice(list(LEVELS)), origin, shape)
    world.layers = {
        DENSITY: patch(numbers, shape, [10, 11, 76]),
        "gfw_peatlands": patch(numbers, shape, [1]),
        "wdpa_protected_areas": patch(numbers, shape, [2]),
    }
    world.features = random_polygons(dice, world, worlds.NAMES[world.feature_type], 4)
    days = [dt.date(2025, 12, 28), dt.date(2025, 12, 31), dt.date(2026, 1, 5)]
    burned = random_polygons(dice, world, days, 4)
    burned += burned[:1]
    write_burned(tmp_path / "burned.csv", burned)
    run(world, tmp_path)
    fires = [(day, inside_of(polygon, world)) for day, polygon in burned]
    for level in LEVELS[world.feature_type]:
        daily, weekly, seen = sums(), sums(), set()
        for name, row, column, area in world.pixels():
            for day, pixels in fires:
                if (row, column) in pixels:
                    texts = {
                        "is__gfw_peatlands": str(world.value("gfw_peatlands", row, column) != 0).lower(),
                        "is__peatland": str(world.value("gfw_peatlands", row, column) != 0).lower(),
                        f"{DENSITY}__threshold": {0: "0", 10: "0", 11: "10", 76: "75"}[
                            world.value(DENSITY, row, column)
                        ],
                    }
                    if level != "wdpa":
                        other = "Other Category" if world.value("wdpa_protected_areas", row, column) else ""
                        texts |= {"wdpa_protected_areas__iucn_cat": other}
                    name_there = name[: worlds.ID_WIDTH[level]]
                    seen.add(name_there)
                    year, week, _ = day.isocalendar()
                    daily[(name_there, str(day), frozenset(texts.items()))]["ha"] += area
                    weekly[(name_there, f"{year} {week}", frozenset(texts.items()))]["ha"] += area
        width, names = worlds.ID_WIDTH[level], list(texts) if seen else []
        for which, expected in (("daily_alerts", daily), ("weekly_alerts", weekly)):
            if which == "daily_alerts" and level in {"adm1", "iso"}:
                assert not (tmp_path / "out" / level / which).exists()
                continue
            found = {}
            for row in table(tmp_path / "out", level, which):
                values = list(row.values())
                when = values[width] if which == "daily_alerts" else f"{values[width]} {values[width + 1]}"
                found[tuple(values[:width]), when, frozenset((name, row[name]) for name in names)] = values[-1]
            assert found.keys() == expected.keys()
            assert all(near(float(found[key]), expected[key]["ha"]) for key in expected)
        assert {tuple(row.values())[:width] for row in table(tmp_path / "out", level, "whitelist")} == seen


@pytest.mark.parametrize(
    ("level", "name", "count"),
    [
        ("adm2", "daily_alerts", 40),
        ("wdpa", "daily_alerts", 40),
        ("geostore", "daily_alerts", 38),
        ("adm2", "weekly_alerts", 41),
        ("adm1", "weekly_alerts", 40),
        ("iso", "weekly_alerts", 39),
        ("wdpa", "weekly_alerts", 41),
        ("geostore", "weekly_alerts", 39),
        ("adm2", "whitelist", 36),
        ("adm1", "whitelist", 35),
        ("iso", "whitelist", 34),
        ("wdpa", "whitelist", 36),
        ("geostore", "whitelist", 34),
    ],
)
def test_columns_are_as_many_as_in_the_published_tables(level, name, count):
    assert len(columns(Analysis.BURNED_AREAS, level, name, load_catalog(None).of(Analysis.BURNED_AREAS))) == count


def test_tables_are_those_of_other_fires():
    assert tables(Analysis.BURNED_AREAS, FeatureType.GADM, change_only=True) == tables(
        Analysis.VIIRS, FeatureType.GADM, change_only=True
    )


def test_rows_that_cannot_be_used_are_counted_and_a_file_without_the_columns_is_refused(tmp_path):
    world = RasterWorld("burned_areas", "geostore", (27000, 54000), (5, 5))
    world.layers = {DENSITY: np.full((5, 5), 20, dtype=np.uint8)}
    world.features = [(("a",), world.box())]
    good = shapely.to_wkb(world.box(), hex=True)
    (tmp_path / "burned.csv").write_text(f"geom,alert__date\n{good},2026-01-01\n{good},1/1/2026\nxyz,2026-01-01\n")
    summary = run(world, tmp_path)
    assert (summary["fires"]["read"], summary["fires"]["dropped"]) == (3, 2)
    (tmp_path / "burned.csv").write_text("geom\tday\n")
    with pytest.raises(DataError, match="lacks the columns alert__date, geom"):
        run(world, tmp_path)
