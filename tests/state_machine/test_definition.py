"""The state machine's definition: its graph, its retries, its timeouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DEFINITION = json.loads((Path(__file__).parents[2] / "state_machine" / "datapump.asl").read_text())
TRANSIENT = {"Lambda.ServiceException", "Lambda.TooManyRequestsException", "Sandbox.Timedout", "States.Timeout"}
SOURCES = {"Type", "Comment", "Next", "End", "Default"}


def machines(machine=DEFINITION):
    """The machine, and those inside its maps."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def states(kind):
    return {name: state for machine in machines() for name, state in machine["States"].items() if state["Type"] == kind}


def targets(state):
    """Where a state may go."""
    ways = [state.get("Next"), state.get("Default")]
    ways += [way["Next"] for way in [*state.get("Catch", []), *state.get("Choices", [])]]
    return [way for way in ways if way is not None]


@pytest.mark.parametrize("machine", list(machines()), ids=["execution", "job"])
def test_every_state_is_reached_and_every_way_leads_to_a_state(machine):
    known = machine["States"]
    reached, ahead = set(), [machine["StartAt"]]
    while ahead:
        name = ahead.pop()
        assert name in known, f"{name} is no state"
        if name not in reached:
            reached.add(name)
            ahead += targets(known[name])
    assert reached == set(known)


@pytest.mark.parametrize("machine", list(machines()), ids=["execution", "job"])
def test_every_state_goes_on_or_ends(machine):
    for name, state in machine["States"].items():
        ends = state["Type"] in {"Succeed", "Fail"} or state.get("End", False)
        assert ends is not bool(targets(state)), name


@pytest.mark.parametrize(("name", "task"), list(states("Task").items()), ids=list(states("Task")))
def test_every_task_has_a_timeout_retries_with_full_jitter_and_a_way_out(name, task):
    assert task["TimeoutSeconds"] > 0
    [retry] = task["Retry"]
    assert set(retry["ErrorEquals"]) >= {*TRANSIENT, "TryAgainError"}
    assert "States.ALL" not in retry["ErrorEquals"]
    assert retry["JitterStrategy"] == "FULL"
    assert retry["BackoffRate"] > 1
    assert retry["MaxDelaySeconds"] >= retry["IntervalSeconds"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_the_machine_has_a_timeout_longer_than_any_job():
    assert DEFINITION["TimeoutSeconds"] > 24 * 3600


def test_whatever_happens_before_the_postprocessor_runs():
    for name in ("Dispatch", "Jobs"):
        assert [way["Next"] for way in DEFINITION["States"][name]["Catch"]] == ["Postprocess"]


def test_what_goes_wrong_with_a_job_stays_inside_its_own_child_execution():
    job = DEFINITION["States"]["Jobs"]["ItemProcessor"]
    assert job["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert not [name for name, state in job["States"].items() if state["Type"] == "Fail"]
    assert job["States"]["Tick"]["Catch"][0]["Next"] == "GiveUp"


def test_only_a_reference_to_a_job_is_handed_to_its_child_execution():
    jobs = DEFINITION["States"]["Jobs"]
    assert jobs["ItemSelector"] == {"execution_id.$": "$.execution_id", "job_id.$": "$$.Map.Item.Value"}
    assert jobs["ResultPath"] is None
    assert job_output() == {}


def job_output():
    [end] = [state for state in DEFINITION["States"]["Jobs"]["ItemProcessor"]["States"].values() if state.get("End")]
    return end["Result"]


def test_the_functions_are_placeholders_for_the_deployment():
    names = {task["Parameters"]["FunctionName"] for task in states("Task").values()}
    assert names == {"${DispatcherArn}", "${ExecutorArn}", "${PostprocessorArn}"}
