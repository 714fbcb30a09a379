"""`/catalog` and `/freshness`: what this deployment can do, and how fresh its tables are."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import problem_types as types
from api.auth import requires
from api.pages import CursorQuery, give_next
from api.parameters import NO_QUERY
from api.responses import paged, problems
from api.schemas.overviews import AnalysisEntry, Catalog, Freshness, FreshnessPage, SyncTypeEntry
from api.schemas.recipes import RecipeEntry
from api.services import Services, ServicesOf
from datapump.analyses import Analysis, FeatureType, SyncType, sync_types
from datapump.capabilities import available_sync_types, known_recipes
from datapump.executions import ENDED, Execution
from datapump.keys import Scope
from datapump.names import DatasetName

router = APIRouter(tags=["service"])
LIST = "freshness"
PAGE = paged("/freshness")


class FreshnessQuery(CursorQuery):
    """Which sync configs to tell of; only enabled ones are."""

    dataset: DatasetName | None = Field(default=None, description="Only of this dataset.")
    analysis: Analysis | None = Field(default=None, description="Only of this analysis.")
    sync_type: SyncType | None = Field(default=None, description="Only those that follow this feed.")


@router.get("/catalog", dependencies=[NO_QUERY])
@requires(Scope.READ)
def get_catalog(services: ServicesOf) -> Catalog:
    """What can be asked of this deployment: analyses, feeds, kinds of features."""
    known = available_sync_types()
    return Catalog(
        engine=" or ".join(services.engines) or "none",
        engines=list(services.engines),
        analyses=[AnalysisEntry(name=name, available=name in services.analyses) for name in Analysis],
        sync_types=[SyncTypeEntry(name=name, available=name in known) for name in sync_types()],
        feature_types=list(FeatureType),
        recipes=[RecipeEntry.of(recipe) for recipe in known_recipes()],
    )


@router.get("/freshness", responses={200: PAGE, **problems(types.INVALID_CURSOR)})
@requires(Scope.READ)
def list_freshness(
    query: Annotated[FreshnessQuery, Query()], services: ServicesOf, request: Request, response: Response
) -> FreshnessPage:
    """List how fresh the tables of each enabled sync config are, in the order of the configs' ids."""
    page = services.sync_configs.list(
        dataset=query.dataset,
        analysis=query.analysis,
        sync_type=query.sync_type,
        sync=True,
        after=query.after(LIST, services.cursor_key),
        limit=query.limit,
    )
    syncs = {sync_type: _newest_sync(services, sync_type) for sync_type in {config.sync_type for config in page.items}}
    return FreshnessPage(
        items=[
            Freshness.of(config, services.runs.config_runs(config.id), syncs[config.sync_type]) for config in page.items
        ],
        next=give_next(page.next, LIST, query, services.cursor_key, request, response),
    )


def _newest_sync(services: Services, sync_type: SyncType) -> Execution | None:
    """The newest sync of a feed that has ended."""
    found = [
        execution
        for status in ENDED
        for execution in services.runs.list_executions(
            command="sync", sync_type=sync_type.value, status=status, limit=1
        ).items
    ]
    return max(found, key=lambda execution: execution.id, default=None)
