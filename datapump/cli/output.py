"""What the command line's commands share: where they write, and how they fail."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from httpx import InvalidURL
from rich.console import Console

from datapump.client import Client, Patience
from datapump.errors import DatapumpError, InvalidInputError, UnauthorizedError, UserError
from datapump.secret_files import read, secret_file
from datapump.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from datapump.client.operations import JSON
    from datapump.settings import Settings

out = Console()
err = Console(stderr=True)

FAILED = 1
USAGE = 2
ATTEMPTS = 3
DATA = "Data folder; otherwise DATAPUMP_DATA_DIR, or data."


@contextmanager
def told() -> Iterator[None]:
    """Turn an error into words on stderr and an exit code: 2 for a mistake of the caller, 1 for anything else."""
    try:
        yield
    except DatapumpError as error:
        tell(error)
        raise typer.Exit(USAGE if isinstance(error, UserError) else FAILED) from None


def tell(error: DatapumpError) -> None:
    """Say what went wrong, fault by fault."""
    err.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
    if isinstance(error, UnauthorizedError):
        err.print("  the key is DATAPUMP_API_KEY, or what DATAPUMP_DATA_DIR (data) holds in secrets/admin-key")
    if isinstance(error, InvalidInputError):
        for fault in error.faults:
            if fault.message != error.message:
                err.print(f"  {escape(fault.pointer or '(whole body)')}: {escape(fault.message)}", soft_wrap=True)


def escape(text: str) -> str:
    """Text that rich prints as it is."""
    return text.replace("[", r"\[")


def print_json(document: object) -> None:
    """A document on stdout, for other programs."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def every(ask: Callable[..., JSON], *names: str, **filters: str | int | bool | None) -> Iterator[JSON]:
    """The items of a list, page after page.

    Args:
        ask: The client's operation that gives a page.
        names: What the list is of, as the operation takes it.
        filters: As the operation takes them.
    """
    cursor = None
    while True:
        page = ask(*names, cursor=cursor, **filters)
        yield from page["items"]
        # A server of an earlier version pages fewer lists.
        cursor = page.get("next")
        if cursor is None:
            if page.get("limited"):
                err.print("[yellow]warning:[/] there are more rows, but this table cannot be read page by page now")
            return


def connect(settings: Settings | None = None, *, timeout_s: float = 30.0, attempts: int = ATTEMPTS) -> Client:
    """A client of the server that the settings name.

    Raises:
        NotFoundError: There is no key.
        InvalidInputError: There is no such address.
    """
    settings = settings or get_settings()
    from pydantic import SecretStr  # noqa: PLC0415 - pydantic is slow to import and not wanted by every command

    patience = Patience(attempts=attempts)
    key = settings.api_key or SecretStr(read(secret_file(settings.data_dir, "admin-key")))
    try:
        return Client(settings.url, key, timeout_s, patience=patience)
    except InvalidURL:
        raise InvalidInputError(f"{settings.url!r} is no http or https URL: set DATAPUMP_URL") from None
