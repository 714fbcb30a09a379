"""`datapump keys make | list | rotate | revoke`: on the data folder's own store, whether a server runs on it or not."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from datapump.cli.output import DATA, out, print_json, told
from datapump.clock import SystemClock
from datapump.errors import NotFoundError
from datapump.key_ring import KeyRing
from datapump.keys import ApiKey, Scope, digest
from datapump.secret_files import replace, secret_file
from datapump.settings import get_settings
from datapump.stores.sqlite import Database, SqliteKeyStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datapump.key_ring import NewKey

app = typer.Typer(help="Callers' keys.", no_args_is_help=True, add_completion=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Data = Annotated[Path | None, typer.Option(help=DATA)]
RunTable = Annotated[
    str | None, typer.Option(help="DynamoDB run table of a production deployment, in the place of a data folder.")
]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as the list shows it.")]


@app.command()
def make(
    caller: Annotated[str, typer.Argument(metavar="CALLER", help="Whose key it is; executions and audit name it.")],
    scope: Annotated[Scope, typer.Option(help="What it allows; each includes the ones before it.")] = Scope.READ,
    data: Data = None,
    run_table: RunTable = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is shown once."""
    with told(), _ring(data, run_table) as ring:
        _show(ring.make(caller, scope), as_json=as_json)


@app.command("list")
def list_(data: Data = None, run_table: RunTable = None, *, as_json: AsJson = False) -> None:
    """List the keys that were ever made; no secret is kept, so none is shown."""
    with told(), _ring(data, run_table) as ring:
        keys = ring.keys()
    if as_json:
        print_json([_document(key) for key in keys])
        return
    table = Table("id", "caller", "scope", "created", "revoked", box=None)
    for key in keys:
        revoked = "" if key.revoked is None else f"{key.revoked:%Y-%m-%d %H:%M}"
        table.add_row(key.id, key.caller, key.scope, f"{key.created:%Y-%m-%d %H:%M}", revoked)
    out.print(table)


@app.command()
def rotate(key_id: KeyId, data: Data = None, run_table: RunTable = None, *, as_json: AsJson = False) -> None:
    """Make a new key of the same caller and scope, and revoke the old one."""
    with told(), _ring(data, run_table) as ring:
        new = ring.rotate(key_id)
        owners = secret_file(_folder(data), "admin-key")
        if run_table is None and owners.exists() and digest(owners.read_text().strip()).startswith(key_id):
            # The command line reads the owner's key from there.
            replace(owners, new.secret)
        _show(new, as_json=as_json)


@app.command()
def revoke(key_id: KeyId, data: Data = None, run_table: RunTable = None, *, as_json: AsJson = False) -> None:
    """Let a key open nothing any more, from the next request on."""
    with told(), _ring(data, run_table) as ring:
        key = ring.revoke(key_id)
        if as_json:
            print_json(_document(key))
            return
        out.print(f"{key.id} of {key.caller} is revoked")


def _folder(data: Path | None) -> Path:
    return data or get_settings().data_dir


@contextmanager
def _ring(data: Path | None, run_table: str | None) -> Iterator[KeyRing]:
    if run_table is not None:
        # Importing boto3 costs as much as all the rest of the command line.
        from datapump.stores.dynamodb import DynamoKeyStore, Tables  # noqa: PLC0415 - see above

        tables = Tables.of(get_settings().model_copy(update={"run_table": run_table}))
        yield KeyRing(DynamoKeyStore(tables), SystemClock())
        return
    path = _folder(data) / "datapump.sqlite"
    if not path.exists():
        raise NotFoundError(f"there is no store at {path}: start the server once, or name its folder with --data")
    database = Database(path)
    try:
        yield KeyRing(SqliteKeyStore(database), SystemClock())
    finally:
        database.close()


def _show(new: NewKey, *, as_json: bool) -> None:
    if as_json:
        print_json({**_document(new.key), "secret": new.secret})
        return
    out.print(f"key {new.key.id} of {new.key.caller}, scope {new.key.scope}; its secret, shown only now:")
    out.print(new.secret, soft_wrap=True, highlight=False)


def _document(key: ApiKey) -> dict[str, str | None]:
    revoked = None if key.revoked is None else key.revoked.isoformat()
    created = key.created.isoformat()
    return {"id": key.id, "caller": key.caller, "scope": key.scope, "created": created, "revoked": revoked}
