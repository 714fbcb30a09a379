"""Every route of the contract, asked of both deployments after the same work: each does on AWS what it does here."""

from __future__ import annotations

import json
import warnings

import pytest

with warnings.catch_warnings():
    # The test client prefers the successor of httpx, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from api.app import build, create_app
from api.console import PAGES
from api.services import Services
from datapump.analyses import Analysis
from datapump.backfilling import Backfills
from datapump.engines import RunState, RunStatus
from datapump.keys import ApiKey, Scope, digest
from datapump.stores.sqlite import SqliteStores
from tests.support.deployment import ANALYSIS, Deployment
from tests.support.twins import KEY, AwsTwin, EmbeddedTwin

CONTRACT = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in build().openapi()["paths"].items()
    for method, operation in methods.items()
    if method != "parameters"
}
# Clusters leave neither outlines nor places: only the embedded engine writes them.
ONLY_HERE = {"list_result_areas", "list_result_places"}
# Of a job, and of an execution that is stopped before it begins.
ENGINES = {"links", "notes", "run_id", "started"}
BACKFILL = {"types": ["viirs"], "sync_versions": ["v20260115", "v20260116"]}
REASON = {"reason": "seen"}
TYPE = {"sync_type": "viirs", "reason": "seen"}
# A Lambda's answer may have 6 MB, as text that is a third longer than what it stands for.
MOST_BYTES = 4_500_000


class Here(EmbeddedTwin):
    """One machine with its API, which starts nothing by itself."""

    def __init__(self, folder):
        super().__init__(folder)
        stores = SqliteStores(self.database, self.clock)
        stores.keys.add(ApiKey(digest=digest(KEY), caller="test", scope=Scope.ADMIN, created=self.clock.now()))
        backfills = Backfills(
            stores.backfills, self.runs, self.sync_configs, stores.targets, self.clock, self.start, self.stop
        )
        services = Services(
            runs=self.runs,
            sync_configs=self.sync_configs,
            keys=stores.keys,
            orchestrator=self,
            clock=self.clock,
            audit=stores.audit,
            data_api=lambda: self.data_api,
            objects=self.objects,
            targets=stores.targets,
            backfills=backfills,
            engines=("local",),
            analyses=frozenset(Analysis),
            checks={"run_store": lambda: None, "orchestrator": lambda: None},
        )
        self._client = TestClient(create_app(services), headers={"Authorization": f"Bearer {KEY}"})

    def start(self, _):
        """The test carries it."""

    def answer(self, method, path, body=None, query="", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._client.request(method, path, json=body, params=query, headers=fields)
        return answer.status_code, document(answer.content)


def document(content):
    """What an answer says, which is no JSON where it is a page to be read."""
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return {"text": content.decode()}


def worked(d):
    """Do some of everything; what can be asked for then, by the names of an address."""
    d.prepare()
    done = d.run(ANALYSIS)
    d.run({"command": "sync", "parameters": {"types": ["glad"]}})
    d.ends("geostore_two", RunStatus(state=RunState.CANCELLED, message="ended by hand"))
    bad = json.loads(json.dumps(ANALYSIS).replace('"geostore"', '"geostore_two"'))
    failed = d.run(bad)
    assert (done.status, failed.status) == ("succeeded", "failed")
    later = json.loads(json.dumps(ANALYSIS).replace('"v1"', '"v2"'))
    status, planned = d.answer("POST", "/commands", later, query="plan=true")
    assert status == 202, planned
    d.carry(planned["id"])
    status, backfill = d.answer("POST", "/backfills", BACKFILL)
    assert status == 201, backfill
    return {
        "execution_id": done.id,
        "failed": failed.id,
        # Stored, and carried by nothing.
        "open": Deployment.submit(d, later),
        "planned": planned["id"],
        "job_id": d.jobs(done.id)[0].id,
        "config_id": d.sync_configs.list().items[0].id,
        "backfill_id": backfill["id"],
        "dataset": "geostore__viirs__daily_alerts",
        "version": "v1",
        "name": "not-found",
    }


# What is asked of an operation beside its address: the body, and the headers.
ASKED = {
    "submit_command": ({"command": "sync", "parameters": {"types": ["viirs"]}}, {}),
    "stop_execution": (REASON, {}),
    "patch_sync_config": ({"sync": True, **REASON}, {"if_match": "*"}),
    "pause_sync_type": (TYPE, {}),
    "resume_sync_type": (TYPE, {}),
    "make_backfill": (BACKFILL, {}),
    "pause_backfill": (REASON, {}),
    "resume_backfill": (REASON, {}),
    "stop_backfill": (REASON, {}),
}
OF = {"retry_execution": "failed", "get_plan": "planned", "stop_execution": "open"}
# In this order: what is stopped is over.
LATE = ["resume_backfill", "pause_backfill", "stop_backfill", "stop_execution"]


def answers(d):
    """What each operation answers."""
    names = worked(d)
    told = {}

    def ask(*asked, **headers):
        if isinstance(d, Here):
            return d.answer(*asked, **headers)
        status, _, content = d.ask(*asked, **headers)
        return status, document(content)

    for operation in [*sorted(set(CONTRACT) - set(LATE)), *LATE]:
        method, path = CONTRACT[operation]
        body, headers = ASKED.get(operation, (None, {}))
        address = path.format(
            **names | {"execution_id": names[OF.get(operation, "execution_id")]} if "{" in path else {}
        )
        told[operation] = ask(method, address, body, **headers)
    for execution in d.runs.list_executions().items if isinstance(d, AwsTwin) else ():
        if not execution.ended:
            d.carry(execution.id)
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    with Here(tmp_path_factory.mktemp("here")) as here:
        mine = answers(here)
    with AwsTwin(tmp_path_factory.mktemp("aws")) as there:
        return mine, answers(there), files(there)


def files(d):
    """Each file of the console, as it comes through the function."""
    names = [path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*") if path.is_file()]
    return {name: d.ask("GET", f"/console/{name}", accept_encoding="gzip") for name in ["", *names]}


def filled(document):
    """The members of an answer, and which of them say something; what is up to the engine may or may not."""
    if isinstance(document, list):
        return [filled(one) for one in document[:1]]
    if not isinstance(document, dict):
        return None
    return {name: name in ENGINES or bool(value) for name, value in document.items()}


@pytest.mark.parametrize("operation", sorted(CONTRACT))
def test_each_route_answers_there_what_it_answers_here(told, operation):
    (here, mine), (there, theirs) = told[0][operation], told[1][operation]
    if operation in ONLY_HERE:
        assert (there, theirs["type"]) == (501, "/problems/not-available")
        return
    assert here == there < 300, theirs
    assert filled(mine) == filled(theirs)
    if "items" in mine:
        assert filled(mine["items"]) == filled(theirs["items"])


def test_the_console_is_served_there_too(told):
    assert {status for status, _, _ in told[2].values()} == {200}
    assert told[2]["index.html"][1]["content-encoding"] == "gzip"
    assert all(len(content) < MOST_BYTES for _, _, content in told[2].values())
    assert "default-src 'none'" in told[2][""][1]["content-security-policy"]
