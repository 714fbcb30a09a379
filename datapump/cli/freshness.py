"""`datapump freshness`: how fresh the tables are that follow a feed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from datapump.cli.output import FAILED, connect, escape, every, out, print_json, told


def freshness(
    sync_type: Annotated[str | None, typer.Option("--type", help="Only of this sync type.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Tell how fresh the tables are that follow a feed. Exit code 0 only if none is behind."""
    with told(), connect() as client:
        items = list(every(client.freshness, sync_type=sync_type, dataset=dataset, limit=200))
    if as_json:
        print_json(items)
    elif not items:
        out.print("no enabled sync config")
    else:
        table = Table("dataset", "type", "source has", "brought to", "last success", "behind since", box=None)
        for item in items:
            success = "" if item["last_success"] is None else _minute(item["last_success"]["ended"])
            behind = _minute(item["behind_since"])
            never = not (success or item["sync_version"])
            colour, state = (
                ("red", behind) if behind else ("yellow", "never synced") if never else ("green", "up to date")
            )
            table.add_row(
                item["dataset"],
                item["sync_type"],
                item["source_newest"] or "",
                item["alerts_until"] or item["sync_version"] or "",
                success,
                f"[{colour}]{state}[/]",
            )
        out.print(table)
        for error in sorted({item["feed_error"] for item in items} - {None}):
            out.print(f"[red]feed:[/] {escape(error)}", soft_wrap=True)
    if any(item["behind_since"] for item in items):
        raise typer.Exit(FAILED)


def _minute(moment: str | None) -> str:
    return "" if moment is None else moment[:16].replace("T", " ")
