"""`datapump events`: what happened in an execution, in words."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datapump.cli.output import connect, escape, out, told
from datapump.errors import RemoteUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.client import Client

WAIT_S = 20
AWAY_S = 1.0
PATIENCE = 60


def events(
    execution_id: Annotated[str, typer.Argument(metavar="ID", help="Which execution.")],
    after: Annotated[int, typer.Option(min=0, help="Only events with a greater number.")] = 0,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the execution has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """Tell what happened in an execution."""
    with told(), connect() as client:
        for event in happened(client, execution_id, after, follow=follow):
            if as_json:
                sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                job = "" if event["job_id"] is None else f" [dim]{event['job_id']}[/]"
                out.print(
                    f"{event['seq']:>4} {event['at'][:19].replace('T', ' ')} [bold]{escape(event['kind'])}[/]{job} "
                    f"{escape(event['message'])}",
                    soft_wrap=True,
                )


def happened(client: Client, execution_id: str, after: int, *, follow: bool) -> Iterator[dict[str, Any]]:
    """The events, each once; with `follow` until the execution ends, waiting for a server that is away for a while."""
    away = 0
    while True:
        try:
            page = client.events(execution_id, after=after, wait=WAIT_S if follow else 0)
        except RemoteUnavailableError:
            away += 1
            if not follow or away > PATIENCE:
                raise
            time.sleep(AWAY_S)
            continue
        away = 0
        for event in page["items"]:
            after = event["seq"]
            yield event
        if page["next"] is None and (page["ended"] or not follow):
            return
