"""Every command's form, and backfills, in a real browser: filled in, planned, acted on."""

from __future__ import annotations

import pytest

PLANNED = "section[aria-label=Plan]"


def fill_set_latest(page):
    page.get_by_label("Analysis version").fill("v1")


def fill_sync(page):
    page.get_by_label("viirs", exact=True).check()
    page.get_by_label("Sync version").fill("v20260130")


def fill_analysis(page):
    page.get_by_label("Analysis version").fill("v2")
    page.get_by_label("Geotrellis version").fill("2.6.20")
    page.get_by_label("Dataset", exact=True).fill("geostore")
    page.get_by_label("Version", exact=True).fill("v1")
    page.locator("fieldset fieldset select").select_option("viirs")


def fill_version_update(page):
    page.get_by_label("Dataset", exact=True).fill("umd_example")
    page.get_by_label("Version", exact=True).fill("v20260101")
    page.get_by_label("Start date").fill("2026-01-01")
    page.get_by_label("End date").fill("2026-01-31")
    page.get_by_label("Source uri 1").fill("s3://gfw-data-lake/umd_example/raw/")
    page.get_by_label("Pixel meaning").fill("is")
    page.get_by_label("Data type").select_option("uint8")
    page.get_by_label("Grid").select_option("10/40000")
    page.get_by_label("No data").fill("0")


FILL = {
    "set_latest": fill_set_latest,
    "sync": fill_sync,
    "analysis": fill_analysis,
    "version_update": fill_version_update,
}


@pytest.mark.parametrize("command", FILL)
def test_each_commands_form_makes_what_can_be_planned(night, open_page, command):
    page = open_page(night, f"command?command={command}")
    page.wait_for_selector("button:has-text('Plan it'):disabled")
    FILL[command](page)
    page.click("button:has-text('Plan it')")
    page.locator(f"{PLANNED}, ul.fault li").first.wait_for()
    assert page.locator("ul.fault li").all_inner_texts() == []
    assert page.locator(PLANNED).count() == 1


def test_a_failed_job_is_continued_from_its_document(night, open_page):
    execution = night.failed_sync("v20260127")
    page = open_page(night, f"executions/{execution['id']}")
    page.click("a:has-text('continue')")
    page.wait_for_selector("h1:has-text('New command')")
    page.click("button:has-text('Plan it')")
    page.locator(f"{PLANNED}, ul.fault li").first.wait_for()
    assert page.locator("ul.fault li").all_inner_texts() == []


def test_numbers_and_choices_are_checked_while_they_are_typed(night, open_page):
    page = open_page(night, "command?command=version_update")
    fill_version_update(page)
    assert page.is_enabled("button:has-text('Plan it')")
    for name, wrong, right in (("No data", "none", "nan"), ("Band count", "0", "2"), ("Nbits", "1.5", "8")):
        page.get_by_label(name).fill(wrong)
        page.locator("ul.fault li", has_text=name.lower().replace(" ", "_")).wait_for()
        assert page.is_disabled("button:has-text('Plan it')"), name
        page.get_by_label(name).fill(right)
        assert page.is_enabled("button:has-text('Plan it')"), name
    page.get_by_label("Data type").select_option("")
    page.wait_for_selector("ul.fault li:has-text('data_type is required')")


def test_labels_are_names_and_values_checked_while_they_are_typed(night, open_page):
    page = open_page(night, "command?command=set_latest")
    page.get_by_label("Analysis version").fill("v1")
    page.locator("fieldset", has=page.locator("legend", has_text="Labels")).get_by_role("button", name="Add").click()
    page.get_by_label("Labels 1: name").fill("Ticket")
    page.get_by_label("Labels 1: value").fill("gfw-2144")
    page.locator("ul.fault li", has_text='the name "Ticket" has another form').wait_for()
    page.get_by_label("Labels 1: name").fill("ticket")
    page.click("button:has-text('Plan it')")
    page.locator(PLANNED).wait_for()
    with night.client() as client:
        assert client.executions(label="ticket:gfw-2144")["items"][0]["labels"] == {"ticket": "gfw-2144"}


def test_a_backfill_is_planned_started_paused_and_stopped_with_reasons(night, open_page):
    page = open_page(night, "backfills")
    page.click("summary:has-text('New backfill')")
    page.get_by_label("viirs", exact=True).check()
    page.get_by_label("give sync_versions").check()
    page.get_by_label("Sync versions 1").fill("v20260201")
    night.hold()
    page.click("button:has-text('Make it')")
    page.wait_for_selector("h1:has-text('planned')")
    for action, then in (("Start", "running"), ("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped")):
        page.click(f"main button:has-text('{action}')")
        page.fill("dialog input[name=reason]", f"because of {action}")
        page.click("dialog button[type=submit]")
        page.wait_for_selector(f"h1:has-text('{then}')")
    assert "because of Stop" in page.inner_text("dl.facts")
    page.click("nav a:has-text('Backfills')")
    page.wait_for_selector("tr:has-text('viirs') .stopped")
    night.release()
