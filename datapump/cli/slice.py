"""`datapump tool slice`: cut user areas by hand."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from datapump.errors import DatapumpError, InvalidInputError

KIB = 1 if sys.platform == "darwin" else 1024


def slice_areas(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT.json", help="A find-by-ids answer, or GeoJSON features with ids.")
    ],
    out: Annotated[Path, typer.Option(help="The feature file to write, tab-separated.", dir_okay=False)],
    extent: Annotated[
        Path | None, typer.Option(help="GeoJSON cells with tcl and glad; unset: the cells of the listed land.")
    ] = None,
) -> None:
    """Cut areas by 1x1 degree cells into a feature file, and print a summary as JSON."""
    begin = time.perf_counter()
    try:
        # Cutting imports shapely; usage errors and --help do without.
        from datapump.areas.extent import read_extent  # noqa: PLC0415 - see above
        from datapump.areas.files import slice_file  # noqa: PLC0415 - see above
        from datapump.land import land_cells  # noqa: PLC0415 - see above

        if out.resolve() in {source.resolve(), extent and extent.resolve()}:
            raise InvalidInputError(f"--out {out} is a file that is read: name another, it would be overwritten")
        cells = land_cells() if extent is None else read_extent(extent, str(extent))
        slicer = slice_file(source, out, cells)
    except DatapumpError as error:
        typer.echo(f"error: {error.message}", err=True)
        raise typer.Exit(1) from error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    summary = {
        "areas": len(slicer.sliced) + len(slicer.outside) + len(slicer.rejected),
        "sliced": len(slicer.sliced),
        "rows": slicer.rows,
        "outside": slicer.outside,
        "rejected": [rejection._asdict() for rejection in slicer.rejected],
        "shrunk": slicer.shrunk,
        "seconds": round(time.perf_counter() - begin, 3),
        "peak_memory_bytes": peak,
    }
    typer.echo(json.dumps(summary, indent=2))
