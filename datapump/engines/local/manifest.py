"""The manifest: what a run read, what it left out and why, and what it wrote."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datapump.engines import AnalysisRequest
    from datapump.engines.local.features import Features
    from datapump.engines.local.files import InputFile
    from datapump.engines.local.fires import FireReader
    from datapump.engines.local.skipped import Reason
    from datapump.engines.local.tables import Table


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
    """What became of the rows of the fire files; `matched` fires lie in at least one feature."""

    read: int
    dropped: int
    matched: int
    dropped_reasons: list[Reason]


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
    features: FeaturesEntry
    fires: FiresEntry
    layers_not_configured: list[str]
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
    request: AnalysisRequest, features: Features, reader: FireReader, files: Mapping[str, Sequence[InputFile]]
) -> Manifest:
    """The manifest of a run whose tables are yet to be written.

    Args:
        request: What was asked for.
        features: What was read of features.
        reader: What was read of fires.
        files: The input files, `features` and `fires`.
    """
    read, dropped = sum(reader.rows.values()), reader.skipped.total
    return {
        "engine": f"datapump {metadata.version('datapump')}",
        "run": request.name,
        "analysis": request.analysis.value,
        "feature_type": request.feature_type.value,
        "change_only": request.change_only,
        "feature_files": inputs(files["features"], features.rows, features.by_position),
        "fire_files": inputs(files["fires"], reader.rows, reader.by_position),
        "features": {
            "rows": sum(features.rows.values()),
            "features": len(features.ids),
            "repaired": features.repaired,
            "skipped": features.skipped.total,
            "skipped_reasons": features.skipped.report(),
        },
        "fires": {"read": read, "dropped": dropped, "matched": 0, "dropped_reasons": reader.skipped.report()},
        "layers_not_configured": [],
        "tables": [],
    }


def notes(manifest: Mapping[str, Any]) -> list[str]:
    """What to know of a run that wrote this manifest, in words: rows left out and why, layers left out."""
    features, fires, missing = manifest["features"], manifest["fires"], manifest["layers_not_configured"]
    found = []
    if features["skipped"]:
        found.append(f"{features['skipped']} feature rows skipped: {_words(features['skipped_reasons'])}")
    if fires["dropped"]:
        found.append(f"{fires['dropped']} fires dropped: {_words(fires['dropped_reasons'])}")
    if missing:
        found.append(f"{len(missing)} layers are not configured, so their columns are null: see manifest.json")
    return found


def _words(reasons: Sequence[Reason]) -> str:
    return "; ".join(f"{reason['rows']} {reason['reason']}" for reason in reasons)
