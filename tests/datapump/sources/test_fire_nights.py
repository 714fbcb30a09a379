"""Nights of fires carried to their end: every row is in every table once, whatever failed in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datapump.dispatcher import dispatch
from datapump.engines import RunState, RunStatus
from datapump.executions import ExecutionStatus
from tests.support.deployment import ANALYSIS, AREA, FIRES, SYNC, copied
from tests.support.faults import Tap, TappedDataApi, unavailable

SECOND, THIRD = (f"{FIRES}/2026-01-{day}-0000_2026-01-{day}-0200.tsv" for day in (16, 17))


def counts(deployment):
    """Fires by day, in the daily table and, all together, in the weekly one."""
    weekly = deployment.data_api.query(
        "geostore__viirs__weekly_alerts", "v1", "select sum(alert__count) as n from data"
    )
    return {day: count for _, day, count in deployment.rows()}, int(weekly[0]["n"])


@pytest.fixture
def published(night_folder, tmp_path):
    """A deployment in which the analysis of user areas is published, to be synced."""
    with copied(night_folder, tmp_path, patience_s=90) as deployment:
        yield deployment


def test_a_night_whose_job_failed_is_made_up_for_by_the_next(published):
    published.engine.script = [RunStatus(state=RunState.FAILED, message="broken", retryable=False)]
    first = published.run(SYNC)
    assert first.status is ExecutionStatus.FAILED
    published.put_feed("2026-01-16", "2026-01-17", count=3)
    second = published.run(SYNC)
    assert second.status is ExecutionStatus.SUCCEEDED
    (job,) = published.jobs(second.id)
    assert job.alert_sources == [SECOND, THIRD]
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3, "2026-01-17": 3}, 9)
    third = published.run(SYNC)
    assert (third.status, published.jobs(third.id)) == (ExecutionStatus.SUCCEEDED, [])
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3, "2026-01-17": 3}, 9)


def without_weekly(deployment):
    """Ports whose Data API takes no more rows into the weekly table."""
    tap = Tap(lambda _, name: "before" if name.endswith("weekly_alerts/v1/append") else None, unavailable)
    return replace(deployment.ports, data_api=TappedDataApi(deployment.server.url, tap))


def test_a_job_that_failed_half_way_is_taken_up_and_its_rows_are_appended_once(published):
    away = without_weekly(published)
    first = published.run(SYNC, away)
    assert first.status is ExecutionStatus.FAILED
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 3)
    (half,) = published.jobs(first.id)
    published.put_feed("2026-01-16", "2026-01-17", count=3)
    second = published.run(SYNC, away)
    # It fails again, and what comes later waits for it: not a single row of the later night is appended.
    assert second.status is ExecutionStatus.FAILED
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 3)
    again, later = published.jobs(second.id)
    assert (again.id, later.alert_sources, later.step) == (half.id, [THIRD], "starting")
    assert later.message == (
        f"job {half.id} of execution {first.id} failed while it appended, and its alerts come first: "
        "sync again once its cause is gone, which takes that job up"
    )
    third = published.run(SYNC)
    assert third.status is ExecutionStatus.SUCCEEDED
    assert f"viirs: geostore: taking up job {half.id}, which failed while it appended" in third.notes
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3, "2026-01-17": 3}, 9)
    away.data_api.close()


def test_a_job_that_was_dispatched_before_another_failed_half_way_does_not_append_its_rows(published):
    away = without_weekly(published)
    first = published.submit(SYNC)
    dispatch(first, away)
    published.put_feed("2026-01-16", "2026-01-17", count=3)
    second = published.submit(SYNC)
    dispatch(second, published.ports)
    (job,) = published.jobs(second)
    assert job.alert_sources == [SECOND, THIRD]
    published.carry(first, away)
    assert published.carry(second).status is ExecutionStatus.FAILED
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 3)
    assert published.run(SYNC).status is ExecutionStatus.SUCCEEDED
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3, "2026-01-17": 3}, 9)
    away.data_api.close()


def test_two_syncs_at_once_append_every_row_once(published):
    first, second = published.submit(SYNC), published.submit(SYNC)
    published.carry(first)
    published.carry(second)
    assert {published.runs.get_execution(one).status for one in (first, second)} == {ExecutionStatus.SUCCEEDED}
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 6)


def test_tables_that_are_made_anew_hold_what_was_to_be_appended(published):
    away = without_weekly(published)
    published.run(SYNC, away)
    away.data_api.close()
    for table in ("daily_alerts", "weekly_alerts", "whitelist"):
        published.data_api.delete_version(f"geostore__viirs__{table}", "v1")
    anew = published.run({**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "sync": False}})
    assert anew.status is ExecutionStatus.SUCCEEDED
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 6)
    nothing = published.run(SYNC)
    assert (nothing.status, published.jobs(nothing.id)) == (ExecutionStatus.SUCCEEDED, [])
    assert counts(published) == ({"2026-01-15": 3, "2026-01-16": 3}, 6)


@pytest.mark.parametrize("moment", ["before it starts", "while it runs"])
def test_a_config_that_is_deleted_meanwhile_leaves_no_partial_row(published, moment):
    identity = published.submit(SYNC)
    dispatch(identity, published.ports)
    if moment == "while it runs":
        published.carry_until(lambda: published.jobs(identity)[0].step == "uploading")
    with published.database.write() as connection:
        connection.execute("DELETE FROM sync_configs")
    execution = published.carry(identity)
    assert execution.status is ExecutionStatus.SUCCEEDED
    assert published.sync_configs.list().items == []
    messages = [event.message for event in published.runs.list_events(identity)]
    assert any("was deleted meanwhile" in message for message in messages)
    appended = {AREA: 3} if moment == "while it runs" else {}
    assert {area: count for area, day, count in published.rows() if day == "2026-01-16"} == appended
