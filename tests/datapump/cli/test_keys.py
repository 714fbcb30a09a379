import json

import pytest
from typer.testing import CliRunner

from datapump.cli.main import app
from datapump.keys import digest
from datapump.secret_files import replace
from datapump.stores.dynamodb import DynamoKeyStore
from datapump.stores.sqlite import Database, SqliteKeyStore
from tests.support.dynamodb import dynamodb


@pytest.fixture
def run(tmp_path):
    Database(tmp_path / "datapump.sqlite").close()

    def call(*arguments):
        return CliRunner().invoke(app, ["keys", *arguments, "--data", str(tmp_path)])

    return call


def found(tmp_path, secret):
    database = Database(tmp_path / "datapump.sqlite")
    try:
        return SqliteKeyStore(database).find(digest(secret))
    finally:
        database.close()


def test_a_key_is_made_shown_once_listed_and_revoked(run, tmp_path):
    made = run("make", "nightly", "--scope", "operate")
    assert made.exit_code == 0
    secret = made.stdout.split()[-1]
    assert found(tmp_path, secret).scope == "operate"
    listed = run("list")
    assert "nightly" in listed.stdout
    assert secret not in listed.stdout
    (key,) = json.loads(run("list", "--json").stdout)
    assert set(key) == {"id", "caller", "scope", "created", "revoked"}
    assert run("revoke", key["id"]).exit_code == 0
    assert found(tmp_path, secret) is None
    again = run("revoke", key["id"])
    assert (again.exit_code, "was revoked at" in again.stderr) == (2, True)


def test_rotating_prints_the_new_secret_and_ends_the_old(run, tmp_path):
    old = json.loads(run("make", "ada", "--json").stdout)
    new = json.loads(run("rotate", old["id"], "--json").stdout)
    assert (new["caller"], new["scope"]) == ("ada", "read")
    assert found(tmp_path, old["secret"]) is None
    assert found(tmp_path, new["secret"]) is not None


def test_rotating_the_owners_key_leaves_the_new_one_where_the_command_line_reads_it(run, tmp_path):
    old = json.loads(run("make", "owner", "--scope", "admin", "--json").stdout)
    replace(tmp_path / "secrets" / "admin-key", old["secret"])
    new = json.loads(run("rotate", old["id"], "--json").stdout)
    path = tmp_path / "secrets" / "admin-key"
    assert path.read_text().strip() == new["secret"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_without_a_store_is_not_made_into_one(tmp_path):
    result = CliRunner().invoke(app, ["keys", "list", "--data", str(tmp_path / "typo")])
    assert (result.exit_code, "start the server once" in result.stderr) == (2, True)
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("arguments", [["make", "a b"], ["revoke", "nope"], ["make", "ada", "--scope", "god"]])
def test_bad_arguments_are_refused(run, arguments):
    assert run(*arguments).exit_code == 2


def test_keys_of_a_production_deployment_are_in_its_run_table(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with dynamodb(runs="datapump-runs-dev") as tables:

        def run(*arguments):
            return CliRunner().invoke(app, ["keys", *arguments, "--run-table", tables.runs])

        made = json.loads(run("make", "ops", "--scope", "admin", "--json").stdout)
        assert DynamoKeyStore(tables).find(digest(made["secret"])).caller == "ops"
        assert "ops" in run("list").stdout
        assert run("revoke", made["id"]).exit_code == 0
        assert DynamoKeyStore(tables).find(digest(made["secret"])) is None
