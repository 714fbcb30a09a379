"""GFW tokens as an alternative to keys, from the caller's side."""

import pytest

from api.examples import COMMANDS
from datapump.errors import RemoteUnavailableError
from datapump.keys import ApiKey, Scope, digest
from tests.api.conftest import START


class Accounts:
    """Knows one token a scope; or is down."""

    def __init__(self):
        self.down = False
        self.asked = []

    def find(self, token):
        self.asked.append(token)
        if self.down:
            raise RemoteUnavailableError("the ResourceWatch API did not answer: ReadTimeout")
        scope = {"t.read.x": Scope.READ, "t.operate.x": Scope.OPERATE, "t.admin.x": Scope.ADMIN}.get(token)
        return scope and ApiKey(digest=digest(token), caller="gfw:5f1a", scope=scope, created=START)


@pytest.fixture
def accounts(world):
    made = Accounts()
    object.__setattr__(world.services, "accounts", made)
    return made


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_what_its_role_allows(world, nobody, accounts):
    for token, statuses in (("read", [200, 403, 403]), ("operate", [200, 202, 403]), ("admin", [200, 202, 200])):
        headers = bearer(f"t.{token}.x")
        answers = [
            nobody.get("/executions", headers=headers),
            nobody.post("/commands", json=COMMANDS["sync"], headers=headers),
            nobody.get("/audit", headers=headers),
        ]
        assert [answer.status_code for answer in answers] == statuses
    assert {item.caller for item in world.runs.list_executions().items} == {"gfw:5f1a"}
    assert {record.caller for record in world.services.audit.list().items} == {"gfw:5f1a"}


def test_an_unknown_token_is_401_and_where_nobody_can_tell_503_with_retry_after(nobody, accounts):
    assert nobody.get("/executions", headers=bearer("t.none.x")).status_code == 401
    accounts.down = True
    answer = nobody.get("/executions", headers=bearer("t.admin.x"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/remote-unavailable")
    assert answer.headers["retry-after"] == "30"
    assert nobody.get("/health").status_code == 200


def test_keys_go_on_while_nobody_can_tell_of_tokens(operator, nobody, accounts):
    accounts.down = True
    assert operator.get("/executions").status_code == 200
    assert nobody.get("/executions", headers=bearer("dp_unknown")).status_code == 401
    assert accounts.asked == []


def test_tokens_are_not_taken_unless_the_deployment_says_so(world, nobody):
    assert world.services.accounts is None
    assert nobody.get("/executions", headers=bearer("t.admin.x")).status_code == 401
