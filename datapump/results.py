"""Result tables: what an analysis publishes, under which names, with which columns and indexes.

Source: the production tables of the GFW Data API; their names, types and indexes are what its users query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from datapump.analyses import FIRE_ANALYSES, Analysis, FeatureType, SyncType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from datapump.jobs.documents import AnalysisJob

ID_COLUMNS: Final = {
    "iso": ("iso",),
    "adm1": ("iso", "adm1"),
    "adm2": ("iso", "adm1", "adm2"),
    "wdpa": ("wdpa_protected_area__id",),
    "geostore": ("geostore__id",),
    "feature": ("feature__id",),
}
WDPA_COLUMNS: Final = frozenset(f"wdpa_protected_area__{name}" for name in ("id", "name", "iucn_cat", "iso", "status"))
FOLDERS: Final = {
    Analysis.TCL: "annualupdate_minimal",
    Analysis.GLAD: "gladalerts",
    Analysis.INTEGRATED_ALERTS: "integrated_alerts",
    Analysis.VIIRS: "firealerts_viirs",
    Analysis.MODIS: "firealerts_modis",
    Analysis.BURNED_AREAS: "firealerts_burned_areas",
}
# Of these, each sync makes a version; to the tables of the others it appends.
NIGHTLY: Final = frozenset({Analysis.GLAD, Analysis.INTEGRATED_ALERTS})
FIRST_PARTITION_YEAR: Final = 2012
_PLURAL_THRESHOLD: Final = (2, 1, 4)


def expected_tables(analysis: Analysis, feature_type: FeatureType, *, change_only: bool) -> list[tuple[str, str]]:
    """The (level, table) pairs that an analysis writes, coarsest level first."""
    if feature_type is not FeatureType.GADM:
        return [(str(feature_type), table) for table in _tables(analysis, change_only=change_only)]
    tables = _tables(analysis, change_only=change_only)
    coarse = [table for table in tables if not (analysis in FIRE_ANALYSES and table == "daily_alerts")]
    return [(level, table) for level, names in (("iso", coarse), ("adm1", coarse), ("adm2", tables)) for table in names]


def _tables(analysis: Analysis, *, change_only: bool) -> list[str]:
    if analysis is Analysis.TCL:
        return ["change"] if change_only else ["change", "summary", "whitelist"]
    if analysis is Analysis.GLAD:
        return ["daily_alerts"] if change_only else ["daily_alerts", "summary", "whitelist"]
    if analysis is Analysis.INTEGRATED_ALERTS:
        return ["daily_alerts"]
    return ["daily_alerts", "weekly_alerts"] + ([] if change_only else ["whitelist"])


def dataset_name(dataset: str, analysis: Analysis, feature_type: FeatureType, level: str, table: str) -> str:
    """The result dataset's name."""
    if feature_type is FeatureType.GADM:
        if analysis is Analysis.VIIRS and table == "all":
            return "nasa_viirs_fire_alerts"
        return f"{dataset}__{analysis}__{level}_{table}"
    return f"{dataset}__{analysis}__{table}"


def version_name(job: AnalysisJob, table: str) -> str:
    """The result version: the override for the table, else the night's for alerts, else the analysis version.

    New user areas go to the version that is latest, of tables that have a version a night.
    """
    if table in job.version_overrides:
        return job.version_overrides[table]
    if follows_latest(job):
        level = str(job.feature_type)
        dataset = dataset_name(job.table.dataset, job.table.analysis, job.feature_type, level, table)
        return job.append_to.get(dataset, job.analysis_version)
    if makes_versions(job) and job.sync_version and "alerts" in table:
        return job.sync_version
    return job.analysis_version


def appends(job: AnalysisJob) -> bool:
    """Whether the job adds rows to versions that are there, rather than making versions."""
    return job.sync_type is not None and not makes_versions(job)


def makes_versions(job: AnalysisJob) -> bool:
    """Whether the job is a sync that makes a version a night of its tables, which becomes latest."""
    return job.sync_type not in {None, SyncType.RW_AREAS} and job.table.analysis in NIGHTLY


def follows_latest(job: AnalysisJob) -> bool:
    """Whether the job appends to whatever version is latest: user areas, to tables that have a version a night."""
    return job.sync_type == SyncType.RW_AREAS and job.table.analysis in NIGHTLY


def output_folder(job: AnalysisJob, bucket: str, stamp: str) -> str:
    """Where the engine writes: `s3://{bucket}/geotrellis/results/.../{analysis folder}_{yyyyMMdd_HHmm}`."""
    parts = ["geotrellis", "results", job.sync_version or job.analysis_version, job.table.dataset, job.analysis_version]
    if job.sync_type is not None:
        parts.append(str(job.sync_type))
    return f"s3://{bucket}/{'/'.join(parts)}/{FOLDERS[job.table.analysis]}_{stamp}"


def level_and_table(uri: str) -> tuple[str, str] | None:
    """The two folders above a result file; None for a file that holds no rows to publish."""
    if not uri.endswith(".csv") or "download" in uri:
        return None
    parts = uri.split("/")
    return parts[-3], parts[-2]


def column_type(column: str) -> str:
    """A column's type in the Data API, told by its name."""
    if "__Mg" in column or column.endswith(("__ha", "__K", "__MW")) or column in {"latitude", "longitude"}:
        return "numeric"
    integers = ("__threshold", "__count", "__perc", "__year", "__week", "__decile")
    if column.endswith(integers) or column in {"adm1", "adm2"}:
        return "integer"
    if column.startswith("is__"):
        return "boolean"
    return "date" if column.endswith("__date") else "text"


def table_schema(columns: Sequence[str], level: str, table: str) -> list[dict[str, str]]:
    """Names and types of a table's columns. In `whitelist` all but the ids say whether anything is there."""
    ids = WDPA_COLUMNS if level == "wdpa" else frozenset(ID_COLUMNS[level])
    boolean = table == "whitelist"
    return [
        {"name": column, "data_type": "boolean" if boolean and column not in ids else column_type(column)}
        for column in columns
    ]


def creation_options(
    job: AnalysisJob, level: str, table: str, columns: Sequence[str], uris: Sequence[str], today: date
) -> dict[str, Any]:
    """The body that creates a result version from tab-separated files.

    `create_dynamic_vector_tile_cache` is off: on a table without geometry it only ever adds a failed asset.
    """
    points = table == "all"
    return {
        "source_type": "table",
        "source_driver": "text",
        "source_uri": list(uris),
        "delimiter": "\t",
        "has_header": True,
        "indices": indices(job, level, table),
        "cluster": None if points else cluster(job, level, table),
        "table_schema": table_schema(columns, level, table),
        "create_dynamic_vector_tile_cache": False,
        **({"latitude": "latitude", "longitude": "longitude", "partitions": partitions(today)} if points else {}),
    }


def indices(job: AnalysisJob, level: str, table: str) -> list[dict[str, Any]]:
    """The indexes of a result table."""
    if table == "all":
        return [{"index_type": "gist", "column_names": ["geom"]}]
    return [_btree(columns) for columns in _index_columns(job, level, table)]


def cluster(job: AnalysisJob, level: str, table: str) -> dict[str, Any] | None:
    """The index by which rows are laid out: the first one; none on user areas, to which rows keep coming."""
    if job.feature_type is FeatureType.GEOSTORE:
        return None
    return _btree(_index_columns(job, level, table)[0])


def _btree(columns: Sequence[str]) -> dict[str, Any]:
    return {"index_type": "btree", "column_names": list(columns)}


def _index_columns(job: AnalysisJob, level: str, table: str) -> list[tuple[str, ...]]:
    ids = ID_COLUMNS[level]
    analysis = job.table.analysis
    if analysis is Analysis.INTEGRATED_ALERTS and table == "daily_alerts":
        if job.feature_type is FeatureType.GEOSTORE:
            return [ids]
        systems = ("umd_glad_sentinel2_alerts", "wur_radd_alerts")
        return [
            (*ids, "gfw_integrated_alerts__date"),
            *((*ids, f"{system}__confidence", f"{system}__date") for system in systems),
        ]
    return [(*ids, *_followed_by(analysis, table, job.geotrellis_version))]


def _followed_by(analysis: Analysis, table: str, geotrellis_version: str) -> tuple[str, ...]:
    renamed = release(geotrellis_version) >= _PLURAL_THRESHOLD
    threshold = "umd_tree_cover_density_2000__threshold" if renamed else "umd_tree_cover_density__threshold"
    confidence = "umd_glad_landsat_alerts__confidence" if renamed else "is__confirmed_alert"
    day = "umd_glad_landsat_alerts__date" if renamed else "alert__date"
    fires = {"daily_alerts": ("alert__date",), "weekly_alerts": ("alert__year", "alert__week")}
    followed: dict[Analysis, dict[str, tuple[str, ...]]] = {
        Analysis.TCL: {"change": (threshold, "umd_tree_cover_loss__year"), "summary": (threshold,)},
        Analysis.GLAD: {
            "daily_alerts": (confidence, day),
            "weekly_alerts": (confidence, "alert__year", "alert__week"),
        },
        **dict.fromkeys(FIRE_ANALYSES, fires),
    }
    return followed.get(analysis, {}).get(table, ())


def release(geotrellis_version: str) -> tuple[int, ...]:
    """`2.6.20` as (2, 6, 20), to be compared; what follows the three numbers is left out."""
    return tuple(int(part) for part in re.findall(r"\d+", geotrellis_version)[:3])


def partitions(today: date) -> dict[str, Any]:
    """One partition a month of `alert__date`, from 2012 to the end of next year."""
    months = [(year, month) for year in range(FIRST_PARTITION_YEAR, today.year + 2) for month in range(1, 13)]
    following = [*months[1:], (today.year + 2, 1)]
    return {
        "partition_type": "range",
        "partition_column": "alert__date",
        "partition_schema": [
            {
                "partition_suffix": f"y{year}_m{month:02}",
                "start_value": f"{year}-{month:02}-01",
                "end_value": f"{end_year}-{end_month:02}-01",
            }
            for (year, month), (end_year, end_month) in zip(months, following, strict=True)
        ],
    }
