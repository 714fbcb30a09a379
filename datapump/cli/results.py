"""`datapump results list | show | rows`."""

from __future__ import annotations

import csv
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from datapump.cli.output import connect, every, out, print_json, told
from datapump.errors import InvalidInputError
from datapump.published import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="The tables that were published.", no_args_is_help=True, add_completion=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="A result dataset, as the list shows it.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Its version.")]
PAGE = 200


@app.command("list")
def list_(
    contains: Annotated[str | None, typer.Option(help="Only those with this in their names.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the result datasets, and their versions."""
    with told(), connect() as client:
        items = list(every(client.results, contains=contains, limit=PAGE))
    if as_json:
        print_json(items)
    elif not items:
        out.print("nothing is published" + (f" whose name contains {contains!r}" if contains else ""))
    else:
        table = Table("dataset", "versions", box=None)
        for item in items:
            table.add_row(Text(item["dataset"]), Text(", ".join(item["versions"])))
        out.print(table)


@app.command()
def show(dataset: Dataset, version: Version, *, as_json: AsJson = False) -> None:
    """Show a table: its columns, and how many rows it has."""
    with told(), connect() as client:
        found = client.result(dataset, version)
    if as_json:
        print_json(found)
        return
    latest = ", the latest version" if found["latest"] else ""
    out.print(f"{dataset} {version}: {found['status']}, {found['rows']:,} rows{latest}", markup=False, soft_wrap=True)
    table = Table("column", "type", box=None)
    for column in found["columns"]:
        table.add_row(Text(column["name"]), Text(column["type"]))
    out.print(table)


@app.command()
def rows(  # noqa: PLR0913 - each is an option of its own
    dataset: Dataset,
    version: Version,
    group_by: Annotated[
        str | None, typer.Option("--by", help="A row for each value of these columns, with commas between them.")
    ] = None,
    total: Annotated[
        str | None, typer.Option("--sum", help="The column to add up in each group; without it rows are counted.")
    ] = None,
    where: Annotated[str | None, typer.Option(metavar="COLUMN=VALUE", help="Only rows with this value.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many rows; without it all of them.")] = None,
    *,
    largest: Annotated[bool, typer.Option("--largest", help="The groups with the largest totals first.")] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with all columns.")] = False,
) -> None:
    """Read the rows of a table, or the totals of its groups. Columns without any value are not shown."""
    with told(), connect() as client:
        if as_csv and as_json:
            raise InvalidInputError("--csv and --json are two forms of the same: choose one")
        columns = [column["name"] for column in client.result(dataset, version)["columns"]]
        names = [*group_by.split(","), "total"] if group_by else columns
        most = min(limit or MOST_ROWS, MOST_ROWS)
        choice = {"group_by": group_by, "sum": total, "largest": largest, **pair(where)}
        found = islice(every(client.result_rows, dataset, version, limit=most, **choice), limit)
        if as_csv:
            _print_csv(names, found)
        elif as_json:
            print_json(list(found))
        else:
            _print_table(names, list(found))


def _print_csv(names: list[str], found: Iterable[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(chain([names], ([_text(row[name]) for name in names] for row in found)))


def _print_table(names: list[str], found: list[dict[str, Any]]) -> None:
    shown = [name for name in names if any(row[name] is not None for row in found)]
    if not found:
        out.print("no rows")
        return
    table = Table(*(Column(name, overflow="fold") for name in shown), box=None)
    for row in found:
        table.add_row(*(Text(_text(row[name])) for name in shown))
    out.print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def pair(where: str | None) -> dict[str, str]:
    """`COLUMN=VALUE` as the API takes it.

    Raises:
        InvalidInputError: It is not of that form.
    """
    if where is None:
        return {}
    column, given, value = where.partition("=")
    if not (column and given):
        raise InvalidInputError(f"--where {where!r} is not COLUMN=VALUE")
    return {"column": column, "value": value}
