from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from datapump.engines import AnalysisRequest
from datapump.engines.local import delimited, fires, join, tally, zonal
from datapump.engines.local.files import Files
from datapump.errors import DataError, InvalidInputError, NotFoundError, StorageError, UnsupportedError
from datapump.objects import Objects
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import World, counts, files, read_table, run

SQUARE = shapely.box(10, 0, 11, 1)
PER_WORLD = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def small_world(feature_type="gadm"):
    """Two neighbours in one state, one elsewhere; five fires, one of them on the border."""
    names = worlds.NAMES[feature_type]
    world = World(feature_type)
    world.features = [(names[0], SQUARE), (names[1], shapely.box(11, 0, 12, 1)), (names[3], shapely.box(20, 0, 21, 1))]
    world.fires = [
        (0.5, 10.5, "2026-01-01", "n"),
        (0.5, 10.5, "2026-01-01", "n"),
        (0.5, 11.0, "2026-01-01", "n"),
        (0.25, 20.5, "2025-12-28", "h"),
        (0.25, 40.5, "2025-12-28", "h"),
    ]
    return world


@PER_WORLD
@given(world=worlds.worlds())
def test_every_count_is_that_of_a_pair_by_pair_search(tmp_path_factory, world):
    folder = tmp_path_factory.mktemp("world")
    world.write(folder)
    summary = run(folder, world.feature_type)
    level = worlds.LEVELS[world.feature_type]
    assert counts(folder / "out", level, "daily_alerts") == world.daily()
    assert counts(folder / "out", level, "weekly_alerts") == world.weekly()
    hit = [
        fire for fire in world.fires if any(p.intersects(shapely.Point(fire[1], fire[0])) for _, p in world.features)
    ]
    assert summary["fires"]["matched"] == len(hit)
    _, whitelist = read_table(folder / "out", level, "whitelist")
    assert {tuple(row[: worlds.ID_WIDTH[level]]) for row in whitelist} == {key[0] for key in world.daily()}


@PER_WORLD
@given(world=worlds.worlds(feature_types=("gadm",)))
def test_adm1_and_iso_are_the_sums_of_adm2(tmp_path_factory, world):
    folder = tmp_path_factory.mktemp("world")
    world.write(folder)
    run(folder, "gadm")
    below = counts(folder / "out", "adm2", "weekly_alerts")
    for level in ("adm1", "iso"):
        expected = Counter()
        for (name, *rest), count in below.items():
            expected[(name[: worlds.ID_WIDTH[level]], *rest)] += count
        assert counts(folder / "out", level, "weekly_alerts") == expected
        ids = {tuple(row[: worlds.ID_WIDTH[level]]) for row in read_table(folder / "out", level, "whitelist")[1]}
        assert ids == {key[0] for key in expected}


@pytest.mark.parametrize("feature_type", ["gadm", "wdpa", "geostore", "feature"])
def test_the_same_bytes_come_of_any_chunking(tmp_path, monkeypatch, feature_type):
    world = small_world(feature_type)
    world.features += [(worlds.NAMES[feature_type][0], shapely.box(10.5, 0, 11.5, 0.7))]
    world.fires += [(0.1 * k, 10 + 0.2 * k, f"2026-01-{k + 1:02}", "lnh"[k % 3]) for k in range(9)]
    world.write(tmp_path)
    run(tmp_path, feature_type, output=str(tmp_path / "whole"))
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 96)
    monkeypatch.setattr(fires, "CHUNK", 2)
    monkeypatch.setattr(tally, "_MERGE_ROWS", 3)
    monkeypatch.setattr(tally, "blocks", lambda codes: join.blocks(codes, 1))
    run(tmp_path, feature_type, output=str(tmp_path / "pieces"))
    assert files(tmp_path / "pieces") == files(tmp_path / "whole")


def test_a_fire_on_the_border_counts_in_both_areas_and_so_twice_above_them(tmp_path):
    world = small_world()
    world.write(tmp_path)
    summary = run(tmp_path, "gadm")
    out = tmp_path / "out"
    first, second, other = ("BRA", "1", "1"), ("BRA", "1", "2"), ("IDN", "1", "1")
    assert counts(out, "adm2", "daily_alerts") == {
        (first, "2026-01-01", "n"): 3,
        (second, "2026-01-01", "n"): 1,
        (other, "2025-12-28", "h"): 1,
    }
    assert counts(out, "adm1", "weekly_alerts") == {
        (("BRA", "1"), "2026", "1", "n"): 4,
        (("IDN", "1"), "2025", "52", "h"): 1,
    }
    assert summary["fires"] == {"read": 5, "dropped": 0, "matched": 4, "dropped_reasons": []}


def test_a_fire_on_the_edge_between_slices_of_a_feature_counts_once(tmp_path):
    slices = [shapely.box(x, y, x + 1, y + 1) for x in (10, 11) for y in (0, 1)]
    world = World("feature", [(("1",), piece) for piece in slices], [(1, 11, "2026-01-01", "n")])
    world.fires += [(0.5, 11, "2026-01-01", "n")] * 2
    world.write(tmp_path)
    run(tmp_path, "feature")
    assert counts(tmp_path / "out", "feature", "daily_alerts") == {(("1",), "2026-01-01", "n"): 3}


def test_rows_are_sorted_by_id_as_numbers_then_time_then_confidence(tmp_path):
    world = World("feature", [((name,), SQUARE) for name in ("10", "9", "-7")])
    world.fires = [(0.5, 10.5, day, level) for day in ("2026-01-02", "2025-12-31") for level in ("n", "h", "")]
    world.write(tmp_path)
    run(tmp_path, "feature")
    _, rows = read_table(tmp_path / "out", "feature", "daily_alerts")
    keys = [(int(row[0]), row[1], row[2]) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == 18


def test_names_with_tabs_quotes_commas_and_line_ends_survive_and_no_null_becomes_a_word(tmp_path):
    world = World("wdpa", [(name, SQUARE) for name in worlds.NAMES["wdpa"]], [(0.5, 10.5, "2026-01-01", "")])
    world.write(tmp_path)
    run(tmp_path, "wdpa")
    for table in ("daily_alerts", "weekly_alerts", "whitelist"):
        _, rows = read_table(tmp_path / "out", "wdpa", table)
        assert {tuple(row[:5]) for row in rows} == set(worlds.NAMES["wdpa"])
    content = b"".join(files(tmp_path / "out" / "wdpa").values())
    for word in (b"null", b"None", b"nan", b"NULL", b"NaN"):
        assert word not in content
    assert b"\tParque, o Grande\t" in content, "a comma asks for no quotes"
    assert b'\t"Parque\to Grande"\t' in content
    assert b'\t"the ""old"" wood"\t' in content


def test_blanks_around_texts_are_trimmed_and_do_not_tell_ids_apart(tmp_path):
    world = World("geostore", [((" abc",), SQUARE), (("abc ",), SQUARE)], [(0.5, 10.5, "2026-01-01", " n ")])
    world.write(tmp_path)
    run(tmp_path, "geostore")
    assert counts(tmp_path / "out", "geostore", "daily_alerts") == {(("abc",), "2026-01-01", "n"): 1}


def test_a_table_without_rows_is_a_header(tmp_path):
    world = small_world()
    world.fires = [(0.5, 50.5, "2026-01-01", "n")]
    world.write(tmp_path)
    summary = run(tmp_path, "gadm")
    for entry in summary["tables"]:
        header, rows = read_table(tmp_path / "out", entry["level"], entry["table"])
        assert rows == []
        assert header[0] == "iso"
        assert (tmp_path / "out" / entry["level"] / entry["table"] / "_SUCCESS").read_bytes() == b""


def test_fire_files_without_rows_are_no_error(tmp_path):
    small_world().write(tmp_path)
    (tmp_path / "fires.tsv").write_text("\t".join(worlds.VIIRS))
    assert run(tmp_path, "gadm")["fires"]["read"] == 0


@pytest.mark.parametrize(
    ("feature_type", "change_only", "expected"),
    [
        (
            "gadm",
            False,
            [
                "adm2/whitelist",
                "adm2/daily_alerts",
                "adm2/weekly_alerts",
                "adm1/whitelist",
                "adm1/weekly_alerts",
                "iso/whitelist",
                "iso/weekly_alerts",
            ],
        ),
        ("gadm", True, ["adm2/daily_alerts", "adm2/weekly_alerts", "adm1/weekly_alerts", "iso/weekly_alerts"]),
        ("wdpa", False, ["wdpa/whitelist", "wdpa/daily_alerts", "wdpa/weekly_alerts"]),
        ("feature", True, ["feature/daily_alerts", "feature/weekly_alerts"]),
        ("geostore", False, ["geostore/whitelist", "geostore/daily_alerts", "geostore/weekly_alerts"]),
    ],
)
def test_the_tables_of_each_feature_type(tmp_path, feature_type, change_only, expected):
    small_world(feature_type).write(tmp_path)
    summary = run(tmp_path, feature_type, change_only=change_only)
    assert [f"{entry['level']}/{entry['table']}" for entry in summary["tables"]] == expected
    written = {name.rsplit("/", 1)[0] for name in files(tmp_path / "out") if "/" in name}
    assert written == {*expected, "areas"}


def test_the_manifest_tells_what_was_read_left_out_and_written(tmp_path):
    world = small_world("feature")
    world.features += [(("77",), "00zz"), (("x",), SQUARE)]
    world.fires += [(91, 0, "2026-01-01", "n")]
    world.write(tmp_path)
    summary = run(tmp_path, "feature")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert {**manifest, "manifest": str(tmp_path / "out" / "manifest.json")} == summary
    features, fire_rows = str(tmp_path / "features.tsv"), str(tmp_path / "fires.tsv")
    assert manifest["feature_files"] == [
        {"name": features, "bytes": (tmp_path / "features.tsv").stat().st_size, "rows": 5, "by_position": {}}
    ]
    assert manifest["features"] == {
        "rows": 5,
        "features": 3,
        "repaired": 0,
        "skipped": 2,
        "skipped_reasons": [
            {
                "reason": "fid is not an integer",
                "rows": 1,
                "examples": [{"file": features, "row": 6, "id": "x"}],
            },
            {
                "reason": "geometry is not hexadecimal WKB",
                "rows": 1,
                "examples": [{"file": features, "row": 5, "id": "77"}],
            },
        ],
    }
    assert manifest["fires"]["read"] == 6
    assert manifest["fires"]["dropped_reasons"] == [
        {
            "reason": "latitude beyond 90 or longitude beyond 180 degrees",
            "rows": 1,
            "examples": [{"file": fire_rows, "row": 7, "id": "91 0 2026-01-01 n"}],
        }
    ]
    assert len(manifest["layers_not_configured"]) == 21
    daily = next(entry for entry in manifest["tables"] if entry["table"] == "daily_alerts")
    assert daily == {"level": "feature", "table": "daily_alerts", "rows": 3, "alert__count": 5}
    assert manifest["engine"].startswith("datapump ")


def test_progress_rises_to_one(tmp_path):
    small_world().write(tmp_path)
    told = []
    zonal.run(worlds.request(tmp_path, "gadm"), Files(None), layers=None, progress=lambda *step: told.append(step))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert told[-1] == (1, "done")
    assert {"reading features", "counting fires in features", "writing iso/whitelist"} <= {text for _, text in told}


def test_objects_and_globs_are_read_by_name(tmp_path):
    world = small_world()
    world.write(tmp_path / "s3" / "lake" / "in")
    objects = Objects(tmp_path)
    objects.put("s3://lake/in/more fires é.tsv", (tmp_path / "s3/lake/in/fires.tsv").read_bytes())
    request = AnalysisRequest.model_validate(
        {
            "name": "by-name",
            "analysis": "viirs",
            "feature_type": "gadm",
            "features": ["s3://lake/in/feat*.tsv"],
            "fire_sources": ["s3://lake/in/*fires*.tsv", "s3://lake/nothing/*.tsv"],
            "output": "s3://results/sub/firealerts_viirs_20260115_0200",
        }
    )
    summary = zonal.run(request, objects, layers=None, progress=lambda *_: None)
    assert summary["fires"]["read"] == 10
    assert summary["manifest"] == "s3://results/sub/firealerts_viirs_20260115_0200/manifest.json"
    daily = counts(tmp_path / "s3/results/sub/firealerts_viirs_20260115_0200", "adm2", "daily_alerts")
    assert daily == {key: 2 * count for key, count in world.daily().items()}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"analysis": "tcl"}, UnsupportedError, "tcl needs the layer umd_tree_cover_loss, which is not configured"),
        ({"fire_sources": ()}, InvalidInputError, "needs a fire source"),
        ({"iso_start": "bra"}, InvalidInputError, "'bra' is no country code"),
        (
            {"iso_start": "B", "iso_end": "B"},
            InvalidInputError,
            "no country from B on",
        ),
        ({"features": ("missing.tsv",)}, NotFoundError, r"no feature file is named missing\.tsv"),
        ({"features": ("missing-*.tsv",)}, NotFoundError, r"no feature file is named missing-\*\.tsv"),
        ({"fire_sources": ("none-*.tsv",)}, NotFoundError, r"no fire file is named none-\*\.tsv"),
    ],
)
def test_what_cannot_be_run_is_refused_and_nothing_is_written(tmp_path, change, error, message):
    small_world().write(tmp_path)
    with pytest.raises(error, match=message):
        run(tmp_path, "gadm", **{"analysis": "viirs", **change})
    assert not (tmp_path / "out").exists()


class FailingFiles(Files):
    """A disk that is full after some writes."""

    def __init__(self, room):
        super().__init__(None)
        self.room = room

    def put(self, uri, content):
        if self.room == 0:
            raise StorageError(f"{uri} could not be written: no space left on the disk; free some and try again")
        self.room -= 1
        super().put(uri, content)


def test_a_run_that_stops_at_any_write_leaves_nothing_that_looks_complete_and_can_be_run_again(tmp_path):
    world = small_world()
    world.write(tmp_path)
    run(tmp_path, "gadm", output=str(tmp_path / "whole"))
    whole = files(tmp_path / "whole")
    for room in range(len(whole)):
        request = worlds.request(tmp_path, "gadm")
        with pytest.raises(StorageError, match="no space left"):
            zonal.run(request, FailingFiles(room), layers=None, progress=lambda *_: None)
        left = files(tmp_path / "out") if room else {}
        assert len(left) == room
        assert "manifest.json" not in left
        for name in left:
            folder = name.rsplit("/", 1)[0]
            if name.endswith("_SUCCESS"):
                assert {k: v for k, v in left.items() if k.startswith(f"{folder}/")} == {
                    k: v for k, v in whole.items() if k.startswith(f"{folder}/")
                }
        run(tmp_path, "gadm")
        assert files(tmp_path / "out") == whole
        (tmp_path / "out" / "manifest.json").unlink()


def test_running_again_under_another_name_replaces_the_tables(tmp_path):
    small_world().write(tmp_path)
    run(tmp_path, "gadm", name="first")
    (tmp_path / "out" / "kept.txt").write_text("not the engine's")
    run(tmp_path, "gadm", name="second", change_only=True)
    names = [name for name in files(tmp_path / "out") if "/" in name and name.endswith(".csv")]
    assert len(names) == 4
    assert (tmp_path / "out" / "kept.txt").exists()


def test_results_stay_when_a_run_into_the_same_folder_fails(tmp_path):
    small_world().write(tmp_path)
    run(tmp_path, "gadm")
    before = files(tmp_path / "out")
    (tmp_path / "features.tsv").write_text("nonsense\n1\n")
    with pytest.raises(DataError, match="lacks the columns gid_0, gid_1, gid_2, geom"):
        run(tmp_path, "gadm")
    assert files(tmp_path / "out") == before


def test_real_modis_fires_in_boxes_are_those_of_an_independent_count(tmp_path, real_data):
    with (real_data / "MODIS_C6_1_Global_24h.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    worlds.write_tsv(tmp_path / "fires.tsv", list(rows[0]), [list(row.values()) for row in rows])
    boxes = {
        "1": shapely.box(-75, -20, -45, 5),
        "2": shapely.box(95, -10, 141, 20),
        "3": shapely.Polygon([(10, -15), (35, -12), (40, 10), (12, 14), (22, 0)]),
        "4": shapely.box(-180, -90, 180, 90),
    }
    worlds.write_tsv(
        tmp_path / "features.tsv",
        worlds.HEADERS["feature"],
        [worlds.feature_row("feature", (name,), box) for name, box in boxes.items()],
    )
    summary = run(tmp_path, "feature", "modis")
    expected = Counter()
    for row in rows:
        point = shapely.Point(float(row["longitude"]), float(row["latitude"]))
        confidence = int(row["confidence"])
        category = "h" if confidence >= 99 else "n" if confidence >= 40 else "l"
        for name, box in boxes.items():
            if box.intersects(point):
                expected[((name,), row["acq_date"], category)] += 1
    assert counts(tmp_path / "out", "feature", "daily_alerts") == expected
    assert summary["fires"]["read"] == summary["fires"]["matched"] == 19_416
