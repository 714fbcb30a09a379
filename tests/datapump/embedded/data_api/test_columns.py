import duckdb
import pytest

from datapump.embedded.data_api.columns import STORED, Column, from_text


@pytest.mark.parametrize("data_type", STORED)
def test_a_text_becomes_a_value_without_joins(data_type):
    """A table of an analysis has dozens of flags; a join for each took longer than all the rest of its load."""
    value = from_text(Column("val", data_type), "file")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE texts AS SELECT CAST(range AS VARCHAR) AS val FROM range(3)")
        plan = connection.sql(f"SELECT {value} FROM texts").explain()  # noqa: S608 - our own SQL
    assert "Projection" in plan
    assert "Join" not in plan
