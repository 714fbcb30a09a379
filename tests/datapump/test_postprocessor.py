"""What is left of an execution when its jobs have ended; doing it twice changes nothing."""

from __future__ import annotations

import pytest

from datapump.executions import ExecutionStatus
from datapump.jobs.documents import JobStatus
from datapump.postprocessor import Outcome, postprocess
from tests.support.deployment import Deployment
from tests.support.jobs import analysis_job, begun, ended, result, sync_job

# Worked out with coreutils: printf viirs_v1_geostore_v1_viirs | b2sum -l 80
FIRES_OF_AREAS = "8dbfafbe23ee15f5402b"
AREAS = "923435c989d9505fcb3c"
MODIS_OF_GADM = "82d7def4298f61298576"


@pytest.fixture
def store(tmp_path):
    deployment = Deployment(tmp_path)
    yield deployment
    deployment.close()


def run(store, *jobs, **more):
    identity = begun(store, *jobs, **more)
    return identity, postprocess(identity, store.ports)


def configs(store):
    return {config.id: config for config in store.sync_configs.list().items}


def synced(store):
    """A config that an analysis has left; returns its id."""
    run(store, ended(analysis_job()))
    return FIRES_OF_AREAS


def test_an_analysis_to_be_synced_leaves_one_config_for_each_sync_type(store):
    _, outcome = run(
        store,
        ended(analysis_job()),
        ended(analysis_job("m", dataset="gadm", version="v4.1", analysis="modis", analysis_version="v20260101")),
    )
    assert outcome == Outcome(ExecutionStatus.SUCCEEDED, [])
    found = configs(store)
    assert {(identity, config.sync_type.value) for identity, config in found.items()} == {
        (FIRES_OF_AREAS, "viirs"),
        (AREAS, "rw_areas"),
        (MODIS_OF_GADM, "modis"),
    }
    config = found[FIRES_OF_AREAS]
    assert (config.dataset, config.dataset_version, config.analysis, config.analysis_version) == (
        "geostore",
        "v1",
        "viirs",
        "v1",
    )
    assert (config.sync, config.sync_version, config.metadata.alerts_until) == (True, None, "2026-01-15 0200")
    assert config.metadata.geotrellis_version == "2.6.20"
    assert config.metadata.features_1x1 == "s3://gfw-pipelines/geotrellis/features/geostore/*.tsv"
    assert found[AREAS].metadata.alerts_until is None


def test_an_analysis_that_is_not_to_be_synced_leaves_none(store):
    run(store, ended(analysis_job(sync=False)))
    assert configs(store) == {}


def test_a_failed_analysis_leaves_none_and_is_named(store):
    identity, outcome = run(store, ended(analysis_job("good")), ended(analysis_job("bad", dataset="gadm"), "failed"))
    assert outcome == Outcome(ExecutionStatus.FAILED, ["bad"])
    assert {config.dataset for config in configs(store).values()} == {"geostore"}
    assert store.runs.get_execution(identity).status is ExecutionStatus.FAILED


def test_doing_it_twice_changes_nothing(store):
    synced(store)
    identity, first = run(store, ended(sync_job()))
    before, events = configs(store), store.runs.list_events(identity)
    assert postprocess(identity, store.ports) == first
    assert (configs(store), store.runs.list_events(identity)) == (before, events)


def test_doing_it_again_after_a_crash_before_its_end_changes_nothing(store):
    synced(store)
    identity = begun(store, ended(sync_job()), ended(analysis_job("other", dataset="gadm")))
    for job in store.jobs(identity):
        if job.sync_config is not None:
            store.sync_configs.move(job.sync_config, job.sync_version, job.alerts_until)
    before = configs(store)[FIRES_OF_AREAS]
    postprocess(identity, store.ports)
    assert configs(store)[FIRES_OF_AREAS] == before


def test_a_sync_moves_only_what_its_config_was_brought_to(store):
    identity = synced(store)
    before = configs(store)[identity]
    run(store, ended(sync_job()))
    after = configs(store)[identity]
    assert (after.sync_version, after.metadata.alerts_until) == ("v20260116", "2026-01-16 0200")
    changed = {"sync_version", "metadata", "revision", "updated"}
    assert after.model_dump(exclude=changed) == before.model_dump(exclude=changed)


def test_a_switch_that_an_operator_left_off_stays_off(store):
    identity = synced(store)
    store.sync_configs.patch(identity, {"sync": False})
    run(store, ended(analysis_job()))
    run(store, ended(sync_job()))
    assert configs(store)[identity].sync is False


def test_an_older_job_that_ends_late_takes_nothing_back(store):
    identity = synced(store)
    run(store, ended(sync_job(day="2026-01-18")))
    run(store, ended(sync_job("late", day="2026-01-16")))
    after = configs(store)[identity]
    assert (after.sync_version, after.metadata.alerts_until) == ("v20260118", "2026-01-18 0200")


def test_a_config_that_was_deleted_meanwhile_is_not_made_again(store):
    identity, outcome = run(store, ended(sync_job()))
    assert outcome.status is ExecutionStatus.SUCCEEDED
    assert configs(store) == {}
    assert f"sync config {FIRES_OF_AREAS} was deleted meanwhile: its sync version was not recorded" in [
        event.message for event in store.runs.list_events(identity)
    ]


def test_a_sync_that_failed_with_results_is_remembered_until_it_is_complete(store):
    identity = synced(store)
    execution, _ = run(store, ended(sync_job(results=[result()]), "failed"))
    unfinished = configs(store)[identity].metadata.unfinished
    assert (unfinished.execution_id, unfinished.job_id) == (execution, "job-2")
    again, _ = run(store, ended(sync_job(results=[result()]), "failed"))
    assert configs(store)[identity].metadata.unfinished.execution_id == again
    run(store, ended(sync_job("another", day="2026-01-17")))
    assert configs(store)[identity].metadata.unfinished.execution_id == again
    run(store, ended(sync_job(results=[result()])))
    assert configs(store)[identity].metadata.unfinished is None


def test_a_sync_that_failed_without_results_is_not_remembered(store):
    identity = synced(store)
    run(store, ended(sync_job(), "failed"))
    assert configs(store)[identity].metadata.unfinished is None


@pytest.mark.parametrize(
    ("until", "forgotten"), [("2026-01-16 0200", True), ("2026-01-15 0200", False)], ids=["newer", "older"]
)
def test_new_tables_end_what_was_to_be_appended_to_the_old_ones_if_they_hold_it(store, until, forgotten):
    identity = synced(store)
    run(store, ended(sync_job(results=[result()]), "failed"))
    run(store, ended(analysis_job("anew", alerts_until=until, sync=False)))
    config = configs(store)[identity]
    assert (config.metadata.unfinished is None) is forgotten
    assert config.metadata.alerts_until == until


def test_what_went_wrong_outside_of_jobs_is_a_failure_too(store):
    identity, outcome = run(store, errors=["viirs: the feed is a web page"])
    assert outcome == Outcome(ExecutionStatus.FAILED, [])
    assert store.runs.get_execution(identity).errors == ["viirs: the feed is a web page"]


def test_a_stopped_execution_keeps_what_its_jobs_achieved(store):
    identity = begun(store, ended(analysis_job()), analysis_job("open", dataset="gadm"))
    store.runs.request_stop(identity, "enough")
    stored = store.runs.get_job(identity, "open")
    store.runs.save_job(identity, stored.job.model_copy(update={"status": JobStatus.FAILED}), stored.revision)
    assert postprocess(identity, store.ports) == Outcome(ExecutionStatus.STOPPED, ["open"])
    assert FIRES_OF_AREAS in configs(store)
