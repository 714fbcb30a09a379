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
from tests.datapump.engines.local import test_alerts as alerts
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.rasterworlds import RasterWorld, inside, near, patch, random_polygons, sums, table
from tests.datapump.engines.local.test_raster_sampler import density_bin

LEVELS = {"gadm": ["adm2", "adm1", "iso"], "wdpa": ["wdpa"], "geostore": ["geostore"]}
DENSITY = "umd_tree_cover_density_2000"
PERCENTS = [0, 5, 10, 11, 15, 16, 20, 25, 26, 30, 31, 50, 51, 75, 76, 100]


def inside_of(polygon, world):
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


def contexts(world, level, row, column):
    """Texts by column; of the density, the pixel's own bin."""
    found = alerts.contexts(world, level, row, column)
    layer = load_catalog(None).of(Analysis.BURNED_AREAS).layer(DENSITY)
    return found | dict.fromkeys(layer.columns, str(density_bin(world.value(DENSITY, row, column))))


def random_world(seed):
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = (dice.randint(3, 9), dice.randint(3, 9))
    corner = dice.choice([(27008, 27008 * 2), (27008 + 1020, 27008 * 3 - 4)])
    origin = (corner[0] - dice.randint(0, 4), corner[1] - dice.randint(0, 4))
    world = RasterWorld("burned_areas", dice.choice(list(LEVELS)), origin, shape)
    for layer in load_catalog(None).of(Analysis.BURNED_AREAS).contexts:
        if layer.name == DENSITY or dice.random() < 0.6:
            values = PERCENTS if layer.name == DENSITY else sorted(alerts.CODES.get(layer.name, {0: "", 1: "", 2: ""}))
            world.layers[layer.name] = patch(numbers, shape, values)
    tiles = ["00N_000E", "90N_000E", "90N_090W", "00N_090E"]
    world.absent = {(name, dice.choice(tiles)) for name in dice.sample(sorted(world.layers), 1)}
    world.features = random_polygons(dice, world, worlds.NAMES[world.feature_type], 4)
    burned = random_polygons(dice, world, [dt.date(2025, 12, 28), dt.date(2025, 12, 31), dt.date(2026, 1, 5)], 4)
    return world, burned + burned[:1]


def counted(world, burned, level):
    """Hectares by all other columns, of days and of weeks, and the flags of the whitelist."""
    daily, weekly, flags = sums(), sums(), {}
    fires = [(day, inside_of(polygon, world)) for day, polygon in burned]
    layers = load_catalog(None).of(Analysis.BURNED_AREAS).contexts
    flagged = [(layer.name, one) for layer in layers if layer.whitelist for one in layer.columns]
    for name, row, column, area in world.pixels():
        texts, ids = contexts(world, level, row, column), alerts.ids_of(name[: worlds.ID_WIDTH[level]], level)
        for day, pixels in fires:
            if (row, column) in pixels:
                year, week, _ = day.isocalendar()
                daily[frozenset((ids | texts | {"alert__date": str(day)}).items())]["ha"] += area
                weekly[frozenset((ids | texts | {"alert__year": str(year), "alert__week": str(week)}).items())][
                    "ha"
                ] += area
                known = flags.setdefault(frozenset(ids.items()), {})
                for layer, one in ((layer, one) for layer, one in flagged if one in texts):
                    seen = known.get(one) == "true" or texts[one] not in {"", "false"}
                    known[one] = str(seen).lower() if layer in world.layers else ""
    return daily, weekly, flags


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed < 12 else [pytest.mark.soak]) for seed in range(200)]
)
def test_burned_areas_are_those_of_a_pixel_by_pixel_sum(tmp_path, seed):
    world, burned = random_world(seed)
    write_burned(tmp_path / "burned.csv", burned)
    run(world, tmp_path)
    for level in LEVELS[world.feature_type]:
        daily, weekly, flags = counted(world, burned, level)
        for name, expected in (("daily_alerts", daily), ("weekly_alerts", weekly)):
            if name == "daily_alerts" and level in {"adm1", "iso"}:
                assert not (tmp_path / "out" / level / name).exists()
                continue
            rows = table(tmp_path / "out", level, name)
            found = {}
            for row in rows:
                hectares = row.pop("burned_area__ha")
                found[frozenset(row.items())] = float(hectares)
            assert len(found) == len(rows), "a row comes twice"
            assert found.keys() == expected.keys()
            assert all(near(found[key], expected[key]["ha"]) for key in expected)
        ids = alerts.ids_of(("",) * 5, level)
        rows = table(tmp_path / "out", level, "whitelist")
        assert {frozenset((name, row.pop(name)) for name in ids): row for row in rows} == flags


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
    reasons = [reason["reason"] for reason in summary["fires"]["dropped_reasons"]]
    assert reasons == ["alert__date is not a date YYYY-MM-DD", "geometry is not hexadecimal WKB"]
    (tmp_path / "burned.csv").write_text("geom\tday\n")
    with pytest.raises(DataError, match="lacks the columns alert__date, geom"):
        run(world, tmp_path)
