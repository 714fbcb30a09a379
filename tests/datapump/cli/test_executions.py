"""`submit`, `watch`, `executions`, `stop` against a real server: what they say, and how they exit."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.deployment import ANALYSIS, SYNC
from tests.support.server import ROOT, free_port

NOWHERE = {"command": "set_latest", "parameters": {"analysis_version": "v99"}}


@pytest.fixture
def write(tmp_path):
    """Writes a command into a file; returns its path."""

    def write(command, name="command.json"):
        path = tmp_path / name
        path.write_text(json.dumps(command) if isinstance(command, dict) else command)
        return path

    return write


def test_a_command_from_a_file_is_started_and_its_id_told_on_one_line(datapump, write):
    result = datapump("submit", write(NOWHERE))
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    identity = line.split()[0]
    assert line == f"{identity} accepted; follow it: datapump watch {identity}"


def test_a_command_from_stdin_is_started_and_told_as_json(datapump):
    result = datapump("submit", "-", "--json", stdin=json.dumps(NOWHERE))
    assert result.exit_code == 0
    assert (result.json()["status"], result.stderr) == ("accepted", "")


def test_the_same_key_finds_the_first_execution_and_refuses_another_command(datapump, write):
    first = datapump("submit", write(NOWHERE), "--key", "mine", "--json").json()
    again = datapump("submit", write(NOWHERE), "--key", "mine", "--json").json()
    assert first["id"] == again["id"]
    other = NOWHERE | {"parameters": {"analysis_version": "v98"}}
    refused = datapump("submit", write(other), "--key", "mine")
    assert refused.exit_code == 2
    assert "Idempotency-Key" in refused.stderr


def test_watching_an_execution_that_succeeds_shows_its_jobs_and_exits_with_0(datapump, analysed):
    result = datapump("watch", analysed)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"{analysed} succeeded: 1 job"
    assert result.stderr == "geostore viirs: complete, complete\n"


def test_watching_as_json_prints_nothing_else_on_stdout(datapump, analysed):
    document = datapump("watch", analysed, "--json").json()
    assert (document["id"], document["status"]) == (analysed, "succeeded")
    assert [job["status"] for job in document["jobs"]] == ["complete"]


def test_staying_with_a_command_that_is_refused_says_why_and_exits_with_1(datapump, write, analysed):
    result = datapump("submit", write(ANALYSIS), "--watch")
    assert result.exit_code == 1
    assert " failed: 0 jobs" in result.stdout
    assert "  error: nothing was started: the table geostore v1 viirs is published already" in result.stdout


def test_staying_with_a_sync_tells_its_notes(datapump, write, analysed):
    result = datapump("submit", write(SYNC), "--watch")
    assert result.exit_code == 0
    assert "  note: viirs: 3 new fires, 2026-01-16 0000 to 2026-01-16 0200 UTC" in result.stdout
    assert "  engine geostore viirs: local, this deployment has no other engine" in result.stdout
    again = datapump("submit", write(SYNC), "--watch", "--json")
    assert again.exit_code == 0
    assert again.json()["notes"] == ["viirs: nothing newer than 2026-01-16 0200: the feed ends at 2026-01-16 0200"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", ["not JSON"]),
        ('{"command": "analyse"}', ["/command", "'analyse' is not known"]),
        (json.dumps(NOWHERE | {"parameters": {"version": "v1"}}), ["/parameters/version", "not a known key"]),
        (json.dumps(ANALYSIS).replace("true", '"yes"'), ["/parameters/sync", "boolean"]),
        (json.dumps(ANALYSIS).replace('"2.6.20"', "2"), ["/parameters/geotrellis_version", "string"]),
    ],
    ids=["no JSON", "unknown command", "extra key", "wrong type", "number for text"],
)
def test_a_mistake_in_a_command_is_told_by_its_pointer_and_exits_with_2(datapump, write, text, told):
    result = datapump("submit", write(text))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert [words for words in told if words not in result.stderr] == []


def test_a_command_file_that_is_not_there_exits_with_2(datapump, tmp_path):
    result = datapump("submit", tmp_path / "nothing.json")
    assert result.exit_code == 2
    assert (
        result.stderr == f"error: the command file {tmp_path}/nothing.json cannot be read: No such file or directory\n"
    )


def test_executions_are_listed_newest_first_with_whole_ids(datapump, analysed, write):
    newest = datapump("submit", write(NOWHERE), "--json").json()["id"]
    datapump("watch", newest)
    lines = datapump("executions").stdout.splitlines()
    assert lines[0].split()[:3] == ["id", "command", "status"]
    assert lines[1].split()[:3] == [newest, "set_latest", "failed"]
    assert analysed in [line.split()[0] for line in lines if line.strip()]
    page = datapump("executions", "--json", "--limit", "1").json()
    assert [item["id"] for item in page["items"]] == [newest]
    assert page["next"] is not None
    assert datapump("executions", "--limit", "1").stdout.splitlines()[-1].startswith("there are more: raise --limit")


def test_executions_are_filtered(datapump, analysed):
    page = datapump("executions", "--status", "succeeded", "--command", "analysis", "--json").json()
    assert [item["id"] for item in page["items"]] == [analysed]
    assert datapump("executions", "--status", "stopped").stdout == "no executions\n"
    refused = datapump("executions", "--status", "done")
    assert refused.exit_code == 2
    assert "status" in refused.stderr


def test_an_unknown_execution_exits_with_2(datapump):
    result = datapump("watch", "0" * 32)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: there is no execution")


def test_an_execution_that_has_ended_cannot_be_stopped(datapump, analysed):
    result = datapump("stop", analysed, "--reason", "late")
    assert result.exit_code == 2
    assert result.stderr == f"error: execution {analysed} has already succeeded\n"


def test_without_a_server_it_says_so_and_exits_with_1(datapump, environment, server):
    url = f"http://127.0.0.1:{free_port()}"
    environment(url=url, data_dir=server.data)
    result = datapump("executions")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: there is no answer from {url} (ConnectError): is the server running (datapump serve)?\n"
    )


def test_a_wrong_key_exits_with_2(datapump, environment, server):
    environment(url=server.url, api_key="dp_wrong")
    result = datapump("executions")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "key" in result.stderr
    assert "dp_wrong" not in result.stderr


def test_no_key_exits_with_2_and_says_where_it_was_looked_for(datapump, environment, server, tmp_path):
    environment(url=server.url, data_dir=tmp_path)
    result = datapump("executions")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: there is no key at {tmp_path}/secrets/admin-key: start the server once, or set DATAPUMP_API_KEY\n"
    )


def test_something_else_than_datapump_is_told(datapump, environment, server):
    environment(url=f"{server.url}/data-api", data_dir=server.data)
    result = datapump("executions")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")


def test_as_a_program_it_writes_json_to_stdout_and_exits_as_told(server, analysed):
    def run(*arguments):
        program = [sys.executable, "-c", "from datapump.cli import main; main()", *arguments]
        environment = {"DATAPUMP_URL": server.url, "DATAPUMP_DATA_DIR": str(server.data)}
        return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    good = run("watch", analysed, "--json")
    assert (good.returncode, json.loads(good.stdout)["status"]) == (0, "succeeded")
    bad = run("watch", "0" * 32)
    assert (bad.returncode, bad.stdout) == (2, "")
