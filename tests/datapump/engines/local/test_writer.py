from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from datapump.engines.local.files import Files
from datapump.engines.local.tables import Part, Table
from datapump.engines.local.writer import TableWriter
from tests.datapump.engines.local.worlds import files, read_table

TABLES = [("feature", "daily_alerts"), ("feature", "whitelist")]


def table(rows):
    index = np.arange(rows, dtype=np.int64)
    texts = pa.array([f"id {number}" for number in range(rows)], pa.string())
    return Table("feature", "daily_alerts", ("feature__id", "alert__count"), (Part(texts, index),), index + 1, rows)


def test_a_long_table_is_several_files_each_with_a_header(tmp_path):
    TableWriter(Files(None), str(tmp_path), "run", rows_per_file=4).write(table(10))
    parts = sorted((tmp_path / "feature" / "daily_alerts").glob("*.csv"))
    assert [part.name.split("-")[1] for part in parts] == ["00000", "00001", "00002"]
    assert len({part.name.split("-", 2)[2] for part in parts}) == 1
    assert [part.read_text().splitlines()[0] for part in parts] == ["feature__id\talert__count"] * 3
    _, rows = read_table(tmp_path, "feature", "daily_alerts")
    assert rows == [[f"id {number}", str(number + 1)] for number in range(10)]


@pytest.mark.parametrize("rows", [0, 1, 4, 8])
def test_there_is_always_a_file_and_never_an_empty_one_too_many(tmp_path, rows):
    TableWriter(Files(None), str(tmp_path), "run", rows_per_file=4).write(table(rows))
    parts = list((tmp_path / "feature" / "daily_alerts").glob("*.csv"))
    assert len(parts) == max(1, rows // 4)


def test_file_names_depend_on_the_run_s_name_alone(tmp_path):
    for folder, run in (("a", "run-1"), ("b", "run-1"), ("c", "run-2")):
        TableWriter(Files(None), str(tmp_path / folder), run).write(table(2))
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a").keys() != files(tmp_path / "c").keys()
    name = next((tmp_path / "a" / "feature" / "daily_alerts").glob("*.csv")).name
    assert len(name) == len("part-00000-") + 36 + len("-c000.csv")


def test_clearing_removes_results_and_leaves_what_else_is_there(tmp_path):
    writer = TableWriter(Files(None), str(tmp_path) + "/", "run")
    writer.write(table(2))
    writer.finish({"é": 1})
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"é": 1}
    (tmp_path / "feature" / "daily_alerts" / "notes.csv").write_text("mine")
    writer.clear_unfinished(TABLES)
    assert len(files(tmp_path)) == 4, "complete results stay"
    writer.clear(TABLES)
    assert list(files(tmp_path)) == ["feature/daily_alerts/notes.csv"]
    writer.clear(TABLES)


def test_unfinished_results_are_cleared(tmp_path):
    writer = TableWriter(Files(None), str(tmp_path), "run")
    writer.write(table(2))
    writer.clear_unfinished(TABLES)
    assert files(tmp_path) == {}
