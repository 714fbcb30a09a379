"""The same commands, faults and stops on both deployments leave the same behind.

Each scenario runs on one machine, then through the real state machine, handlers, stores and engine on moto. Tables,
sync configs, job documents and what the Data API was asked to write are equal. A fault of Lambda, which one machine
cannot have, must leave what its absence leaves.
"""

from __future__ import annotations

import pytest

from tests.support.aws.faults import Fault
from tests.support.deployment import ANALYSIS, SYNC, TABLE
from tests.support.scenarios import ENDED_BY_HAND, ENDLESS, LOST, Scenarios, difference

scenario = Scenarios()


def analysis(*datasets, **parameters):
    tables = [{**TABLE, "dataset": dataset} for dataset in datasets or ["geostore"]]
    return {"command": "analysis", "parameters": {**ANALYSIS["parameters"], "tables": tables, **parameters}}


def ran(d, *commands):
    return [d.run(command).id for command in commands]


# Each command.


@scenario()
def an_analysis_makes_tables_and_a_sync_config(d):
    return ran(d, ANALYSIS), ["succeeded"]


@scenario()
def a_night_is_appended(d):
    return ran(d, ANALYSIS, SYNC), ["succeeded"] * 2


@scenario(pytest.mark.soak)
def the_same_night_twice_is_appended_once(d):
    return ran(d, ANALYSIS, SYNC, SYNC), ["succeeded"] * 3


@scenario()
def a_feed_without_news_makes_no_job(d):
    d.put_feed("2026-01-15", count=3)
    return ran(d, ANALYSIS, SYNC), ["succeeded"] * 2


@scenario(pytest.mark.soak)
def an_analysis_that_is_not_to_be_synced_leaves_no_config(d):
    return ran(d, analysis(sync=False)), ["succeeded"]


@scenario()
def what_is_analysed_is_marked_latest(d):
    latest = {"command": "set_latest", "parameters": {"analysis_version": "v1"}}
    return ran(d, ANALYSIS, latest), ["succeeded"] * 2


@scenario()
def marking_latest_what_was_never_analysed_fails(d):
    return ran(d, {"command": "set_latest", "parameters": {"analysis_version": "v9"}}), ["failed"]


@scenario()
def an_unknown_dataset_is_refused_before_anything_runs(d):
    return ran(d, analysis("no_such_dataset")), ["failed"]


@scenario()
def analysing_again_what_is_published_is_refused(d):
    return ran(d, ANALYSIS, ANALYSIS), ["succeeded", "failed"]


@scenario()
def jobs_go_on_where_they_failed(d):
    d.ends("geostore", ENDED_BY_HAND)
    failed = d.run(ANALYSIS)
    jobs = [job.model_dump(mode="json") for job in d.jobs(failed.id)]
    return [failed.id, *ran(d, {"command": "continue_jobs", "parameters": {"jobs": jobs}})], ["failed", "succeeded"]


# Runs that end badly.


@scenario()
def a_cluster_that_is_lost_is_started_again(d):
    d.ends("geostore", LOST)
    return ran(d, ANALYSIS), ["succeeded"]


@scenario()
def a_cluster_that_is_lost_four_times_fails_its_job(d):
    for _ in range(4):
        d.ends("geostore", LOST)
    return ran(d, ANALYSIS), ["failed"]


@scenario()
def a_cluster_that_is_ended_by_hand_fails_its_job(d):
    d.ends("geostore", ENDED_BY_HAND)
    return ran(d, ANALYSIS), ["failed"]


@scenario()
def failed_jobs_are_retried_alone(d):
    d.ends("geostore_two", ENDED_BY_HAND)
    failed = d.run(analysis("geostore", "geostore_two"))
    return [failed.id, d.carry(d.retry(failed.id)).id], ["failed", "succeeded"]


@scenario()
def one_bad_job_among_three_fails_alone(d):
    d.ends("geostore_1", ENDED_BY_HAND)
    return ran(d, analysis(*(f"geostore_{number}" for number in range(3)))), ["failed"]


@scenario(pytest.mark.soak)
def one_bad_job_among_ten_fails_alone(d):
    d.ends("geostore_7", ENDED_BY_HAND)
    return ran(d, analysis(*(f"geostore_{number}" for number in range(10)))), ["failed"]


@scenario()
def a_job_whose_time_is_over_ends_its_cluster(d):
    d.ends("geostore", ENDLESS)
    d.before_tick("analyzing", lambda _: d.clock.advance(13 * 3600))
    return ran(d, ANALYSIS), ["failed"]


# Throttling and outages.


@scenario()
def an_engine_without_room_is_asked_again(d):
    d.throttle(5)
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(like=an_analysis_makes_tables_and_a_sync_config)
def lambda_throttles_the_dispatcher(d):
    d.disturb(Fault("dispatcher", "before", "Lambda.TooManyRequestsException", times=3))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(like=an_analysis_makes_tables_and_a_sync_config)
def lambda_throttles_the_executor(d):
    d.disturb(Fault("executor", "before", "Lambda.TooManyRequestsException", times=4))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(pytest.mark.soak, like=an_analysis_makes_tables_and_a_sync_config)
def lambda_throttles_the_postprocessor(d):
    d.disturb(Fault("postprocessor", "before", "Lambda.TooManyRequestsException", times=3))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario()
def the_data_api_is_down_while_the_command_is_dispatched(d):
    d.outage(3)
    return ran(d, analysis("no_such_dataset")), ["failed"]


@scenario()
def the_data_api_is_down_before_the_cluster_starts(d):
    d.before_tick("starting", lambda _: d.outage(4))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario()
def the_data_api_is_down_while_tables_are_published(d):
    d.before_tick("uploading", lambda _: d.outage(7))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(pytest.mark.soak)
def the_data_api_is_down_while_a_night_is_appended(d):
    published = ran(d, ANALYSIS)
    d.before_tick("uploading", lambda _: d.outage(5), times=2)
    return [*published, *ran(d, SYNC)], ["succeeded"] * 2


# Answers that are lost: the work is done, and done once.


@scenario(like=an_analysis_makes_tables_and_a_sync_config)
def the_dispatcher_times_out_after_its_work(d):
    d.disturb(Fault("dispatcher", "after", times=2))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(like=an_analysis_makes_tables_and_a_sync_config)
def the_executor_times_out_after_each_of_its_first_ticks(d):
    d.disturb(Fault("executor", "after", times=4))
    return ran(d, ANALYSIS), ["succeeded"]


@scenario(pytest.mark.soak, like=a_night_is_appended)
def the_executor_times_out_after_appending(d):
    published = ran(d, ANALYSIS)
    d.disturb(Fault("executor", "after", times=6))
    return [*published, *ran(d, SYNC)], ["succeeded"] * 2


@scenario(like=an_analysis_makes_tables_and_a_sync_config)
def the_postprocessor_times_out_after_its_work(d):
    d.disturb(Fault("postprocessor", "after", times=2))
    return ran(d, ANALYSIS), ["succeeded"]


# Stops, in each step.


def stopped(d, step):
    """An analysis that is stopped just before a tick in a step."""
    if step == "analyzing":
        d.ends("geostore", ENDLESS)
    d.before_tick(step, d.stop)
    return ran(d, ANALYSIS), ["stopped"]


@scenario()
def stopped_before_the_cluster_starts(d):
    return stopped(d, "starting")


@scenario()
def stopped_while_the_cluster_computes(d):
    return stopped(d, "analyzing")


@scenario()
def stopped_while_tables_are_published(d):
    return stopped(d, "uploading")


@scenario(pytest.mark.soak)
def two_executions_for_the_same_tables_take_turns(d):
    published = ran(d, ANALYSIS)
    both = [d.submit(SYNC), d.submit({**SYNC, "parameters": {**SYNC["parameters"], "sync_version": "v20260118"}})]
    return [*published, *(d.carry(one).id for one in both)], ["succeeded"] * 3


@pytest.mark.parametrize("one", scenario.params)
def test_both_deployments_leave_the_same(one, tmp_path):
    told = difference(one, tmp_path)
    assert not told, told
