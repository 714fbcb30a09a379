"""What every part of one Data API shares."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datapump.embedded.data_api.changes import Change, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from datapump.clock import Clock
    from datapump.embedded.data_api.database import Database
    from datapump.embedded.data_api.settings import DataApiSettings
    from datapump.objects import Objects

# Folder of files under work; it is emptied at each start.
WORK = "work"


def no_checkpoint(_point: str, _task_id: int) -> None:
    """Go on."""


@dataclass(frozen=True)
class Context:
    """Settings, ports and the store of one Data API.

    Attributes:
        checkpoint: Is told the name of each point that a task reaches, and the task's id. Tests wait or fail there.
    """

    settings: DataApiSettings
    objects: Objects
    clock: Clock
    database: Database
    checkpoint: Callable[[str, int], None] = no_checkpoint

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction that happens at this instant."""
        with self.database.write() as sql:
            yield Change(sql, timestamp(self.clock.now()), self.clock)
