"""The SQLite file of an embedded service."""

import sqlite3
from contextlib import closing

import pytest

from datapump.embedded.database import ServiceDatabase
from datapump.errors import StorageError

FIRST = "CREATE TABLE IF NOT EXISTS notes (note TEXT) STRICT;"
SECOND = "ALTER TABLE notes ADD COLUMN author TEXT;"


def opened(path, *migrations):
    return closing(ServiceDatabase(path, "the Notes API", migrations))


def notes(database):
    with database.read() as sql:
        return [row["note"] for row in sql.execute("SELECT note FROM notes")]


def test_what_was_written_is_there_after_it_is_opened_again(tmp_path):
    with opened(tmp_path / "new" / "notes.sqlite", FIRST) as database, database.write() as sql:
        sql.execute("INSERT INTO notes VALUES ('seen')")
    with opened(tmp_path / "new" / "notes.sqlite", FIRST) as database:
        assert notes(database) == ["seen"]


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(tmp_path):
    with opened(tmp_path / "notes.sqlite", FIRST) as database, database.write() as sql:
        sql.execute("INSERT INTO notes VALUES ('old')")
    with opened(tmp_path / "notes.sqlite", FIRST, SECOND) as database, database.write() as sql:
        sql.execute("INSERT INTO notes VALUES ('new', 'ada')")
        assert notes(database) == ["old", "new"]


def test_a_file_from_before_versions_were_counted_is_taken_over(tmp_path):
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as connection:
        connection.executescript(FIRST)
        connection.execute("INSERT INTO notes VALUES ('very old')")
        connection.commit()
    with opened(tmp_path / "notes.sqlite", FIRST, SECOND) as database:
        assert notes(database) == ["very old"]


def note_twice(database, second):
    with database.write() as sql:
        sql.execute("INSERT INTO notes VALUES ('first')")
        second(sql)


def test_an_error_in_the_block_leaves_nothing_of_it(tmp_path):
    with opened(tmp_path / "notes.sqlite", FIRST) as database:
        with pytest.raises(ZeroDivisionError):
            note_twice(database, lambda _: 1 / 0)
        assert notes(database) == []


def test_a_refused_write_is_told_and_leaves_nothing(tmp_path):
    with opened(tmp_path / "notes.sqlite", FIRST) as database:
        with pytest.raises(StorageError, match="the Notes API's store refused a write: no such table: nowhere"):
            note_twice(database, lambda sql: sql.execute("INSERT INTO nowhere VALUES ('second')"))
        assert notes(database) == []


def test_a_file_of_a_newer_program_is_refused(tmp_path):
    with opened(tmp_path / "notes.sqlite", FIRST, SECOND):
        pass
    with pytest.raises(StorageError, match="the Notes API's store is of version 2, this program knows up to 1"):
        ServiceDatabase(tmp_path / "notes.sqlite", "the Notes API", (FIRST,))


def test_what_is_no_database_is_told_with_its_place(tmp_path):
    path = tmp_path / "notes.sqlite"
    path.write_text("a letter, not a database, and long enough to be seen as none " * 20)
    with pytest.raises(StorageError, match=f"the Notes API's store {path} cannot be used"):
        ServiceDatabase(path, "the Notes API", (FIRST,))
