"""`datapump events`: what happened in an execution, in words."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datapump.cli import completion
from datapump.cli.output import connect, escape, out, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.client import Client


def events(
    execution_id: Annotated[str, completion.execution_argument("Which execution.")],
    after: Annotated[int, typer.Option(min=0, help="Only events with a greater number.")] = 0,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the execution has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """Tell what happened in an execution."""
    with told(), connect() as client:
        # Following waits for a server that is away for a while.
        found = client.follow(execution_id, after) if follow else _happened(client, execution_id, after)
        for event in found:
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


def _happened(client: Client, execution_id: str, after: int) -> Iterator[dict[str, Any]]:
    """The events until now."""
    while True:
        page = client.events(execution_id, after=after)
        yield from page["items"]
        if page["next"] is None:
            return
        after = page["next"]
