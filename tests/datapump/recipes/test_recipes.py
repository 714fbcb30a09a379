"""Recipes: those that come with datapump are whole, and a mistake in one is found when it is loaded."""

from __future__ import annotations

import csv
import re
from datetime import date, time
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from datapump.embedded.data_api.models import fields
from datapump.errors import DataError, NotFoundError
from datapump.recipes import BUILT_IN, parse_recipe, recipe_of, recipes
from datapump.recipes.assets import Grid, PixelType, Resampling

RASTERS = {
    "gfw_integrated_alerts": ("integrated_alerts", "02:00", 90),
    "gfw_integrated_dist_alerts": ("gfw_integrated_dist_alerts", "10:30", 21),
    "umd_glad_dist_alerts": ("umd_glad_dist_alerts", "19:00", None),
    "umd_glad_landsat_alerts": ("umd_glad_landsat_alerts", "22:00", 90),
    "umd_glad_sentinel2_alerts": ("umd_glad_sentinel2_alerts", "22:00", 90),
    "wur_radd_alerts": ("wur_radd_alerts", "22:00", 90),
}
INVENTED = """
dataset = "invented_alerts"
title = "Invented alerts"
schedule = 21:00:00
after = ["wur_radd_alerts"]

[release]
found_by = "folders"
uri = "gs://invented-bucket/alerts"
tiles = [2]

[content]
start = 2024-01-01
end = "release"
description = "All"

[[assets]]
kind = "source"
name = "date_conf"
pixel_meaning = "date_conf"
sources = ["{release}/a", "{release}/b"]
calc = "np.where(A > 0, 20000 + np.int32(B), 0)"
data_type = "uint16"
no_data = 0
grid = "10/40000"

[[assets]]
kind = "tile_set"
name = "intensity"
pixel_meaning = "intensity"
calc = "np.where(A > 0, 55, 0)"
data_type = "uint8"
grid = "10/40000"

[[assets]]
kind = "tile_set"
name = "doubled"
pixel_meaning = "doubled"
made_from = ["intensity"]
calc = "A + B"
data_type = "uint16"
grid = "10/40000"

[[assets]]
kind = "cog"
name = "default_cog"
made_from = "date_conf"
implementation = "default"

[[assets]]
kind = "vrt"
name = "all"
file = "all.vrt"
made_from = ["default_cog"]
"""
PATH = Path("folder/invented_alerts.toml")


def test_every_raster_dataset_has_a_recipe():
    found = {name: (one.sync, f"{one.schedule:%H:%M}", one.retention.keep_days) for name, one in recipes().items()}
    assert found == RASTERS
    assert recipe_of("umd_glad_dist_alerts").notify == ["gnw"]
    with pytest.raises(NotFoundError, match="no recipe makes the raster dataset 'nothing'"):
        recipe_of("nothing")


def test_dependent_datasets_come_after_what_they_are_made_from():
    after = {name: set(recipe.after) for name, recipe in recipes().items() if recipe.after}
    assert after == {
        "gfw_integrated_alerts": {"umd_glad_landsat_alerts", "umd_glad_sentinel2_alerts", "wur_radd_alerts"},
        "gfw_integrated_dist_alerts": {"gfw_integrated_alerts"},
    }


def test_the_recipes_preserve_the_versions_that_production_preserves(real_data):
    listed = {}
    with (real_data / "preserved_versions.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            listed.setdefault(row["dataset"], []).append(row["version"])
    assert {name: one.retention.keep for name, one in recipes().items() if one.retention.keep} == listed


@pytest.mark.parametrize(
    ("ours", "theirs"), [(Grid, fields.Grid), (PixelType, fields.DataType), (Resampling, fields.Resampling)]
)
def test_a_recipe_may_say_what_the_data_api_takes(ours, theirs):
    taken = TypeAdapter(theirs)
    for value in get_args(ours):
        assert taken.validate_python(value) == value
    with pytest.raises(ValidationError):
        taken.validate_python("no such value")


def test_an_invented_recipe_is_read_whole():
    recipe = parse_recipe(INVENTED, PATH)
    assert (recipe.sync, recipe.schedule, recipe.content.start) == ("invented_alerts", time(21), date(2024, 1, 1))
    assert [asset.name for asset in recipe.ordered()] == ["date_conf", "intensity", "default_cog", "doubled", "all"]


MISTAKES = {
    'grid = "10/40000"': [
        ("grid = '10/4000'", "assets.0.grid: Input should be '1/4000'"),
        ("", "assets.0.grid: is req"),
    ],
    'calc = "np.where(A > 0, 20000 + np.int32(B), 0)"': [
        ("calc = 'A + C'", "assets.0: the formula reads C, but its bands are A, B"),
        ("calc = 'A +'", "assets.0.calc: the formula is not an expression"),
        ("calc = 'open(A)'", "assets.0.calc: the formula may not hold"),
        ("calc_by_year = 'A'", "assets.0 .date_conf.: calc_by_year goes with found_by = 'years'"),
        ("calc_by_year = '{what}'", "assets.0.calc_by_year: the placeholder 'what' is not known"),
        ("calcs = 'A'", "assets.0.calcs: is not a known key: remove it, or look for a typing mistake"),
    ],
    'calc = "A + B"': [("calc = 'A + C'", "assets.2: the formula reads C, but its bands are A, B")],
    'made_from = ["intensity"]': [
        ("made_from = ['missing']", "assets.2 .doubled.: made_from: there is no asset 'missing'"),
        ("made_from = ['doubled']", "assets: made from each other: doubled"),
        ("made_from = ['date_conf']", "assets.2 .doubled.: made_from: 'date_conf' is the default tile set"),
        ("made_from = ['default_cog']", "assets.2 .doubled.: made_from: it cannot be made from 'default_cog'"),
        ("made_from = 'intensity'", "assets.2.made_from: Input should be a valid list"),
        (
            "made_from = ['intensity']\nothers = [{ dataset = 'other_alerts', tile_set = 'x', grid = '10/40000' }]",
            "assets.2.others.0.tile_set: String should match",
        ),
        ("made_from = ['intensity']\ncalc_alone = 'A'", "assets.2: calc_alone is for tile sets that have others"),
    ],
    'made_from = ["default_cog"]': [
        (
            "made_from = ['intensity']",
            "assets.4 .all.: made_from: it cannot be made from 'intensity', which is a tile_set",
        ),
        ("made_from = []", "assets.4.made_from: List should have at least 1 item"),
    ],
    'implementation = "default"': [
        (
            "implementation = 'default'\nblock_size = 1000",
            "assets.3.block_size: Input should be 256, 512, 1024 or 2048",
        ),
        ("implementation = 'default'\nwhen = 'release'", "assets.3: release_of goes with when = 'release'"),
        ("implementation = '../x'", "assets.3.implementation: String should match"),
    ],
    'name = "intensity"': [("name = 'date_conf'", "assets.1 .date_conf.: another asset has the same name")],
    'kind = "tile_set"': [
        ("kind = 'source'\nsources = ['{release}']", "assets.1 .intensity.: the source is the first asset"),
        ("kind = 'picture'", "assets.1: Input tag 'picture'"),
    ],
    'kind = "source"': [("kind = 'tile_set'", "assets.0.sources: is not a known key")],
    'sources = ["{release}/a", "{release}/b"]': [
        ("sources = []", "assets.0.sources: List should have at least 1 item"),
        (
            "sources = ['{release}/{yy}', '{release}/b']",
            "assets.0 .date_conf.: sources: yy cannot be filled in: release",
        ),
        ("sources = ['gs://elsewhere/x', '{release}/b']", "must begin with {release}"),
        (
            "sources = [{ dataset = 'wur_radd_alerts', tile_set = 'date_conf', grid = '10/40000' }, '{release}/b']",
            "assets.0 .date_conf.: sources: a release that is found in a bucket is made from its files",
        ),
    ],
    "start = 2024-01-01": [
        ("start = 2024-02-30", "not TOML: .*start = 2024-02-30"),
        ("start = '2024-02-30'", "content.start: Input should be a valid date"),
        ("start = 2024", "content.start: "),
        ("", "content.start: is required"),
    ],
    'end = "release"': [("end = 'never'", "content.end: Input should be 'release' or 'today'")],
    "schedule = 21:00:00": [
        ("schedule = 25:00:00", "not TOML: .*schedule = 25:00:00"),
        ("schedule = 'noon'", "schedule: "),
        ("schedule = 21:00:30", "schedule: give hours and minutes"),
        ("schedule = 21:00:00\nnotify = ['nobody']", "notify.0: Input should be 'gnw'"),
        ("schedule = 21:00:00\ncolour = 'red'", "colour: is not a known key"),
    ],
    "tiles = [2]": [
        ("tiles = [0]", "release.tiles.0: Input should be greater than 0"),
        ("tiles = 2", "release.tiles: Input should be a valid list"),
        ("tiles = [2]\nnew_when = 'always'", "release.new_when: Input should be 'newer' or 'different'"),
    ],
    'uri = "gs://invented-bucket/alerts"': [("uri = 'https://x.org/alerts'", "release.uri: String should match")],
    'found_by = "folders"': [("found_by = 'guess'", "release: Input tag 'guess' found using 'found_by'")],
    'dataset = "invented_alerts"': [
        ("dataset = 'latest_alerts'", "dataset: 'latest_alerts' is not a dataset name"),
        ("dataset = 'other_alerts'", "dataset: the file of other_alerts is named other_alerts.toml"),
    ],
    'description = "All"': [
        ("description = 'All'\n[retention]\nkeep = ['2024']", "retention.keep.0: '2024' is not a version"),
        ("description = 'All'\n[retention]\nkeep_days = -1", "retention.keep_days: Input should be greater than 0"),
    ],
}


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [(right, wrong, message) for right, cases in MISTAKES.items() for wrong, message in cases],
)
def test_a_mistake_names_the_file_and_the_key(right, wrong, message):
    assert right in INVENTED
    with pytest.raises(DataError, match=message) as caught:
        parse_recipe(INVENTED.replace(right, wrong, 1), PATH)
    assert caught.value.message.startswith("folder/invented_alerts.toml: ")
    assert not re.search(r"\.(cog|tile_set|source|folders)\.", caught.value.message)


def test_every_mistake_is_told_at_once():
    text = INVENTED.replace("tiles = [2]", "tiles = []").replace('grid = "10/40000"', 'grid = "x"', 1)
    with pytest.raises(DataError, match=r"release.tiles: .*; assets.0.grid: "):
        parse_recipe(text, PATH)


def write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def test_a_folder_adds_recipes_and_replaces_those_of_the_same_dataset(tmp_path):
    radd = (BUILT_IN / "wur_radd_alerts.toml").read_text().replace("[208, 209]", "[2]")
    folder = write(tmp_path / "recipes", invented_alerts=INVENTED, wur_radd_alerts=radd)
    found = recipes(folder)
    assert set(found) == {*RASTERS, "invented_alerts"}
    assert found["wur_radd_alerts"].release.tiles == [2]
    assert recipes()["wur_radd_alerts"].release.tiles == [208, 209]


def test_a_missing_folder_and_an_unknown_dataset_are_errors(tmp_path):
    with pytest.raises(DataError, match="no_such: the folder of recipes does not exist"):
        recipes(tmp_path / "no_such")
    text = INVENTED.replace('"wur_radd_alerts"', '"unknown_alerts"')
    with pytest.raises(DataError, match=r"invented_alerts.toml: after: no recipe makes 'unknown_alerts'"):
        recipes(write(tmp_path / "one", invented_alerts=text))


def test_recipes_that_come_after_each_other_are_an_error(tmp_path):
    first = INVENTED.replace('"wur_radd_alerts"', '"other_alerts"')
    second = first.replace("invented_alerts", "third_alerts").replace('["other_alerts"]', '["invented_alerts"]')
    other = INVENTED.replace("invented_alerts", "other_alerts").replace('"wur_radd_alerts"', '"third_alerts"')
    folder = write(tmp_path / "recipes", invented_alerts=first, other_alerts=other, third_alerts=second)
    with pytest.raises(DataError, match=r"after: \w+ would come after itself"):
        recipes(folder)
