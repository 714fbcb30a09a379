"""`datapump sync-configs list | enable | disable`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from datapump.cli.output import connect, out, print_json, told

app = typer.Typer(help="What is kept in step with its feed, night by night.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Hash = Annotated[str, typer.Argument(metavar="HASH", help="The config's id, as the list shows it.")]


@app.command("list")
def list_(
    sync_type: Annotated[str | None, typer.Option("--type", help="Only of this sync type.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List sync configs."""
    with told(), connect() as client:
        page = client.sync_configs(sync_type=sync_type, dataset=dataset, limit=200)
    if as_json:
        print_json(page)
        return
    if not page["items"]:
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
    for item in page["items"]:
        switch = "[green]on[/]" if item["sync"] else "[red]off[/]"
        versions = (item["dataset_version"], item["analysis_version"], item["sync_version"] or "")
        table.add_row(item["id"], switch, item["sync_type"], item["dataset"], *versions)
    out.print(table)
    if page["next"]:
        out.print("there are more: filter by --type or --dataset")


@app.command()
def enable(config: Hash) -> None:
    """Switch a sync config on."""
    _switch(config, sync=True)


@app.command()
def disable(config: Hash) -> None:
    """Switch a sync config off."""
    _switch(config, sync=False)


def _switch(config: str, *, sync: bool) -> None:
    with told(), connect() as client:
        item = client.switch(config, sync=sync)
        out.print(f"{item['id']} {item['sync_type']} of {item['dataset']} is {'on' if item['sync'] else 'off'}")
