"""`datapump tool slice` by hand."""

from __future__ import annotations

import json

import pytest
import shapely
from typer.testing import CliRunner

from datapump.cli.main import app

SEA = shapely.box(-150, -61, -149, -60.5)


def feature(identity, shape):
    return {"type": "Feature", "id": identity, "properties": {}, "geometry": shapely.geometry.mapping(shape)}


@pytest.fixture
def run(tmp_path):
    def command(*features, extent=None):
        source = tmp_path / "areas.json"
        source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        arguments = ["tool", "slice", str(source), "--out", str(tmp_path / "out.tsv")]
        return CliRunner().invoke(app, arguments + ([] if extent is None else ["--extent", str(extent)]))

    return command


def test_it_writes_a_feature_file_and_prints_a_summary(tmp_path, run):
    square = shapely.box(10.5, 1, 11.5, 1.5)
    result = run(feature("a", square), feature("sea", SEA), feature("point", shapely.Point(1, 1)), feature("a", SEA))
    summary = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {name: summary[name] for name in ("areas", "sliced", "rows", "outside", "shrunk")} == {
        "areas": 4,
        "sliced": 1,
        "rows": 2,
        "outside": ["sea"],
        "shrunk": [],
    }
    assert [one["id"] for one in summary["rejected"]] == ["point", "a"]
    assert summary["seconds"] >= 0
    assert summary["peak_memory_bytes"] > 10**6
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert lines[0] == "geostore_id\tgeom\ttcl\tglad"
    assert [line.split("\t")[0] for line in lines[1:]] == ["a", "a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["areas.json", "out.tsv"]


def test_an_extent_of_ones_own_is_taken(tmp_path, run):
    extent = tmp_path / "extent.geojson"
    cell = {"type": "Feature", "properties": {"tcl": True, "glad": False}, "geometry": shapely.geometry.mapping(SEA)}
    extent.write_text(json.dumps({"type": "FeatureCollection", "features": [cell]}))
    assert json.loads(run(feature("sea", SEA), extent=extent).stdout)["rows"] == 1


def test_a_file_that_cannot_be_read_is_told_and_leaves_nothing(tmp_path, run):
    extent = tmp_path / "extent.geojson"
    extent.write_text("{}")
    result = run(feature("sea", SEA), extent=extent)
    assert (result.exit_code, "is no extent" in result.stderr) == (1, True)
    source = tmp_path / "other.json"
    source.write_text("[]")
    result = CliRunner().invoke(app, ["tool", "slice", str(source), "--out", str(tmp_path / "out.tsv")])
    assert (result.exit_code, "cannot be read as JSON" in result.stderr) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["areas.json", "extent.geojson", "other.json"]


def test_an_extent_that_is_not_there_is_told(tmp_path, run):
    missing = tmp_path / "none.geojson"
    result = run(feature("sea", SEA), extent=missing)
    assert (result.exit_code, result.stderr) == (1, f"error: {missing} cannot be read: No such file or directory\n")


@pytest.mark.parametrize("name", ["areas.json", "extent.geojson"])
def test_a_file_that_is_read_is_not_written_over(tmp_path, name):
    for file in ("areas.json", "extent.geojson"):
        (tmp_path / file).write_text("{}")
    arguments = ["tool", "slice", str(tmp_path / "areas.json"), "--extent", str(tmp_path / "extent.geojson")]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "." / name)])
    assert (result.exit_code, "would be overwritten" in result.stderr) == (1, True)
    assert (tmp_path / name).read_text() == "{}"
