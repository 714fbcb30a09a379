"""Every page of the console in a real browser, on a real server."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.support.console import MARKUP
from tests.support.deployment import ANALYSIS, SYNC, TABLE


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
    with night.client() as client:
        failed = [item for item in client.executions(status="failed")["items"] if not item["retried_by"]]
    page = open_page(night)
    card = page.locator(f"li.card:has(a[href='#/executions/{execution['id']}'])")
    expect(card).to_contain_text("geostore viirs, uploading: geostore__viirs__weekly_alerts v1 does not exist")
    expect(page.locator("ul.counts")).to_contain_text(f"{len(failed)}failed and not retried1tables behind")
    expect(page.locator("tr:has-text('viirs') .behind").first).to_contain_text("1 behind for")
    page.wait_for_selector(".chart[aria-label*='night'][aria-label*='failed'] svg")
    card.get_by_role("button", name="Retry 1 failed job").click()
    page.wait_for_selector("h1:has-text('continue_jobs')")
    assert night.ended(page.url.rpartition("/")[2])["retry_of"] == execution["id"]


def test_the_list_says_of_failed_jobs_how_many_and_why_and_leads_to_them(night, open_page):
    execution = night.failed_sync("v20260121")
    page = open_page(night, "executions")
    cause = page.locator(f"td a.error[href^='#/executions/{execution['id']}?job=']")
    expect(cause).to_have_text(
        "1 of 1 job failed: geostore v1 viirs: geostore__viirs__weekly_alerts v1 does not exist: "
        "run the analysis that makes it, then sync again"
    )
    cause.click()
    page.wait_for_selector("details[open] > summary:focus:has-text('geostore viirs')")


def test_a_job_says_which_engine_its_run_is_on_and_why(night, things, open_page):
    page = open_page(night, f"executions/{things['failed']}")
    cell = page.locator("td[data-label=engine] details[open]")
    expect(cell).to_contain_text("local")
    expect(cell).to_contain_text("this deployment has no other engine")
    cell.locator("summary").click()
    expect(page.locator("td[data-label=engine] details")).not_to_have_attribute("open", "")
    page.goto(f"{night.url}/console/#/executions/{things['raster']}")
    page.wait_for_selector("h2:has-text('Jobs')")
    expect(page.locator("th:has-text('engine')")).to_have_count(0)


def test_a_plan_says_which_engines_would_run_what_and_why(night, open_page):
    command = {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "analysis_version": "v9"}}
    with night.client() as client:
        planned = night.ended(client.submit(json.dumps(command), plan=True)["id"])
    page = open_page(night, f"executions/{planned['id']}")
    plan = page.locator("section[aria-label=Plan]")
    expect(plan).to_contain_text("Engines: local for 1 job.")
    expect(plan).to_contain_text(
        "Engine local: this deployment has no other engine; less than a minute on this machine"
    )
    expect(page.locator("h2:has-text('Jobs')")).to_have_count(0)
    expect(page.locator("ol.events")).to_contain_text("dispatched a plan starts no jobs")
    expect(page.locator("nav a[aria-current=true]")).to_have_text("Executions")


@pytest.fixture
def failed_feed(night):
    """A sync that failed as a whole, since its feed is a web page; after the test the feed is as it was."""
    feed = night.folder / "feed.csv"
    content = feed.read_text()
    feed.write_text("<html>503 Service Unavailable</html>")
    with night.client() as client:
        yield night.ended(client.submit(json.dumps({**SYNC, "parameters": {"types": ["viirs"]}}))["id"])
    feed.write_text(content)


def test_what_failed_without_a_job_runs_again_once_by_a_double_click(night, open_page):
    tables = [{**TABLE, "analysis": "tcl"}]
    command = {**ANALYSIS, "parameters": {**ANALYSIS["parameters"], "tables": tables}, "labels": {"ticket": "gfw-1"}}
    with night.client() as client:
        failed = night.ended(client.submit(json.dumps(command))["id"])
    assert (failed["status"], failed["jobs"]) == ("failed", [])
    page = open_page(night, f"executions/{failed['id']}")
    page.get_by_role("button", name="Run it again").dblclick()
    page.wait_for_url(lambda url: failed["id"] not in url)
    made = night.ended(page.url.rpartition("/")[2])
    assert [made[name] for name in ("parameters", "labels")] == [failed[name] for name in ("parameters", "labels")]
    with night.client() as client:
        newest = [item["id"] for item in client.executions(limit=2)["items"]]
    assert newest == [made["id"], failed["id"]]
    page.goto(f"{night.url}/console/#/")
    card = page.locator(f"li.card:has(a[href='#/executions/{made['id']}'])")
    expect(card.get_by_role("button", name="Run it again")).to_be_visible()


def changed(page, pattern, change):
    """Let a page be answered otherwise."""

    def answer(route):
        response = route.fetch()
        route.fulfill(response=response, body=json.dumps(change(response.json())))

    page.route(pattern, answer)


def test_a_failed_sync_that_later_ones_have_made_up_for_is_no_longer_to_be_done(night, failed_feed, open_page):
    page = open_page(night, "catalog")
    page.wait_for_selector("main h2")
    later = {"status": "succeeded", "created": "9999-01-01T00:00:00Z", "id": "f" * 32}
    behind = {"since": "2026-01-01T00:00:00Z"}

    def fresh(answer):
        return {**answer, "items": [{**item, "behind_since": behind["since"]} for item in answer["items"]]}

    def syncs(answer):
        made = next(item for item in answer["items"] if item["sync_types"] == ["viirs"])
        return {**answer, "items": [{**made, **later}, *answer["items"]]}

    changed(page, "**/freshness*", fresh)
    changed(page, "**/executions?*command=sync*", syncs)
    page.goto(f"{night.url}/console/#/")
    card = page.locator(f"li.card:has(a[href='#/executions/{failed_feed['id']}'])")
    expect(card).to_be_visible()
    behind["since"] = None
    page.reload()
    expect(page.locator("p:has-text('made up for by later ones')")).to_be_visible()
    expect(card).to_have_count(0)
    later["status"] = "failed"
    page.reload()
    expect(card).to_be_visible()


def test_what_happened_says_of_which_job_where_there_are_several(night, things, open_page):
    page = open_page(night, "catalog")
    page.wait_for_selector("main h2")
    path = f"executions/{things['failed']}"
    page.goto(f"{night.url}/console/#/{path}")
    expect(page.locator("ol.events")).to_contain_text("job failed geostore__viirs__weekly_alerts")

    def twice(answer):
        return {**answer, "jobs": [*answer["jobs"], {**answer["jobs"][0], "id": "another", "dataset": "gadm"}]}

    changed(page, f"**/{path}", twice)
    page.reload()
    expect(page.locator("ol.events")).to_contain_text("job failed geostore viirs: geostore__viirs__weekly_alerts")


def test_what_somebody_has_opened_stays_open_while_the_execution_goes_on(night, open_page):
    with night.held_sync("v20260122") as identity:
        page = open_page(night, f"executions/{identity}")
        page.wait_for_selector("td:has-text('waiting for')")
        page.click("summary:has-text('Command')")
        page.get_by_role("button", name="Stop").focus()
        head = page.locator("details[data-key=command]").element_handle()
        with night.client() as client:
            client.stop(identity, "the test is over")
        page.wait_for_selector("h1:has-text('stopped')")
        assert not head.is_visible(), "it was not drawn anew"
        expect(page.locator("details[data-key=command]")).to_have_attribute("open", "")


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
    with night.held_sync("v20260119") as identity:
        page = open_page(night, f"executions/{identity}")
        page.wait_for_selector(f"td:has-text('waiting for') a[href='#/executions/{'f' * 32}']")
        page.click("button.danger:has-text('Stop')")
        page.fill("dialog input[name=reason]", f"the feed is broken {MARKUP}")
        page.click("dialog button[type=submit]")
        page.wait_for_selector("h1:has-text('stopped')")
        assert f"the feed is broken {MARKUP}" in page.inner_text("dl.facts")
        assert page.locator("main img, main b").count() == 0
        page.wait_for_selector("ol.events li:has-text('stopped')")
    assert night.ended(identity)["stop_reason"] == f"the feed is broken {MARKUP}"


def test_thinking_better_of_a_stop_changes_nothing(night, open_page):
    with night.held_sync("v20260120") as identity, night.client() as client:
        page = open_page(night, f"executions/{identity}")
        page.click("button.danger:has-text('Stop')")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert client.execution(identity)["stop_reason"] is None
        client.stop(identity, "the test is over")
    night.ended(identity)


def test_executions_are_filtered_and_each_is_a_link(night, open_page):
    page = open_page(night, "executions")
    page.wait_for_selector("td:first-child a:has-text('analysis')")
    page.select_option("select[name=command]", "sync")
    page.click("button:has-text('Filter')")
    page.wait_for_url("**/#/executions?command=sync")
    expect(page.locator("td:first-child a:has-text('analysis')")).to_have_count(0)


def test_older_executions_are_a_page_further(night, open_page):
    with night.client() as client:
        newest = [item["id"] for item in client.executions(limit=4)["items"]]
    page = open_page(night, "catalog")
    page.wait_for_selector("main h2")
    page.route("**/executions?*", lambda route: route.continue_(url=route.request.url.replace("limit=50", "limit=2")))
    page.click("nav a:has-text('Executions')")
    shown = "tbody td:first-child a[href='#/executions/{}']"
    page.locator(shown.format(newest[1])).wait_for()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.click("a:has-text('Older executions')")
    page.locator(shown.format(newest[2])).wait_for()
    page.locator(shown.format(newest[3])).wait_for()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_command_and_the_address_of_a_log_are_copied(night, things, open_page):
    page = open_page(
        night, f"executions/{things['failed']}", permissions=["clipboard-read", "clipboard-write"], color_scheme="dark"
    )
    page.get_by_role("button", name="Copy as command").click()
    page.wait_for_selector("#said:has-text('Copied')")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    with night.client() as client:
        assert copied == {"command": "sync", "parameters": client.execution(things["failed"])["parameters"]}
    assert copied["parameters"]["sync_version"] == "v20260128"
    page.get_by_role("button", name="Copy log address").click()
    expect(page.locator("#said p")).to_have_count(2)
    assert page.evaluate("navigator.clipboard.readText()").endswith("/log")


def test_a_sync_config_is_synced_now_once_by_a_double_click(night, things, open_page):
    page = open_page(night, f"sync-configs/{things['config']}")
    page.wait_for_selector("h2:has-text('How fresh')")
    with night.client() as client:
        before = client.executions(command="sync", limit=1)["items"][0]["id"]
        page.dblclick("button:has-text('Sync it now')")
        page.wait_for_selector("[data-page=execution] h1:has-text('sync viirs')")
        made = page.url.rpartition("/")[2]
        newest = [item["id"] for item in client.executions(command="sync", limit=2)["items"]]
    assert newest == [made, before]
    night.ended(made)


def test_sync_configs_are_found_while_typing(night, open_page):
    page = open_page(night, "sync-configs")
    page.wait_for_selector("caption:has-text('2 sync configs'):not(:has-text('so far'))")
    page.get_by_label("Find among them").fill("GEOSTORE rw_areas")
    page.wait_for_selector("caption:has-text('1 of 2 sync configs')")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Find among them").fill("nothing like it")
    page.wait_for_selector("p:has-text('No sync config matches.')")


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
        client.switch(config["id"], sync=False, reason=f"somebody was faster {MARKUP}")
    box = page.locator(f"tr:has(a[href='#/sync-configs/{config['id']}']) input[role=switch]")
    box.click()
    page.fill("dialog input[name=reason]", "mine")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog:has-text('Somebody has changed this meanwhile')")
    sides = page.inner_text("dialog .sides")
    assert f"somebody was faster {MARKUP}" in sides
    assert page.locator("dialog img, dialog b").count() == 0
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


def test_the_catalog_tells_what_can_be_done(night, open_page):
    page = open_page(night, "catalog")
    page.wait_for_selector("tr:has-text('viirs')")
    page.click("summary:has-text('gfw_integrated_dist_alerts')")
    assert "np.where" in page.inner_text("details[open]")
    row = page.locator("tr:has-text('gfw_integrated_dist_alerts'):has-text('10:30 UTC')")
    expect(row).to_contain_text("gfw_integrated_alerts")
    expect(row).to_contain_text("10/100000")
    expect(row).to_contain_text("21 days, and for ever 1 version")


def test_the_catalog_tells_the_last_release_that_a_raster_dataset_was_made_from(night, things, open_page):
    page = open_page(night)
    page.wait_for_selector("main h2")
    dataset = "umd_tiny_alerts"

    def answer(route):
        document = route.fetch().json()
        recipe = {**document["recipes"][0], "dataset": dataset}
        route.fulfill(json={**document, "recipes": [recipe]})

    page.route("**/catalog", answer)
    page.click("nav a:has-text('Catalog')")
    link = page.locator(f"tr:has-text('{dataset}') a")
    expect(link).to_have_text("v20260201")
    assert link.get_attribute("href") == f"#/executions/{things['raster']}"


def test_the_assets_of_a_raster_version_are_told_with_the_one_that_failed_and_why(night, things, open_page):
    page = open_page(night, f"executions/{things['raster']}")
    page.wait_for_selector("details[open] td:has-text('intensity_cog')")
    lines = page.locator("details[open]:has-text('Rasters of') tbody tr").all()
    rows = {cells[0]: cells[1:] for cells in (line.locator("td").all_inner_texts() for line in lines)}
    assert rows["date_conf"][:2] == ["source", "saved"]
    assert rows["default_cog"][0] == "cog"
    assert rows["default_cog"][2] == "date_conf"
    assert rows["intensity"][1] == "failed"
    assert "may not hold 'A.no_such_band'" in rows["intensity"][3]
    assert rows["intensity_cog"][1:3] == ["waiting", "intensity"]
    assert rows["vrt"][1:3] == ["waiting", "default_cog, intensity_cog"]


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


def test_a_lost_connection_is_said_and_recovers(night, open_page):
    # A server that is killed may also break an answer off.
    page = open_page(night, "executions", expected=["net::ERR_"])
    page.wait_for_selector("td a")
    night.server.kill()
    page.wait_for_selector("#offline:visible")
    night.server.start()
    page.wait_for_selector("#offline", state="hidden")
    page.wait_for_selector("td a")
