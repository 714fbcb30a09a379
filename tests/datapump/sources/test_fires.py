"""What a sync of fires makes of a feed: files of the data lake, jobs, notes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datapump.analyses import SyncType
from datapump.dispatcher import dispatch
from datapump.executions import ExecutionStatus
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id
from datapump.syncing import FeedBusyError
from tests.support.deployment import FEED_HEADER, FIRES, HEADER, SYNC, TABLE, Deployment
from tests.support.faults import Crash, Tap, Tapped

MODIS = FIRES.replace("nasa_viirs_fire_alerts/v1", "nasa_modis_fire_alerts/v6")
MODIS_HEADER = FEED_HEADER.replace("bright_ti4", "brightness").replace("bright_ti5", "bright_t31")
FIRST, SECOND, THIRD = (f"{FIRES}/2026-01-{day}-0000_2026-01-{day}-0200.tsv" for day in (15, 16, 17))


@pytest.fixture
def feeding(tmp_path):
    """A deployment that only dispatches: one saved night, a feed that brings another, one config."""
    deployment = Deployment(tmp_path, viirs_url=str(tmp_path / "feed.csv"), modis_url=str(tmp_path / "modis.csv"))
    deployment.put_saved_fires()
    deployment.put_feed("2026-01-15", "2026-01-16", count=3)
    put_config(deployment)
    yield deployment
    deployment.close()


def put_config(deployment, dataset="geostore", sync_type="viirs", until="2026-01-15 0200"):
    metadata = SyncMetadata(geotrellis_version="2.6.20", features_1x1="s3://b/f.tsv", alerts_until=until)
    identity = config_id(sync_type, "v1", dataset, "v1", sync_type)
    names = {"analysis": sync_type, "analysis_version": "v1", "dataset": dataset, "dataset_version": "v1"}
    return deployment.sync_configs.put(
        SyncConfig(id=identity, sync_type=SyncType(sync_type), metadata=metadata, **names)
    )


def sync(deployment, *types, ports=None, **parameters):
    """Dispatch a sync, and no more; returns the execution as it then is, and its jobs."""
    command = {"command": "sync", "parameters": {"types": list(types) or ["viirs"], **parameters}}
    identity = deployment.submit(command)
    dispatch(identity, ports or deployment.ports)
    return deployment.runs.get_execution(identity), deployment.jobs(identity)


def saved(deployment):
    return [info.uri for info in deployment.objects.listing(FIRES + "/")]


def test_what_is_newer_becomes_a_file_and_a_job_for_each_config(feeding):
    put_config(feeding, "gadm")
    execution, jobs = sync(feeding, sync_version="v20260117")
    assert saved(feeding) == [FIRST, SECOND]
    lines = feeding.objects.get(SECOND).decode().splitlines()
    assert lines[0] == HEADER
    assert [line.split("\t")[2:5] for line in lines[1:]] == [["2026-01-16", f"0{hour}00", "n"] for hour in range(3)]
    assert execution.notes == ["viirs: 3 new fires, 2026-01-16 0000 to 2026-01-16 0200 UTC"]
    assert {job.table.dataset for job in jobs} == {"gadm", "geostore"}
    for job in jobs:
        assert job.alert_sources == [SECOND]
        assert (job.change_only, job.alerts_until, str(job.content_end_date)) == (
            True,
            "2026-01-16 0200",
            "2026-01-16",
        )
        assert (job.sync_version, job.timeout_sec) == ("v20260117", 12 * 3600)


def test_the_sync_version_is_today_unless_given(feeding):
    _, (job,) = sync(feeding)
    assert job.sync_version == f"v{feeding.clock.now():%Y%m%d}"


def test_nothing_newer_is_no_job_and_a_reason(feeding):
    feeding.put_feed("2026-01-15", count=3)
    execution, jobs = sync(feeding)
    assert jobs == []
    assert execution.notes == ["viirs: nothing newer than 2026-01-15 0200: the feed ends at 2026-01-15 0200"]
    assert saved(feeding) == [FIRST]
    assert feeding.carry(execution.id).status is ExecutionStatus.SUCCEEDED


def test_an_empty_feed_is_no_job_and_a_reason(feeding):
    feeding.put_feed()
    execution, jobs = sync(feeding)
    assert jobs == []
    assert execution.notes == ["viirs: the feed holds no fires"]


def test_missed_nights_are_told(feeding):
    feeding.put_feed("2026-01-20")
    execution, jobs = sync(feeding)
    assert len(jobs) == 1
    assert execution.notes[0] == (
        "viirs: the feed begins at 2026-01-20 0000, 118.0 hours later than the last fire saved (2026-01-15 0200): "
        "fires in between are missing; fill them in from the FIRMS archive"
    )


def test_fires_that_came_after_their_night_was_saved_are_counted_and_told_and_not_appended(feeding):
    sync(feeding)
    feed = feeding.folder / "feed.csv"
    late = feed.read_text().splitlines()[1].replace("10.05", "10.07")
    # Before the oldest night that the feed still holds whole, nothing is known of what is missing.
    earlier = late.replace("2026-01-15", "2026-01-14")
    feed.write_text(feed.read_text() + f"{late}\n{late}\n{earlier}\n")
    before = saved(feeding)
    execution, jobs = sync(feeding)
    (told,) = [note for note in execution.notes if "came after" in note]
    assert told == (
        "viirs: 1 fires from 2026-01-15 0000 to 2026-01-16 0200 came after their night was saved: they are in no "
        "table; fill them in from the FIRMS archive"
    )
    assert saved(feeding) == before
    assert [job.alert_sources for job in jobs] == [[SECOND]]


def test_rows_that_cannot_be_used_are_told(feeding):
    path = feeding.put_feed("2026-01-16")
    bad = [
        "95,10,300,0.4,0.4,2026-01-16,0000,N,nominal,2.0NRT,290,1.5,N",
        "10,10,300,0.4,0.4,16.1.2026,0000,N,n,2,2,1,N",
    ]
    path.write_text(path.read_text() + "\n".join(bad) + "\n")
    execution, _ = sync(feeding)
    (note,) = [note for note in execution.notes if "skipped" in note]
    assert note.startswith("viirs: rows skipped: ")
    assert sum(int(part.split()[0]) for part in note.split(": ")[2].split(", ")) == 2
    assert execution.notes[-1] == "viirs: 2 new fires, 2026-01-16 0000 to 2026-01-16 0100 UTC"


def test_a_fire_of_the_future_does_not_hide_the_nights_to_come(feeding):
    feeding.put_feed("2026-01-16", "2062-01-16", count=3)
    execution, _ = sync(feeding)
    assert saved(feeding) == [FIRST, SECOND]
    assert any("rows skipped: 3" in note for note in execution.notes)


def test_the_same_night_twice_gives_one_file_and_one_job(feeding):
    _, (job,) = sync(feeding)
    content = feeding.objects.get(SECOND)
    feeding.sync_configs.move(job.sync_config, "v20260117", job.alerts_until)
    execution, jobs = sync(feeding)
    assert jobs == []
    assert execution.notes == ["viirs: nothing newer than 2026-01-16 0200: the feed ends at 2026-01-16 0200"]
    assert (saved(feeding), feeding.objects.get(SECOND)) == ([FIRST, SECOND], content)


def test_the_same_feed_gives_the_same_bytes_whatever_the_order_of_its_rows(feeding):
    path = feeding.put_feed("2026-01-15", "2026-01-16", count=3)
    sync(feeding)
    content = feeding.objects.get(SECOND)
    feeding.objects.delete(SECOND)
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[::-1], rows[0]]) + "\n")
    sync(feeding)
    assert feeding.objects.get(SECOND) == content


@pytest.mark.parametrize(
    ("port", "method"), [("objects", "put"), ("runs", "begin"), ("sync_configs", "patch"), ("runs", "acquire")]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_dispatching_leaves_the_next_attempt_the_same_result(feeding, port, method, when):
    put_config(feeding, "gadm", until=None)
    tap = Tap(lambda *_: when, Crash)
    broken = replace(feeding.ports, **{port: Tapped(getattr(feeding.ports, port), (method,), tap)})
    identity = feeding.submit(SYNC)
    with pytest.raises(Crash):
        dispatch(identity, broken)
    feeding.reborn()
    dispatch(identity, feeding.ports)
    assert saved(feeding) == [FIRST, SECOND]
    assert [(job.table.dataset, job.alert_sources) for job in feeding.jobs(identity)] == [
        ("gadm", [SECOND]),
        ("geostore", [SECOND]),
    ]
    assert feeding.runs.get_execution(identity).status is ExecutionStatus.RUNNING


@pytest.mark.parametrize("grown", [False, True])
def test_a_feed_is_read_by_one_execution_at_a_time(feeding, grown):
    second = feeding.submit(SYNC)
    refusals = []

    def meanwhile(*_):
        if grown:
            feeding.put_feed("2026-01-15", "2026-01-16", "2026-01-17", count=3)
        with pytest.raises(FeedBusyError) as caught:
            dispatch(second, feeding.ports)
        refusals.append(caught.value.message)

    first = feeding.submit(SYNC)
    tap = Tap(meanwhile, None)
    dispatch(first, replace(feeding.ports, objects=Tapped(feeding.objects, ("put",), tap)))
    assert refusals == [f"execution {first} is reading the feed of viirs: sync again when it has"]
    dispatch(second, feeding.ports)
    assert saved(feeding) == ([FIRST, SECOND, THIRD] if grown else [FIRST, SECOND])
    assert [job.alert_sources for job in feeding.jobs(first)] == [[SECOND]]


def test_feeds_are_taken_in_one_order_so_that_nobody_waits_for_each_other(feeding):
    put_config(feeding, "gadm", "modis")
    tap = Tap(lambda *_: None, None)
    taken = []
    runs = Tapped(feeding.runs, ("acquire",), tap)
    runs.acquire = lambda target, *rest: taken.append(target) or feeding.runs.acquire(target, *rest)
    sync(feeding, "viirs", "modis", ports=replace(feeding.ports, runs=runs))
    assert taken == ["feed modis", "feed viirs"]


def test_a_config_that_is_switched_off_is_not_followed(feeding):
    off = put_config(feeding, "gadm")
    feeding.sync_configs.patch(off.id, {"sync": False})
    _, jobs = sync(feeding)
    assert [job.table.dataset for job in jobs] == ["geostore"]


def test_without_a_config_that_is_on_the_feed_is_not_even_read(feeding):
    (config,) = feeding.sync_configs.list().items
    feeding.sync_configs.patch(config.id, {"sync": False})
    (feeding.folder / "feed.csv").unlink()
    execution, jobs = sync(feeding)
    assert jobs == []
    assert execution.notes == ["viirs: nothing to do: no enabled sync config of this type"]


def test_only_the_tables_asked_for_are_followed(feeding):
    put_config(feeding, "gadm")
    _, jobs = sync(feeding, tables=[TABLE])
    assert [job.table.dataset for job in jobs] == ["geostore"]
    execution, jobs = sync(feeding, tables=[TABLE | {"version": "v2"}])
    assert jobs == []
    assert execution.notes == ["viirs: nothing to do: no enabled sync config of this type and tables"]


def test_what_a_filtered_sync_left_out_follows_with_the_next(feeding):
    put_config(feeding, "gadm")
    _, (first,) = sync(feeding, tables=[TABLE])
    feeding.sync_configs.move(first.sync_config, "v20260117", first.alerts_until)
    _, jobs = sync(feeding)
    assert [(job.table.dataset, job.alert_sources) for job in jobs] == [("gadm", [SECOND])]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [(b"<html>maintenance</html>", 200, "web page"), (b"oops", 500, "500"), (b"", 404, "404")],
)
def test_a_broken_feed_fails_only_its_own_type(tmp_path, server, body, status, reason):
    deployment = Deployment(
        tmp_path,
        viirs_url=server.answer("/viirs.zip", body, status, Content_Type="text/html"),
        modis_url=str(tmp_path / "modis.csv"),
        feed_hosts=frozenset({"127.0.0.1"}),
    )
    put_config(deployment)
    put_config(deployment, "gadm", "modis", until=None)
    rows = ["10,10.05,300.5,1,1,2026-01-16,0100,T,70,6.1NRT,290.5,1.5,N"]
    (tmp_path / "modis.csv").write_text("\n".join([MODIS_HEADER, *rows]) + "\n")
    identity = deployment.submit({"command": "sync", "parameters": {"types": ["viirs", "modis"]}})
    dispatch(identity, deployment.ports, last_attempt=True)
    (job,) = deployment.jobs(identity)
    assert (job.table.dataset, job.alert_sources) == ("gadm", [f"{MODIS}/2026-01-16-0100_2026-01-16-0100.tsv"])
    (error,) = deployment.runs.get_execution(identity).errors
    assert error.startswith("viirs: ")
    assert reason in error
    assert f"{server.url}/viirs.zip" in error
    assert saved(deployment) == []
    deployment.runs.request_stop(identity, "enough")
    deployment.carry(identity)
    deployment.close()


def test_a_config_that_cannot_be_followed_does_not_hold_up_the_others(feeding):
    lost = put_config(feeding, "gadm")
    place = {"execution_id": "gone", "job_id": "gone"}
    feeding.sync_configs.patch(lost.id, {"metadata": {"unfinished": place}})
    execution, jobs = sync(feeding)
    assert [job.table.dataset for job in jobs] == ["geostore"]
    assert execution.errors == ["viirs: gadm: there is no job 'gone' in execution 'gone'"]


def test_a_config_of_another_datapump_starts_with_what_is_saved_now(feeding):
    """Rows in production tell nothing of which alerts their tables hold: those that were saved before."""
    old = put_config(feeding, "gadm", until=None)
    _, jobs = sync(feeding)
    assert {job.table.dataset: job.alert_sources for job in jobs} == {"gadm": [SECOND], "geostore": [SECOND]}
    assert feeding.sync_configs.get(old.id).metadata.alerts_until == "2026-01-15 0200"


def test_without_any_saved_night_the_whole_feed_is_new(tmp_path):
    deployment = Deployment(tmp_path, viirs_url=str(tmp_path / "feed.csv"))
    deployment.put_feed("2026-01-15", "2026-01-16", count=3)
    put_config(deployment, until=None)
    _, (job,) = sync(deployment)
    assert job.alert_sources == [f"{FIRES}/2026-01-15-0000_2026-01-16-0200.tsv"]
    deployment.close()


def test_a_file_whose_name_tells_no_time_stops_the_type_and_is_named(feeding):
    feeding.objects.put(f"{FIRES}/fires.tsv", b"x\n")
    identity = feeding.submit(SYNC)
    dispatch(identity, feeding.ports)
    (error,) = feeding.runs.get_execution(identity).errors
    assert f"{FIRES}/fires.tsv" in error
    assert feeding.jobs(identity) == []


def test_nothing_is_left_of_a_feed_that_was_read(feeding):
    left = feeding.folder / "feed-viirs"
    left.mkdir()
    (left / "of-a-killed-process.zip").write_bytes(b"x")
    sync(feeding)
    assert not left.exists()
