"""The two deployments behind one face, so that a scenario runs on either and what is left can be compared."""

from __future__ import annotations

import base64
import json
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from unittest.mock import patch

from datapump.clients.data_api import TABLE_ASSETS, DataApi
from datapump.engines import RunState
from datapump.errors import RemoteBusyError, RemoteUnavailableError
from datapump.executions import Execution
from datapump.keys import ApiKey, Scope, digest
from datapump.objects import Objects
from datapump.results import FOLDERS
from datapump.retries import plan_retry
from datapump.settings import ExecutorSettings, read_settings
from datapump.stores.dynamodb import DynamoKeyStore, Tables, definitions
from state_machine.production import create_ports
from state_machine.step_functions import StepFunctionsOrchestrator
from tests.support.areas import areas_server
from tests.support.aws.account import Account
from tests.support.aws.roles import refused
from tests.support.clock import FakeClock
from tests.support.data_api_server import TOKEN, DataApiServer
from tests.support.deployment import AREA, Deployment
from tests.support.inline_engine import InlineEngine
from tests.support.lambda_events import event_of
from tests.support.tifs import data

KEY = "datapump-admin-key"
QUERY_KEY = "key-of-queries"
ENGINE = "the engine says so"
RUN = rf"(?:{'|'.join(FOLDERS.values())})_\d{{8}}_\d{{4}}(?:_\d+)?"
# What differs between two runs of the same: time, tries, ids, and which engine did it.
VOLATILE = {"start_time", "end_time", "polls", "next_poll_s", "links", "run_id", "outage_since", "since", "at"}
VOLATILE |= {"engine", "engine_reason"}


class Twin:
    """What a scenario may ask of a deployment beside what `Deployment` offers."""

    def prepare(self):
        """A user area, a night of saved fires, and a feed that brings a further day."""
        self.put_areas()
        self.put_saved_fires()
        self.put_feed("2026-01-15", "2026-01-16", count=3)

    def ends(self, part, status):
        """The next run whose name holds a part ends so; each call is for one run."""
        self.endings.append((part, status))

    def ending(self, name):
        for ending in self.endings:
            if ending[0] in name:
                self.endings.remove(ending)
                return ending[1]
        return None

    def outage(self, requests):
        """The Data API does not answer so many requests of the pipeline."""
        self.away += requests

    @contextmanager
    def _weather(self):
        """Requests of the Data API fail as long as it is away."""
        real = DataApi._send

        def send(client, method, path, **arguments):
            if self.away and client is not self.data_api:
                self.away -= 1
                raise RemoteUnavailableError(f"the Data API did not answer {method} {path}: ReadTimeout")
            return real(client, method, path, **arguments)

        with patch.object(DataApi, "_send", send):
            yield

    def __enter__(self):
        self._open = ExitStack()
        self._open.enter_context(self._weather())
        return super().__enter__()

    def __exit__(self, *reason):
        super().__exit__(*reason)
        self._open.close()

    def before_tick(self, step, action, times=1):
        """Do something, with the id of the execution, just before a job is ticked in a step."""
        self.hooks.append([step, action, times])

    def ticking(self, execution_id, job_id):
        for hook in self.hooks:
            step, action, times = hook
            if times and step in {None, self.runs.get_job(execution_id, job_id).job.step}:
                hook[2] -= 1
                action(execution_id)

    @property
    def areas(self):
        """An Areas API, from when it is first asked for on."""
        if self._areas is None:
            admin = {TOKEN: {"role": "ADMIN", "user_id": "datapump"}}
            self._areas = self._open.enter_context(areas_server(self.folder / "areas", self.clock, tokens=admin))
            self._use(self._areas)
        return self._areas

    def executions(self):
        """The ids of all executions, oldest first."""
        return sorted(execution.id for execution in self.runs.list_executions(limit=100).items)

    def carry_all(self):
        """Carry what is open, and what that starts; the ids of all executions, oldest first."""
        while open_ := [one for one in self.executions() if not self.runs.get_execution(one).ended]:
            self.carry(open_[0])
        return self.executions()

    def content(self, dataset, version):
        """The rows of a table, or a raster's assets and the pixels of its tiles."""
        assets = self.data_api.assets(dataset, version)
        if any(asset["asset_type"] in TABLE_ASSETS for asset in assets):
            return super().content(dataset, version)
        folder = self.objects.path(f"s3://gfw-data-lake/{dataset}/{version}/raster/")
        tiles = {path.relative_to(folder).as_posix(): data(path) for path in folder.rglob("*.tif")}
        pixels = [f"{name} {place}: {value}" for name, tile in tiles.items() for place, value in tile.items()]
        return sorted(f"{asset['asset_uri']} {asset['status']}" for asset in assets) + sorted(pixels)

    def final(self, *executions):
        """All that is left for good, without what time makes: to be equal on both deployments."""
        told = {"outcome": self.outcome(), "executions": []}
        if self._areas is not None:
            told["areas"] = [self.areas.statuses(), self.areas.updates(), len(self.areas.store.emails())]
        told["outcome"]["log"] = sorted(told["outcome"]["log"])
        told["outcome"]["tables"] = {" ".join(name): table for name, table in told["outcome"]["tables"].items()}
        order = {name: number for number, name in enumerate(self.executions())}
        for execution_id in executions:
            execution = self.runs.get_execution(execution_id)
            told["executions"].append(
                {
                    "status": str(execution.status),
                    "notes": execution.notes,
                    "errors": execution.errors,
                    "stop_reason": execution.stop_reason,
                    "follows": order.get(execution.triggered_by),
                    "jobs": sorted((self._document(job) for job in self.jobs(execution_id)), key=json.dumps),
                }
            )
        text = json.dumps(told, sort_keys=True, default=str).replace(self.server.url, "DATA_API")
        return json.loads(_anonymous(text))

    def _document(self, job):
        document = _without(job.model_dump(mode="json"))
        # The embedded engine tells more of what it did than a cluster does.
        document["notes"] = [note for note in document["notes"] if "manifest.json" not in note]
        return document


def _without(value):
    if isinstance(value, dict):
        return {key: _without(one) for key, one in value.items() if key not in VOLATILE}
    return [_without(one) for one in value] if isinstance(value, list) else value


def _anonymous(text):
    text = re.sub(r"cluster j-\w+ is [a-z ]+(: [A-Z_]+)?", ENGINE, text)
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", lambda id_: AREA if id_[0] == AREA else "ID", text)
    text = re.sub(rf"({RUN}|RUN)(/({RUN}|RUN))?", "RUN", text)
    text = re.sub(r"part-00000-[0-9a-f-]{36}", "PART", text)
    return re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ASSET", text)


class ScriptedEngine(InlineEngine):
    """The inline engine, whose runs end as a scenario says, and which may have no room."""

    def __init__(self, objects, ending):
        super().__init__(objects)
        self.throttled = 0
        self._ending = ending

    def start(self, request):
        if self.throttled:
            self.throttled -= 1
            raise RemoteBusyError("the engine is busy")
        told = None if request.name in self.runs else self._ending(request.name)
        if told is None:
            return super().start(request)
        self.runs[request.name] = told
        return None


class EmbeddedTwin(Twin, Deployment):
    """One machine."""

    name = "embedded"

    def __init__(self, folder, **settings):
        super().__init__(folder, **settings)
        self.hooks, self.endings, self.away, self._areas = [], [], 0, None
        self.data_api = self.server.client()
        self.engine = ScriptedEngine(self.objects, self.ending)
        self.ports = replace(self.ports, engine=self.engine)

    def _use(self, areas):
        self.ports = replace(self.ports, areas_api=areas.client(TOKEN))
        self._open.callback(self.ports.areas_api.close)

    def before(self, unit):
        if unit.phase == "tick":
            self.ticking(unit.execution_id, unit.job_id)

    def stop(self, execution_id, reason="stopped by a test"):
        self.runs.request_stop(execution_id, reason)

    def close(self):
        self.ports.data_api.close()
        super().close()

    def retry(self, execution_id):
        original = self.runs.get_execution(execution_id)
        planned = plan_retry(original, self.runs)
        wanted = Execution(
            id=self.clock.new_id(),
            command=planned.command.model_dump(mode="json"),
            fingerprint="",
            caller="test",
            created=self.clock.now(),
            notes=planned.notes,
            retry_of=execution_id,
        )
        return self.runs.create_execution(wanted)[0].id

    def throttle(self, times):
        """The engine takes no more runs now, so many times."""
        self.engine.throttled = times

    def running(self):
        """The runs that go on."""
        return [name for name, run in self.engine.runs.items() if run.state is RunState.RUNNING]

    def disturb(self, *_):
        """There is no Lambda to disturb."""

    @staticmethod
    def refused():
        """There are no roles."""
        return []


class AwsTwin(Twin, Deployment):
    """The production deployment on moto."""

    name = "aws"

    def __init__(self, folder, template=None, **settings):
        self.folder = folder
        self.clock = FakeClock()
        self.hooks, self.endings, self.away, self._areas = [], [], 0, None
        self.objects = Objects(folder / "objects")
        self.account = Account(self.objects, self.clock, self._settle, self.ticking, self.ending, template)
        try:
            self._put_together(settings, template)
        except BaseException:
            self.account.close()
            raise

    def _put_together(self, settings, template):
        account, folder = self.account, self.folder
        self.server = DataApiServer(folder / "data_api", self.objects, query_keys={QUERY_KEY})
        self.data_api = self.server.client()
        known = {
            "environment": "production",
            "data_api_url": self.server.url,
            "s3_endpoint": account.s3,
            "gs_endpoint": account.s3,
            "bucket_patience_s": 1,
            "state_machine": account.machine,
            "emr_service_role": "emr",
            "emr_instance_profile": "nodes",
            "effect_settle_s": 0,
            "poll_min_s": 0.2,
            "poll_max_s": 30,
        }
        account.configure(**known | settings)
        account.secret("gfw-api/token", json.dumps({"token": TOKEN}))
        account.secret("datapump/cursor-key", "signs cursors")
        account.secret("gfw-api/query-key", json.dumps({"api_key": QUERY_KEY}))
        google = {"gcs_base_url": account.s3, "disable_oauth": True, "client_email": "reader", "private_key": "key"}
        account.secret("gcs/gfw-gee-export", json.dumps({**google, "private_key_id": "1"}))
        account.secret("slack/gfw-sync", "{}")
        account.secret("prefect/webhook_urls", "{}")
        self.settings = read_settings(ExecutorSettings)
        tables = Tables.of(self.settings)
        if template is None:
            self._make_tables(tables)
        key = ApiKey(digest=digest(KEY), caller="test", scope=Scope.ADMIN, created=self.clock.now())
        DynamoKeyStore(tables).add(key)
        self.ports = create_ports(self.settings, self.clock)
        self.engine = account.geotrellis
        self.runs, self.sync_configs = self.ports.runs, self.ports.sync_configs
        self.orchestrator = StepFunctionsOrchestrator(self.ports.engine.named("emr")._aws, self.runs, account.machine)

    def _use(self, areas):
        self.account.configure(areas_api_url=areas.url)

    def _settle(self):
        # Ten jobs' loads may take longer than it waits; then the state machine only looks again.
        with suppress(AssertionError):
            self.server.settle()

    def _make_tables(self, tables):
        for definition in definitions(self.settings.run_table, self.settings.config_table).values():
            tables.client.create_table(**definition)

    def close(self):
        self.account.close()
        self.ports.data_api.close()
        self.data_api.close()
        self.server.close()

    def ask(self, method, path, body=None, query="", **headers):
        """Ask the API as API Gateway does; the status, the headers and the content of its answer."""
        known = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        sent = b"" if body is None else json.dumps(body).encode()
        fields = (known | {name.replace("_", "-"): value for name, value in headers.items()}).items()
        answer = self.account.functions.api(event_of(method, path, query=query, headers=fields, body=sent))
        content = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        return answer["statusCode"], answer["headers"], content

    def answer(self, method, path, body=None, query="", **headers):
        """Ask the API; the status and the document of its answer."""
        status, _, content = self.ask(method, path, body, query, **headers)
        return status, json.loads(content)

    def request(self, method, path, body=None, query=""):
        """Ask the API as API Gateway does; what it answers, which is no problem."""
        status, document = self.answer(method, path, body, query)
        assert status < 300, document
        return document

    def submit(self, command):
        return self.request("POST", "/commands", command)["id"]

    def carry(self, execution_id, _ports=None):
        self.account.interpreter.await_end(self.orchestrator.describe(execution_id).arn)
        return self.runs.get_execution(execution_id)

    def stop(self, execution_id, reason="stopped by a test"):
        self.request("POST", f"/executions/{execution_id}/stop", {"reason": reason})

    def retry(self, execution_id):
        return self.request("POST", f"/executions/{execution_id}/retry")["id"]

    def throttle(self, times):
        self.account.geotrellis.throttled = times

    def running(self):
        alive = {"RUNNING", "WAITING", "STARTING", "BOOTSTRAPPING"}
        return [name for name, state in self.account.geotrellis.states().items() if state in alive]

    def refused(self):
        """What was asked of AWS that no role allows."""
        return refused(self.account.calls.seen)

    def disturb(self, *faults):
        self.account.functions.faults += faults
