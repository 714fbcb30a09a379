"""`datapump retry`: only what failed, from the step it failed in."""

from __future__ import annotations

from typing import Annotated

import typer

from datapump.cli import completion
from datapump.cli.executions import describe, follow
from datapump.cli.output import FAILED, connect, out, print_json, told


def retry(
    execution_id: Annotated[str, completion.execution_argument("Which execution; it has ended.")],
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key never starts it twice.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the new execution until it ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Start an execution of only the jobs that failed in another, each from the step it failed in."""
    with told(), connect() as client:
        execution = client.retry(execution_id, key)
        if watch:
            execution = follow(client, execution["id"])
    if as_json:
        print_json(execution)
    elif watch:
        describe(execution)
    else:
        line = f"{execution['id']} {execution['status']}; follow it: datapump watch {execution['id']}"
        out.print(line, soft_wrap=True)
    if watch and execution["status"] != "succeeded":
        raise typer.Exit(FAILED)
