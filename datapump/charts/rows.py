"""The rows that charts are drawn of, out of what the API answers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

NIGHTS = 30
ENDED = frozenset({"complete", "failed"})


def nights(syncs: Iterable[dict[str, Any]], today: date) -> list[dict[str, str]]:
    """How the newest sync of each feed ended, for each of the last 30 nights: `sync`, `night`, `outcome`.

    Args:
        syncs: Executions of sync commands as lists show them, newest first.
        today: The last night, UTC.
    """
    outcomes: dict[tuple[str, str], str] = {}
    for item in syncs:
        shown = "running" if item["status"] == "accepted" else item["status"]
        for feed in () if item["plan_only"] else item["sync_types"]:
            outcomes.setdefault((feed, item["created"][:10]), shown)
    days = [(today - timedelta(days=ago)).isoformat() for ago in reversed(range(NIGHTS))]
    feeds = sorted({feed for feed, _ in outcomes})
    return [
        {"sync": feed, "night": day, "outcome": outcomes.get((feed, day), "none")} for feed in feeds for day in days
    ]


def timeline(execution: dict[str, Any], events: Iterable[dict[str, Any]], now: datetime) -> list[dict[str, str]]:
    """The steps of an execution's jobs over time: `job`, `step`, `start`, `end`, `outcome`.

    Args:
        execution: Its document.
        events: All of its events, in order.
        now: Where a step that goes on ends for now.
    """
    names = {job["id"]: f"{job['dataset']} {job.get('analysis') or job['kind']}" for job in execution["jobs"]}
    rows: list[dict[str, str]] = []
    running: dict[str, dict[str, str]] = {}
    for event in events:
        job, data = event["job_id"], event["data"]
        if job not in names or "step" not in data:
            continue
        before = running.pop(job, None)
        failed = data.get("status") == "failed"
        if before is not None:
            rows.append({**before, "end": event["at"], "outcome": "failed" if failed else "complete"})
        if data.get("status") not in ENDED:
            running[job] = {"job": names[job], "step": data["step"], "start": event["at"]}
    end = execution["finished"] or now.isoformat()
    return rows + [{**row, "end": end, "outcome": "executing"} for row in running.values()]


def groups(rows: Iterable[dict[str, Any]], columns: list[str]) -> list[dict[str, Any]]:
    """Totals by group: `group`, `total`. Rows without a value in one of the columns are left out."""
    return [
        {"group": ".".join(str(row[name]) for name in columns), "total": float(row["total"] or 0)}
        for row in rows
        if all(row[name] is not None for name in columns)
    ]
