"""The API over the real stores on SQLite, with an orchestrator that only records what it is asked."""

import itertools
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

with warnings.catch_warnings():
    # The test client prefers the successor of httpx, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

from api.app import build
from api.services import Services
from datapump.analyses import Analysis
from datapump.backfilling import Backfills
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus, LatestTarget, ResultState, ResultTable, SetLatestJob
from datapump.keys import ApiKey, Scope, digest
from datapump.objects import Objects
from datapump.stores.sqlite import Database, SqliteStores
from datapump.sync_configs import SyncConfig, SyncMetadata, config_id
from tests.support.data_api import data_api_in

START = datetime(2026, 11, 22, 6, tzinfo=UTC)


class TickingClock:
    """Every look at it takes a second; ids count up."""

    def __init__(self):
        self._count = itertools.count(1)

    def now(self):
        return START + timedelta(seconds=next(self._count))

    def new_id(self):
        return f"{next(self._count):032x}"

    def jitter(self):
        return 0.5


class RecordingOrchestrator:
    """Carries nothing: remembers what it was asked, and ends what is stopped."""

    def __init__(self, runs):
        self._runs = runs
        self.started = []
        self.stopped = []

    def start(self, execution_id):
        self.started.append(execution_id)

    def stop(self, execution_id, reason):
        self._runs.request_stop(execution_id, reason)
        self._runs.finish(execution_id, ExecutionStatus.STOPPED)
        self.stopped.append((execution_id, reason))


@dataclass
class World:
    """A deployment in a folder, and clients of it by the scope of their key."""

    services: Services
    app: object
    checks: dict = field(default_factory=dict)

    def __post_init__(self):
        for scope in Scope:
            self.add_key(scope.value, scope)

    @property
    def runs(self):
        return self.services.runs

    @property
    def sync_configs(self):
        return self.services.sync_configs

    @property
    def orchestrator(self):
        return self.services.orchestrator

    def add_key(self, caller, scope, **fields):
        secret = f"dp_{caller}-secret"
        key = ApiKey(digest=digest(secret), caller=caller, scope=scope, created=START, **fields)
        self.services.keys.add(key)
        return secret

    def client(self, caller=None):
        headers = {} if caller is None else {"Authorization": f"Bearer dp_{caller}-secret"}
        return TestClient(self.app, headers=headers)

    def add_config(self, dataset="gadm", analysis="viirs", version="v20261101", **fields):
        """Store a sync config."""
        sync_type = fields.pop("sync_type", analysis)
        defaults = {
            "sync": True,
            "metadata": SyncMetadata(geotrellis_version="2.4.1", features_1x1="s3://gfw-pipelines/features/gadm.tsv"),
        }
        config = SyncConfig(
            id=config_id(analysis, version, dataset, "v4.1", sync_type),
            analysis=analysis,
            analysis_version=version,
            dataset=dataset,
            dataset_version="v4.1",
            sync_type=sync_type,
            **{**defaults, **fields},
        )
        return self.sync_configs.put(config)

    def begin(self, execution_id):
        """Give an execution an analysis that is loading its result and a job that marks versions latest."""
        analysis = AnalysisJob.model_validate_json(
            """{"id": "gadm-viirs", "table": {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"},
            "analysis_version": "v20261101", "geotrellis_version": "2.4.1", "feature_type": "gadm",
            "features": ["s3://gfw-pipelines/features/gadm.tsv"], "sync_type": "viirs", "sync_version": "v20261122"}"""
        )
        latest = SetLatestJob(
            id="latest",
            dataset="gadm",
            analysis=Analysis.VIIRS,
            analysis_version="v20261101",
            targets=[LatestTarget(dataset="gadm__viirs__adm2_daily_alerts", version="v20261101", done=True)],
        )
        self.runs.begin(execution_id, [analysis, latest], ["3 rows skipped"], [])
        result = ResultTable(
            dataset="gadm__viirs__adm2_daily_alerts",
            version="v20261101",
            level="adm2",
            table="daily_alerts",
            uris=["s3://gfw-pipelines/results/part-0.csv"],
            action="append",
            state=ResultState.LOADING,
        )
        running = analysis.model_copy(
            update={
                "status": JobStatus.EXECUTING,
                "step": "uploading",
                "message": "loading 1 table",
                "progress": 0.75,
                "start_time": START,
                "links": {"log": "s3://gfw-pipelines/log"},
                "results": [result],
            }
        )
        self.runs.save_job(execution_id, running, 1)
        ended = latest.model_copy(update={"status": JobStatus.COMPLETE, "progress": 1.0, "end_time": START})
        self.runs.save_job(execution_id, ended, 1)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A Data API with three result datasets, one of them with a table of three rows; and its objects."""
    folder = tmp_path_factory.mktemp("published")
    objects, uri = Objects(folder / "objects"), "s3://gfw-pipelines/rows.tsv"
    lines = ("iso\talert__date\talert__count", *["BRA\t2026-11-21\t1"] * 2, "COL\t2026-11-22\t2", "")
    objects.put(uri, "\n".join(lines).encode())
    made = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t", "has_header": True}
    types = {"iso": "text", "alert__date": "date", "alert__count": "integer"}
    made["table_schema"] = [{"name": name, "data_type": of} for name, of in types.items()]
    made["indices"] = [{"index_type": "btree", "column_names": ["iso"]}]
    with data_api_in(folder, works=True) as data_api:
        for name in ("adm2_daily_alerts", "number_0", "number_1"):
            data_api.create_dataset(f"gadm__viirs__{name}", {})
        table = ("gadm__viirs__adm2_daily_alerts", "v20260101")
        data_api.create_version(*table, made)
        while data_api.version(*table)["status"] == "pending":
            pass
        yield data_api, objects


@pytest.fixture(scope="session")
def app():
    """Its routes take longer to prepare than most tests, and hold no state."""
    return build()


@contextmanager
def opened(folder, app):
    """A world in a folder, as long as the block lasts."""
    database = Database(folder / "datapump.sqlite")
    clock = TickingClock()
    stores = SqliteStores(database, clock)
    checks = {}
    orchestrator = RecordingOrchestrator(stores.runs)
    backfills = Backfills(
        stores.backfills,
        stores.runs,
        stores.sync_configs,
        stores.targets,
        clock,
        orchestrator.start,
        orchestrator.stop,
    )
    services = Services(
        runs=stores.runs,
        sync_configs=stores.sync_configs,
        keys=stores.keys,
        orchestrator=orchestrator,
        clock=clock,
        checks=checks,
        audit=stores.audit,
        targets=stores.targets,
        backfills=backfills,
        cursor_key=b"the same every time",
    )
    app.state.services = services
    yield World(services, app, checks)
    database.close()


@pytest.fixture
def world(tmp_path, app):
    with opened(tmp_path, app) as made:
        yield made


@pytest.fixture(scope="module")
def world_maker(tmp_path_factory):
    """Gives what makes worlds behind an app of its own; each world ends the one before."""
    with ExitStack() as everything:

        def maker():
            app, stack = build(), everything.enter_context(ExitStack())

            def make():
                stack.close()
                return stack.enter_context(opened(tmp_path_factory.mktemp("world"), app))

            return make

        yield maker


@pytest.fixture
def operator(world):
    with world.client("operate") as client:
        yield client


@pytest.fixture
def reader(world):
    with world.client("read") as client:
        yield client


@pytest.fixture
def nobody(world):
    with world.client() as client:
        yield client
