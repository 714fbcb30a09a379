"""Pictures of every page of the console, in both themes and at three widths, of the deployment that `make run` makes.

python tests/screenshots.py FOLDER
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import sync_playwright

from tests.support.server import ROOT, ServerProcess, free_port

LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (375, 1280, 2560)]
SETTLED_MS = 1500
NARROW = 375
FAILING = {"command": "set_latest", "parameters": {"analysis_version": "v99"}}
PAGES = {
    "overview": "",
    "executions": "executions",
    "execution": "executions/{execution}",
    "results": "results",
    "result": "results/gadm__viirs__adm2_daily_alerts/v20260101",
    "sync-configs": "sync-configs",
    "sync-config": "sync-configs/{config}",
    "command": "command",
    "catalog": "catalog",
}


def deployment(folder):
    """The data that `make run ONCE=1` leaves."""
    program = "from datapump.cli import main; main()"
    command = [sys.executable, "-c", program, "demo", "--once", "--port", str(free_port())]
    subprocess.run(command, check=True, env={"DATAPUMP_DATA_DIR": str(folder), "PATH": "/usr/bin:/bin"}, cwd=ROOT)


def ended(client, execution_id):
    after = 0
    while True:
        page = client.events(execution_id, after=after, wait=10)
        after = max([after, *(event["seq"] for event in page["items"])])
        if page["ended"]:
            return execution_id


def take(server, folder):
    """One picture of each page for each look."""
    with server.client() as client:
        ended(client, client.submit(json.dumps(FAILING))["id"])
        execution = client.executions(command="analysis", limit=1)["items"][0]["id"]
        config = client.sync_configs(sync_type="viirs", limit=1)["items"][0]["id"]
    key = (server.data / "secrets" / "admin-key").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme, width in LOOKS:
            page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
            page.goto(f"{server.url}/console/")
            page.fill("input[name=key]", key)
            page.click("button[type=submit]")
            for name, where in PAGES.items():
                page.goto(f"{server.url}/console/#/{where.format(execution=execution, config=config)}")
                page.wait_for_selector("main h1")
                page.wait_for_timeout(SETTLED_MS)
                target = folder / f"{name}-{scheme}-{width}.png"
                page.screenshot(path=str(target), full_page=width == NARROW)
        browser.close()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        deployment(data)
        with ServerProcess(data, feed_hosts="[]") as server:
            take(server, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
