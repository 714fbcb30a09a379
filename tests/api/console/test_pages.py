"""Every page of the console in a real browser, on a real server."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from datapump.executions import NewEvent
from tests.support.deployment import SYNC

MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
SERIOUS = {"serious", "critical"}
# How many points of a map lie outside of its areas, as they are drawn.
FIRES_OUTSIDE = """(chart) => {
  const areas = chart.querySelector(".mark-shape").getBoundingClientRect();
  return [...chart.querySelectorAll(".mark-symbol path")].map((point) => point.getBoundingClientRect())
    .filter((at) => at.left < areas.left || at.right > areas.right || at.top < areas.top || at.bottom > areas.bottom)
    .length;
}"""


def test_a_wrong_key_is_refused_and_a_right_one_is_kept_for_the_tab_only(night, open_page):
    page = open_page(night, key="dp_wrong", expected=["401"])
    page.wait_for_selector("[role=alert]:has-text('not known')")
    assert page.evaluate("sessionStorage.length") == 0
    page.fill("input[name=key]", night.key)
    page.click("button[type=submit]")
    page.wait_for_selector("h1:has-text('The night at a glance')")
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []
    page.click("text=Forget the key")
    page.wait_for_selector("h1:has-text('Enter your key')")
    assert page.evaluate("sessionStorage.length") == 0


def test_the_overview_tells_after_a_failing_night_what_failed_and_what_is_behind(night, open_page):
    execution = night.failed_sync()
    assert execution["status"] == "failed"
    page = open_page(night)
    page.wait_for_selector(f"a[href='#/executions/{execution['id']}']")
    counts = page.inner_text("ul.counts")
    assert "1\nfailed and not retried" in counts
    assert "1\ntables behind" in counts
    assert page.locator("tr:has-text('viirs') .behind").count() >= 1
    page.wait_for_selector(".chart[aria-label*='1 night failed'] svg")
    page.click(f"a[href='#/executions/{execution['id']}']")
    page.wait_for_selector("[data-page=execution]")


def test_a_failed_execution_is_opened_to_its_cause_and_retried(night, open_page):
    execution = night.failed_sync("v20260118")
    page = open_page(night, f"executions/{execution['id']}")
    page.wait_for_selector("h1:has-text('failed')")
    assert "geostore__viirs__weekly_alerts v1 does not exist" in page.inner_text("details[open] li.error")
    page.wait_for_selector(".flow .boxes a.failed")
    page.wait_for_selector(".chart[aria-label^='Steps'] svg")
    page.wait_for_selector("ol.events li:has-text('finished')")
    page.click("text=Retry 1 failed job")
    page.wait_for_selector("h1:has-text('continue_jobs')")
    assert page.inner_text("dd a") == execution["id"]
    with night.client() as client:
        assert client.execution(execution["id"])["retried_by"] in page.url


def test_a_running_execution_is_live_and_stopped_with_a_reason(night, open_page):
    night.hold()
    try:
        with night.client() as client:
            command = {**SYNC, "parameters": {"types": ["viirs"], "sync_version": "v20260119"}}
            identity = client.submit(json.dumps(command))["id"]
        page = open_page(night, f"executions/{identity}")
        page.wait_for_selector("td:has-text('waiting for')")
        page.click("button.danger:has-text('Stop')")
        page.fill("dialog input[name=reason]", "the feed is broken")
        page.click("dialog button[type=submit]")
        page.wait_for_selector("h1:has-text('stopped')")
        assert "the feed is broken" in page.inner_text("dl.facts")
        page.wait_for_selector("ol.events li:has-text('stopped')")
    finally:
        night.release()
    assert night.ended(identity)["stop_reason"] == "the feed is broken"


def test_thinking_better_of_a_stop_changes_nothing(night, open_page):
    night.hold()
    try:
        with night.client() as client:
            command = {**SYNC, "parameters": {"types": ["viirs"], "sync_version": "v20260120"}}
            identity = client.submit(json.dumps(command))["id"]
            page = open_page(night, f"executions/{identity}")
            page.click("button.danger:has-text('Stop')")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
            assert client.execution(identity)["stop_reason"] is None
            client.stop(identity, "the test is over")
    finally:
        night.release()
    night.ended(identity)


def test_executions_are_filtered_and_each_is_a_link(night, open_page):
    page = open_page(night, "executions")
    page.wait_for_selector("td a:has-text('analysis')")
    page.select_option("select[name=command]", "sync")
    page.click("button:has-text('Filter')")
    page.wait_for_url("**/#/executions?command=sync")
    expect(page.locator("td a:has-text('analysis')")).to_have_count(0)


def test_a_sync_config_is_switched_with_a_reason_that_its_history_keeps(night, open_page):
    page = open_page(night, "sync-configs")
    switch = page.locator("tr:has-text('rw_areas') input[role=switch]")
    switch.click()
    page.fill("dialog input[name=reason]", "the areas are being mended")
    page.click("dialog button[type=submit]")
    expect(page.locator("input[aria-label*=rw_areas]")).not_to_be_checked()
    page.click("tr:has-text('rw_areas') td a")
    page.wait_for_selector("td:has-text('the areas are being mended')")


def test_a_conflicting_switch_shows_both_sides_and_changes_only_if_that_is_wanted(night, open_page):
    page = open_page(night, "sync-configs", expected=["412"])
    page.wait_for_selector("tr:has-text('viirs') input[role=switch]")
    with night.client() as client:
        (config,) = client.sync_configs(sync_type="viirs")["items"]
        client.switch(config["id"], sync=False, reason="somebody was faster")
    box = page.locator(f"tr:has(a[href='#/sync-configs/{config['id']}']) input[role=switch]")
    box.click()
    page.fill("dialog input[name=reason]", "mine")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog:has-text('Somebody has changed this meanwhile')")
    sides = page.inner_text("dialog .sides")
    assert "somebody was faster" in sides
    assert "mine" in sides
    page.click("dialog button:has-text('Cancel')")
    page.wait_for_selector("dialog", state="detached")
    with night.client() as client:
        assert client.sync_config(config["id"])["revision"] == config["revision"] + 1
        client.switch(config["id"], sync=True, reason="again")


def test_a_command_is_checked_planned_and_started_once_by_a_double_click(night, open_page):
    page = open_page(night, "command?command=set_latest")
    page.fill("fieldset input", "no version")
    page.wait_for_selector("[aria-invalid=true]")
    assert page.is_disabled("button:has-text('Plan it')")
    page.fill("fieldset input", "v1")
    page.click("button:has-text('Plan it')")
    page.wait_for_selector("section[aria-label=Plan] td:has-text('geostore__viirs__daily_alerts v1')")
    with night.client() as client:
        before = [item for item in client.executions(command="set_latest")["items"] if not item["plan_only"]]
        page.dblclick("button:has-text('Start it')")
        page.wait_for_selector("[data-page=execution] h1:has-text('set_latest')")
        after = [item for item in client.executions(command="set_latest")["items"] if not item["plan_only"]]
    assert len(after) == len(before) + 1


def test_a_command_that_cannot_work_is_told_before_it_can_be_started(night, open_page):
    page = open_page(night, "command?command=set_latest")
    page.fill("fieldset input", "v99")
    page.click("button:has-text('Plan it')")
    page.wait_for_selector("ul.fault li:has-text('no sync config has the analysis version v99')")
    assert page.is_disabled("button:has-text('Start it')")


def test_what_is_edited_after_planning_must_be_planned_again(night, open_page):
    page = open_page(night, "command?command=set_latest")
    page.fill("fieldset input", "v1")
    page.click("button:has-text('Plan it')")
    page.wait_for_selector("button:has-text('Start it'):enabled")
    page.fill("fieldset input", "v2")
    assert page.is_disabled("button:has-text('Start it')")


def test_a_published_table_is_shown_per_day_by_area_and_as_rows_and_downloaded(fresh_night, open_page):
    page = open_page(fresh_night, "results")
    page.click("tr:has-text('geostore__viirs__daily_alerts') a:has-text('v1')")
    page.wait_for_selector("h2:has-text('alert__count by alert__date')")
    expect(page.locator(".chart svg")).to_have_count(3)
    with closing(fresh_night.server.data_api()) as data_api:
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
    page = open_page(night, "results/geostore__viirs__daily_alerts/v1")
    drawn = page.locator(".chart[aria-label='alert__count on the map: 1 area, 1 with any; 3 fires.']")
    expect(drawn.locator("svg .mark-shape path").first).to_be_visible()
    expect(drawn.locator("svg .mark-symbol path")).to_have_count(3)
    words = "1 area, 1 with any. Each point is a fire: 3 of the 3 that the newest run found in them, of 2026-01-15."
    expect(page.get_by_text(words)).to_be_visible()
    assert drawn.evaluate(FIRES_OUTSIDE) == 0


def test_a_table_without_outlines_says_why_there_is_no_map(fresh_night, open_page):
    outlines = list((fresh_night.folder / "objects").rglob("areas/*.geojson"))
    assert outlines
    for path in outlines:
        path.unlink()
    page = open_page(fresh_night, "results/geostore__viirs__daily_alerts/v1", expected=["404"])
    page.wait_for_selector("main p:has-text('No outlines of areas are kept. Each point is a fire: 3 of the 3')")
    expect(page.locator(".chart svg")).to_have_count(3)
    for path in (fresh_night.folder / "objects").rglob("places.geojson"):
        path.unlink()
    page.reload()
    page.wait_for_selector("main p:has-text('No map: no outlines are kept')")
    expect(page.locator(".chart svg")).to_have_count(2)


def test_the_catalog_tells_what_can_be_done(night, open_page):
    page = open_page(night, "catalog")
    page.wait_for_selector("tr:has-text('viirs')")
    page.click("summary:has-text('gfw_integrated_dist_alerts')")
    facts = page.inner_text("details[open]")
    assert "10/100000" in facts
    assert "after\ngfw_integrated_alerts" in facts


def test_an_expired_key_asks_for_another_and_goes_on_where_it_was(night, open_page):
    # From a page that asks for nothing by itself: the next click is the first request with the key that has expired.
    page = open_page(night, "catalog", expected=["401"])
    page.wait_for_selector("tr:has-text('viirs')")
    page.evaluate("sessionStorage.setItem('datapump-key', 'dp_revoked')")
    page.click("nav a:has-text('Sync configs')")
    page.wait_for_selector("[role=alert]:has-text('expired')")
    page.fill("input[name=key]", night.key)
    page.click("button[type=submit]")
    page.wait_for_selector("h1:has-text('Sync configs')")


def test_a_lost_connection_is_said_and_recovers(fresh_night, open_page):
    page = open_page(fresh_night, "executions", expected=["ERR_CONNECTION"])
    page.wait_for_selector("td a:has-text('analysis')")
    fresh_night.server.kill()
    page.wait_for_selector("#offline:visible")
    fresh_night.server.start()
    page.wait_for_selector("#offline", state="hidden")
    page.wait_for_selector("td a:has-text('analysis')")


def test_planted_markup_stays_text_wherever_it_reaches_the_page(fresh_night, open_page, deployment_of):
    execution = fresh_night.failed_sync()
    deployment = deployment_of(fresh_night)
    stored = deployment.runs.get_execution(execution["id"])
    planted = stored.model_copy(
        update={"notes": [MARKUP], "errors": [MARKUP], "caller": MARKUP, "stop_reason": MARKUP, "retry_of": MARKUP}
    )
    fresh_night.sql("UPDATE executions SET document = ? WHERE id = ?", (planted.model_dump_json(), stored.id))
    job = deployment.runs.list_jobs(stored.id)[0].job
    links = {"log": "javascript:alert(1)", "cluster": MARKUP}
    errors = [error.model_copy(update={"message": MARKUP, "step": MARKUP}) for error in job.errors]
    broken = job.model_copy(
        update={"message": MARKUP, "links": links, "notes": [MARKUP], "errors": errors, "step": MARKUP}
    )
    fresh_night.sql("UPDATE jobs SET document = ? WHERE execution_id = ?", (broken.model_dump_json(), stored.id))
    deployment.runs.add_event(stored.id, NewEvent(kind=MARKUP, message=MARKUP))
    config = deployment.sync_configs.list().items[0]
    dirty = config.model_copy(update={"dataset": MARKUP, "sync_version": MARKUP})
    fresh_night.sql("UPDATE sync_configs SET document = ? WHERE id = ?", (dirty.model_dump_json(), config.id))
    page = open_page(fresh_night)
    page.on("dialog", lambda _: pytest.fail("markup was run"))
    for where in ["", "executions", f"executions/{stored.id}", "sync-configs", f"sync-configs/{config.id}"]:
        page.goto(f"{fresh_night.url}/console/#/{where}")
        page.wait_for_selector(f"main :text('{MARKUP}')")
        assert page.locator("main img, main b").count() == 0, where
        assert page.locator("a[href^='javascript:']").count() == 0


def test_markup_in_the_rows_of_a_published_table_stays_text(fresh_night, open_page, deployment_of):
    deployment = deployment_of(fresh_night)
    dataset, uri = "geostore__viirs__planted", "s3://gfw-pipelines/planted.tsv"
    deployment.objects.put(uri, f"geostore__id\talert__date\talert__count\n{MARKUP}\t2026-01-15\t3\n".encode())
    schema = [
        {"name": "geostore__id", "data_type": "text"},
        {"name": "alert__date", "data_type": "date"},
        {"name": "alert__count", "data_type": "integer"},
    ]
    with closing(fresh_night.server.data_api()) as data_api:
        data_api.create_dataset(dataset, {"title": MARKUP})
        options = {"source_type": "table", "source_driver": "text", "source_uri": [uri], "delimiter": "\t"}
        data_api.create_version(
            dataset, "v1", {**options, "table_schema": schema, "create_dynamic_vector_tile_cache": False}
        )
        deployment.until(lambda: data_api.version(dataset, "v1")["status"] == "saved")
    page = open_page(fresh_night, f"results/{dataset}/v1", expected=["404"])
    page.on("dialog", lambda _: pytest.fail("markup was run"))
    expect(page.locator(f"td:text('{MARKUP}')").last).to_be_visible()
    expect(page.locator(".chart svg")).to_have_count(2)
    assert page.locator("main img, main b").count() == 0


PAGES = [
    "",
    "executions",
    "executions/{execution}",
    "results",
    "results/geostore__viirs__daily_alerts/v1",
    "sync-configs",
    "sync-configs/{config}",
    "command",
    "catalog",
    "backfills",
    "command?command=version_update",
]
LOOKS = [("light", 1280), ("dark", 375), ("dark", 2560), ("light", 375)]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_serious_and_nothing_runs_off_the_screen(night, open_page, scheme, width):
    with night.client() as client:
        execution = client.executions(command="analysis", limit=1)["items"][0]["id"]
        config = client.sync_configs(limit=1)["items"][0]["id"]
    page = open_page(night, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.wait_for_selector("main h2")
    for where in PAGES:
        page.goto(f"{night.url}/console/#/{where.format(execution=execution, config=config)}")
        page.wait_for_selector("main h1")
        page.wait_for_load_state("networkidle")
        found = [
            (one["id"], [node["target"] for node in one["nodes"]])
            for one in Axe().run(page).response["violations"]
            if one["impact"] in SERIOUS
        ]
        assert found == [], where
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, where


def test_everything_is_reached_by_keyboard(night, open_page):
    page = open_page(night)
    page.wait_for_selector("main h2")
    page.reload()
    page.wait_for_selector("main h2")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Results')")
    assert page.evaluate("document.activeElement.id") == "main"
