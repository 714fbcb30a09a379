"""`datapump chart`: what the console draws, as pictures (PNG)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datapump.charts import png, rows
from datapump.charts.areas import plane, points, shapes
from datapump.cli.output import connect, every, out, print_json, told
from datapump.cli.results import pair
from datapump.errors import NotFoundError, StorageError
from datapump.published import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datapump.client import Client

Out = Annotated[Path, typer.Option("--out", help="The picture to write (PNG).")]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN=VALUE",
        help="Only rows with this value; of loss, one canopy threshold: rows of the others hold the same again.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was drawn as JSON for other programs.")]
PAGE = 200
app = typer.Typer(no_args_is_help=True, help="Draw what the console draws, as a picture.", add_completion=False)


@app.command()
def nights(target: Out, *, as_json: AsJson = False) -> None:
    """How the syncs of the last 30 nights ended, feed by feed."""
    now = datetime.now(UTC)
    with told(), connect() as client:
        since = (now - timedelta(days=rows.NIGHTS)).isoformat()
        syncs = list(every(client.executions, command="sync", since=since, limit=PAGE))
        _draw("nights", rows.nights(syncs, now.date()), "The last 30 nights", target, as_json=as_json)


@app.command()
def timeline(
    execution_id: Annotated[str, typer.Argument(metavar="ID", help="Which execution.")],
    target: Out,
    *,
    as_json: AsJson = False,
) -> None:
    """The steps of an execution's jobs over time."""
    with told(), connect() as client:
        execution = client.execution(execution_id)
        drawn = rows.timeline(execution, _events(client, execution_id), datetime.now(UTC))
        _draw("gantt", drawn, f"{execution['command']} {execution_id[:12]}", target, as_json=as_json)


@app.command()
def result(  # noqa: PLR0913 - each is an option of its own
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A result dataset.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its version.")],
    target: Out,
    by: Annotated[str, typer.Option(help="Columns to group by, with commas between them.")] = "alert__date",
    total: Annotated[
        str | None, typer.Option("--sum", help="The column to add up; without it rows are counted.")
    ] = None,
    *,
    top: Annotated[int | None, typer.Option(min=1, help="Only so many groups, the largest first.")] = None,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """A published table: totals by day, year or area."""
    with told(), connect() as client:
        most, only = min(top or MOST_ROWS, MOST_ROWS), pair(where)
        found = every(
            client.result_rows, dataset, version, group_by=by, sum=total, largest=top is not None, limit=most, **only
        )
        drawn = rows.groups(islice(found, top), by.split(","))
        title = f"{dataset} {version}: {total or 'rows'} by {by}"
        _draw("series" if top is None else "top", drawn, title, target, as_json=as_json)


@app.command()
def areas(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A result dataset.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Its version.")],
    target: Out,
    total: Annotated[
        str | None, typer.Option("--sum", help="The column to add up; without it rows are counted.")
    ] = None,
    *,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """A published table: totals of its areas on a map, and the newest fires in them where they are kept."""
    with told(), connect() as client:
        features = client.result_areas(dataset, version)["features"]
        known = {column["name"] for column in client.result(dataset, version)["columns"]}
        by = ",".join(name for name in features[0]["properties"] if name in known)
        found = every(client.result_rows, dataset, version, group_by=by, sum=total, limit=MOST_ROWS, **pair(where))
        drawn = shapes(features, found)
        places, of = _places(client, dataset, version)
        fires = points(places, plane(features))
        title = f"{dataset} {version}: {total or 'rows'} by area" + (f", {len(fires)} of {of} fires" if of else "")
        _draw("areas", drawn, title, target, as_json=as_json, points=fires)


def _places(client: Client, dataset: str, version: str) -> tuple[list[dict[str, Any]], int]:
    """Some of the fires of a table, and how many there are; none of what is no fire."""
    try:
        found = client.result_places(dataset, version)
    except NotFoundError:
        return [], 0
    return found["features"], found["total"]


def _draw(
    name: str,
    drawn: Sequence[dict[str, Any]],
    title: str,
    target: Path,
    *,
    as_json: bool,
    points: Sequence[dict[str, Any]] | None = None,
) -> None:
    if not drawn:
        raise NotFoundError("there is nothing to draw")
    picture = png(name, drawn, title, points)
    try:
        target.write_bytes(picture)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}") from None
    if as_json:
        print_json({"file": str(target), "chart": name, "rows": list(drawn)})
    else:
        out.print(f"{target}: {title}: {len(drawn)} rows drawn", soft_wrap=True)


def _events(client: Client, execution_id: str) -> Iterator[dict[str, Any]]:
    after = 0
    while page := client.events(execution_id, after=after)["items"]:
        yield from page
        after = page[-1]["seq"]
