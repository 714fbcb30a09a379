from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from datapump.cli import zonal as cli
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import World, counts, files, read_table


@pytest.fixture
def world(tmp_path):
    world = World("geostore", [(("a",), shapely.box(0, 0, 1, 1)), (("b",), shapely.box(1, 0, 2, 1))])
    world.fires = [(0.5, 0.5, "2026-01-01", "n"), (0.5, 1.0, "2026-01-02", "h"), (0.5, 7, "2026-01-02", "h")]
    world.write(tmp_path)
    return world


@pytest.fixture
def command(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(cli, "CLOCK", clock)

    def run(*more, **changes):
        options = {
            "analysis": "viirs",
            "features": tmp_path / "features.tsv",
            "feature-type": "geostore",
            "fire-source": tmp_path / "fires.tsv",
            "out": tmp_path / "out",
        }
        options |= {name.replace("_", "-"): value for name, value in changes.items()}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return CliRunner().invoke(cli.zonal, [*arguments, *map(str, more)])

    return run


def test_tables_are_written_to_a_folder_of_the_analysis_and_the_time(tmp_path, world, command):
    result = command()
    assert result.exit_code == 0, result.output
    folder = tmp_path / "out" / "firealerts_viirs_20260201_0200"
    assert counts(folder, "geostore", "daily_alerts") == world.daily()
    summary = json.loads(result.stdout)
    assert summary["output"] == str(folder)
    assert (summary["fires"]["read"], summary["fires"]["matched"]) == (3, 2)
    assert summary["features"]["features"] == 2
    assert len(summary["layers_not_configured"]) == 21
    assert summary["layers_missing"] == summary["layers_not_configured"]
    assert (summary["windows"], summary["pixels"], summary["rows_skipped"]) == (0, 0, {})
    assert [(table["table"], table["rows"], table["alert__count"]) for table in summary["tables"]] == [
        ("whitelist", 2, None),
        ("daily_alerts", 3, 3),
        ("weekly_alerts", 3, 3),
    ]
    assert summary["seconds"] == 0.0, "of a clock that stands still"
    assert summary["peak_memory_mib"] > 10
    assert result.stderr == ""


def test_the_summary_counts_rows_of_features_and_of_fires_that_were_skipped(tmp_path, world, command):
    with (tmp_path / "features.tsv").open("a") as file:
        file.write("c\tzz\tt\tt\n")
    with (tmp_path / "fires.tsv").open("a") as file:
        file.write("0.5\t999\t2026-01-03\t1200\tn\t1\t1\t1\n" * 2)
    assert json.loads(command().stdout)["rows_skipped"] == {
        "geometry is not hexadecimal WKB": 1,
        "latitude beyond 90 or longitude beyond 180 degrees": 2,
    }


def test_two_runs_of_the_same_minute_have_a_folder_each(tmp_path, world, command):
    first = json.loads(command().stdout)["output"]
    before = files(Path(first))
    more = World("geostore", [(("c",), shapely.box(0, 0, 1, 1))], [(0.5, 0.5, "2026-01-03", "l")])
    more.write(tmp_path / "more")
    second = json.loads(command(features=tmp_path / "more" / "features.tsv").stdout)["output"]
    assert second == f"{first}_2"
    assert files(Path(first)) == before
    assert [row[0] for row in read_table(Path(second), "geostore", "whitelist")[1]] == ["c"]


def test_a_run_that_fails_leaves_no_folder_of_results(tmp_path, world, command):
    (tmp_path / "out").mkdir()
    assert command(features=tmp_path / "none.tsv").exit_code
    assert not list((tmp_path / "out").iterdir())


def test_change_only_writes_no_whitelist(tmp_path, world, command):
    assert command("--change-only").exit_code == 0
    assert not any("whitelist" in name for name in files(tmp_path / "out"))


def test_several_files_are_taken_as_globs_repeated_or_side_by_side(tmp_path, world, command):
    more = World("geostore", [(("c",), shapely.box(7, 0, 8, 1))], [(0.5, 7.5, "2026-01-03", "l")])
    more.write(tmp_path / "more")
    features, fires = tmp_path / "more" / "features.tsv", tmp_path / "more" / "fires.tsv"
    ways = [
        command("--features", features, "--fire-source", fires),
        command("--features", tmp_path / "features.tsv", features, "--fire-source", tmp_path / "fires.tsv", fires),
        command(features=tmp_path / "**" / "features.tsv", fire_source=tmp_path / "**" / "fires.tsv"),
    ]
    for result in ways:
        assert result.exit_code == 0, result.output
        summary = json.loads(result.stdout)
        assert (summary["features"]["features"], summary["fires"]["read"], summary["fires"]["matched"]) == (3, 4, 4)


def test_objects_are_read_from_their_folder(tmp_path, world, command):
    world.write(tmp_path / "s3" / "lake")
    result = command("--objects", tmp_path, features="s3://lake/feat*.tsv", fire_source="s3://lake/fires.tsv")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["fires"]["matched"] == 2


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"analysis": "tcl"}, 2, "the analysis tcl needs the layer umd_tree_cover_loss, which is not configured"),
        ({"analysis": "glad"}, 2, "the analysis glad needs the layer umd_glad_landsat_alerts"),
        ({"analysis": "tcl", "feature_type": "feature"}, 2, "no tables for plain features"),
        ({"analysis": "fires"}, 2, "'fires' is not one of"),
        ({"analysis": "download"}, 2, "'download' is not computed: there are no"),
        ({"analysis": "all"}, 2, "'all' is not computed: there are no"),
        ({"feature_type": "country"}, 2, "'country' is not one of"),
        ({"features": "nowhere.tsv"}, 2, "no feature file is named nowhere.tsv"),
        ({"layers": "nowhere.toml"}, 2, "the layer catalog nowhere.toml does not exist"),
        ({"feature_type": "gadm"}, 1, "lacks the columns"),
    ],
)
def test_what_cannot_be_done_is_told_on_stderr_with_an_exit_code(tmp_path, world, command, changes, code, message):
    result = command(**changes)
    assert result.exit_code == code
    assert message in re.sub(r"\s*│\s*|\s+", " ", result.stderr)
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_layer_without_tiles_in_its_name_is_refused(tmp_path, world, command):
    catalog = tmp_path / "layers.toml"
    catalog.write_text('[layers.gfw_oil_palm]\nuri = "palm.tif"\n')
    result = command(layers=catalog)
    assert result.exit_code == 1
    assert "write {tile_id} where the names of the tiles differ" in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_that_are_missing_are_named(command):
    result = CliRunner().invoke(cli.zonal, ["--analysis", "viirs"])
    assert result.exit_code == 2
    assert "Missing option" in result.stderr


def test_a_full_disk_is_told_and_leaves_no_manifest(tmp_path, world):
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
    program = limited + "from datapump.cli.main import main; sys.argv[0] = 'datapump'; main()"
    arguments = ["tool", "zonal", "--analysis", "viirs", "--feature-type", "geostore", "--out", str(tmp_path / "out")]
    arguments += ["--features", str(tmp_path / "features.tsv"), "--fire-source", str(tmp_path / "fires.tsv")]
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "could not be written: File too large" in result.stderr
    assert not list((tmp_path / "out").rglob("manifest.json"))
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_the_modis_folder_is_named_after_modis(tmp_path, world, command):
    rows = [[0.5, 0.5, "2026-01-01", "0105", 99, 1, 1, 1]]
    worlds.write_tsv(tmp_path / "modis.tsv", worlds.MODIS, rows)
    assert command(analysis="modis", fire_source=tmp_path / "modis.tsv").exit_code == 0
    assert (tmp_path / "out" / "firealerts_modis_20260201_0200" / "manifest.json").exists()
