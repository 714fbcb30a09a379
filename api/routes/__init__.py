"""The routes, one module per noun."""

from api.routes import (
    audit,
    backfills,
    commands,
    documentation,
    events,
    executions,
    health,
    overviews,
    plans,
    results,
    retries,
    sync_configs,
    sync_control,
)

ROUTERS = (
    commands.router,
    executions.router,
    events.router,
    plans.router,
    results.router,
    retries.router,
    sync_configs.router,
    sync_control.router,
    backfills.router,
    overviews.router,
    audit.router,
    health.router,
    documentation.router,
)
