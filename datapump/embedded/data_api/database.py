"""The SQLite file that holds all but the rows: datasets, versions, assets, loads, and the log of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.embedded.database import ServiceDatabase

if TYPE_CHECKING:
    from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE datasets (
        dataset TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        is_downloadable INTEGER NOT NULL,
        metadata TEXT,
        created_on TEXT NOT NULL,
        updated_on TEXT NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        dataset TEXT NOT NULL REFERENCES datasets,
        version TEXT NOT NULL,
        is_latest INTEGER NOT NULL DEFAULT 0,
        is_downloadable INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('pending', 'saved', 'failed')),
        metadata TEXT,
        created_on TEXT NOT NULL,
        updated_on TEXT NOT NULL,
        PRIMARY KEY (dataset, version)
    ) STRICT;
    CREATE TABLE assets (
        asset_id TEXT PRIMARY KEY,
        dataset TEXT NOT NULL,
        version TEXT NOT NULL,
        asset_type TEXT NOT NULL,
        asset_uri TEXT NOT NULL UNIQUE,
        status TEXT NOT NULL CHECK (status IN ('pending', 'saved', 'failed')),
        is_default INTEGER NOT NULL,
        is_managed INTEGER NOT NULL,
        is_downloadable INTEGER NOT NULL,
        creation_options TEXT NOT NULL,
        metadata TEXT,
        created_on TEXT NOT NULL,
        updated_on TEXT NOT NULL,
        FOREIGN KEY (dataset, version) REFERENCES versions ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX assets_of_version ON assets (dataset, version);
    CREATE TABLE tasks (
        task_id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('create', 'append', 'asset')),
        stage TEXT NOT NULL CHECK (stage IN ('queued', 'registered', 'loaded', 'refused', 'done', 'failed')),
        reason TEXT,
        dataset TEXT NOT NULL,
        version TEXT NOT NULL,
        asset_id TEXT REFERENCES assets ON DELETE CASCADE,
        creation_options TEXT NOT NULL,
        created_on TEXT NOT NULL,
        updated_on TEXT NOT NULL,
        FOREIGN KEY (dataset, version) REFERENCES versions ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX tasks_of_asset ON tasks (asset_id);
    CREATE INDEX tasks_open ON tasks (stage) WHERE stage NOT IN ('done', 'failed');
    CREATE TABLE tables (
        dataset TEXT NOT NULL,
        version TEXT NOT NULL,
        columns TEXT NOT NULL,
        PRIMARY KEY (dataset, version),
        FOREIGN KEY (dataset, version) REFERENCES versions ON DELETE CASCADE
    ) STRICT;
    CREATE TABLE parts (
        path TEXT PRIMARY KEY,
        dataset TEXT NOT NULL,
        version TEXT NOT NULL,
        task_id INTEGER NOT NULL,
        row_count INTEGER NOT NULL,
        FOREIGN KEY (dataset, version) REFERENCES tables ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX parts_of_version ON parts (dataset, version);
    CREATE TABLE change_log (
        entry_id INTEGER PRIMARY KEY,
        dataset TEXT NOT NULL,
        version TEXT NOT NULL,
        asset_id TEXT REFERENCES assets ON DELETE CASCADE,
        date_time TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('pending', 'success', 'failed')),
        message TEXT NOT NULL,
        detail TEXT,
        FOREIGN KEY (dataset, version) REFERENCES versions ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX change_log_of_version ON change_log (dataset, version);
    CREATE INDEX change_log_of_asset ON change_log (asset_id);
    CREATE TABLE discarded (uri TEXT PRIMARY KEY) STRICT;
    CREATE TABLE requests (
        request_id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        body TEXT NOT NULL,
        status INTEGER NOT NULL,
        caller TEXT NOT NULL
    ) STRICT;
    """,
)


class Database(ServiceDatabase):
    """The Data API's file.

    Args:
        path: The file; made if missing, brought up to date if older.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the Data API", MIGRATIONS)
