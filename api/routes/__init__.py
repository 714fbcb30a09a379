"""The routes, one module per noun."""

from api.routes import commands, documentation, events, executions, health, retries, sync_configs

ROUTERS = (
    commands.router,
    executions.router,
    events.router,
    retries.router,
    sync_configs.router,
    health.router,
    documentation.router,
)
