"""`datapump backfill make | list | show | start | pause | resume | stop`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from datapump.analyses import SyncType
from datapump.backfills import BackfillStatus, OnFailure
from datapump.cli import completion
from datapump.cli.output import connect, escape, out, print_json, told
from datapump.errors import InvalidInputError

app = typer.Typer(help="A sync for each of many days or sync versions.", no_args_is_help=True, add_completion=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
BackfillId = Annotated[
    str, typer.Argument(metavar="ID", help="The backfill's id.", autocompletion=completion.backfills)
]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the backfill.")]


@app.command()
def make(  # noqa: PLR0913, PLR0917 - each option is a parameter
    types: Annotated[list[SyncType], typer.Option("--type", help="The feed; may be given several times.")],
    start_date: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="The first day.")
    ] = None,
    end_date: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="The last day.")
    ] = None,
    step_days: Annotated[int, typer.Option(min=1, help="Days from one sync to the next.")] = 1,
    versions: Annotated[
        list[str] | None, typer.Option("--version", help="In place of days: a sync version; several times.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=10, help="How many may run at once.")] = 1,
    on_failure: Annotated[OnFailure, typer.Option(help="What to do when one of them ends badly.")] = OnFailure.PAUSE,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key never makes it twice.")] = None,
    *,
    start: Annotated[bool, typer.Option("--start", help="Start it at once; otherwise it is only planned.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan a backfill: show which syncs it would start. `datapump backfill start ID` starts them."""
    asked: dict[str, Any] = {"types": [str(one) for one in types], "at_once": at_once, "on_failure": str(on_failure)}
    with told():
        _check_days(start_date, end_date, versions)
    if start_date is not None or end_date is not None:
        days = {"start_date": start_date, "end_date": end_date}
        dates = {name: f"{day:%Y-%m-%d}" for name, day in days.items() if day is not None}
        asked["dates"] = {**dates, "step_days": step_days}
    if versions:
        asked["sync_versions"] = versions
    with told(), connect() as client:
        backfill = client.make_backfill({**asked, "start": start}, key)
    _show(backfill, as_json=as_json)
    if not as_json and backfill["status"] == BackfillStatus.PLANNED:
        out.print(f"nothing is started yet: datapump backfill start {backfill['id']}", soft_wrap=True)


def _check_days(start_date: datetime | None, end_date: datetime | None, versions: list[str] | None) -> None:
    given = [start_date is not None, end_date is not None]
    if any(given) is not all(given) or any(given) is bool(versions):
        raise InvalidInputError("which syncs are meant is not clear: give both --from and --to, or else --version")


@app.command("list")
def list_(
    status: Annotated[BackfillStatus | None, typer.Option(help="Only of this status.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List backfills, newest first."""
    with told(), connect() as client:
        page = client.backfills(status=None if status is None else str(status), limit=50)
    if as_json:
        print_json(page)
        return
    table = Table(Column("id", no_wrap=True, min_width=32), "types", "status", "syncs", "created", box=None)
    for item in page["items"]:
        ended = sum(part["status"] in {"succeeded", "failed", "stopped"} for part in item["parts"])
        created = item["created"][:16].replace("T", " ")
        table.add_row(item["id"], ", ".join(item["types"]), item["status"], f"{ended}/{len(item['parts'])}", created)
    out.print(table if page["items"] else "no backfills")


@app.command()
def show(backfill: BackfillId, *, as_json: AsJson = False) -> None:
    """Show a backfill: what it has started, and what it is going to start."""
    with told(), connect() as client:
        _show(client.backfill(backfill), as_json=as_json)


@app.command()
def start(backfill: BackfillId, reason: Reason = "as planned", *, as_json: AsJson = False) -> None:
    """Start a backfill that is planned."""
    _change(backfill, "resume", reason, as_json=as_json)


@app.command()
def pause(backfill: BackfillId, reason: Reason, *, as_json: AsJson = False) -> None:
    """Start no more of a backfill; what it has started goes on."""
    _change(backfill, "pause", reason, as_json=as_json)


@app.command()
def resume(backfill: BackfillId, reason: Reason = "resumed", *, as_json: AsJson = False) -> None:
    """Go on with a backfill that is paused."""
    _change(backfill, "resume", reason, as_json=as_json)


@app.command()
def stop(backfill: BackfillId, reason: Reason, *, as_json: AsJson = False) -> None:
    """End a backfill, and stop the executions of it that are open."""
    _change(backfill, "stop", reason, as_json=as_json)


def _change(backfill: str, action: str, reason: str, *, as_json: bool) -> None:
    with told(), connect() as client:
        changed = client.change_backfill(backfill, action, reason)
    if as_json:
        print_json(changed)
    else:
        out.print(f"{changed['id']} is {changed['status']}: {escape(changed['reason'] or '')}", soft_wrap=True)


def _show(backfill: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(backfill)
        return
    why = "" if backfill["reason"] is None else f" ({escape(backfill['reason'])})"
    at_once = f"at most {backfill['at_once']} at once"
    out.print(f"{backfill['id']} {backfill['status']}{why}: {len(backfill['parts'])} syncs, {at_once}", soft_wrap=True)
    for part in backfill["parts"]:
        out.print(f"  {part['sync_version']} {part['status'] or 'waits'} {part['execution_id'] or ''}".rstrip())
