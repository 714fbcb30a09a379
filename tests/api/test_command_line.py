"""The command line against the API over real connections."""

import json
import threading

import pytest
from pydantic import SecretStr
from typer.main import get_command
from typer.testing import CliRunner

from api.examples import COMMANDS
from datapump.cli.main import app
from datapump.client import Client
from datapump.errors import NotFoundError
from datapump.executions import ExecutionStatus, JobFaults, NewEvent
from datapump.jobs.documents import AnalysisJob, JobStatus
from datapump.sync_configs import Author
from tests.support.live import serving


@pytest.fixture
def run(world, monkeypatch):
    object.__setattr__(world.services, "look_s", 0.01)
    with serving(world.app) as address:

        def connect(**_):
            return Client(address, SecretStr("dp_operate-secret"))

        for module in ("backfills", "completion", "executions", "events", "freshness", "retries", "sync_configs"):
            monkeypatch.setattr(f"datapump.cli.{module}.connect", connect)
        yield lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def failed(world, operator):
    """An execution whose analysis failed."""
    identity = operator.post("/commands", json=COMMANDS["continue_jobs"]).json()["id"]
    job = AnalysisJob.model_validate(COMMANDS["continue_jobs"]["parameters"]["jobs"][0], strict=False)
    world.runs.begin(identity, [job], [], [])
    world.runs.save_job(identity, job.model_copy(update={"status": JobStatus.FAILED, "step": "analyzing"}), 1)
    faults = JobFaults(failed=1, jobs=1, job_id=job.id, subject="gadm v4.1 viirs", message="no quota for clusters")
    world.runs.finish(identity, ExecutionStatus.FAILED, faults=faults)
    return identity


def test_the_list_of_executions_says_why_one_failed(run, failed, operator):
    operator.post("/commands", json=COMMANDS["sync"])
    told = run("executions", "--limit", "5").stdout
    assert "1 of 1 job failed: gadm v4.1 viirs: no quota for clusters" in " ".join(told.split())
    (item,) = json.loads(run("executions", "--status", "failed", "--json").stdout)["items"]
    assert (item["id"], item["job_faults"]["failed"]) == (failed, 1)
    assert "failed" not in run("executions", "--command", "sync").stdout


def test_retry_starts_the_failed_jobs_once_a_key(world, run, failed):
    first = run("retry", failed, "--key", "k")
    assert first.exit_code == 0
    again = json.loads(run("retry", failed, "--key", "k", "--json").stdout)
    assert again["retry_of"] == failed
    assert first.stdout.startswith(again["id"])
    refused = run("retry", failed)
    assert refused.exit_code == 2
    assert "is being retried already" in refused.stderr


def test_retry_with_watch_ends_as_the_new_execution_does(world, run, failed, monkeypatch):
    def start(execution_id):
        world.runs.begin(execution_id, [], [], [])
        world.runs.finish(execution_id, ExecutionStatus.SUCCEEDED)

    monkeypatch.setattr(world.orchestrator, "start", start)
    result = run("retry", failed, "--watch")
    assert result.exit_code == 0
    assert "succeeded" in result.stdout


def test_events_are_told_in_words_or_as_json(run, failed):
    told = run("events", failed)
    assert told.exit_code == 0
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["1", "2", "3"]
    assert "operate asked for continue_jobs" in told.stdout
    assert json.loads(run("events", failed, "--after", "2", "--json").stdout)["kind"] == "finished"
    assert run("events", "nope").exit_code == 2


def test_following_events_ends_with_the_execution(world, operator, run):
    identity = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]

    def happen():
        for number in range(20):
            world.runs.add_event(identity, NewEvent(kind="note", message=f"step {number}"))
        world.runs.finish(identity, ExecutionStatus.SUCCEEDED)

    thread = threading.Thread(target=happen)
    thread.start()
    result = run("events", identity, "--follow", "--json")
    thread.join()
    assert [json.loads(line)["seq"] for line in result.stdout.splitlines()] == list(range(1, 23))


def test_a_switch_is_turned_with_a_reason_that_is_kept(world, run):
    config = world.add_config()
    assert run("sync-configs", "disable", config.id, "--reason", "the feed is [broken]").exit_code == 0
    assert world.sync_configs.get(config.id).sync is False
    told = run("sync-configs", "history", config.id)
    assert "operate changed /sync True -> False because: the feed is [broken]" in told.stdout
    assert run("sync-configs", "enable", config.id).exit_code == 0
    assert [
        change["reason"] for change in json.loads(run("sync-configs", "history", config.id, "--json").stdout)["items"]
    ] == [
        None,
        "the feed is [broken]",
    ]


def test_a_conflict_of_two_operators_says_both_sides(world, run, monkeypatch):
    config = world.add_config()
    real = Client.sync_config

    def read_then_somebody_changes(client, config_id):
        document = real(client, config_id)
        if document["revision"] == 1:
            author = Author(caller="ada", reason="night shift")
            world.sync_configs.patch(config_id, {"sync": False}, author=author)
        return document

    monkeypatch.setattr(Client, "sync_config", read_then_somebody_changes)
    result = run("sync-configs", "enable", config.id, "--reason", "mine")
    assert result.exit_code == 2
    words = " ".join(result.stderr.split())
    assert "You wanted it on, having read revision 1, where it was on" in words
    assert "Meanwhile it is off at revision 2" in words
    assert "ada changed /sync True -> False because: night shift" in words


def test_a_feed_is_paused_and_resumed(world, run):
    world.add_config()
    assert "1 sync config of viirs switched off" in run("sync-configs", "pause", "viirs", "--reason", "x").stdout
    assert "1 sync config of viirs switched on" in run("sync-configs", "resume", "viirs", "--reason", "x").stdout


def test_one_config_is_run_now(world, run):
    config = world.add_config()
    execution = json.loads(run("sync-configs", "run", config.id, "--json").stdout)
    assert execution["parameters"]["types"] == ["viirs"]


def test_freshness_fails_where_something_is_behind(world, operator, run):
    assert "no enabled sync config" in run("freshness").stdout
    config = world.add_config()
    assert "never synced" in run("freshness").stdout
    world.sync_configs.move(config.id, "v20261120")
    assert "up to date" in run("freshness").stdout
    identity = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    world.runs.begin(identity, [], [], ["viirs: FIRMS answered 404"])
    world.runs.finish(identity, ExecutionStatus.FAILED)
    behind = run("freshness")
    assert behind.exit_code == 1
    assert "feed: viirs: FIRMS answered 404" in behind.stdout
    assert json.loads(run("freshness", "--json").stdout)[0]["config_id"] == config.id


def test_executions_are_listed_by_label(operator, run):
    made = operator.post("/commands", json={**COMMANDS["sync"], "labels": {"team": "fires"}}).json()["id"]
    operator.post("/commands", json=COMMANDS["sync"])
    found = json.loads(run("executions", "--label", "team:fires", "--json").stdout)
    assert [item["id"] for item in found["items"]] == [made]


def test_stop_tells_what_is_published_already(world, operator, run):
    identity = operator.post("/commands", json=COMMANDS["analysis"]).json()["id"]
    world.begin(identity)
    told = run("stop", identity, "--reason", "x")
    assert told.exit_code == 0
    assert "already published: gadm__viirs__adm2_daily_alerts" in told.stdout


def test_a_backfill_is_planned_shown_started_and_stopped(world, run):
    planned = run("backfill", "make", "--type", "viirs", "--from", "2026-11-20", "--to", "2026-11-22", "--key", "k")
    assert planned.exit_code == 0, planned.stderr
    assert [line.split()[:2] for line in planned.stdout.splitlines()[1:4]] == [
        [f"v202611{day}", "waits"] for day in (20, 21, 22)
    ]
    identity = planned.stdout.split()[0]
    assert f"nothing is started yet: datapump backfill start {identity}" in planned.stdout
    again = (
        "backfill",
        "make",
        "--type",
        "viirs",
        "--from",
        "2026-11-20",
        "--to",
        "2026-11-22",
        "--key",
        "k",
        "--json",
    )
    assert json.loads(run(*again).stdout)["id"] == identity
    assert "is running: as planned" in run("backfill", "start", identity).stdout
    world.services.backfills.carry()
    assert "v20261120 accepted" in run("backfill", "show", identity).stdout
    assert "is paused: later" in run("backfill", "pause", identity, "--reason", "later").stdout
    assert "is running" in run("backfill", "resume", identity).stdout
    stopped = json.loads(run("backfill", "stop", identity, "--reason", "x", "--json").stdout)
    assert stopped["status"] == "stopped"
    assert "1/3" in run("backfill", "list", "--status", "stopped").stdout or "0/3" in run("backfill", "list").stdout
    refused = run("backfill", "make", "--type", "viirs", "--from", "2026-11-20")
    assert (refused.exit_code, "give both --from and --to" in refused.stderr) == (2, True)


def complete(monkeypatch, *words):
    """What bash is offered for the last word."""
    environment = {
        "_DATAPUMP_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("datapump", *words)),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(app, [], env=environment, prog_name="datapump")
    return result.stdout.split()


def test_a_shell_completes_commands_options_names_and_ids(world, operator, run, monkeypatch):
    config = world.add_config()
    execution = operator.post("/commands", json=COMMANDS["sync"]).json()["id"]
    backfill = operator.post("/backfills", json={"types": ["viirs"], "sync_versions": ["v1"]}).json()["id"]
    assert complete(monkeypatch, "exec") == ["executions"]
    assert complete(monkeypatch, "executions", "--sta") == ["--status"]
    assert complete(monkeypatch, "executions", "--status", "s") == ["succeeded", "stopped"]
    assert complete(monkeypatch, "executions", "--command", "set") == ["set_latest"]
    assert complete(monkeypatch, "sync-configs", "pause", "vi") == ["viirs"]
    assert complete(monkeypatch, "watch", "0") == [execution]
    assert complete(monkeypatch, "sync-configs", "enable", config.id[:3]) == [config.id]
    assert complete(monkeypatch, "backfill", "show", "0") == [backfill]
    assert complete(monkeypatch, "keys", "make", "ada", "--scope", "op") == ["operate"]


def test_where_no_server_answers_a_shell_is_offered_nothing(monkeypatch):
    def connect(**_):
        raise NotFoundError("there is no key")

    monkeypatch.setattr("datapump.cli.completion.connect", connect)
    assert complete(monkeypatch, "watch", "0") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_for_completions(shell):
    shown = CliRunner().invoke(app, [], env={"_DATAPUMP_COMPLETE": f"source_{shell}"}, prog_name="datapump")
    assert (shown.exit_code, "_DATAPUMP_COMPLETE" in shown.stdout) == (0, True)


# They run until they are told to end, and answer nothing; or they answer JSON always.
WITHOUT_JSON = ("serve", "demo", "embedded ", "tool ")


def commands(group, path=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_that_answers_can_answer_in_json():
    found = {
        name: [option for one in command.params for option in one.opts] for name, command in commands(get_command(app))
    }
    assert len(found) > 25
    assert not {
        name for name, options in found.items() if "--json" not in options and not name.startswith(WITHOUT_JSON)
    }
