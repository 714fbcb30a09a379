"""The bodies of requests on datasets, versions and queries."""

from __future__ import annotations

from typing import Annotated

from datapump.embedded.data_api.models.fields import Day, JsonObject, Lenient, Number, Strict, VectorDriver
from datapump.embedded.data_api.models.rasters import RasterSource
from datapump.embedded.data_api.models.tables import TableSource, VectorSource
from datapump.embedded.data_api.wording import first_of, one_of

Source = TableSource | RasterSource | VectorSource


class DatasetMetadata(Lenient):
    """What is told about a dataset. Unknown keys are ignored."""

    spatial_resolution: Number | None = None
    resolution_description: str | None = None
    geographic_coverage: str | None = None
    update_frequency: str | None = None
    scale: str | None = None
    citation: str | None = None
    title: str | None = None
    subtitle: str | None = None
    source: str | None = None
    license: str | None = None
    data_language: str | None = None
    overview: str | None = None
    function: str | None = None
    cautions: str | None = None
    key_restrictions: str | None = None
    tags: list[str] | None = None
    why_added: str | None = None
    learn_more: str | None = None


class DateRange(Strict):
    """The days that a version's content covers."""

    start_date: Day | None = None
    end_date: Day | None = None


class VersionMetadata(Lenient):
    """What is told about a version. Unknown keys are ignored, but not in the date range."""

    spatial_resolution: Number | None = None
    resolution_description: str | None = None
    geographic_coverage: str | None = None
    update_frequency: str | None = None
    scale: str | None = None
    citation: str | None = None
    content_date: Day | None = None
    content_date_range: DateRange | None = None
    content_date_description: str | None = None
    last_update: Day | None = None


class DatasetCreateIn(Strict):
    """Make a dataset."""

    is_downloadable: bool = True
    metadata: DatasetMetadata


class VersionCreateIn(Strict):
    """Make a version from sources."""

    is_downloadable: bool | None = None
    metadata: VersionMetadata | None = None
    creation_options: Annotated[Source, first_of(TableSource, RasterSource, VectorSource)]


class VersionUpdateIn(Strict):
    """Change what is told about a version; what is left out, or null, stays as it is."""

    is_downloadable: bool | None = None
    is_latest: bool | None = None
    metadata: VersionMetadata | None = None


class VersionAppendIn(Strict):
    """Add the rows of further sources to a version's table."""

    source_uri: list[str]
    source_driver: VectorDriver | None = None
    layers: list[str] | None = None


class QueryIn(Strict):
    """A query, perhaps only for rows whose geometry meets a GeoJSON one."""

    sql: str
    geometry: JsonObject | None = None


class CsvQueryIn(QueryIn):
    """A query answered with delimited text."""

    delimiter: Annotated[str, one_of(",", "\t", "|", ";")] = ","
