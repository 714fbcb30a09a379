"""Sync configs for tests of their stores."""

from __future__ import annotations

from datapump.sync_configs import SyncConfig, SyncMetadata, config_id


def config(dataset, *, analysis="viirs", version="v1", sync_type="viirs", **changes):
    known = {
        "id": config_id(analysis, version, dataset, "v4.1", sync_type),
        "analysis": analysis,
        "analysis_version": version,
        "dataset": dataset,
        "dataset_version": "v4.1",
        "sync_type": sync_type,
        "metadata": SyncMetadata(geotrellis_version="2.6.20", features_1x1="s3://b/f.tsv"),
    }
    return SyncConfig.model_validate(known | changes)
