"""The engine of production: GeoTrellis on EMR, a cluster for each run."""

from datapump.engines.emr.clusters import EmrOptions
from datapump.engines.emr.engine import EmrEngine

__all__ = ["EmrEngine", "EmrOptions"]
