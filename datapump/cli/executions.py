"""`datapump submit | watch | executions | stop`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from datapump.cli import completion
from datapump.cli.output import FAILED, connect, err, escape, out, print_json, told
from datapump.cli.progress import JobProgress, label
from datapump.commands import NAMES
from datapump.errors import NotFoundError, RemoteUnavailableError
from datapump.executions import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datapump.client import Client

ENDED = {"succeeded", "failed", "stopped"}
LOOK_S = 0.5
PATIENCE = 60
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def submit(
    command: Annotated[str, typer.Argument(metavar="FILE|-", help="A command as JSON; - reads it from stdin.")],
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key never starts it twice.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the execution until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a command."""
    with told(), connect() as client:
        execution = client.submit(text_of(command), key)
        if as_json and not watch:
            print_json(execution)
        elif not watch:
            line = f"{execution['id']} {execution['status']}; follow it: datapump watch {execution['id']}"
            out.print(line, soft_wrap=True)
        if watch:
            _end(follow(client, execution["id"]), as_json=as_json)


def text_of(name: str) -> bytes:
    """The text of a command file; `-` is stdin."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise NotFoundError(f"the command file {name} cannot be read: {error.strerror}") from None


def watch(
    execution_id: Annotated[str, completion.execution_argument("Which execution.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show an execution, job by job, until it ends. Exit code 0 only if it succeeded."""
    with told(), connect() as client:
        _end(follow(client, execution_id), as_json=as_json)


def follow(client: Client, execution_id: str) -> dict[str, Any]:
    """Show progress bars until the execution has ended; a server that is away for a while is waited for."""
    away = 0
    with JobProgress(err) as progress:
        while True:
            try:
                execution = client.execution(execution_id)
                away = 0
            except RemoteUnavailableError:
                away += 1
                if away > PATIENCE:
                    raise
            else:
                progress.show(execution)
                if execution["status"] in ENDED:
                    return execution
            time.sleep(LOOK_S)


def _end(execution: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(execution)
    else:
        describe(execution)
    if execution["status"] != "succeeded":
        raise typer.Exit(FAILED)


def describe(execution: dict[str, Any]) -> None:
    """Say how an execution ended, and why."""
    colour = "green" if execution["status"] == "succeeded" else "red"
    jobs = execution.get("jobs", [])
    out.print(f"{execution['id']} [bold {colour}]{execution['status']}[/]: {len(jobs)} job{'s' * (len(jobs) != 1)}")
    for note in execution.get("notes", []):
        out.print(f"  note: {escape(note)}", soft_wrap=True)
    for error in execution.get("errors", []):
        out.print(f"  [red]error:[/] {escape(error)}", soft_wrap=True)
    for engine, holders in _by_engine(jobs).items():
        out.print(f"  engine {holders}: {escape(engine)}", soft_wrap=True)
    for note, holders in _by_note(jobs).items():
        out.print(f"  note: {holders}: {escape(note)}", soft_wrap=True)
    for job in jobs:
        for error in job.get("errors", []):
            out.print(f"  [red]job {job['id']}[/] ({error['step']}): {escape(error['message'])}", soft_wrap=True)


def _by_engine(jobs: list[dict[str, Any]]) -> dict[str, str]:
    """On which engines runs are and why, and whose."""
    return _once((f"{job['engine']}, {job['engine_reason']}", label(job)) for job in jobs if job.get("engine"))


def _by_note(jobs: list[dict[str, Any]]) -> dict[str, str]:
    """What jobs note, and which."""
    return _once((note, label(job)) for job in jobs for note in job.get("notes", []))


def _once(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What is said, and of which job: what is said of many is said once."""
    holders: dict[str, list[str]] = {}
    for text, name in told:
        holders.setdefault(text, []).append(name)
    return {text: names[0] if len(names) == 1 else f"{len(names)} jobs" for text, names in holders.items()}


def executions(
    status: Annotated[
        str | None,
        typer.Option(help="Only of this status.", autocompletion=completion.names_of(ExecutionStatus)),
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Only of this command.", autocompletion=completion.among(NAMES))
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only with a job of this dataset.")] = None,
    label: Annotated[str | None, typer.Option(help="Only with this label: name, or name:value.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    with told(), connect() as client:
        page = client.executions(status=status, command=command, dataset=dataset, label=label, limit=limit)
    if as_json:
        print_json(page)
        return
    if not page["items"]:
        out.print("no executions")
        return
    table = Table(Column("id", no_wrap=True, min_width=32), "command", "status", "created", "finished", box=None)
    for item in page["items"]:
        created, finished = (_minute(item.get(name)) for name in ("created", "finished"))
        table.add_row(item["id"], str(_name(item)), item["status"], created, finished)
    out.print(table)
    causes = [(item["id"], cause) for item in page["items"] for cause in _causes(item)]
    for execution_id, cause in causes:
        out.print(f"{execution_id}: [red]{escape(cause)}[/]", soft_wrap=True)
    if page["next"]:
        more = "there are more: raise --limit (up to 200), or choose by --status, --command, --dataset or --label"
        out.print(more, soft_wrap=True)


def _causes(item: dict[str, Any]) -> list[str]:
    """Why an execution failed, in short."""
    causes: list[str] = item["errors"][:1]
    faults = item.get("job_faults")
    if faults:
        jobs = f"{faults['jobs']} job{'s' * (faults['jobs'] != 1)}"
        subject = "" if faults["subject"] in faults["message"] else f"{faults['subject']}: "
        causes = [*causes, f"{faults['failed']} of {jobs} failed: {subject}{faults['message']}"]
    return causes


def _name(item: dict[str, Any]) -> object:
    command = item["command"]
    return command["command"] if isinstance(command, dict) else command


def _minute(moment: str | None) -> str:
    return "" if moment is None else moment[:16].replace("T", " ")


def stop(
    execution_id: Annotated[str, completion.execution_argument("Which execution.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the execution.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Stop an execution: what it runs is ended, what it has published stays."""
    with told(), connect() as client:
        execution = client.stop(execution_id, reason)
    if as_json:
        print_json(execution)
        return
    out.print(f"{execution_id} is being stopped; see it end: datapump watch {execution_id}", soft_wrap=True)
    for result in execution["published"]:
        out.print(f"  already published: {result['dataset']} {result['version']}", soft_wrap=True)
