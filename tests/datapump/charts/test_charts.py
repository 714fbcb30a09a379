"""Charts: the rows that they are drawn of, and that a picture comes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from datapump.charts import names, png, specification
from datapump.charts.rows import NIGHTS, groups, nights, timeline
from datapump.errors import NotFoundError

PNG = b"\x89PNG\r\n\x1a\n"
TODAY = date(2026, 11, 22)


def sync(day, status, *feeds, plan_only=False):
    return {"created": f"{day}T02:00:00Z", "status": status, "sync_types": list(feeds), "plan_only": plan_only}


def event(at, step, status="executing", job="one"):
    return {"job_id": job, "at": at, "data": {"step": step, "status": status}}


SQUARE = {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]}
ROWS = {
    "areas": [{"type": "Feature", "total": 3.0, "geometry": SQUARE}],
    "nights": [{"sync": "viirs", "night": "2026-11-22", "outcome": "failed"}],
    "gantt": [
        {"job": "a", "step": "s", "start": "2026-11-22T02:00:00Z", "end": "2026-11-22T03:00:00Z", "outcome": "complete"}
    ],
    "series": [{"group": "2026-11-22", "total": 3.0}],
    "top": [{"group": "XDP.1.1", "total": 3.0}],
}


@pytest.mark.parametrize("name", names())
def test_every_specification_becomes_a_picture_that_depends_on_its_rows(name):
    drawn = png(name, ROWS[name], "a title")
    assert drawn.startswith(PNG)
    assert drawn != png(name, [], "a title")


def test_a_map_with_fires_in_it_is_another_picture():
    fires = [{"x": 0.5, "y": 0.2, "date": "2026-01-16"}]
    assert png("areas", ROWS["areas"], "a title", fires) != png("areas", ROWS["areas"], "a title")


def test_a_chart_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(NotFoundError, match="there are areas, gantt, nights"):
        specification("../secrets")


def test_every_feed_has_every_night_and_the_newest_sync_of_a_night_counts():
    drawn = nights([sync("2026-11-22", "succeeded", "viirs"), sync("2026-11-22", "failed", "viirs", "modis")], TODAY)
    assert len(drawn) == 2 * NIGHTS
    found = {(row["sync"], row["night"]): row["outcome"] for row in drawn}
    assert (found["viirs", "2026-11-22"], found["modis", "2026-11-22"]) == ("succeeded", "failed")
    assert found["viirs", "2026-11-21"] == "none"
    assert min(row["night"] for row in drawn) == "2026-10-24"


def test_a_plan_is_no_sync_and_what_waits_counts_as_running():
    drawn = nights(
        [sync("2026-11-22", "succeeded", "viirs", plan_only=True), sync("2026-11-22", "accepted", "modis")], TODAY
    )
    assert {row["sync"] for row in drawn} == {"modis"}
    assert drawn[-1]["outcome"] == "running"


def test_a_timeline_has_a_row_for_each_step_and_marks_the_one_that_failed_or_goes_on():
    execution = {
        "jobs": [
            {"id": "one", "dataset": "gadm", "analysis": "tcl"},
            {"id": "two", "dataset": "geostore", "analysis": "tcl"},
        ],
        "finished": None,
    }
    events = [
        event("t1", "analyzing"), event("t1", "analyzing", job="two"), event("t2", "uploading"),
        event("t3", "uploading", "failed"), {"job_id": None, "at": "t4", "data": {}}, event("t4", "x", job="stranger"),
    ]  # fmt: skip
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert timeline(execution, events, now) == [
        {"job": "gadm tcl", "step": "analyzing", "start": "t1", "end": "t2", "outcome": "complete"},
        {"job": "gadm tcl", "step": "uploading", "start": "t2", "end": "t3", "outcome": "failed"},
        {"job": "geostore tcl", "step": "analyzing", "start": "t1", "end": now.isoformat(), "outcome": "executing"},
    ]


def test_groups_of_several_columns_are_named_by_all_of_them_and_gaps_are_left_out():
    rows = [{"iso": "XDP", "adm1": 1, "total": "2.5"}, {"iso": "XDP", "adm1": None, "total": 1}]
    assert groups(rows, ["iso", "adm1"]) == [{"group": "XDP.1", "total": 2.5}]
