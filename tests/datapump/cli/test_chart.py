"""`datapump chart` against a real server."""

from __future__ import annotations

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_published_table_and_a_timeline_become_pictures(datapump, analysed, tmp_path):
    target = tmp_path / "days.png"
    drawn = datapump("chart", "result", "geostore__viirs__daily_alerts", "v1", "--sum", "alert__count", "--out", target)
    assert drawn.exit_code == 0, drawn.stderr
    assert target.read_bytes().startswith(PNG)
    steps = tmp_path / "steps.png"
    told = datapump("chart", "timeline", analysed, "--out", steps, "--json").json()
    assert (told["file"], {row["outcome"] for row in told["rows"]}) == (str(steps), {"complete"})
    assert steps.read_bytes().startswith(PNG)


def test_only_rows_with_a_value_are_drawn(datapump, analysed, tmp_path):
    table = ("chart", "result", "geostore__viirs__daily_alerts", "v1", "--out", tmp_path / "day.png", "--json")
    day = datapump(*table).json()["rows"][0]["group"]
    only = datapump(*table, "--where", f"alert__date={day}").json()
    assert [row["group"] for row in only["rows"]] == [day]
    wrong = datapump(*table, "--where", "alert__date")
    assert (wrong.exit_code, "is not COLUMN=VALUE" in wrong.stderr) == (2, True)


def test_nothing_to_draw_and_a_table_that_is_not_there_are_said(datapump, tmp_path):
    target = tmp_path / "none.png"
    missing = datapump("chart", "result", "geostore__viirs__nothing", "v1", "--out", target)
    assert missing.exit_code == 2
    assert "geostore__viirs__nothing v1" in missing.stderr
    assert not target.exists()


def test_the_areas_of_a_published_table_become_a_map(datapump, analysed, tmp_path):
    target = tmp_path / "map.png"
    drawn = datapump("chart", "areas", "geostore__viirs__daily_alerts", "v1", "--sum", "alert__count", "--out", target)
    assert drawn.exit_code == 0, drawn.stderr
    assert target.read_bytes().startswith(PNG)
    assert "1 rows drawn" in drawn.stdout
    assert "3 of 3 fires" in drawn.stdout
