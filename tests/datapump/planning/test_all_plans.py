"""Plans of all ten sync types on one machine: they write nothing, and the work then done is what they said."""

from __future__ import annotations

import json

import pytest

from datapump.schedules import slots
from tests.support.plans import planned, requests
from tests.support.whole_night import NOON, whole_night

NEXT_NOON = NOON.replace(day=NOON.day + 1)


class Comparison:
    """What a plan said, and what the work then did."""

    def __init__(self, night, slot):
        world = night.deployment
        command = {"command": "sync", "parameters": {"types": list(slot.types)}}
        before = State(night)
        self.plan, _ = planned(world, command)
        self.wrote = vars(State(night)) != vars(before)
        execution = world.run(command)
        assert execution.status == "succeeded", execution.errors
        self.jobs = world.jobs(execution.id)
        self.triggered = [types_of(one) for one in night.executions() if one.triggered_by == execution.id]
        now = State(night)
        self.requests = sorted(now.requests[len(before.requests) :])
        self.files = now.files - before.files
        self.runs = len(now.runs) - len(before.runs)
        self.updates = now.updates[len(before.updates) :]
        self.synced = len(now.areas) - len(before.areas) - len(self.updates)


class State:
    """What commands change outside."""

    def __init__(self, night):
        world = night.deployment
        folder = world.folder / "objects"
        self.requests = night.writes()
        self.files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        self.runs = set(world.engine.runs)
        self.areas = [one.path for one in night.areas.store.requests()]
        self.updates = night.areas.updates()
        self.configs = world.sync_configs.list(limit=100).items
        self.emails = night.areas.store.emails()
        self.executions = [one.id for one in night.executions() if not one.plan_only]


def types_of(execution):
    return " ".join(execution.command["parameters"]["types"])


def of(plan, system):
    return [write for write in plan.writes if write.system == system]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Each slot of the first night, planned and then done."""
    found = {}
    with whole_night(tmp_path_factory.mktemp("night")) as night:
        put_in_folder(night)
        for slot in sorted(slots(night.deployment.ports), key=lambda slot: slot.before(NEXT_NOON)):
            night.deployment.clock.moment = max(night.deployment.clock.moment, slot.before(NEXT_NOON))
            found[" ".join(slot.types)] = Comparison(night, slot)
            # What comes after it has a slot of its own; it is done there.
            for one in night.executions():
                if not one.ended:
                    night.deployment.runs.request_stop(one.id, "compared by itself")
            night.carry_all()
        yield found


def put_in_folder(night):
    """An area that the next sync of subscriptions takes in."""
    night.areas.folder.mkdir(exist_ok=True)
    ring = [[10, 10], [10.2, 10], [10.2, 10.2], [10, 10.2], [10, 10]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (night.areas.folder / "farm.geojson").write_text(json.dumps(feature))


def test_all_sync_types_are_compared_and_all_have_work(compared):
    assert len(" ".join(compared).split()) == 10
    assert {name: len(one.jobs) for name, one in compared.items() if not one.jobs} == {}


def test_no_plan_writes_anything(compared):
    assert [name for name, one in compared.items() if one.wrote] == []


def test_the_requests_to_the_data_api_are_those_of_the_plan(compared):
    said = {name: requests(one.plan) for name, one in compared.items()}
    assert said == {name: one.requests for name, one in compared.items()}
    assert all(said.values())


def test_the_jobs_runs_and_followers_are_those_of_the_plan(compared):
    for name, one in compared.items():
        assert sorted(job.kind for job in one.plan.jobs) == sorted(job.kind for job in one.jobs), name
        assert {job.outcome for job in one.plan.jobs} == {"complete"}, name
        assert len(of(one.plan, "engine")) == one.runs, name
        started = [" ".join(write.detail["parameters"]["types"]) for write in of(one.plan, "executions")]
        assert started == one.triggered, name


def test_the_words_to_the_areas_api_are_those_of_the_plan(compared):
    for name, one in compared.items():
        said = of(one.plan, "areas_api")
        told = [(write.detail["status"], len(write.detail["geostores"])) for write in said if "status" in write.detail]
        assert len(said) - len(told) == one.synced, name
        # An area that the sync of subscriptions is yet to make is not there for a plan to see, which says so.
        assert [(status, len(ids) - one.synced) for status, ids in one.updates] == told, name
    said = of(compared["rw_areas"].plan, "areas_api")
    (subscriptions,) = [write for write in said if write.target == "subscriptions"]
    assert subscriptions.detail["areas"] == 1
    assert "not in this plan" in subscriptions.detail["note"]


def test_the_files_are_those_of_the_plan(compared):
    for name, one in compared.items():
        said = {write.target.replace("://", "/") for write in of(one.plan, "objects") if write.action == "upload"}
        ids = {target for target in said if "/areas/" in target}
        assert said - ids <= one.files, name
