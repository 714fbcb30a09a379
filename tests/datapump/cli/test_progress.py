"""What `watch` shows while an execution goes on."""

from __future__ import annotations

import io

from rich.console import Console

from datapump.cli.progress import JobProgress


def test_what_an_execution_without_jobs_waits_for_is_said_once():
    said = io.StringIO()
    with JobProgress(Console(file=said, force_terminal=False)) as progress:
        for waiting in (None, "the feed [viirs] broke off", "the feed [viirs] broke off", "it broke off again", None):
            progress.show({"status": "accepted", "waiting": waiting, "jobs": []})
    assert said.getvalue() == "the feed [viirs] broke off\nit broke off again\n"
