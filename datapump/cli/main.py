"""The command line put together. A command's module, which may be slow to load, is imported when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from datapump.errors import DatapumpError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable


class LazyGroup(TyperGroup):
    """A group whose commands are named by `module:function`.

    A subclass lists them in `places`, in the order of the help page.
    """

    places: dict[str, str]

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - click's own signature
        """The commands' names."""
        return list(self.places)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - click's own signature
        """The command of that name, None if there is none."""
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        found: typer.Typer | Callable[..., None] = getattr(import_module(module), name)
        if not isinstance(found, typer.Typer):
            holder = typer.Typer(add_completion=False)
            holder.command(cmd_name)(found)
            found = holder
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


class Tools(LazyGroup):
    """The pieces by hand."""

    places = {  # noqa: RUF012 - a constant
        "fires": "datapump.cli.fires:fires",
        "zonal": "datapump.cli.zonal:zonal",
        "slice": "datapump.cli.slice:slice_areas",
    }


class Services(LazyGroup):
    """The embedded services by themselves."""

    places = {  # noqa: RUF012 - a constant
        "data-api": "datapump.cli.data_api:data_api",
        "areas-api": "datapump.cli.areas_api:areas_api",
    }


class Commands(LazyGroup):
    """All commands."""

    places = {  # noqa: RUF012 - a constant
        "serve": "datapump.cli.serve:serve",
        "plan": "datapump.cli.plan:plan",
        "submit": "datapump.cli.executions:submit",
        "watch": "datapump.cli.executions:watch",
        "executions": "datapump.cli.executions:executions",
        "stop": "datapump.cli.executions:stop",
        "events": "datapump.cli.events:events",
        "retry": "datapump.cli.retries:retry",
        "sync-configs": "datapump.cli.sync_configs:app",
        "backfill": "datapump.cli.backfills:app",
        "results": "datapump.cli.results:app",
        "chart": "datapump.cli.chart:app",
        "freshness": "datapump.cli.freshness:freshness",
        "keys": "datapump.cli.keys:app",
        "tool": "datapump.cli.main:tool",
        "embedded": "datapump.cli.main:embedded",
        "demo": "datapump.cli.demo:demo",
    }


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)
tool = typer.Typer(cls=Tools, no_args_is_help=True, add_completion=False)
embedded = typer.Typer(cls=Services, no_args_is_help=True, add_completion=False)


@app.callback()
def _datapump() -> None:
    """Keep forest-monitoring statistics fresh."""


@tool.callback()
def _tool() -> None:
    """The pieces by hand."""


@embedded.callback()
def _embedded() -> None:
    """The embedded services by themselves."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except DatapumpError as error:
        # Settings are read before, and outside, what a command tells of.
        from datapump.cli.output import FAILED, USAGE, tell  # noqa: PLC0415 - slow to import, and seldom wanted

        tell(error)
        sys.exit(USAGE if isinstance(error, UserError) else FAILED)
