"""`datapump sync-configs list | enable | disable | pause | resume | run | history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from datapump.analyses import SyncType
from datapump.cli import completion
from datapump.cli.output import connect, escape, every, out, print_json, told
from datapump.errors import ConflictError

if TYPE_CHECKING:
    from datapump.client import Client

app = typer.Typer(
    help="What is kept in step with its feed, night by night.", no_args_is_help=True, add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Reason = Annotated[str | None, typer.Option(help="Why; it is kept in the history.")]
NeededReason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.")]
Type = Annotated[
    str,
    typer.Argument(metavar="TYPE", help="The sync type, as viirs.", autocompletion=completion.names_of(SyncType)),
]
Hash = Annotated[
    str,
    typer.Argument(
        metavar="HASH", help="The config's id, as the list shows it.", autocompletion=completion.sync_configs
    ),
]


@app.command("list")
def list_(
    sync_type: Annotated[str | None, typer.Option("--type", help="Only of this sync type.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List sync configs."""
    with told(), connect() as client:
        items = list(every(client.sync_configs, sync_type=sync_type, dataset=dataset, limit=200))
    if as_json:
        print_json({"items": items, "next": None})
        return
    if not items:
        out.print("no sync configs: a completed analysis with sync: true makes them")
        return
    table = Table(
        Column("id", no_wrap=True, min_width=20),
        "on",
        "type",
        "dataset",
        "version",
        "analysis version",
        "brought to",
        box=None,
    )
    for item in items:
        switch = "[green]on[/]" if item["sync"] else "[red]off[/]"
        versions = (item["dataset_version"], item["analysis_version"], item["sync_version"] or "")
        table.add_row(item["id"], switch, item["sync_type"], item["dataset"], *versions)
    out.print(table)


@app.command()
def enable(config: Hash, reason: Reason = None, *, as_json: AsJson = False) -> None:
    """Switch a sync config on."""
    _switch(config, sync=True, reason=reason, as_json=as_json)


@app.command()
def disable(config: Hash, reason: Reason = None, *, as_json: AsJson = False) -> None:
    """Switch a sync config off."""
    _switch(config, sync=False, reason=reason, as_json=as_json)


@app.command()
def pause(sync_type: Type, reason: NeededReason, *, as_json: AsJson = False) -> None:
    """Switch off every sync config of a feed."""
    _switch_type(sync_type, reason, sync=False, as_json=as_json)


@app.command()
def resume(sync_type: Type, reason: NeededReason, *, as_json: AsJson = False) -> None:
    """Switch on again what pausing the feed has switched off."""
    _switch_type(sync_type, reason, sync=True, as_json=as_json)


@app.command()
def run(config: Hash, *, as_json: AsJson = False) -> None:
    """Sync one config now."""
    with told(), connect() as client:
        execution = client.run_config(config)
        if as_json:
            print_json(execution)
        else:
            out.print(f"{execution['id']} {execution['status']}; follow it: datapump watch {execution['id']}")


@app.command()
def history(config: Hash, *, as_json: AsJson = False) -> None:
    """Show who changed a sync config, when, what and why, newest first."""
    with told(), connect() as client:
        page = client.config_history(config, limit=200)
    if as_json:
        print_json(page)
        return
    for change in page["items"]:
        out.print(escape(_told(change)), soft_wrap=True)
    if not page["items"]:
        out.print("nobody has changed it")


def _switch(config: str, *, sync: bool, reason: str | None, as_json: bool) -> None:
    with told(), connect() as client:
        read = client.sync_config(config)
        try:
            item = client.switch(config, sync=sync, revision=read["revision"], reason=reason)
        except ConflictError as error:
            raise ConflictError(_both_sides(client, read, sync=sync)) from error
        if as_json:
            print_json(item)
            return
        out.print(f"{item['id']} {item['sync_type']} of {item['dataset']} is {_word(item['sync'])}")


def _both_sides(client: Client, read: dict[str, Any], *, sync: bool) -> str:
    """What the caller wanted, and what somebody else has done meanwhile."""
    now = client.sync_config(read["id"])
    changes = client.config_history(read["id"], limit=1)["items"]
    theirs = _told(changes[0]) if changes and changes[0]["revision"] > read["revision"] else "a sync has moved it on"
    return (
        f"sync config {read['id']} was not switched. You wanted it {_word(sync)}, having read revision "
        f"{read['revision']}, where it was {_word(read['sync'])}. Meanwhile it is {_word(now['sync'])} at revision "
        f"{now['revision']}: {theirs}. Try again if you still want it"
    )


def _told(change: dict[str, Any]) -> str:
    what = ", ".join(f"{one['pointer']} {one['before']!r} -> {one['after']!r}" for one in change["changes"])
    why = "" if change["reason"] is None else f" because: {change['reason']}"
    return f"{change['at'][:19].replace('T', ' ')} {change['caller']} {change['action']} {what}{why}"


def _switch_type(sync_type: str, reason: str, *, sync: bool, as_json: bool) -> None:
    with told(), connect() as client:
        switched = client.switch_type(sync_type, sync=sync, reason=reason)
        if as_json:
            print_json(switched)
            return
        changed = switched["changed"]
        out.print(f"{len(changed)} sync config{'s' * (len(changed) != 1)} of {sync_type} switched {_word(sync)}")


def _word(sync: bool) -> str:  # noqa: FBT001 - a value, not an option
    return "on" if sync else "off"
