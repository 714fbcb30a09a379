"""The owner's key over restarts of the embedded deployment."""

from __future__ import annotations

import pytest

from datapump.key_ring import KeyRing
from datapump.keys import Scope, digest
from datapump.secret_files import read_or_make, secret_file
from datapump.settings import Settings
from datapump.stores.sqlite import Database, SqliteKeyStore
from state_machine.data_folder import ensure_owner


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, data_dir=tmp_path)


@pytest.fixture
def keys(tmp_path):
    database = Database(tmp_path / "datapump.sqlite")
    yield SqliteKeyStore(database)
    database.close()


def test_the_owners_key_stays_over_restarts(settings, keys, clock):
    ensure_owner(settings, keys, clock)
    secret = secret_file(settings.data_dir, "admin-key").read_text().strip()
    ensure_owner(settings, keys, clock)
    assert secret_file(settings.data_dir, "admin-key").read_text().strip() == secret
    (key,) = keys.list()
    assert (key.digest, key.scope, key.caller) == (digest(secret), Scope.ADMIN, "owner")


def test_a_revoked_owners_key_is_not_revived_by_a_restart(settings, keys, clock):
    ensure_owner(settings, keys, clock)
    secret = secret_file(settings.data_dir, "admin-key").read_text().strip()
    KeyRing(keys, clock).revoke(digest(secret)[:12])
    ensure_owner(settings, keys, clock)
    fresh = secret_file(settings.data_dir, "admin-key").read_text().strip()
    assert keys.find(digest(secret)) is None
    assert keys.find(digest(fresh)).scope is Scope.ADMIN


def test_an_empty_secret_counts_as_none(tmp_path):
    path = tmp_path / "admin-key"
    path.write_text(" \n")
    secret = read_or_make(path, lambda: "a new one")
    assert (secret, path.read_text()) == ("a new one", "a new one\n")
