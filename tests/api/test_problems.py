import inspect

import pytest
from starlette.exceptions import HTTPException

from api import errors as http
from api import problem_types as types
from api.problems import MAX_ERRORS, TYPES, type_of
from datapump import errors
from datapump.errors import (
    DataError,
    Fault,
    InvalidInputError,
    RemoteInvalidError,
    RemoteRefusedError,
    RemoteUnavailableError,
    StorageError,
)

TREE = [
    kind
    for module in (errors, http)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, errors.DatapumpError)
]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_its_own_type(kind):
    assert kind in TYPES


@pytest.mark.parametrize("problem_type", types.ALL, ids=lambda problem_type: problem_type.name)
def test_every_type_is_documented_in_words_at_its_uri(nobody, problem_type):
    response = nobody.get(problem_type.uri)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    for part in (problem_type.title, problem_type.meaning, problem_type.remedy, str(problem_type.status)):
        assert part in response.text


def test_every_type_can_be_told_apart():
    assert len({problem_type.name for problem_type in types.ALL}) == len(types.ALL) == len(types.BY_NAME)


def test_users_errors_are_4xx_and_ours_are_5xx():
    for kind, problem_type in TYPES.items():
        if issubclass(kind, errors.UserError) and kind is not errors.UnsupportedError:
            assert 400 <= problem_type.status < 500
        if issubclass(kind, (errors.RemoteError, errors.StorageError, errors.InternalError)):
            assert problem_type.status >= 500


def test_an_error_outside_the_tree_is_internal():
    assert type_of(KeyError("x")) is types.INTERNAL_ERROR
    assert type_of(HTTPException(418)) is types.BAD_REQUEST


@pytest.mark.parametrize(
    ("error", "problem_type", "retry_after"),
    [
        (StorageError("/data/swordfish could not be written"), types.STORE_UNAVAILABLE, "5"),
        (RemoteUnavailableError("the feed did not answer"), types.REMOTE_UNAVAILABLE, "30"),
        (RemoteRefusedError("the feed said no"), types.REMOTE_FAILURE, None),
        (RemoteInvalidError("the feed said nonsense"), types.REMOTE_FAILURE, None),
        (DataError("the archive is cut short"), types.UNUSABLE_DATA, None),
    ],
)
def test_what_is_not_the_requests_fault(world, monkeypatch, error, problem_type, retry_after):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(world.runs, "get_execution", fail)
    response = world.client("read").get("/executions/x")
    problem = response.json()
    assert (response.status_code, problem["type"]) == (problem_type.status, problem_type.uri)
    assert response.headers.get("retry-after") == retry_after
    assert "swordfish" not in response.text
    assert problem["detail"] == (problem_type.meaning if problem_type.concealed else str(error))


def test_a_great_many_faults_are_cut(world, operator, monkeypatch):
    def fail(*args, **kwargs):
        raise InvalidInputError("x" * 10_000, faults=[Fault(f"/{number}", "y" * 5000) for number in range(500)])

    monkeypatch.setattr(world.runs, "get_execution", fail)
    problem = operator.get("/executions/x").json()
    assert len(problem["errors"]) == MAX_ERRORS
    assert len(problem["detail"]) < 1100
    assert len(problem["errors"][0]["detail"]) < 1100


def test_an_unknown_type_of_problem_is_one(nobody):
    response = nobody.get("/problems/no-such-thing")
    assert response.status_code == 404
    assert "invalid-input" in response.json()["detail"]
