from __future__ import annotations

import pytest

from datapump.analyses import Analysis
from datapump.engines import AnalysisRequest, Cluster, Outlook, RunState, RunStatus
from datapump.engines.choice import ChoosingEngine, Limits, Work, choose, effort
from datapump.errors import UnsupportedError
from datapump.objects import Objects

ALL = frozenset(Analysis)
BOTH = {"local": ALL, "emr": ALL}
MB = 10**6


def asked(analysis="tcl", name="run", engine=None):
    fires = ("s3://lake/fires.tsv",) if analysis in {"viirs", "modis", "burned_areas"} else ()
    least = {"name": name, "analysis": analysis, "feature_type": "gadm", "output": "s3://lake/out", "engine": engine}
    return AnalysisRequest.model_validate({**least, "features": ("s3://lake/features/*.tsv",), "fire_sources": fires})


@pytest.mark.parametrize(
    ("analysis", "work", "engine", "words"),
    [
        (
            "tcl",
            Work(10 * MB),
            "local",
            "10 MB of features and fires), within the limit of 1 hours",
        ),
        (
            "tcl",
            Work(2500 * MB),
            "emr",
            "about 5.3 hours of work for this machine (about 190 billion pixels, 2500 MB of",
        ),
        ("integrated_alerts", Work(300 * MB), "emr", "more than the limit of 1"),
        ("viirs", Work(2500 * MB, 9000 * MB), "local", "about 0.2 hours of work"),
        ("viirs", Work(2500 * MB, 300_000 * MB), "emr", "more than the limit"),
    ],
)
def test_the_estimated_work_decides_and_the_reason_says_so(analysis, work, engine, words):
    chosen, reason = choose(asked(analysis), work, BOTH, Limits(above_hours=1))
    assert (chosen, words in reason) == (engine, True), reason


@pytest.mark.parametrize("prefer", ["local", "emr"])
def test_a_preference_decides_whatever_the_work(prefer):
    for size in (1, 10**12):
        chosen, reason = choose(asked(), Work(size), BOTH, Limits(prefer=prefer))
        assert chosen == prefer
        assert f"the settings ask for the engine {prefer}" in reason


@pytest.mark.parametrize(("able", "other"), [("local", "emr"), ("emr", "local")])
def test_the_only_engine_that_can_is_taken(able, other):
    chosen, reason = choose(asked(), Work(10**12), {able: ALL, other: frozenset()}, Limits(prefer=other))
    assert chosen == able
    assert f"the engine {other} cannot compute tcl here" in reason


def test_what_none_can_compute_is_refused():
    with pytest.raises(UnsupportedError, match="no engine of this deployment can compute tcl"):
        choose(asked(), Work(1), {"local": frozenset(), "emr": frozenset()}, Limits())


def test_more_processes_and_less_area_take_less_time():
    assert effort(asked(), Work(10**9), 4).hours < effort(asked(), Work(10**9), 2).hours
    assert effort(asked(), Work(10**8), 2).hours < effort(asked(), Work(10**9), 2).hours
    assert effort(asked(), Work(10**13), 2).hours < 200, "there is no more land than there is"


@pytest.mark.parametrize("engine", ["local", "emr"])
def test_what_a_command_asks_for_goes_before_settings_and_estimate(engine):
    other = {"local": "emr", "emr": "local"}[engine]
    for size in (1, 10**12):
        chosen, reason = choose(asked(engine=engine), Work(size), BOTH, Limits(prefer=other))
        assert chosen == engine
        assert f"the command asks for the engine {engine}" in reason


def test_a_command_gets_no_other_engine_than_it_asks_for():
    with pytest.raises(UnsupportedError, match="has no engine emr; it has local"):
        choose(asked(engine="emr"), Work(1), {"local": ALL}, Limits())
    with pytest.raises(UnsupportedError, match="engine local cannot compute tcl here: it computes viirs"):
        choose(asked(engine="local"), Work(1), {"local": frozenset({Analysis.VIIRS}), "emr": ALL}, Limits())


def test_a_deployment_s_only_engine_is_said_to_be_that():
    chosen, reason = choose(asked(), Work(10**12), {"emr": ALL}, Limits())
    assert chosen == "emr"
    assert "this deployment has no other engine; about 19.2 hours" in reason


class Engine:
    """Remembers what it is asked."""

    def __init__(self, run_id=None):
        self.analyses = ALL
        self.runs, self.cancelled, self.run_id = [], [], run_id

    def find(self, name, _run_id=None):
        return RunStatus(state=RunState.RUNNING, run_id=self.run_id) if name in self.runs else None

    def outlook(self, _request):
        machines = Cluster(master="m", worker_types=("w",), workers=3, on_demand=1)
        return Outlook(engine="local", reason="?", cluster=machines if self.run_id else None)

    def start(self, request):
        self.runs.append(request.name)
        return self.run_id

    def cancel(self, name, _run_id=None):
        self.cancelled.append(name)


@pytest.fixture
def engines(tmp_path):
    objects = Objects(tmp_path)
    objects.put("s3://lake/features/a.tsv", b"x" * 1000)
    local, emr = Engine(), Engine("j-1")
    return objects, local, emr


def test_each_run_goes_where_it_belongs_and_is_found_and_cancelled_there(engines):
    objects, local, emr = engines
    engine = ChoosingEngine({"local": local, "emr": emr}, objects, Limits())
    assert engine.start(asked(name="small")) is None
    objects.put("s3://lake/features/b.tsv", b"x" * 10**6)
    engine = ChoosingEngine({"local": local, "emr": emr}, objects, Limits(above_hours=1e-4))
    assert engine.start(asked(name="large")) == "j-1"
    assert (local.runs, emr.runs) == (["small"], ["large"])
    assert engine.find("small").run_id is None
    assert engine.find("large", "j-1").run_id == "j-1"
    engine.cancel("large", "j-1")
    engine.cancel("small")
    engine.cancel("never")
    assert (local.cancelled, emr.cancelled) == (["small"], ["large"])


def test_a_run_that_was_started_stays_where_it_is(engines):
    objects, local, emr = engines
    ChoosingEngine({"local": local, "emr": emr}, objects, Limits()).start(asked())
    ChoosingEngine({"local": local, "emr": emr}, objects, Limits(prefer="emr")).start(asked())
    assert (local.runs, emr.runs) == (["run", "run"], [])


def test_the_outlook_names_the_engine_the_reason_and_its_cluster(engines):
    objects, local, emr = engines
    outlook = ChoosingEngine({"local": local, "emr": emr}, objects, Limits(prefer="emr")).outlook(asked())
    assert (outlook.engine, outlook.cluster.workers) == ("emr", 3)
    assert "the settings ask for the engine emr" in outlook.reason
    assert ChoosingEngine({"local": local, "emr": emr}, objects, Limits()).outlook(asked()).cluster is None


def test_who_remembers_where_a_run_is_asks_that_engine_alone(engines):
    objects, local, emr = engines
    engine = ChoosingEngine({"local": local, "emr": emr}, objects, Limits())
    assert engine.named("emr") is emr
    assert engine.named(None) is engine
    assert engine.names == ("local", "emr")
    with pytest.raises(UnsupportedError, match="on the engine emr, which this deployment does not have any more"):
        ChoosingEngine({"local": local}, objects, Limits()).named("emr")
