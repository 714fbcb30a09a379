"""How much work an analysis is, told before it runs, against what is known of synthetic input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from datapump.engines import AnalysisRequest
from datapump.engines.local import sampled_rows, sizing
from datapump.engines.local.catalog import load_catalog
from datapump.engines.local.sizing import Sizer
from datapump.errors import DataError, NotFoundError
from datapump.objects import Objects

PIXELS_A_DEGREE = 4000
HEADER = "fid\tgid_0\tgid_1\tgid_2\ttile_id\ttcl\tglad\tgeom\n"


def gadm(number, shape, *, iso="AAA", tcl="t"):
    return f"{number}\t{iso}\t{iso}.1_1\t{iso}.1.{number}_1\tx\t{tcl}\tt\t{shapely.to_wkb(shape, hex=True)}\n"


def world(objects, rows, name="a"):
    objects.put(f"s3://lake/features/{name}.tsv", (HEADER + "".join(rows)).encode())


def asked(analysis="tcl", **more):
    least = {"name": "run", "analysis": analysis, "feature_type": "gadm", "output": "s3://lake/out"}
    return AnalysisRequest.model_validate({**least, "features": ("s3://lake/features/*.tsv",), **more})


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path / "objects")


@pytest.fixture
def layers(tmp_path):
    """All layers of tcl."""
    path = tmp_path / "layers.toml"
    names = [layer.name for name in ("tcl", "viirs") for layer in load_catalog(None).of(name).layers]
    path.write_text("".join(f'[layers.{name}]\nuri = "{name}/{{tile_id}}.tif"\n' for name in dict.fromkeys(names)))
    return path


def test_pixels_are_those_of_the_squares_that_features_touch_each_once(objects, layers):
    # A square of 400 pixels is 0.1 degrees wide: 10 x 10 of them, twice over.
    box = shapely.box(10.01, 5.01, 10.99, 5.99)
    world(objects, [gadm(1, box), gadm(2, box), gadm(3, shapely.box(20.01, 0.01, 20.02, 0.02))])
    told = Sizer(objects, layers, 2, 2)(asked())
    assert told.pixels == 101 * 400**2
    assert told.layers == 27


@pytest.mark.parametrize("row", [{"tcl": "f"}, {"iso": "ZZZ"}])
def test_rows_that_the_analysis_does_not_look_at_are_no_work(objects, layers, row):
    world(objects, [gadm(1, shapely.box(10.01, 5.01, 10.02, 5.02)), gadm(2, shapely.box(0, 0, 1, 1), **row)])
    assert Sizer(objects, layers, 2, 2)(asked(iso_start="AAA", iso_end="BBB")).pixels == 400**2


def test_a_very_large_feature_is_as_much_work_as_its_area_and_takes_no_room(objects, layers):
    world(objects, [gadm(1, shapely.box(-80, -60, 80, 80))])
    told = Sizer(objects, layers, 2, 2)(asked())
    assert told.pixels == pytest.approx(160 * 140 * PIXELS_A_DEGREE**2)


def test_islands_far_apart_are_no_more_work_than_the_islands(objects, layers):
    world(
        objects, [gadm(1, shapely.union_all([shapely.box(-170, 1.01, -169.99, 1.02), shapely.box(169, 1, 169.99, 2)]))]
    )
    assert Sizer(objects, layers, 2, 2)(asked()).pixels == pytest.approx(111 * 400**2, rel=0.01)


def test_more_work_takes_longer_and_more_processes_less_long(objects, layers):
    world(objects, [gadm(1, shapely.box(10, 5, 20, 9))])
    hours = Sizer(objects, layers, 2, 2)(asked()).hours
    assert Sizer(objects, layers, 8, 8)(asked()).hours < hours / 2
    assert Sizer(objects, layers, 8, 2)(asked()).hours == hours, "there are no more than two processors"
    few = layers.with_name("few.toml")
    few.write_text("\n".join(layers.read_text().splitlines()[:6]))
    assert Sizer(objects, few, 2, 2)(asked()).hours < hours / 2


@pytest.fixture
def small_pieces(monkeypatch):
    """Files of more than 64 KB are sampled."""
    monkeypatch.setattr(sampled_rows, "_SAMPLE", 64 * 1024)
    monkeypatch.setattr(sampled_rows, "_PIECE", 1024)


def tiles(dice, count):
    """Rows as exports of divisions have them: whole cells in few words, and coasts in many."""
    rows = []
    for number in range(count):
        x, y = number % 60 - 30, number // 60 - 20
        shape = shapely.box(x + 0.001, y + 0.001, x + 0.999, y + 0.999)
        if dice.random() < 0.5:
            angle = np.linspace(0, 2 * math.pi, int(dice.integers(200, 900)))
            reach = 0.3 * (0.9 + 0.1 * dice.random(len(angle)))
            points = np.stack([x + 0.5 + reach * np.cos(angle), y + 0.5 + reach * np.sin(angle)], axis=1)
            shape = shapely.make_valid(shapely.Polygon(points))
        rows.append(gadm(number, shape))
    return rows


@pytest.mark.usefixtures("small_pieces")
def test_of_large_files_some_rows_are_enough_long_ones_and_short_ones_alike(objects, layers):
    dice = np.random.default_rng(3)
    rows = tiles(dice, 1200)
    world(objects, rows[:500], "a")
    world(objects, rows[500:], "b")
    part = Sizer(objects, layers, 2, 2)(asked())
    read = sum(info.size for info in objects.glob("s3://lake/features/*.tsv"))
    assert read > 100 * 64 * 1024, "this is a small part of it"
    sampled_rows._SAMPLE = 2**40
    whole = Sizer(objects, layers, 2, 2)(asked())
    assert part.pixels == pytest.approx(whole.pixels, rel=0.35)
    assert part.hours == pytest.approx(whole.hours, rel=0.35)


@pytest.mark.usefixtures("small_pieces")
def test_many_small_features_in_a_small_country_are_no_more_than_the_country(objects, layers):
    dice = np.random.default_rng(4)
    places = dice.uniform(0, 2, (4000, 2))
    world(objects, [gadm(n, shapely.box(x, y, x + 0.002, y + 0.002)) for n, (x, y) in enumerate(places)])
    told = Sizer(objects, layers, 2, 2)(asked())
    assert told.pixels == pytest.approx(400 * 400**2, rel=0.2)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("tail", ["", "x" * 20_000 + "\n"])
def test_every_row_that_begins_in_a_piece_is_there_whole_and_no_other(objects, tmp_path, tail):
    lines = [f"{number:05}\t{'y' * (number * 37 % 900)}\n" for number in range(2000)]
    objects.put("s3://lake/f.tsv", ("header\tz\n" + "".join(lines) + tail).encode())
    files, copies, share = sampled_rows.sample(objects, objects.glob("s3://lake/f.tsv"), tmp_path)
    assert [file.name for file in files] == ["s3://lake/f.tsv"]
    with copies.local("s3://lake/f.tsv") as path:
        header, *found = path.read_text().splitlines(keepends=True)
    assert header == "header\tz\n"
    assert set(found) <= {*lines, tail}
    assert len(found) == len(set(found)) == pytest.approx(share * len(lines), rel=0.3)


def test_small_files_are_taken_whole_and_those_without_a_last_line_end_too(objects, tmp_path):
    objects.put("s3://lake/a.tsv", b"header\na\nb")
    objects.put("s3://lake/b.tsv", b"header\nc\n")
    objects.put("s3://lake/c.tsv", b"header")
    infos = objects.glob("s3://lake/*.tsv")
    files, _, share = sampled_rows.sample(objects, infos, tmp_path)
    assert (share, [file.size for file in files]) == (1, [11, 9, 7])
    found = [(tmp_path / f"{number}.tsv").read_bytes() for number in range(3)]
    assert found == [b"header\na\nb\n", b"header\nc\n", b"header\n"]


def test_rasters_without_alerts_are_sooner_done_than_those_full_of_them(objects, tmp_path):
    world(objects, [gadm(1, shapely.box(10, 8, 12, 10))])
    catalog = tmp_path / "alerts.toml"
    catalog.write_text(f'[layers.wur_radd_alerts]\nuri = "{tmp_path}/{{tile_id}}.tif"\n')
    sizer = Sizer(objects, catalog, 2, 2)
    (tmp_path / "10N_010E.tif").write_bytes(b"cannot be told")
    full = sizer(asked("integrated_alerts"))
    (tmp_path / "10N_010E.tif").unlink()
    empty = sizer(asked("integrated_alerts"))
    assert empty.pixels == full.pixels
    assert empty.hours < full.hours / 3


def fires(objects, places):
    rows = "".join(f"{y:.4f}\t{x:.4f}\t2026-01-01\t0100\tn\t1\t1\t1\n" for x, y in places)
    header = "latitude\tlongitude\tacq_date\tacq_time\tconfidence\tbright_ti4\tbright_ti5\tfrp\n"
    objects.put("s3://lake/fires.tsv", (header + rows).encode())


def test_fires_all_over_the_world_take_longer_than_as_many_in_one_place_where_there_are_layers(objects, layers):
    world(objects, [gadm(1, shapely.box(0, 0, 1, 1))])
    request = asked("viirs", fire_sources=("s3://lake/fires.tsv",))
    dice = np.random.default_rng(5)
    fires(objects, dice.uniform([-180, -60], [180, 60], (3000, 2)))
    far, bare = (Sizer(objects, catalog, 2, 2)(request) for catalog in (layers, None))
    fires(objects, dice.uniform(0, 1, (3000, 2)))
    near = Sizer(objects, layers, 2, 2)(request)
    assert far.fires == near.fires == 3000
    assert far.hours > 10 * near.hours
    assert bare.hours < 2 * near.hours
    assert (far.layers, bare.layers, far.pixels) == (21, 0, 0)


def test_input_that_is_not_there_or_cannot_be_used_is_said_to_be_so(objects, layers):
    sizer = Sizer(objects, layers, 2, 2)
    with pytest.raises(NotFoundError, match=r"no feature file is named s3://lake/features/\*\.tsv"):
        sizer(asked())
    world(objects, [gadm(1, shapely.Point(1, 1))])
    with pytest.raises(DataError, match=r"none of the 1 rows of s3://lake/features/a\.tsv"):
        sizer(asked())
    world(objects, [gadm(1, shapely.box(0, 0, 1, 1))])
    with pytest.raises(NotFoundError, match="no fire file is named"):
        sizer(asked("viirs", fire_sources=("s3://lake/none.tsv",)))


def test_files_are_read_once_as_long_as_they_stay_as_they_are(objects, layers, monkeypatch):
    read = []
    measured = sizing._covered
    monkeypatch.setattr(sizing, "_covered", lambda *given: read.append(1) or measured(*given))
    world(objects, [gadm(1, shapely.box(0, 0, 1, 1))])
    sizer = Sizer(objects, layers, 2, 2)
    first = sizer(asked())
    assert sizer(asked(name="again")) == first
    assert len(read) == 1
    world(objects, [gadm(1, shapely.box(0, 0, 2, 2))])
    assert sizer(asked()).pixels > first.pixels


@given(st.integers(1, 3000), st.integers(50, 3000), st.integers(1, 50))
def test_how_many_squares_are_touched_is_told_from_some_touches(squares, seen, times):
    dice = np.random.default_rng(squares)
    touches = dice.integers(0, squares, seen * times)
    told = sizing._distinct(seen, len(np.unique(touches[:seen])), seen * times)
    different = len(np.unique(touches[:seen]))
    assert different * 0.999 <= told <= seen * times
    if squares < seen / 2:
        assert told == pytest.approx(len(np.unique(touches)), rel=0.1, abs=2)
