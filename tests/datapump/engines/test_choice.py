from __future__ import annotations

import pytest

from datapump.analyses import Analysis
from datapump.engines import AnalysisRequest, Cluster, Outlook, RunState, RunStatus
from datapump.engines.choice import ChoosingEngine, Effort, Limits, Unknown, choose
from datapump.errors import DataError, NotFoundError, RemoteUnavailableError, UnsupportedError

ALL = frozenset(Analysis)
BOTH = {"local": ALL, "emr": ALL}
SMALL, HUGE = Effort(0.01, 1e6, 1, layers=2), Effort(1000, 1e13, 1, layers=2)


def asked(analysis="tcl", name="run", engine=None):
    fires = ("s3://lake/fires.tsv",) if analysis in {"viirs", "modis", "burned_areas"} else ()
    least = {"name": name, "analysis": analysis, "feature_type": "gadm", "output": "s3://lake/out", "engine": engine}
    return AnalysisRequest.model_validate({**least, "features": ("s3://lake/features/*.tsv",), "fire_sources": fires})


@pytest.mark.parametrize(
    ("told", "engine", "words"),
    [
        (
            Effort(0.5, 2.26e9, 25.2, layers=27),
            "local",
            "about 30 min on this machine (2.3 billion pixels of 27 layers, 25 MB of features), within the limit of",
        ),
        (
            Effort(5.27, 1.9e11, 2500, layers=1),
            "emr",
            "about 5.3 h on this machine (190 billion pixels of 1 layer, 2,500 MB of features), more than the limit",
        ),
        (
            Effort(40, 0, 31_000, 3e8, 21),
            "emr",
            "about 40 h on this machine (300 million fires looked up in 21 layers, 31,000 MB of features and fires)",
        ),
        (
            Effort(0.001, 0, 0.25, 1234, 0),
            "local",
            "less than a minute on this machine (0.25 MB of features and fires), within the limit of 1 h",
        ),
    ],
)
def test_the_estimated_work_decides_and_the_reason_says_so(told, engine, words):
    chosen, reason = choose(asked(), told, BOTH, Limits(above_hours=1))
    assert (chosen, words in reason) == (engine, True), reason


def test_what_cannot_be_told_beforehand_is_tried_here_and_the_reason_says_so():
    chosen, reason = choose(asked(), Unknown("no feature file is named s3://a/b"), BOTH, Limits())
    assert chosen == "local"
    assert reason == (
        "how much work it is cannot be told beforehand: no feature file is named s3://a/b; "
        "so it is tried on this machine"
    )


@pytest.mark.parametrize("prefer", ["local", "emr"])
def test_a_preference_decides_whatever_the_work(prefer):
    for told in (SMALL, HUGE, Unknown("?")):
        chosen, reason = choose(asked(), told, BOTH, Limits(prefer=prefer))
        assert chosen == prefer
        assert f"the settings ask for the engine {prefer}" in reason


@pytest.mark.parametrize(("able", "other"), [("local", "emr"), ("emr", "local")])
def test_the_only_engine_that_can_is_taken(able, other):
    chosen, reason = choose(asked(), HUGE, {able: ALL, other: frozenset()}, Limits(prefer=other))
    assert chosen == able
    assert f"the engine {other} cannot compute tcl here" in reason


def test_what_none_can_compute_is_refused():
    with pytest.raises(UnsupportedError, match="no engine of this deployment can compute tcl"):
        choose(asked(), SMALL, {"local": frozenset(), "emr": frozenset()}, Limits())


@pytest.mark.parametrize("engine", ["local", "emr"])
def test_what_a_command_asks_for_goes_before_settings_and_estimate(engine):
    other = {"local": "emr", "emr": "local"}[engine]
    for told in (SMALL, HUGE, Unknown("?")):
        chosen, reason = choose(asked(engine=engine), told, BOTH, Limits(prefer=other))
        assert chosen == engine
        assert f"the command asks for the engine {engine}" in reason


def test_a_command_gets_no_other_engine_than_it_asks_for():
    with pytest.raises(UnsupportedError, match="has no engine emr; it has local"):
        choose(asked(engine="emr"), SMALL, {"local": ALL}, Limits())
    with pytest.raises(UnsupportedError, match="engine local cannot compute tcl here: it computes viirs"):
        choose(asked(engine="local"), SMALL, {"local": frozenset({Analysis.VIIRS}), "emr": ALL}, Limits())


def test_a_deployment_s_only_engine_is_said_to_be_that_and_what_is_not_known_is_left_out():
    chosen, reason = choose(asked(), HUGE, {"local": ALL}, Limits())
    assert (chosen, reason) == ("local", f"this deployment has no other engine; {HUGE}")
    assert choose(asked(), None, {"emr": ALL}, Limits()) == ("emr", "this deployment has no other engine")


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
def engines():
    return Engine(), Engine("j-1")


def choosing(engines, told, limits=None):
    """An engine of both, that is told so much work, or raises."""

    def estimate(_request):
        if isinstance(told, Exception):
            raise told
        return told

    return ChoosingEngine(dict(zip(("local", "emr"), engines, strict=True)), estimate, limits or Limits())


def test_each_run_goes_where_it_belongs_and_is_found_and_cancelled_there(engines):
    local, emr = engines
    assert choosing(engines, SMALL).start(asked(name="small")) is None
    engine = choosing(engines, HUGE)
    assert engine.start(asked(name="large")) == "j-1"
    assert (local.runs, emr.runs) == (["small"], ["large"])
    assert engine.find("small").run_id is None
    assert engine.find("large", "j-1").run_id == "j-1"
    engine.cancel("large", "j-1")
    engine.cancel("small")
    engine.cancel("never")
    assert (local.cancelled, emr.cancelled) == (["small"], ["large"])


def test_a_run_that_was_started_stays_where_it_is(engines):
    local, emr = engines
    choosing(engines, SMALL).start(asked())
    choosing(engines, SMALL, Limits(prefer="emr")).start(asked())
    assert (local.runs, emr.runs) == (["run", "run"], [])


def test_the_outlook_names_the_engine_the_reason_and_its_cluster(engines):
    outlook = choosing(engines, SMALL, Limits(prefer="emr")).outlook(asked())
    assert (outlook.engine, outlook.cluster.workers) == ("emr", 3)
    assert outlook.reason == f"the settings ask for the engine emr; {SMALL}"
    assert choosing(engines, SMALL).outlook(asked()).cluster is None


@pytest.mark.parametrize("error", [NotFoundError("no feature file is named x"), DataError("x lacks the column geom")])
def test_input_that_is_not_as_it_should_be_is_told_and_tried_here(engines, error):
    outlook = choosing(engines, error).outlook(asked())
    assert outlook.engine == "local"
    assert error.message in outlook.reason


def test_a_bucket_that_does_not_answer_is_no_reason_to_choose_an_engine(engines):
    with pytest.raises(RemoteUnavailableError):
        choosing(engines, RemoteUnavailableError("away")).outlook(asked())


def test_what_this_machine_cannot_compute_is_not_measured_on_it(engines):
    local, _ = engines
    local.analyses = frozenset()
    outlook = choosing(engines, AssertionError("asked")).outlook(asked())
    assert (outlook.engine, outlook.reason) == ("emr", "the engine local cannot compute tcl here")


def test_who_remembers_where_a_run_is_asks_that_engine_alone(engines):
    engine = choosing(engines, SMALL)
    assert engine.named("emr") is engines[1]
    assert engine.named(None) is engine
    assert engine.names == ("local", "emr")
    with pytest.raises(UnsupportedError, match="on the engine emr, which this deployment does not have any more"):
        ChoosingEngine({"local": engines[0]}, None, Limits()).named("emr")
