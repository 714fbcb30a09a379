"""The sync configs that a feed's news are for, and the jobs on their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datapump.analyses import Analysis, FeatureType
from datapump.jobs.documents import AnalysisJob, Table
from datapump.stores.config_pages import every_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datapump.analyses import SyncType
    from datapump.ports import Ports
    from datapump.sync_configs import SyncConfig


def enabled(sync_type: SyncType, tables: Sequence[Table] | None, ports: Ports) -> list[SyncConfig]:
    """The configs of a type that are switched on, of the given tables where some are given."""
    found = list(every_config(ports.sync_configs, sync_type=sync_type.value, sync=True))
    if tables is None:
        return found
    wanted = {(table.dataset, table.version, table.analysis.value) for table in tables}
    return [config for config in found if (config.dataset, config.dataset_version, config.analysis) in wanted]


def table_job(
    config: SyncConfig, job_id: str, sync_version: str, timeout_sec: int, features: str | None = None
) -> AnalysisJob:
    """A job on the tables of a config; which alerts it reads is for its caller to say.

    Args:
        config: The sync config.
        job_id: Id of the job.
        sync_version: Name of the sync version.
        timeout_sec: How long it may take, seconds.
        features: Name of the feature file; None: the config's.
    """
    return AnalysisJob(
        id=job_id,
        table=Table(dataset=config.dataset, version=config.dataset_version, analysis=Analysis(config.analysis)),
        analysis_version=config.analysis_version,
        geotrellis_version=config.metadata.geotrellis_version,
        feature_type=FeatureType.of_dataset(config.dataset),
        features=[features or config.metadata.features_1x1],
        sync_type=config.sync_type,
        sync_version=sync_version,
        sync_config=config.id,
        version_overrides=dict(config.metadata.version_overrides),
        timeout_sec=timeout_sec,
    )


def none_enabled(tables: Sequence[Table] | None) -> str:
    """Why there is nothing to do where no config is enabled."""
    return "nothing to do: no enabled sync config of this type" + (" and tables" if tables else "")
