"""All pages alike: nothing serious for axe, nothing off the screen, markup is text, little is loaded, keys suffice."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support.console import MARKUP, PAGES, plant

SERIOUS = {"serious", "critical"}
WIDTHS = (375, 1280, 1920, 2560)
FIRST_VIEW_BYTES = 60_000
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Pages that say nothing but the contract's and the console's own words.
WORDLESS = {"backfills"}


def go(page, night, name, things):
    where, there = PAGES[name]
    page.goto(f"{night.url}/console/#/{where.format(**things)}")
    page.locator(f"main {there}").first.wait_for()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_axe_finds_nothing_serious_and_nothing_runs_off_the_screen(night, things, open_page, scheme, width):
    page = open_page(night, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.wait_for_selector("main h2")
    axe = Axe()
    for name in PAGES:
        go(page, night, name, things)
        found = [
            (one["id"], [node["target"] for node in one["nodes"]])
            for one in axe.run(page).response["violations"]
            if one["impact"] in SERIOUS
        ]
        assert found == [], name
        for size in WIDTHS:
            page.set_viewport_size({"width": size, "height": 800})
            assert page.evaluate(OVERFLOW) <= 0, (name, size)
        page.set_viewport_size({"width": width, "height": 800})


def test_markup_in_every_field_of_every_answer_stays_text(night, things, open_page):
    page = open_page(night, "catalog")
    page.on("dialog", lambda _: pytest.fail("markup was run"))
    page.wait_for_selector("main h2")
    plant(page, night.url)
    for name, (where, _) in PAGES.items():
        page.goto(f"{night.url}/console/#/{where.format(**things)}")
        if name not in WORDLESS:
            expect(page.locator(f"main :text('{MARKUP}')").first).to_be_attached()
        page.locator("main h1").wait_for()
        assert page.locator("#main img, #main b, #said b").count() == 0, name
        assert page.locator("a[href^='javascript:' i]").count() == 0, name


def test_the_first_view_takes_little_room_on_the_wire(night, open_page):
    page = open_page(night)
    page.wait_for_selector(".chart svg")
    sizes = dict(
        page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter((one) => one.name.includes('/console')).map((one) => [one.name, one.encodedBodySize])"
        )
    )
    assert len([name for name in sizes if name.endswith(".js")]) >= 8
    assert sum(size for name, size in sizes.items() if not name.endswith("/vega.js")) < FIRST_VIEW_BYTES
    assert all(name.startswith(night.url) for name in sizes)


def test_a_chart_that_cannot_be_loaded_leaves_the_page_as_it_is(night, open_page):
    page = open_page(night, expected=["ERR_FAILED"])
    page.route("**/vega.js", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("p:has-text('No chart: the charts could not be loaded')")
    assert "tables up to date" in page.inner_text("ul.counts")


def tab_to(page, words, most=40):
    """Presses Tab until what has the focus says this."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.textContent"):
            return
    pytest.fail(f"{words!r} is not reached by Tab")


def test_the_pages_are_reached_by_keyboard_and_take_the_focus(night, open_page):
    page = open_page(night)
    page.wait_for_selector("main h2")
    page.reload()
    page.wait_for_selector("main h2")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab_to(page, "Results")
    page.keyboard.press("Enter")
    page.wait_for_selector("#main:focus h1:has-text('Results')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_a_sync_config_is_switched_by_keyboard_alone(night, open_page):
    page = open_page(night, "sync-configs")
    page.wait_for_selector("input[role=switch]")
    label = "follow the feed: geostore viirs rw_areas"
    box = page.get_by_label(label)
    before = box.is_checked()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == label:
            break
    page.keyboard.press("Space")
    page.wait_for_selector("dialog p:has-text('Last run:')")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(box).to_be_checked(checked=not before)
