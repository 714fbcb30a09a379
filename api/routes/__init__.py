"""The routes, one module per noun."""

from api.routes import commands, documentation, executions, health, sync_configs

ROUTERS = (commands.router, executions.router, sync_configs.router, health.router, documentation.router)
