"""What the API needs to do its work; a deployment puts it together and hands it in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from fastapi import Depends, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datapump.analyses import Analysis
    from datapump.backfilling import Backfills
    from datapump.clients.data_api import DataApi
    from datapump.clock import Clock
    from datapump.engines import EngineName
    from datapump.keys import ApiKey
    from datapump.rate_limits import RateLimiter
    from datapump.run_files import Reader
    from datapump.stores import AuditStore, KeyStore, RunStore, SyncConfigStore
    from datapump.stores.targets import TargetStore
    from state_machine.orchestrator import Orchestrator

HealthCheck = Callable[[], str | None]


class Accounts(Protocol):
    """Who else than the holders of datapump's own keys may ask."""

    def find(self, token: str) -> ApiKey | None:
        """The key that a token stands for, None if it is not good.

        Raises:
            RemoteError: It could not be told.
        """
        ...


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
        cursor_key: Signs the cursors of pages. One that is not given lasts as long as the process.
        engines: Which engines this deployment has.
        analyses: What they can compute.
        limiter: How often each caller may ask; None for as often as they like.
        audit: Where requests that could change something are kept; None for only in the log.
        accounts: Who holds which GFW token; None where only datapump's own keys are taken.
        look_s: How often a request that waits for events looks for new ones.
        longest_wait_s: The most that such a request is held; what it asks for beyond that is cut to it.
        one_by_one: Whether no two requests are answered at once: then nothing is done in threads.
        targets: What open executions are going to write; None where no command can be refused for that.
        backfills: The backfills; None where there are none.
        wake: Makes what loops look for new work at once; nothing where nothing loops.
        data_api: Gives where published tables are read; None where this deployment's API does not look into them.
        objects: Where the outlines of areas are read; None where none are kept.
        streams: Whether an answer can be sent bit by bit; where it cannot, who asks for a stream gets a page.
    """

    runs: RunStore
    sync_configs: SyncConfigStore
    keys: KeyStore
    orchestrator: Orchestrator
    clock: Clock
    checks: Mapping[str, HealthCheck] = field(default_factory=dict)
    cursor_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    engines: tuple[EngineName, ...] = ()
    analyses: frozenset[Analysis] = frozenset()
    limiter: RateLimiter | None = None
    audit: AuditStore | None = None
    accounts: Accounts | None = None
    look_s: float = 0.25
    longest_wait_s: float = 30
    streams: bool = True
    one_by_one: bool = False
    data_api: Callable[[], DataApi] | None = None
    objects: Reader | None = None
    targets: TargetStore | None = None
    backfills: Backfills | None = None
    wake: Callable[[], None] = lambda: None


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesOf = Annotated[Services, Depends(_services)]
