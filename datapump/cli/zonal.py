"""`datapump tool zonal`: the embedded engine by hand, on files of this machine."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from datapump.analyses import NOT_COMPUTED, Analysis, FeatureType
from datapump.cli.output import err, print_json, told
from datapump.clock import SystemClock
from datapump.engines import AnalysisRequest
from datapump.engines.local.requests import check_analysis
from datapump.errors import StorageError
from datapump.results import FOLDERS
from datapump.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from datapump.clock import Clock

CLOCK: Clock = SystemClock()

PUBLIC_DATA_API = "https://data-api.globalforestwatch.org"
_JOURNALS = ".journals"
_SEVERAL = ("--features", "--fire-source")


class _SeveralValues(TyperCommand):
    """Takes several values behind one `--features`, as a shell makes of `--features *.tsv`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own signature
        for name, reason in NOT_COMPUTED.items():
            if f"--analysis={name}" in args or ("--analysis", name) in pairwise(args):
                raise typer.BadParameter(f"{name!r} is not computed: {reason}", param_hint="'--analysis'")
        return super().parse_args(ctx, _repeated(args))


zonal = typer.Typer(add_completion=False)


@zonal.command(cls=_SeveralValues)
def run_zonal(  # noqa: PLR0913, PLR0917 - each option is a parameter
    analysis: Annotated[Analysis, typer.Option(help="What to compute.")],
    features: Annotated[list[str], typer.Option(metavar="FILE...", help="Feature files, tab-separated; may hold *.")],
    feature_type: Annotated[FeatureType, typer.Option(help="What identifies a feature.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to make the folder of results.", file_okay=False)],
    fire_source: Annotated[
        list[str] | None, typer.Option(metavar="FILE...", help="Of fires: fire files, tab-separated; may hold *.")
    ] = None,
    layers: Annotated[Path | None, typer.Option(metavar="CATALOG", help="Raster layers, TOML.")] = None,
    objects: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder that holds buckets: s3://... is a file in it.", file_okay=False),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Of integrated alerts: the day of the run. [today]"),
    ] = None,
    iso_start: Annotated[
        str, typer.Option(metavar="ISO", help="Of gadm and wdpa: the first country, by the order of codes. [all]")
    ] = "",
    iso_end: Annotated[str, typer.Option(metavar="ISO", help="The country behind the last one. [all]")] = "",
    processes: Annotated[int, typer.Option(min=1, help="Processes that read rasters.")] = 1,
    *,
    change_only: Annotated[
        bool, typer.Option("--change-only", help="Leave out the tables that do not change with new alerts.")
    ] = False,
) -> None:
    """Sum up rasters or count fires in features, write the tables, and print a summary as JSON.

    A run over rasters that was killed goes on where it was when the same command is given again.
    """
    with told(), _folder(out, f"{FOLDERS[analysis]}_{CLOCK.now():%Y%m%d_%H%M}") as name:
        check_analysis(analysis)
        request = AnalysisRequest(
            name=name,
            analysis=analysis,
            feature_type=feature_type,
            features=tuple(features),
            output=str(out / name),
            fire_sources=tuple(fire_source or ()),
            change_only=change_only,
            as_of=_day(analysis, as_of),
            iso_start=iso_start,
            iso_end=iso_end,
        )
        print_json(_run(request, objects, layers, (processes, out / _JOURNALS)))


@contextmanager
def _folder(out: Path, name: str) -> Iterator[str]:
    """A new folder for results: another run of the same minute has its own. It is removed if nothing is written.

    Raises:
        StorageError: It cannot be made.
    """
    made = [parent for parent in (out, *out.parents) if not parent.exists()]
    for number in count(1):
        folder = out / (name if number == 1 else f"{name}_{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StorageError(f"{folder} cannot be made: {error.strerror}") from error
        try:
            yield folder.name
        finally:
            # One that holds something refuses.
            with suppress(OSError):
                for empty in (folder, *made):
                    empty.rmdir()
        return


def _day(analysis: Analysis, as_of: datetime | None) -> date | None:
    if analysis is not Analysis.INTEGRATED_ALERTS:
        return None
    return (as_of or CLOCK.now()).date()


def _repeated(args: list[str]) -> list[str]:
    """`--features a b` as `--features a --features b`."""
    result: list[str] = []
    option: str | None = None
    taken = 0
    for arg in args:
        if arg.startswith("-"):
            option, taken = (arg, 0) if arg in _SEVERAL else (None, 0)
        elif option is not None:
            if taken:
                result.append(option)
            taken += 1
        result.append(arg)
    return result


def _run(
    request: AnalysisRequest, objects: Path | None, layers: Path | None, how: tuple[int, Path]
) -> dict[str, object]:
    # The engine imports pyarrow and shapely; usage errors and --help do without.
    from datapump.buckets import Buckets  # noqa: PLC0415 - see above
    from datapump.clients.data_api import DataApi  # noqa: PLC0415 - see above
    from datapump.engines.local.files import Files  # noqa: PLC0415 - see above
    from datapump.engines.local.zonal import run  # noqa: PLC0415 - see above

    started, settings = CLOCK.now(), get_settings()
    versions = DataApi(settings.data_api_url or PUBLIC_DATA_API, settings.data_api_token, settings.data_api_timeout_s)
    with closing(versions), _bar() as progress:
        files, (processes, journals) = Files(objects, Buckets.of(settings)), how
        summary = run(
            request,
            files,
            layers=layers,
            progress=progress,
            processes=processes,
            journals=journals,
            versions=versions,
        )
    seconds = (CLOCK.now() - started).total_seconds()
    made = {"output": request.output, "seconds": round(seconds, 3), "peak_memory_mib": _peak_memory_mib()}
    return {**made, **_in_short(summary), **summary}


def _in_short(summary: Mapping[str, Any]) -> dict[str, object]:
    """What is asked for first; the whole manifest follows."""
    rasters, skipped = summary.get("rasters", {}), Counter[str]()
    for one in (*summary["features"]["skipped_reasons"], *summary.get("fires", {}).get("dropped_reasons", ())):
        skipped[one["reason"]] += one["rows"]
    return {
        "windows": rasters.get("windows", 0),
        "pixels": rasters.get("pixels", 0),
        "rows_skipped": dict(skipped),
        "layers_missing": summary["layers_not_configured"],
        "tiles_missing": summary.get("tiles_missing", rasters.get("tiles_missing", {})),
    }


@contextmanager
def _bar() -> Iterator[Callable[[float, str], None]]:
    from rich.progress import Progress  # noqa: PLC0415 - slow to import

    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda progress, message: bar.update(task, completed=progress, description=message)


def _peak_memory_mib() -> int:
    """Of the largest process so far. Linux tells KiB, macOS bytes."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)
