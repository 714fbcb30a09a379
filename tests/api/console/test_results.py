"""Published tables in a real browser: charts, map, rows, file."""

from __future__ import annotations

from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.support.console import MARKUP

# How many points of a map lie outside of its areas, as they are drawn.
FIRES_OUTSIDE = """(chart) => {
  const areas = chart.querySelector(".mark-shape").getBoundingClientRect();
  return [...chart.querySelectorAll(".mark-symbol path")].map((point) => point.getBoundingClientRect())
    .filter((at) => at.left < areas.left || at.right > areas.right || at.top < areas.top || at.bottom > areas.bottom)
    .length;
}"""


def test_a_published_table_is_shown_per_day_by_area_and_as_rows_and_downloaded(night, open_page):
    page = open_page(night, "results")
    page.click("tr:has-text('geostore__viirs__daily_alerts') a:has-text('v1')")
    page.wait_for_selector("h2:has-text('alert__count by alert__date')")
    expect(page.locator(".chart svg")).to_have_count(3)
    with closing(night.server.data_api()) as data_api:
        expected = data_api.query("geostore__viirs__daily_alerts", "v1", "select sum(alert__count) as total from data")
    page.click("summary:has-text('As a table') >> nth=0")
    totals = [
        int(text.replace(",", "")) for text in page.locator("details[open] tbody td:nth-child(2)").all_inner_texts()
    ]
    assert sum(totals) == expected[0]["total"] > 0
    with page.expect_download() as started:
        page.click("text=Download as CSV")
    lines = started.value.path().read_text().splitlines()
    assert lines[0].startswith("geostore__id,alert__date")
    assert f"The first {len(lines) - 1} of {len(lines) - 1} row" in page.inner_text("caption:has-text('The first')")


def test_the_areas_of_a_published_table_are_on_a_map_with_the_fires_in_them(night, open_page):
    with night.client() as client:
        places = client.result_places("geostore__viirs__daily_alerts", "v1")
    drawn = sum(len(day["geometry"]["coordinates"]) for day in places["features"])
    assert drawn == places["total"] >= 3
    page = open_page(night, "results/geostore__viirs__daily_alerts/v1")
    chart = page.locator(f".chart[aria-label='alert__count on the map: 1 area, 1 with any; {drawn} fires.']")
    expect(chart.locator("svg .mark-shape path").first).to_be_visible()
    expect(chart.locator("svg .mark-symbol path")).to_have_count(drawn)
    words = f"1 area, 1 with any. Each point is a fire: {drawn} of the {drawn} that the newest"
    expect(page.get_by_text(words)).to_be_visible()
    assert chart.evaluate(FIRES_OUTSIDE) == 0


def test_the_map_names_the_area_under_the_pointer_and_marks_the_one_that_is_chosen_by_key(night, open_page):
    with closing(night.server.data_api()) as data_api:
        (row,) = data_api.query(
            "geostore__viirs__daily_alerts",
            "v1",
            "select geostore__id, sum(alert__count) as total from data group by geostore__id",
        )
    figure = f"{row['geostore__id']}: {row['total']}"
    page = open_page(night, "results/geostore__viirs__daily_alerts/v1")
    area = page.locator(".map .mark-shape path").nth(1)
    area.hover(position={"x": 3, "y": 30}, force=True)
    expect(page.locator(".map .tip")).to_have_text(figure)
    page.mouse.move(1, 1)
    expect(page.locator(".map .tip")).to_be_hidden()
    fire = page.locator(".map .mark-symbol path").first
    fire.hover(force=True)
    expect(page.locator(".map .tip")).to_contain_text("a fire of 2026-01-")
    marked = page.locator(".map .mark-shape").nth(2).locator("path")
    expect(marked).to_have_count(0)
    page.get_by_label("Area, and its figure").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.selectedOptions[0].textContent") == figure
    expect(marked).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(marked).to_have_count(0)


@pytest.fixture
def hidden(night):
    """Takes files of the outlines or places away, and brings them back after the test."""
    taken = []

    def take(pattern):
        files = list((night.folder / "objects").rglob(pattern))
        assert files
        taken.extend((path, path.rename(path.with_suffix(".away"))) for path in files)

    yield take
    for path, away in taken:
        away.rename(path)


def test_a_table_without_outlines_or_fires_says_why_there_is_no_map(night, open_page, hidden):
    hidden("areas/*.geojson")
    page = open_page(night, "results/geostore__viirs__daily_alerts/v1", expected=["404"])
    page.wait_for_selector("main p:has-text('No outlines of areas are kept. Each point is a fire: ')")
    expect(page.locator(".chart svg")).to_have_count(3)
    hidden("places.geojson")
    page.reload()
    page.wait_for_selector("main p:has-text('No map: no outlines are kept')")
    expect(page.locator(".chart svg")).to_have_count(2)


def publish(night, deployment, dataset, columns, lines):
    """A table of the Data API: types by column, and lines of values."""
    uri = f"s3://gfw-pipelines/{dataset}.tsv"
    deployment.objects.put(uri, "\n".join("\t".join(line) for line in (columns, *lines)).encode() + b"\n")
    schema = [{"name": name, "data_type": kind} for name, kind in columns.items()]
    options = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
    with closing(night.server.data_api()) as data_api:
        data_api.create_dataset(dataset, {"title": MARKUP})
        data_api.create_version(
            dataset, "v1", {**options, "table_schema": schema, "create_dynamic_vector_tile_cache": False}
        )
        deployment.until(lambda: data_api.version(dataset, "v1")["status"] == "saved")


def test_markup_in_the_rows_of_a_published_table_stays_text(night, open_page, deployment_of):
    columns = {"geostore__id": "text", "alert__date": "date", "alert__count": "integer"}
    publish(night, deployment_of(night), "geostore__viirs__planted", columns, [(MARKUP, "2026-01-15", "3")])
    page = open_page(night, "results/geostore__viirs__planted/v1", expected=["404"])
    page.on("dialog", lambda _: pytest.fail("markup was run"))
    expect(page.locator(f"td:text('{MARKUP}')").last).to_be_visible()
    expect(page.locator(".chart svg")).to_have_count(2)
    assert page.locator("main img, main b").count() == 0


def test_loss_is_added_up_at_one_canopy_threshold_since_rows_of_the_others_hold_it_again(
    night, open_page, deployment_of
):
    columns = {
        "geostore__id": "text",
        "umd_tree_cover_density_2000__threshold": "integer",
        "umd_tree_cover_loss__year": "integer",
        "umd_tree_cover_loss__ha": "numeric",
    }
    amounts = {"10": "9", "30": "7", "75": "2"}
    lines = [("a", threshold, year, amount) for threshold, amount in amounts.items() for year in ("2024", "2025")]
    publish(night, deployment_of(night), "geostore__tcl__change", columns, lines)
    page = open_page(night, "results/geostore__tcl__change/v1", expected=["404"])
    totals = page.locator("section:has(h2:has-text('by umd_tree_cover_loss__year')) tbody")
    expect(totals).to_have_text("2024720257")
    expect(page.locator("h2", has_text="canopy is denser than 30 %: the top areas")).to_be_visible()
    page.get_by_label("Canopy denser than").select_option("75")
    expect(totals).to_have_text("2024220252")
