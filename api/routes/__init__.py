"""The routes, one module per noun."""

from api.routes import commands, documentation, executions, health, retries, sync_configs

ROUTERS = (
    commands.router,
    executions.router,
    retries.router,
    sync_configs.router,
    health.router,
    documentation.router,
)
