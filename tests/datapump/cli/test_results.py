"""`datapump results` against a real server."""

from __future__ import annotations

import csv
import io

DAILY = ("geostore__viirs__daily_alerts", "v1")


def test_tables_are_listed_and_shown(datapump, analysed):
    listed = datapump("results", "list", "--contains", "daily")
    assert (listed.exit_code, *DAILY) == (0, *listed.stdout.splitlines()[-1].split())
    assert {item["dataset"] for item in datapump("results", "list", "--json").json()} >= {DAILY[0]}
    assert (
        "nothing is published whose name contains 'nowhere'"
        in datapump("results", "list", "--contains", "nowhere").stdout
    )
    shown = datapump("results", "show", *DAILY)
    # Other tests of the same server append days.
    rows = len(datapump("results", "rows", *DAILY, "--json").json())
    assert rows
    assert f"saved, {rows} rows" in shown.stdout
    assert "alert__count" in shown.stdout
    assert datapump("results", "show", *DAILY, "--json").json()["rows"] == rows


def test_rows_are_read_as_a_table_as_csv_and_as_json(datapump, analysed):
    rows = datapump("results", "rows", *DAILY, "--json").json()
    read = list(csv.DictReader(io.StringIO(datapump("results", "rows", *DAILY, "--csv").stdout)))
    assert [row["alert__count"] for row in read] == [str(row["alert__count"]) for row in rows]
    assert {*read[0]} == {*rows[0]}
    shown = datapump("results", "rows", *DAILY)
    assert "alert__date" in shown.stdout
    days = datapump("results", "rows", *DAILY, "--by", "alert__date", "--sum", "alert__count", "--largest", "--csv")
    assert days.stdout.splitlines()[0] == "alert__date,total"
    counts = {row["alert__date"]: row["alert__count"] for row in rows}
    assert dict(line.split(",") for line in days.stdout.splitlines()[1:]) == {
        day: str(count) for day, count in counts.items()
    }
    assert datapump("results", "rows", *DAILY, "--where", "alert__date=2000-01-01").stdout == "no rows\n"


def test_what_cannot_be_read_is_said(datapump, analysed):
    for arguments, words in (
        (("rows", *DAILY, "--where", "alert__date"), "is not COLUMN=VALUE"),
        (("rows", *DAILY, "--where", "alert__date=15.1.2026"), "is no date"),
        (("rows", *DAILY, "--where", "nothing=1"), "it has geostore__id"),
        (("rows", *DAILY, "--csv", "--json"), "choose one"),
        (("rows", DAILY[0], "v9"), "the Data API has no geostore__viirs__daily_alerts v9"),
        (("show", "nothing", "v1"), "the Data API has no nothing v1"),
    ):
        told = datapump("results", *arguments)
        assert (told.exit_code, words in told.stderr, told.stdout) == (2, True, ""), told.stderr
