"""What the API needs to do its work; a deployment puts it together and hands it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from datapump.clock import Clock
from datapump.stores import KeyStore, RunStore, SyncConfigStore
from state_machine.orchestrator import Orchestrator

HealthCheck = Callable[[], str | None]


@dataclass(frozen=True)
class Services:
    """The ports behind the API.

    Attributes:
        runs: Executions, jobs and events.
        sync_configs: The sync configs.
        keys: The callers' keys.
        orchestrator: What carries executions.
        clock: Where time and ids come from.
        checks: By the name of what is depended on: None if it works, otherwise the reason, which is logged and
            never shown. A check that raises has failed.
    """

    runs: RunStore
    sync_configs: SyncConfigStore
    keys: KeyStore
    orchestrator: Orchestrator
    clock: Clock
    checks: Mapping[str, HealthCheck] = field(default_factory=dict)


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesOf = Annotated[Services, Depends(_services)]
