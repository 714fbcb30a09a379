"""Job documents, and executions that hold them."""

from __future__ import annotations

from datetime import date

from datapump.analyses import Analysis, FeatureType, SyncType
from datapump.executions import Execution
from datapump.jobs.documents import AnalysisJob, JobStatus, LatestTarget, ResultTable, SetLatestJob, Table
from datapump.sync_configs import config_id

ALERTS = "s3://gfw-data-lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv/near_real_time"


def analysis_job(name="job-1", *, dataset="geostore", version="v1", analysis="viirs", **changes):
    """An analysis of a dataset version from scratch."""
    known = {
        "id": name,
        "table": Table(dataset=dataset, version=version, analysis=Analysis(analysis)),
        "analysis_version": "v1",
        "geotrellis_version": "2.6.20",
        "feature_type": FeatureType.of_dataset(dataset),
        "features": ["s3://gfw-pipelines/geotrellis/features/geostore/*.tsv"],
        "alerts_until": "2026-01-15 0200",
        "sync": True,
    }
    return AnalysisJob(**known | changes)


def sync_job(name="job-2", *, dataset="geostore", day="2026-01-16", **changes):
    """A job that appends one night of fires."""
    known = {
        "sync": False,
        "sync_type": SyncType.VIIRS,
        "sync_version": "v" + day.replace("-", ""),
        "sync_config": config_id("viirs", "v1", dataset, "v1", "viirs"),
        "change_only": True,
        "alert_sources": [f"{ALERTS}/{day}-0000_{day}-0200.tsv"],
        "alerts_until": f"{day} 0200",
        "content_end_date": date.fromisoformat(day),
    }
    return analysis_job(name, dataset=dataset, **known | changes)


def result(table="daily_alerts", action="append", **changes):
    """A table that a job publishes."""
    known = {
        "dataset": f"geostore__viirs__{table}",
        "version": "v1",
        "level": "geostore",
        "table": table,
        "uris": [f"s3://gfw-pipelines/results/{table}/part.csv"],
        "action": action,
    }
    return ResultTable(**known | changes)


def set_latest_job(name="job-3", *datasets):
    targets = [LatestTarget(dataset=dataset, version="v1") for dataset in datasets]
    return SetLatestJob(id=name, dataset="geostore", analysis=Analysis.VIIRS, analysis_version="v1", targets=targets)


def ended(job, status="complete", **changes):
    """The job at its end."""
    return job.model_copy(update={"status": JobStatus(status), **changes})


def begun(deployment, *jobs, errors=()):
    """An execution that holds these jobs; returns its id."""
    execution = Execution(
        id=deployment.clock.new_id(),
        command={"command": "analysis"},
        fingerprint="",
        caller="test",
        created=deployment.clock.now(),
    )
    deployment.runs.create_execution(execution)
    deployment.runs.begin(execution.id, jobs, [], list(errors))
    return execution.id
