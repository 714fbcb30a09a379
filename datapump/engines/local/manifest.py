"""The manifest: what a run read, what it left out and why, and what it wrote."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypedDict

from datapump.analyses import Analysis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.features import Features
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.skipped import Reason, Skipped
    from datapump.engines.local.tables import Table


class Reader(Protocol):
    """What has read fire files."""

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each file."""
        ...

    @property
    def by_position(self) -> dict[str, dict[str, str]]:
        """Of each file: fields read by position, and the names of the columns they were read from."""
        ...

    @property
    def skipped(self) -> Skipped:
        """Rows that were dropped."""
        ...


class InputEntry(TypedDict):
    """An input file; `by_position` names the column read for each field that the header does not name."""

    name: str
    bytes: int
    rows: int
    by_position: dict[str, str]


class FeaturesEntry(TypedDict):
    """What became of the rows of the feature files."""

    rows: int
    features: int
    repaired: int
    skipped: int
    skipped_reasons: list[Reason]


class FiresEntry(TypedDict):
    """What became of the rows of the fire files; `matched` points lie in at least one feature."""

    read: int
    dropped: int
    matched: NotRequired[int]
    dropped_reasons: list[Reason]


class RastersEntry(TypedDict):
    """What was read of rasters.

    `windows_skipped` counts windows by the required layer that has no tile there, `tiles` the tiles in which features
    have pixels, `tiles_missing` those of them that are not there by layer, `rows_beyond_grid` the rows of features
    that reach beyond 180 or 90 degrees: what lies there has no pixels.
    """

    grid: str
    windows: int
    windows_skipped: dict[str, int]
    pixels: int
    tiles: int
    tiles_missing: dict[str, int]
    rows_beyond_grid: int


class TableEntry(TypedDict):
    """A table that was written; `alert__count` is the sum of the column, null in whitelists."""

    level: str
    table: str
    rows: int
    alert__count: int | None


class Manifest(TypedDict):
    """`manifest.json`; it holds nothing that differs between runs of the same input."""

    engine: str
    run: str
    analysis: str
    feature_type: str
    change_only: bool
    feature_files: list[InputEntry]
    fire_files: list[InputEntry]
    as_of: NotRequired[str]
    features: FeaturesEntry
    fires: NotRequired[FiresEntry]
    rasters: NotRequired[RastersEntry]
    layers: dict[str, str]
    layers_not_configured: list[str]
    tiles_missing: NotRequired[dict[str, int]]
    tables: list[TableEntry]


def inputs(
    files: Sequence[InputFile], rows: Mapping[str, int], by_position: Mapping[str, dict[str, str]]
) -> list[InputEntry]:
    """The entries of input files."""
    return [
        {"name": file.name, "bytes": file.size, "rows": rows[file.name], "by_position": by_position[file.name]}
        for file in files
    ]


def table_entry(table: Table) -> TableEntry:
    """The entry of a table."""
    return {"level": table.level, "table": table.name, "rows": table.rows, "alert__count": table.total}


def describe(
    request: AnalysisRequest, features: Features, reader: Reader | None, files: Mapping[str, Sequence[InputFile]]
) -> Manifest:
    """The manifest of a run whose tables are yet to be written.

    Args:
        request: What was asked for.
        features: What was read of features.
        reader: What was read of fires; None: the analysis reads none.
        files: The input files, `features` and `fires`.
    """
    manifest: Manifest = {
        "engine": f"datapump {metadata.version('datapump')}",
        "run": request.name,
        "analysis": request.analysis.value,
        "feature_type": request.feature_type.value,
        "change_only": request.change_only,
        "feature_files": inputs(files["features"], features.rows, features.by_position),
        "fire_files": [],
        "features": {
            "rows": sum(features.rows.values()),
            "features": len(features.ids),
            "repaired": features.repaired,
            "skipped": features.skipped.total,
            "skipped_reasons": features.skipped.report(),
        },
        "layers": {},
        "layers_not_configured": [],
        "tables": [],
    }
    if reader is not None:
        read, dropped = sum(reader.rows.values()), reader.skipped.total
        manifest["fire_files"] = inputs(files["fires"], reader.rows, reader.by_position)
        manifest["fires"] = {
            "read": read,
            "dropped": dropped,
            "dropped_reasons": reader.skipped.report(),
        }
    return manifest


def notes(manifest: Mapping[str, Any]) -> list[str]:
    """What to know of a run that wrote this manifest, in words: rows left out and why, layers left out."""
    features, missing = manifest["features"], manifest["layers_not_configured"]
    found = []
    if features["skipped"]:
        found.append(f"{features['skipped']} feature rows skipped: {_words(features['skipped_reasons'])}")
    if "fires" in manifest and manifest["fires"]["dropped"]:
        fires = manifest["fires"]
        found.append(f"{fires['dropped']} fires dropped: {_words(fires['dropped_reasons'])}")
    if "rasters" in manifest:
        found += _raster_notes(manifest["rasters"])
    systems = [name for name in missing if name.endswith("_alerts")]
    if systems and manifest["analysis"] == Analysis.INTEGRATED_ALERTS:
        names = " and ".join(systems)
        found.append(f"alerts without {names}: dates and highest confidence differ from those of all four systems")
    if missing:
        found.append(f"{len(missing)} layers are not configured, so their columns are null: see manifest.json")
    return found


def _raster_notes(rasters: Mapping[str, Any]) -> list[str]:
    found = []
    for name, windows in rasters["windows_skipped"].items():
        found.append(f"{windows} of {rasters['windows']} windows left out: {name} has no tile there")
    if rasters["tiles_missing"]:
        counts = ", ".join(f"{name} {count}" for name, count in rasters["tiles_missing"].items())
        found.append(f"tiles that are not there, whose pixels have default values, of {rasters['tiles']}: {counts}")
    if rasters["rows_beyond_grid"]:
        found.append(f"{rasters['rows_beyond_grid']} feature rows reach beyond 180 or 90 degrees and are cut there")
    return found


def _words(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason['rows']} {reason['reason']}" for reason in reasons)
