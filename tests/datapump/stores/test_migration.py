"""A store that an earlier version wrote: what is in it is found by what this version asks."""

from __future__ import annotations

import sqlite3

from datapump.stores.sqlite import Database, SqliteKeyStore, SqliteRunStore, SqliteSyncConfigStore
from datapump.stores.sqlite.database import MIGRATIONS
from datapump.sync_configs import Author

EXECUTION = (
    '{"id": "e1", "command": {"command": "sync", "parameters": {"types": ["viirs"]}}, "fingerprint": "f",'
    ' "caller": "ada", "idempotency_key": "k", "status": "failed", "created": "2026-01-01T00:00:00Z"}'
)
JOB = (
    '{"kind": "analysis", "id": "j1", "table": {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"},'
    ' "analysis_version": "v1", "geotrellis_version": "2.4.1", "feature_type": "gadm", "features": ["s3://b/f.tsv"],'
    ' "sync_type": "viirs", "sync_config": "c1", "status": "failed", "message": "why"}'
)
CONFIG = (
    '{"id": "c1", "analysis": "viirs", "analysis_version": "v1", "dataset": "gadm", "dataset_version": "v4.1",'
    ' "sync_type": "viirs"}'
)


def written_by_the_first_version(path):
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0])
    moment = "2026-01-01T00:00:00.000000Z"
    connection.execute(
        "INSERT INTO executions (id, command, status, created, caller, idempotency_key, document, due)"
        " VALUES ('e1', 'sync', 'failed', ?, 'ada', 'k', ?, ?)",
        (moment, EXECUTION, moment),
    )
    connection.execute("INSERT INTO jobs VALUES ('e1', 'j1', 0, 'failed', 3, ?, ?, 0)", (JOB, moment))
    connection.execute(
        "INSERT INTO sync_configs VALUES ('c1', 'gadm', 'viirs', 'v1', 'viirs', 1, 1, ?)",
        (CONFIG,),
    )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


def test_what_an_earlier_version_wrote_is_found(tmp_path, clock):
    written_by_the_first_version(tmp_path / "old.sqlite")
    database = Database(tmp_path / "old.sqlite")
    try:
        runs, configs = SqliteRunStore(database, clock), SqliteSyncConfigStore(database, clock)
        for filters in ({"dataset": "gadm"}, {"sync_type": "viirs"}, {"caller": "ada"}, {"status": "failed"}):
            assert [item.id for item in runs.list_executions(**filters).items] == ["e1"]
        assert runs.list_executions(label="team").items == []
        assert runs.find_by_key("ada", "k").retried_by is None
        assert runs.newest_execution_of("j1") == "e1"
        assert runs.config_runs("c1").behind.execution_id == "e1"
        assert configs.history("c1").items == []
        configs.patch("c1", {"sync": False}, author=Author(caller="ada", reason="x"))
        assert [change.revision for change in configs.history("c1").items] == [2]
        assert SqliteKeyStore(database).list() == []
    finally:
        database.close()
