"""Pictures of every page of the console, in both themes and at three widths, after a night that failed.

python tests/screenshots.py FOLDER
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import sync_playwright

from api.console.build import BUNDLE, build
from tests.support.console_world import last_night, prepare, sample
from tests.support.server import ServerProcess

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (375, 1280, 2560)]
NARROW = 375
VERSION = "v20260101"
# Of each page: its address, and what is there once all of it is.
PAGES = {
    "overview": ("", "h2:has-text('The last 30 nights') ~ .chart svg"),
    "executions": ("executions", "[data-page=executions] table"),
    "failed": ("executions/{failed}", ".chart svg"),
    "raster": ("executions/{raster}", ".chart svg"),
    "running": ("executions/{running}", "td:has-text('waiting')"),
    "execution": ("executions/{execution}", ".chart svg"),
    "results": ("results", "[data-page=results] table"),
    "result": (f"results/gadm__viirs__adm2_daily_alerts/{VERSION}", "p:has-text('Each point is a fire')"),
    "loss": (f"results/gadm__tcl__adm2_change/{VERSION}", "p:has-text('The more, the stronger')"),
    "sync-configs": ("sync-configs", "caption:not(:has-text('so far'))"),
    "sync-config": ("sync-configs/{config}", "h2:has-text('Who changed what')"),
    "command": ("command", "button:has-text('Plan it')"),
    "version-update": ("command?command=version_update", "button:has-text('Plan it')"),
    "plan": ("executions/{plan}", "section[aria-label=Plan] table"),
    "catalog": ("catalog", "h3:has-text('How they are made')"),
    "backfills": ("backfills", "[data-page=backfills] table"),
    "backfill": ("backfills/{backfill}", "table"),
}


def take(server, folder, things):
    """One picture of each page for each look."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme, width in LOOKS:
            page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
            page.goto(f"{server.url}/console/")
            page.fill("input[name=key]", server.key)
            page.click("button[type=submit]")
            page.wait_for_selector("main h1:not(:has-text('key'))")
            for name, (where, there) in PAGES.items():
                page.goto(f"{server.url}/console/#/{where.format(**things)}")
                page.locator(f"main {there}").first.wait_for()
                page.screenshot(path=str(folder / f"{name}-{scheme}-{width}.png"), full_page=width == NARROW)
        browser.close()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    if not BUNDLE.exists():
        build()
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        sample(data)
        prepare(data)
        with ServerProcess(data, viirs_url=data / "feed.csv", poll_max_s="0.3", feed_hosts="[]") as server:
            take(server, folder, last_night(server))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
