"""`datapump tool fires`: read a FIRMS feed by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from datapump.errors import DatapumpError
from datapump.settings import get_settings
from datapump.sources.download import fetch
from datapump.sources.download_limits import DownloadLimits
from datapump.sources.fire_files import FireType
from datapump.sources.fire_time import FireTime


def _time(text: str) -> FireTime:
    try:
        return FireTime.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def fires(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A FIRMS feed: https URL, zip, shapefile or CSV.")],
    fire_type: Annotated[FireType, typer.Option("--type", help="Whose fires they are.")],
    out: Annotated[Path, typer.Option(help="The file to write, tab-separated.", dir_okay=False)],
    after: Annotated[
        FireTime | None, typer.Option(parser=_time, metavar="'YYYY-MM-DD HHMM'", help="Only fires later than this.")
    ] = None,
    until: Annotated[
        FireTime | None, typer.Option(parser=_time, metavar="'YYYY-MM-DD HHMM'", help="No fires later than this.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, help="Largest feed taken. [default: DATAPUMP_DOWNLOAD_MAX_BYTES]")
    ] = None,
) -> None:
    """Write the fires of a FIRMS feed to a file, by time, and print a summary as JSON."""
    settings = get_settings()
    limits = DownloadLimits(max_bytes or settings.download_max_bytes, settings.download_timeout_s)
    # Whoever names a URL on the command line trusts its host; redirects may lead to the listed ones.
    hosts = settings.feed_hosts | {(urlsplit(source).hostname or "").lower()}
    try:
        # Reading imports pyarrow; usage errors and --help do without.
        from datapump.sources.firms import convert  # noqa: PLC0415 - see above

        with tempfile.TemporaryDirectory() as folder:
            feed = fetch(source, Path(folder), limits=limits, hosts=hosts)
            summary = convert(feed, fire_type, after=after, until=until, out=out)
    except DatapumpError as error:
        typer.echo(f"error: {error.message}", err=True)
        raise typer.Exit(1) from error
    typer.echo(summary.model_dump_json(indent=2))
