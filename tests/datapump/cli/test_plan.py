"""`datapump plan` against a real server: what it says, and that it leaves everything as it is."""

from __future__ import annotations

import json

from tests.support.deployment import ANALYSIS


def test_a_plan_says_what_would_be_made_and_makes_nothing(datapump, tmp_path):
    file = tmp_path / "command.json"
    command = json.loads(json.dumps(ANALYSIS))
    command["parameters"]["analysis_version"] = "v77"
    file.write_text(json.dumps(command))
    result = datapump("plan", file)
    assert result.exit_code == 0, result.stderr
    assert "create data_api geostore__viirs__daily_alerts v77" in " ".join(result.stdout.split())
    assert "in all:" in result.stdout
    found = datapump("plan", file, "--json").json()
    assert found["counts"]["run"] == 1
    assert found["jobs"][0]["outcome"] == "complete"


def test_a_command_that_cannot_work_is_told_as_it_would_fail(datapump):
    command = {"command": "set_latest", "parameters": {"analysis_version": "v99"}}
    result = datapump("plan", "-", stdin=json.dumps(command))
    assert result.exit_code == 1
    assert "no sync config has the analysis version v99" in result.stdout
