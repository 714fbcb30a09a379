"""Commands: what can be asked, and what a wrong one is told."""

from __future__ import annotations

import json

import pytest

from datapump.commands import AnalysisCommand, ContinueJobsCommand, SyncCommand, parse_command, pointer
from datapump.errors import InvalidInputError

TABLE = {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"}
ANALYSIS = {"analysis_version": "v20260101", "sync": True, "geotrellis_version": "2.6.20", "tables": [TABLE]}


def faults_of(command):
    with pytest.raises(InvalidInputError) as caught:
        parse_command(command if isinstance(command, str) else json.dumps(command))
    return {fault.pointer: fault.message for fault in caught.value.faults}


def analysis(**changes):
    return {"command": "analysis", "parameters": ANALYSIS | changes}


@pytest.mark.parametrize(
    "command",
    [
        analysis(),
        {"command": "sync", "parameters": {"types": ["viirs", "modis"]}},
        {"command": "sync", "parameters": {"types": ["viirs"], "sync_version": "v20260101", "tables": [TABLE]}},
        {"command": "set_latest", "parameters": {"analysis_version": "v20260101"}},
        {
            "command": "version_update",
            "parameters": {
                "dataset": "wur_radd_alerts",
                "version": "v20260101",
                "content_date_range": {"start_date": "2020-01-01", "end_date": "2026-01-01"},
                "tile_set_parameters": {
                    "grid": "10/100000",
                    "data_type": "uint16",
                    "pixel_meaning": "date_conf",
                    "source_uri": ["gs://gfw_gee_export/wur_radd_alerts/v20260101"],
                },
            },
        },
    ],
)
def test_each_command_is_parsed_as_its_own_model(command):
    assert parse_command(json.dumps(command)).command == command["command"]


def test_models_are_told_by_the_command():
    assert isinstance(parse_command(json.dumps(analysis())), AnalysisCommand)
    assert isinstance(parse_command('{"command":"sync","parameters":{"types":["viirs"]}}'), SyncCommand)


def test_an_unknown_command_is_told_the_known_ones():
    faults = faults_of({"command": "analyse", "parameters": {}})
    assert list(faults) == ["/command"]
    for name in ("analysis", "sync", "version_update", "continue_jobs", "set_latest"):
        assert repr(name) in faults["/command"]


def test_only_the_chosen_command_is_reported():
    assert set(faults_of({"command": "sync", "parameters": {}})) == {"/parameters/types"}


@pytest.mark.parametrize(
    ("changes", "where", "word"),
    [
        ({"extra": 1}, "/parameters/extra", "not a known key"),
        ({"sync": "yes"}, "/parameters/sync", "boolean"),
        ({"sync": 1}, "/parameters/sync", "boolean"),
        ({"analysis_version": "latest"}, "/parameters/analysis_version", "not a version"),
        ({"analysis_version": "v123456789"}, "/parameters/analysis_version", "up to 8 digits"),
        ({"analysis_version": "v1.2.3.4"}, "/parameters/analysis_version", "not a version"),
        ({"geotrellis_version": "newest"}, "/parameters/geotrellis_version", "pattern"),
        ({"tables": []}, "/parameters/tables", "at least 1"),
        ({"tables": [TABLE | {"dataset": "foo-bar"}]}, "/parameters/tables/0/dataset", "underscores"),
        ({"tables": [TABLE | {"dataset": "pg_catalog"}]}, "/parameters/tables/0/dataset", "reserved"),
        ({"tables": [TABLE | {"dataset": "my_latest_alerts"}]}, "/parameters/tables/0/dataset", "latest"),
        ({"tables": [TABLE | {"analysis": "fires"}]}, "/parameters/tables/0/analysis", "'viirs'"),
        ({"tables": [TABLE | {"x": 1}]}, "/parameters/tables/0/x", "not a known key"),
        ({"tables": [TABLE, TABLE]}, "/parameters", "listed twice"),
        (
            {"tables": [TABLE | {"dataset": "my_farms", "analysis": "tcl"}]},
            "/parameters",
            "the table my_farms v4.1 tcl cannot work",
        ),
    ],
)
def test_a_fault_names_its_field_and_what_is_allowed(changes, where, word):
    faults = faults_of(analysis(**changes))
    assert list(faults) == [where]
    assert word in faults[where]


def test_a_missing_key_is_named():
    command = analysis()
    del command["parameters"]["tables"]
    assert faults_of(command) == {"/parameters/tables": "is required"}


@pytest.mark.parametrize("body", ["", "{", "nope", "[]", "null", '"analysis"', "{}", '{"command": 1}'])
def test_what_is_no_command_is_refused(body):
    assert faults_of(body)


def test_pointers_are_escaped():
    assert pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"


def test_jobs_to_continue_are_checked_with_pointers():
    job = {"kind": "analysis", "id": "j", "table": TABLE | {"version": 4}}
    faults = faults_of({"command": "continue_jobs", "parameters": {"jobs": [job, {"kind": "raster"}, {}]}})
    assert faults["/parameters/jobs/0/analysis_version"] == "is required"
    assert "/parameters/jobs/0/table/version" in faults
    assert "'raster'" in faults["/parameters/jobs/1/kind"]
    assert "/parameters/jobs/2/kind" in faults


def test_a_job_document_comes_back_as_it_was():
    job = {
        "kind": "analysis",
        "id": "j",
        "table": TABLE,
        "analysis_version": "v1",
        "geotrellis_version": "2.6.20",
        "feature_type": "gadm",
        "features": ["s3://b/f.tsv"],
        "status": "failed",
        "step": "uploading",
        "start_time": "2026-01-15T02:00:00Z",
        "errors": [{"at": "2026-01-15T02:00:00Z", "step": "uploading", "message": "no"}],
    }
    command = parse_command(json.dumps({"command": "continue_jobs", "parameters": {"jobs": [job]}}))
    assert isinstance(command, ContinueJobsCommand)
    again = parse_command(command.model_dump_json())
    assert again == command
