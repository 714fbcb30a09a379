"""`datapump plan`: what a command would do, before anything is done."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.table import Table

from datapump.cli.executions import describe, follow, text_of
from datapump.cli.output import FAILED, connect, escape, out, print_json, told

HOUR_S = 3600
MINUTE_S = 60
MOST_TARGETS = 20


def plan(
    command: Annotated[str, typer.Argument(metavar="FILE|-", help="A command as JSON; - reads it from stdin.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Show what a command would create, upload, delete and tell, on which machines, how long and at what cost.

    Nothing is changed. Exit code 0 only if the command could be carried through as things are now.
    """
    with told(), connect() as client:
        execution = follow(client, client.submit(text_of(command), plan=True)["id"])
        if execution["status"] != "succeeded" and execution["errors"] and not _planned(execution):
            describe(execution)
            raise typer.Exit(FAILED)
        found = client.plan(execution["id"])
    if as_json:
        print_json(found)
    else:
        show(found)
    if found["errors"] or any(job["outcome"] == "failed" for job in found["jobs"]):
        raise typer.Exit(FAILED)


def _planned(execution: dict[str, Any]) -> bool:
    """Whether it came as far as a plan: then it was begun."""
    return execution["started"] is not None


def show(found: dict[str, Any]) -> None:
    """Print a plan: what would happen before the jobs, in each job, and after them."""
    for note in found["notes"]:
        out.print(f"note: {escape(note)}", soft_wrap=True)
    for error in found["errors"]:
        out.print(f"[red]error:[/] {escape(error)}", soft_wrap=True)
    _writes("before the jobs", found["before"])
    for job in found["jobs"]:
        colour = "green" if job["outcome"] == "complete" else "red"
        out.print(f"[bold]{job['kind']}[/] {escape(job['subject'])}: [{colour}]{escape(job['message'])}[/]")
        if job["engine"] is not None:
            out.print(f"  {_machines(job['engine'])}", soft_wrap=True)
        out.print(f"  {_estimate(job['estimate'])}", soft_wrap=True)
        _writes(None, job["writes"])
    _writes("after the jobs", found["after"])
    counts = ", ".join(f"{action} {count}" for action, count in sorted(found["counts"].items()))
    out.print(f"[bold]in all:[/] {counts or 'nothing would be changed'}; {_estimate(found['estimate'])}")


def _writes(title: str | None, writes: list[dict[str, Any]]) -> None:
    if not writes:
        return
    if title is not None:
        out.print(f"[bold]{title}[/]")
    table = Table(box=None, show_header=False, padding=(0, 1))
    for (action, system, target), count in list(_alike(writes).items())[:MOST_TARGETS]:
        table.add_row("", action, system, escape(target) + (f" ({count} times)" if count > 1 else ""))
    out.print(table)
    if len(_alike(writes)) > MOST_TARGETS:
        out.print(f"  and {len(_alike(writes)) - MOST_TARGETS} more: see all with --json")


def _alike(writes: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter((write["action"], write["system"], write["target"]) for write in writes)


def _machines(engine: dict[str, Any]) -> str:
    cluster = engine["cluster"]
    text = f"engine {engine['engine']}: {engine['reason']}"
    if cluster is None:
        return escape(text)
    kinds = " or ".join(cluster["worker_types"])
    spot = cluster["workers"] - cluster["on_demand"]
    return escape(f"{text}; {cluster['master']} and {cluster['workers']} workers ({spot} on spot) of {kinds}")


def _estimate(estimate: dict[str, Any]) -> str:
    seconds, cost = estimate["duration_s"], estimate["cost_usd"]
    time = "time not known" if seconds is None else f"about {_duration(seconds)}"
    price = "cost not known" if cost is None else "no machines to pay for" if cost == 0 else f"about ${cost:.2f}"
    return escape(f"{time}, {price} ({estimate['basis']})")


def _duration(seconds: float) -> str:
    if seconds >= HOUR_S:
        return f"{seconds / HOUR_S:.1f} h"
    return f"{seconds / MINUTE_S:.0f} min" if seconds >= MINUTE_S else f"{seconds:.0f} s"
