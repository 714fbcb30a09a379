"""`/sync-configs`: which analyses follow which feeds, and their switches."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator, Field

from api import problem_types as types
from api.auth import Caller, requires
from api.bodies import JSON, MERGE_PATCH, PatchBody
from api.errors import StaleError
from api.etags import IfMatch, etag
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY
from api.responses import header, problems
from api.schemas.sync_configs import SyncConfigDocument, SyncConfigPage, SyncConfigPatch
from api.services import Services, ServicesOf
from api.validation import parse
from datapump.analyses import Analysis, SyncType
from datapump.errors import ConflictError
from datapump.keys import Scope
from datapump.names import DatasetName, VersionName
from datapump.sync_configs import RASTER, Author, SyncConfig

router = APIRouter(tags=["sync configs"])
logger = logging.getLogger(__name__)
LIST = "sync-configs"
ATTEMPTS = 5
ANALYSES = (*(analysis.value for analysis in Analysis), RASTER)
ETAG = {"ETag": header("Strong tag of its present state, for `If-Match`.", '"3"')}
PAGE: dict[str, Any] = {
    "description": "A page.",
    "headers": {
        "Link": header("With rel=next: the next page, if there is one.", '</sync-configs?cursor=e30>; rel="next"')
    },
}
SHOWN: dict[str, Any] = {"description": "The sync config.", "headers": ETAG}
PATCH_BODY = {
    "required": True,
    "content": {
        media_type: {
            "schema": {"$ref": "#/components/schemas/SyncConfigPatch"},
            "examples": {
                "switch": {"summary": "Switch it off", "value": {"sync": False, "reason": "the feed is broken"}},
                "metadata": {
                    "summary": "Use another version of the engine, and no overrides",
                    "value": {"metadata": {"geotrellis_version": "2.4.1", "version_overrides": None}},
                },
            },
        }
        for media_type in (MERGE_PATCH, JSON)
    },
}
ConfigId = Annotated[str, Path(description="The config's id.", examples=["1f2e3d4c5b6a79880011"])]


def _check_analysis(name: str) -> str:
    if name not in ANALYSES:
        raise ValueError(f"must be one of {', '.join(ANALYSES)}")
    return name


AnalysisName = Annotated[str, AfterValidator(_check_analysis), Field(json_schema_extra={"enum": [*ANALYSES]})]


class SyncConfigQuery(CursorQuery):
    """Which sync configs to list."""

    dataset: DatasetName | None = Field(default=None, description="Only those of this dataset.")
    analysis: AnalysisName | None = Field(default=None, description="Only those of this analysis.")
    analysis_version: VersionName | None = Field(default=None, description="Only those of this analysis version.")
    sync_type: SyncType | None = Field(default=None, description="Only those that follow this feed.")
    sync: bool | None = Field(default=None, description="Only those that are switched on, or off.")


@router.get("/sync-configs", responses={200: PAGE, **problems(types.INVALID_CURSOR)})
@requires(Scope.READ)
def list_sync_configs(
    query: Annotated[SyncConfigQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> SyncConfigPage:
    """List sync configs, in the order of their ids."""
    page = services.sync_configs.list(
        dataset=query.dataset,
        analysis=query.analysis,
        sync_type=query.sync_type,
        sync=query.sync,
        analysis_version=query.analysis_version,
        after=query.after(LIST, services.cursor_key),
        limit=query.limit,
    )
    cursor = give_next(page.next, LIST, query, services.cursor_key, request, response)
    return SyncConfigPage(items=[SyncConfigDocument.of(config) for config in page.items], next=cursor)


@router.get("/sync-configs/{config_id}", dependencies=[NO_QUERY], responses={200: SHOWN, **problems(types.NOT_FOUND)})
@requires(Scope.READ)
def get_sync_config(config_id: ConfigId, services: ServicesOf, response: Response) -> SyncConfigDocument:
    """Show a sync config."""
    return _show(services.sync_configs.get(config_id), response)


@router.patch(
    "/sync-configs/{config_id}",
    dependencies=[NO_QUERY],
    responses={
        200: SHOWN,
        **problems(
            types.MALFORMED_JSON,
            types.INVALID_HEADER,
            types.NOT_FOUND,
            types.CONFLICT,
            types.STALE,
            types.PRECONDITION_REQUIRED,
            types.CONTENT_TOO_LARGE,
            types.UNSUPPORTED_MEDIA_TYPE,
            types.INVALID_INPUT,
        ),
    },
    openapi_extra={"requestBody": PATCH_BODY},
)
@requires(Scope.OPERATE)
def patch_sync_config(
    config_id: ConfigId, caller: Caller, tags: IfMatch, body: PatchBody, services: ServicesOf, response: Response
) -> SyncConfigDocument:
    """Change `sync` or `metadata` by a merge patch (RFC 7396): what is left out stays, null removes."""
    patch = parse(SyncConfigPatch, body)
    config = _apply(services, config_id, patch, tags, Author(caller=caller.caller, reason=patch.reason))
    logger.info("%s patched sync config %s to revision %s", caller.caller, config_id, config.revision)
    return _show(config, response)


def _apply(
    services: Services,
    config_id: str,
    patch: SyncConfigPatch,
    tags: frozenset[str] | None,
    author: Author,
    attempts: int = ATTEMPTS,
) -> SyncConfig:
    """Patch the state that was read; where somebody was faster, read again."""
    config = services.sync_configs.get(config_id)
    if tags is not None and etag(config.revision) not in tags:
        raise StaleError(f"sync config {config_id} is now at ETag {etag(config.revision)}: read it again")
    try:
        return services.sync_configs.patch(config_id, patch.changes(config), revision=config.revision, author=author)
    except ConflictError:
        if attempts == 1:
            raise
        return _apply(services, config_id, patch, tags, author, attempts - 1)


def _show(config: SyncConfig, response: Response) -> SyncConfigDocument:
    response.headers["ETag"] = etag(config.revision)
    return SyncConfigDocument.of(config)
