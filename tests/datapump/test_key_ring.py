import pytest

from datapump.errors import ConflictError, InvalidInputError, NotFoundError
from datapump.key_ring import KeyRing
from datapump.keys import Scope, digest
from datapump.stores.sqlite import Database, SqliteKeyStore


@pytest.fixture
def store(tmp_path):
    database = Database(tmp_path / "keys.sqlite")
    yield SqliteKeyStore(database)
    database.close()


@pytest.fixture
def ring(store, clock):
    return KeyRing(store, clock)


def test_a_key_is_kept_as_its_hash_only(ring, store, tmp_path):
    new = ring.make("ada", Scope.OPERATE)
    assert store.find(digest(new.secret)) == new.key
    assert (new.key.caller, new.key.scope, new.key.id) == ("ada", "operate", digest(new.secret)[:12])
    for path in tmp_path.iterdir():
        assert new.secret.encode() not in path.read_bytes()


def test_a_revoked_key_opens_nothing_and_stays_listed(ring, store, clock):
    new = ring.make("ada", Scope.READ)
    revoked = ring.revoke(new.key.id)
    assert store.find(new.key.digest) is None
    assert ring.keys() == [revoked]
    assert revoked.revoked == clock.now()
    with pytest.raises(ConflictError, match="was revoked at"):
        ring.revoke(new.key.id)
    with pytest.raises(ConflictError):
        ring.rotate(new.key.id)


def test_rotating_gives_the_same_caller_and_scope_another_secret(ring, store):
    old = ring.make("ada", Scope.OPERATE)
    new = ring.rotate(old.key.id)
    assert (new.key.caller, new.key.scope) == ("ada", Scope.OPERATE)
    assert store.find(old.key.digest) is None
    assert store.find(digest(new.secret)) is not None


def test_an_unknown_key_is_said_to_be(ring):
    with pytest.raises(NotFoundError, match="keys list"):
        ring.revoke("nope")


@pytest.mark.parametrize("caller", ["", "a b", "-a", "x" * 64, "a\nb", "ada/..", "é"])
def test_a_caller_that_does_not_belong_into_a_log_is_refused(ring, caller):
    with pytest.raises(InvalidInputError, match="is not a caller"):
        ring.make(caller, Scope.READ)
    assert ring.keys() == []
