"""An example of each command; the contract shows them, a test sends them."""

from __future__ import annotations

from typing import Any

_JOB = {
    "kind": "analysis",
    "id": "gadm-viirs-1",
    "table": {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"},
    "analysis_version": "v20261101",
    "geotrellis_version": "2.4.1",
    "feature_type": "gadm",
    "features": ["s3://gfw-pipelines/geotrellis/features/gadm41_adm2_1x1.tsv"],
    "alert_sources": ["s3://gfw-data-lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv/near_real_time/*.tsv"],
}

COMMANDS: dict[str, dict[str, Any]] = {
    "analysis": {
        "command": "analysis",
        "parameters": {
            "analysis_version": "v20261101",
            "sync": True,
            "geotrellis_version": "2.4.1",
            "tables": [
                {"dataset": "gadm", "version": "v4.1", "analysis": "viirs"},
                {"dataset": "wdpa_protected_areas", "version": "v202610", "analysis": "viirs"},
            ],
        },
    },
    "sync": {"command": "sync", "parameters": {"types": ["viirs", "modis"], "sync_version": "v20261122"}},
    "version_update": {
        "command": "version_update",
        "parameters": {
            "dataset": "umd_tree_cover_loss",
            "version": "v1.12",
            "content_date_range": {"start_date": "2000-12-31", "end_date": "2025-12-31"},
            "content_date_description": "Years of tree cover loss",
            "tile_set_parameters": {
                "source_uri": ["s3://gfw-files/2026_update/loss/tiles.geojson"],
                "pixel_meaning": "year",
                "grid": "10/40000",
                "data_type": "uint16",
                "no_data": 0,
            },
            "tile_cache_parameters": {"max_zoom": 12, "symbology": {"type": "year_intensity"}},
        },
    },
    "continue_jobs": {"command": "continue_jobs", "parameters": {"jobs": [_JOB]}},
    "set_latest": {"command": "set_latest", "parameters": {"analysis_version": "v20261101"}},
}
SUMMARIES = {
    "analysis": "Analyse fires in two datasets, and keep both in step with the feed",
    "sync": "Bring what follows two feeds up to date",
    "version_update": "Publish a raster version",
    "continue_jobs": "Take up a job where it stands",
    "set_latest": "Mark the result versions of an analysis version latest",
}
