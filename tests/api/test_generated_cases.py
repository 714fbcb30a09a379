"""Cases that schemathesis generates from the contract: on the app, and through a Lambda handler by gateway events."""

import itertools
import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mangum import Mangum
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.python import asgi

from api.app import build
from api.examples import COMMANDS
from datapump.executions import ExecutionStatus
from datapump.jobs.documents import AnalysisJob, JobStatus
from tests.support.lambda_events import LambdaBridge

CASES = 100
MANY = 2000
STEPS = 6
HEADERS = {"Authorization": "Bearer dp_admin-secret"}
# What a schema cannot say of a value that it allows; anything else that is allowed and yet refused is a defect.
UNSAYABLE = re.compile(
    "cursor does not belong|the years 1970 to 9999|is now at ETag|this Idempotency-Key already stands|"
    "is listed twice|have the same id|end_date is before start_date|cannot work: |would be published under the same|"
    "does not fit in 64 bits|should be a valid integer|more than 400 sync versions|"
    "is above max_zoom|every colour an alpha|have no alpha: |no_data nan cannot|must be a whole number|the formula "
)
CHECKS = {
    # in its place: allowed_values_are_accepted
    "positive_data_acceptance": {"enabled": False},
    "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "501"]},
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "406", "415", "422", "428"]},
}
CONTRACT = build().openapi()


@schemathesis.check
def allowed_values_are_accepted(ctx, response, case):
    """What the contract allows is refused only for what a contract cannot say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in {400, 412, 422}:
        return
    problem = response.json()
    reasons = [one["detail"] for one in problem.get("errors", ())] or [problem["detail"]]
    wrong = [reason for reason in reasons if not UNSAYABLE.search(reason)]
    assert not wrong, f"allowed, but refused: {wrong}"


class Front:
    """Asks whatever app a test has put behind it."""

    app = None

    def __init__(self):
        self.session = asgi.get_client(self)

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def schema_of():
    """The contract to generate from."""
    # Each case gets a key that is good: one that is generated without would be taken for wrong although it is not.
    config = SchemathesisConfig.from_dict({"checks": CHECKS, "generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_dict(CONTRACT, config=config)
    schema.app = Front()
    return schema


APP, LAMBDA = schema_of(), schema_of()
OPERATIONS = [f"{method.upper()} {path}" for path, methods in CONTRACT["paths"].items() for method in methods]


def carrying(world):
    """The world, where executions get a job, that of every second one fails at once; there is one of each thing."""
    runs, turns = world.runs, itertools.cycle([ExecutionStatus.RUNNING, ExecutionStatus.FAILED])

    def start(execution_id):
        if runs.get_execution(execution_id).status is not ExecutionStatus.ACCEPTED:
            return
        document = {**COMMANDS["continue_jobs"]["parameters"]["jobs"][0], "id": f"job-{execution_id}"}
        job = AnalysisJob.model_validate(document, strict=False)
        runs.begin(execution_id, [job], [], [])
        if next(turns) is ExecutionStatus.FAILED:
            runs.save_job(execution_id, job.model_copy(update={"status": JobStatus.FAILED}), 1)
            runs.finish(execution_id, ExecutionStatus.FAILED)

    world.orchestrator.start = start
    # Whatever a case asks to wait for, and however it writes that, is answered at once.
    object.__setattr__(world.services, "longest_wait_s", 0)
    world.add_config()
    with world.client("operate") as client:
        for _ in range(2):
            assert client.post("/commands", json=COMMANDS["set_latest"]).status_code == 202
        assert client.post("/backfills", json={"types": ["viirs"], "sync_versions": ["v1"]}).status_code == 201
    return world


@pytest.fixture(scope="module")
def on_app(world_maker):
    make = world_maker()
    APP.app.app = carrying(make()).app
    return lambda: carrying(make())


@pytest.fixture(scope="module")
def through_lambda(world_maker):
    make_world = world_maker()

    def make():
        world = carrying(make_world())
        # as the handler of production says of itself
        for name, value in (("one_by_one", True), ("streams", False)):
            object.__setattr__(world.services, name, value)
        return world

    app = make().app
    LAMBDA.app.app = LambdaBridge(lambda: Mangum(app, lifespan="off"))
    yield make
    LAMBDA.app.app.close()


def asking(schema):
    """How a schema's app is asked: with a key, and over a session that is made once.

    The checks that ask again without a key leave the session out too, and keep the app.
    """
    return {"headers": HEADERS, "app": schema.app, "session": schema.app.session}


class Rows(APP.as_state_machine()):
    """Operations in a row, each given what the ones before it answered.

    The app and the Lambda handler are asked the same, each on a world of its own that counts like the other.
    """

    def setup(self):
        self.renew()

    def get_call_kwargs(self, case):  # noqa: ARG002 - schemathesis's own signature
        return asking(self.schema)

    def after_call(self, response, case):  # noqa: ARG002 - schemathesis's own signature
        case.call_and_validate(**asking(LAMBDA))


def answer_rows(renewers, count, steps, **how):
    """Run so many rows of so many operations, each row on worlds of its own.

    A row that fails is told as it was found: to look for a shorter one takes longer than a test may.
    """

    class OnNewWorlds(Rows):
        def renew(self):
            for renew in renewers:
                renew()

    OnNewWorlds.run(
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            **how,
        )
    )


def answers(schemas, label, count, **how):
    """Ask each schema's app so many cases of an operation, of what the contract allows and of what it does not.

    All are asked the same cases: to generate one takes longer than to ask it.
    """
    operation = schemas[0].find_operation_by_label(label)
    modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    how_to_ask = [asking(schema) for schema in schemas]
    asked = [0] * len(schemas)

    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck), **how)
    @given(st.one_of(modes))
    def ask(case):
        for which, one in enumerate(how_to_ask):
            case.call_and_validate(**one)
            asked[which] += 1

    ask()
    return asked


def edges(label):
    """Each value of an operation at the edge of what the contract allows, and each method that it does not know."""
    operation = APP.find_operation_by_label(label)
    generation = APP.config.generation
    return APP.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=generation)


@pytest.mark.parametrize("label", OPERATIONS)
def test_the_app_and_the_lambda_handler_answer_as_the_contract_says(label, on_app, through_lambda):
    asked = answers([APP, LAMBDA], label, CASES, derandomize=True)
    assert asked == [CASES, CASES]


@pytest.mark.parametrize(
    "label", [pytest.param(label, marks=[pytest.mark.soak] * (label == "POST /commands")) for label in OPERATIONS]
)
def test_the_app_answers_at_the_edges_as_the_contract_says(label, on_app):
    how_to_ask = asking(APP)
    for case in edges(label):
        case.call_and_validate(**how_to_ask)


def test_the_app_and_the_lambda_handler_answer_operations_in_a_row_as_the_contract_says(on_app, through_lambda):
    answer_rows([on_app, through_lambda], CASES, STEPS, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("label", OPERATIONS)
def test_2000_cases_an_operation_are_answered_as_the_contract_says(label, on_app, through_lambda):
    answers([APP, LAMBDA], label, MANY)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tenth", range(10))
def test_2000_rows_of_operations_are_answered_as_the_contract_says(tenth, on_app, through_lambda):
    answer_rows([on_app, through_lambda], MANY // 10, 10)
