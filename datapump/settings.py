"""Settings: the only module that reads the environment.

Every setting is an environment variable `DATAPUMP_<NAME>`, or a line of a `.env` file in the working folder.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from datapump.errors import InternalError, InvalidInputError
from datapump.setting_faults import bad_values, unknown_names, unreadable

FIRMS = "https://firms2.modaps.eosdis.nasa.gov/data/active_fire/"


class Settings(BaseSettings):
    """All that a deployment can choose. The defaults are the embedded deployment, whole on one machine."""

    model_config = SettingsConfigDict(
        env_prefix="DATAPUMP_", env_file=".env", extra="ignore", frozen=True, defer_build=True
    )

    data_dir: Path = Field(Path("data"), description="Folder of the embedded deployment: stores, objects, tables.")
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the server listens on.")
    url: str = Field("http://127.0.0.1:8000", description="Where the command line finds the server.")
    api_key: SecretStr | None = Field(
        None, description="Key of the command line; unset: the one that the server left in its data folder."
    )
    environment: Literal["embedded", "dev", "staging", "production"] = Field(
        "embedded", description="Outside production, gadm analyses on EMR are cut to a few countries."
    )

    rw_api_url: str | None = Field(
        None,
        description="Base URL (https) of the ResourceWatch API that tells whose GFW token it is; unset: only keys are "
        "taken.",
    )
    rw_api_key: SecretStr | None = Field(None, description="Sent to it as x-api-key; unset: nothing is.")
    rw_api_timeout_s: float = Field(5.0, gt=0, description="Time limit of one question to it.")

    run_table: str = Field("datapump-runs", description="DynamoDB table of executions and all that belongs to them.")
    config_table: str = Field("datapump-sync-configs", description="DynamoDB table of sync configs.")
    retention_days: int = Field(400, ge=30, description="How long DynamoDB keeps executions and what belongs to them.")
    aws_region: str | None = Field(None, description="AWS region; unset: the one that the AWS SDK finds.")
    aws_endpoint_url: str | None = Field(None, description="Another address than AWS's own, for tests.")

    rate_limit_requests: int = Field(6000, ge=1, description="Requests that one caller may make at once.")
    rate_limit_window_s: int = Field(60, ge=1, description="Seconds in which a caller's requests are given back.")

    pipeline_bucket: str = Field("gfw-pipelines", description="Bucket of features and analysis results.")
    data_lake_bucket: str = Field("gfw-data-lake", description="Bucket of the data lake: alerts, rasters.")

    real_buckets: frozenset[str] = Field(
        frozenset(),
        description="Of the embedded deployment: buckets that are real ones, where all others are folders (JSON list); "
        "*: all are.",
    )
    unsigned_buckets: frozenset[str] = Field(
        frozenset(), description="Public buckets, which are read without credentials (JSON list); *: all are."
    )
    requester_pays: bool = Field(
        default=False, description="Whether reading buckets of S3 that ask the reader to pay is paid for."
    )
    s3_endpoint: str | None = Field(None, description="Another address of S3 than AWS's own.")
    gs_endpoint: str | None = Field(None, description="Another address of Google Cloud Storage than Google's own.")
    bucket_patience_s: float = Field(
        180.0, gt=0, description="How long a request to a bucket that gets no answer is repeated."
    )

    data_api_url: str | None = Field(
        None, description="Base URL of the GFW Data API; unset: the embedded one, under /data-api."
    )
    data_api_token: SecretStr | None = Field(None, description="Bearer token for Data API writes.")
    data_api_key: SecretStr | None = Field(None, description="Sent to the Data API as x-api-key; unset: nothing is.")
    data_api_timeout_s: float = Field(65.0, gt=0, description="Time limit of one Data API request.")

    areas_api_url: str | None = Field(
        None, description="Base URL (https) of the ResourceWatch Areas API; unset: the embedded one, under /areas-api."
    )
    areas_api_token: SecretStr | None = Field(None, description="Bearer token of an admin of the Areas API.")
    areas_api_key: SecretStr | None = Field(None, description="Sent to the Areas API as x-api-key; unset: nothing is.")
    areas_api_timeout_s: float = Field(65.0, gt=0, description="Time limit of one Areas API request.")
    areas_settle_s: float = Field(
        600.0, ge=0, description="How long a status update of areas that got no answer may still be on its way."
    )
    areas_folder: Path | None = Field(
        None,
        description="Folder of the GeoJSON files that the embedded Areas API serves; unset: areas/ of the data folder.",
    )

    viirs_url: str = Field(
        FIRMS + "suomi-npp-viirs-c2/shapes/zips/SUOMI_VIIRS_C2_Global_7d.zip",
        description="FIRMS feed of VIIRS fires: https URL, which may hold a key, or file path.",
        repr=False,
    )
    modis_url: str = Field(
        FIRMS + "modis-c6.1/shapes/zips/MODIS_C6_1_Global_7d.zip",
        description="FIRMS feed of MODIS fires: https URL, which may hold a key, or file path.",
        repr=False,
    )
    burned_areas: str | None = Field(
        None, description="Name of the files of burned areas (CSV), as s3://bucket/folder/*.csv; unset: there are none."
    )
    feed_hosts: frozenset[str] = Field(
        frozenset({"firms2.modaps.eosdis.nasa.gov", "firms.modaps.eosdis.nasa.gov"}),
        description="Hosts that feeds may be fetched from, also after redirects (JSON list).",
    )
    download_max_bytes: int = Field(512 * 2**20, gt=0, description="Largest download accepted.")
    download_timeout_s: float = Field(600.0, gt=0, description="Time limit of one whole download.")

    nightly: bool = Field(
        default=True,
        description="Whether one machine syncs by itself, by the nightly schedule in UTC.",
    )
    chaining: bool = Field(
        default=True, description="Whether a new raster version starts the syncs that come after it."
    )

    slack_webhooks: dict[str, SecretStr] = Field(
        {}, description="Slack webhooks by channel (JSON object); without one, notifications are only recorded."
    )
    slack_channel: str | None = Field(
        None, description="Channel to post on; unset: data-updates in production, data-updates-staging in staging."
    )
    gnw_webhooks: dict[str, SecretStr] = Field(
        {}, description="By dataset, the webhook that Global Nature Watch is told of new versions by (JSON object)."
    )
    webhook_hosts: frozenset[str] = Field(
        frozenset({"hooks.slack.com"}), description="Hosts that notifications may be sent to (JSON list)."
    )
    webhook_timeout_s: float = Field(10.0, gt=0, description="Time limit of one notification.")

    poll_min_s: float = Field(0.2, gt=0, description="Shortest wait between two looks at a step.")
    poll_max_s: float = Field(30.0, gt=0, description="Longest wait between two looks at a step.")
    patience_s: float = Field(3600.0, gt=0, description="How long a remote system may be away before a job fails.")
    backoff_s: float = Field(2.0, gt=0, description="First wait after a step that failed; it doubles up to a minute.")
    effect_settle_s: float = Field(
        5.0, ge=0, description="How long a write that got no answer may still be on its way before it is tried again."
    )

    expected_hours: dict[str, float] = Field(
        {"tcl": 6.0, "burned_areas": 4.0, "glad": 1.0, "integrated_alerts": 2.0, "viirs": 1.0, "modis": 1.0},
        description="Hours that plans expect of an analysis on EMR while there is no past run of its kind.",
    )
    prices_usd_per_hour: dict[str, float] = Field(
        {"r4.2xlarge": 0.665, "r5.2xlarge": 0.630, "r5a.2xlarge": 0.565},
        description="What plans reckon an instance costs an hour, on demand, EMR's own charge included (us-east-1).",
    )
    prices_of: str = Field("2025-01", description="When these prices were looked up.")
    spot_share: float = Field(0.4, gt=0, le=1, description="What plans reckon a spot instance costs of that.")

    engine: Literal["auto", "local", "emr"] = Field(
        "auto", description="Which engine computes what both can; auto: this machine's, up to engine_limit_hours."
    )
    engine_limit_hours: float = Field(
        6.0, gt=0, description="From how many estimated hours on this machine an analysis goes to EMR."
    )
    engine_processes: int = Field(2, ge=1, description="Analyses that run at once on this machine.")
    analysis_processes: int = Field(2, ge=1, description="Processes that one analysis of rasters uses.")
    orchestrator_threads: int = Field(4, ge=1, description="Jobs that are ticked at once.")
    geotrellis_jars: str | None = Field(
        None, description="Folder of the GeoTrellis jars; unset: geotrellis/jars in the pipeline bucket."
    )
    emr_instance_profile: str | None = Field(None, description="Role of the nodes of clusters.")
    emr_service_role: str | None = Field(
        None, description="Role of EMR itself; with both roles, one machine has clusters for what is too much for it."
    )
    emr_subnets: tuple[str, ...] = Field((), description="Subnets that clusters may be in (JSON list).")
    emr_key_name: str | None = Field(None, description="SSH key of the nodes of clusters.")

    recipes: Path | None = Field(
        None, description="Folder of further recipes (TOML) of raster datasets; they go before those of the same name."
    )
    layers: Path | None = Field(
        None, description="Catalog file (TOML) of raster layers; unset: layers.toml in the data folder, if it is there."
    )


SECRETS = frozenset(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))


class ProductionSettings(Settings):
    """What every function of the production deployment needs. Secrets are named here, and kept in Secrets Manager."""

    secret_cache_s: float = Field(300.0, ge=0, description="How long a secret is used before it is read again.")

    api_secret: str = Field(
        "gfw-api/token", description="Name of the secret that holds the token of the Data API and the Areas API."
    )
    slack_secret: str = Field(
        "slack/gfw-sync", description="Name of the secret that holds the Slack webhooks by channel."
    )
    gnw_secret: str = Field(
        "prefect/webhook_urls", description="Name of the secret that holds Global Nature Watch's webhooks by dataset."
    )
    gcs_secret: str = Field(
        "gcs/gfw-gee-export",
        description="Name of the secret that holds the key (JSON) of the Google service account that reads releases.",
    )
    rw_secret: str | None = Field(
        None,
        description="Name of the secret that holds the API key that the ResourceWatch and Areas APIs are sent as "
        "x-api-key; unset: nothing is.",
    )
    poll_min_s: float = Field(15.0, gt=0, description="Shortest wait between two looks at a step.")
    poll_max_s: float = Field(120.0, gt=0, description="Longest wait between two looks at a step.")

    @model_validator(mode="after")
    def _is_production(self) -> Self:
        if self.environment == "embedded":
            raise ValueError("DATAPUMP_ENVIRONMENT must be dev, staging or production")
        return self

    @model_validator(mode="after")
    def _holds_no_secret(self) -> Self:
        held = sorted(f"DATAPUMP_{name.upper()}" for name in SECRETS if getattr(self, name))
        if held:
            raise ValueError(f"{', '.join(held)}: a secret is kept in Secrets Manager, not in the environment")
        return self


class PipelineSettings(ProductionSettings):
    """What the dispatcher and the postprocessor need, and all others."""

    @model_validator(mode="after")
    def _has_data_api(self) -> Self:
        if self.data_api_url is None:
            raise ValueError("DATAPUMP_DATA_API_URL must be set")
        return self


class ExecutorSettings(PipelineSettings):
    """What the executor needs, which starts clusters."""

    @model_validator(mode="after")
    def _has_roles(self) -> Self:
        if self.emr_service_role is None or self.emr_instance_profile is None:
            raise ValueError("DATAPUMP_EMR_SERVICE_ROLE and DATAPUMP_EMR_INSTANCE_PROFILE must be set")
        return self


class ApiSettings(PipelineSettings):
    """What the API needs, which looks into published tables."""

    state_machine: str = Field(min_length=1, description="ARN of the state machine that carries executions.")
    cursor_secret: str = Field(
        "datapump/cursor-key", description="Name of the secret whose text signs the cursors of pages."
    )
    query_secret: str = Field(
        "gfw-api/query-key", description="Name of the secret that holds the API key by which the Data API is queried."
    )
    query_timeout_s: float = Field(
        20.0, gt=0, lt=29, description="Time limit of one request of the Data API: API Gateway gives up after 30 s."
    )


S = TypeVar("S", bound=Settings)


def read_settings(kind: type[S]) -> S:
    """The settings of one function of the production deployment.

    Raises:
        InternalError: The environment lacks one, or holds a bad one; the message names it, never its value.
    """
    try:
        return _read(kind)
    except InvalidInputError as error:
        faults = "; ".join(f"{fault.pointer}: {fault.message}".removeprefix(": ") for fault in error.faults)
        raise InternalError(f"the settings of this function cannot be used: {faults}") from None


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once.

    Raises:
        InvalidInputError: One has a bad value, or a name that no setting has; the message never holds a value.
    """
    return _read(Settings)


def _read(kind: type[S]) -> S:
    kinds = (ProductionSettings, PipelineSettings, ExecutorSettings, ApiSettings, Settings)
    faults = unknown_names(kinds, Settings)
    try:
        settings = kind()
    except ValidationError as error:
        faults += bad_values(error)
    except SettingsError as error:
        faults.append(unreadable(error))
    else:
        if not faults:
            return settings
    raise InvalidInputError("the settings cannot be used: nothing was started", faults=faults) from None
