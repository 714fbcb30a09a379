"""What can be asked: one union, discriminated on `command`."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from datapump.analyses import NOT_COMPUTED, Analysis, FeatureType, SyncType
from datapump.engines import EngineName
from datapump.errors import Fault, InvalidInputError
from datapump.jobs.document import Document
from datapump.jobs.documents import Job, Table
from datapump.names import DatasetName, VersionName
from datapump.rasters.parameters import TileCacheParameters, TileSetParameters

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

GEOTRELLIS_VERSION_PATTERN = r"^\d{1,3}\.\d{1,3}\.\d{1,3}([.-][A-Za-z0-9.-]{1,40})?$"
LABEL_NAME_PATTERN = r"^[a-z][a-z0-9_.-]{0,62}$"
LABEL_VALUE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
LabelName = Annotated[str, Field(pattern=LABEL_NAME_PATTERN)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE_PATTERN)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=16)]


class OnConflict(StrEnum):
    """What becomes of a command while another execution writes some of the same."""

    QUEUE = "queue"
    REFUSE = "refuse"


class Asked(Document):
    """What every command may have.

    Attributes:
        labels: Names and values by which its executions are found again; they change nothing else.
        on_conflict: While another execution writes some of the same: its jobs wait for their turn, or it is refused.
    """

    labels: Labels = Field(default_factory=dict)
    on_conflict: OnConflict = OnConflict.QUEUE


class AnalysisParameters(Document):
    """One analysis job per table.

    Attributes:
        engine: Which engine computes; none: the deployment chooses, by its settings and the estimated work.
    """

    analysis_version: VersionName
    sync: bool
    geotrellis_version: str = Field(pattern=GEOTRELLIS_VERSION_PATTERN)
    tables: list[Table] = Field(min_length=1, max_length=1000)
    engine: EngineName | None = None

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        seen: dict[tuple[str, Analysis], Table] = {}
        for table in self.tables:
            other = seen.setdefault((table.dataset, table.analysis), table)
            if other is not table and other == table:
                raise ValueError(f"the table {table} is listed twice: list each once")
            if other is not table:
                raise ValueError(
                    f"the tables {other} and {table} would be published under the same names: "
                    "give them analysis versions of their own, each with its own command"
                )
            refuse_impossible(table)
        return self


def refuse_impossible(table: Table) -> None:
    """Refuse a table that no engine can compute.

    Raises:
        ValueError: The analysis does not know this kind of features; the message names the table.
    """
    feature_type = FeatureType.of_dataset(table.dataset)
    if feature_type is FeatureType.FEATURE and table.analysis in {Analysis.TCL, Analysis.BURNED_AREAS}:
        raise ValueError(
            f"the table {table} cannot work: {table.analysis} is computed for gadm, wdpa_protected_areas "
            "and geostore datasets only"
        )


class SyncParameters(Document):
    """Every enabled sync config of the types, or of the types and tables.

    Attributes:
        engine: Which engine computes; none: the deployment chooses, by its settings and the estimated work.
    """

    types: list[SyncType] = Field(min_length=1)
    sync_version: VersionName | None = None
    tables: list[Table] | None = Field(default=None, min_length=1, max_length=1000)
    engine: EngineName | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.types)) != len(self.types):
            raise ValueError("a sync type is listed twice: list each once")
        return self


class ContentDateRange(Document):
    """First and last day of what a version holds."""

    start_date: date
    end_date: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError("end_date is before start_date")
        return self


class VersionUpdateParameters(Document):
    """One raster version: a tile set, and map tiles drawn from it.

    Attributes:
        content_date_description: What the dates mean, in words; none: the range itself.
    """

    dataset: DatasetName
    version: VersionName
    content_date_range: ContentDateRange
    content_date_description: str | None = Field(default=None, min_length=1, max_length=500)
    tile_set_parameters: TileSetParameters
    tile_cache_parameters: TileCacheParameters | None = None


class ContinueJobsParameters(Document):
    """Job documents to take up where they stand."""

    jobs: list[Job] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [job.id for job in self.jobs]
        if len(set(ids)) != len(ids):
            raise ValueError("two jobs have the same id: list each job once")
        return self


class SetLatestParameters(Document):
    """The analysis version whose result versions become latest."""

    analysis_version: VersionName


class AnalysisCommand(Asked):
    """Run analyses and publish their tables."""

    command: Literal["analysis"]
    parameters: AnalysisParameters


class SyncCommand(Asked):
    """Bring the enabled sync configs of some types up to date with their feeds."""

    command: Literal["sync"]
    parameters: SyncParameters


class VersionUpdateCommand(Asked):
    """Publish a raster version."""

    command: Literal["version_update"]
    parameters: VersionUpdateParameters


class ContinueJobsCommand(Asked):
    """Take up given jobs."""

    command: Literal["continue_jobs"]
    parameters: ContinueJobsParameters


class SetLatestCommand(Asked):
    """Mark result versions latest."""

    command: Literal["set_latest"]
    parameters: SetLatestParameters


AnyCommand = AnalysisCommand | SyncCommand | VersionUpdateCommand | ContinueJobsCommand | SetLatestCommand
Command = Annotated[AnyCommand, Field(discriminator="command")]
COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(Command)
NAMES = ("analysis", "sync", "version_update", "continue_jobs", "set_latest")


def parse_command(body: bytes | str) -> AnyCommand:
    """The command that a JSON text asks for.

    Raises:
        InvalidInputError: Not JSON, an unknown command, an unknown key, a wrong type or value; every fault
            names its field by JSON pointer and says what is allowed.
    """
    try:
        return COMMAND.validate_json(body)
    except ValidationError as error:
        raise InvalidInputError("The command is not valid.", faults=_faults(error)) from None


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(
            pointer(_path(item["loc"], item.get("ctx", {}))),
            _not_computed(item) or _words(item["type"], item["msg"], item.get("ctx", {})),
        )
        for item in error.errors(include_url=False)
    ]


def _path(location: tuple[int | str, ...], context: dict[str, object]) -> tuple[int | str, ...]:
    """The place in the input: pydantic puts union tags into it and leaves the discriminator out of it."""
    path = list(location[1:] if location and location[0] in NAMES else location)
    if path[:1] == ["labels"] and path[-1] == "[key]":
        del path[-1]
    if path[:2] == ["parameters", "jobs"]:
        del path[3:4]
    discriminator = context.get("discriminator")
    return (*path, discriminator.strip("'")) if isinstance(discriminator, str) else tuple(path)


def _not_computed(item: ErrorDetails) -> str | None:
    """Why an analysis that GeoTrellis knows is none here."""
    if item["loc"][-1:] != ("analysis",) or not isinstance(item["input"], str):
        return None
    reason = NOT_COMPUTED.get(item["input"])
    return reason and f"{item['input']!r} is not computed: {reason}"


def _words(kind: str, message: str, context: dict[str, object]) -> str:
    if kind == "union_tag_invalid":
        return f"{context['tag']!r} is not known; allowed are {context['expected_tags']}"
    if kind == "union_tag_not_found":
        known = NAMES if context["discriminator"] == "'command'" else ("analysis", "set_latest", "raster_version")
        return f"is required; allowed are {', '.join(repr(name) for name in known)}"
    if kind == "extra_forbidden":
        return "is not a known key: remove it, or look for a typing mistake"
    if kind == "json_invalid":
        return f"the body is not JSON: {context['error']}"
    if kind == "missing":
        return "is required"
    return message.removeprefix("Value error, ")


def pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901 JSON pointer of a path of keys and indices."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
