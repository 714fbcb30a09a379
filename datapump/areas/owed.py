"""What the tables of a sync config lack of user areas: by file of new areas, until its rows are appended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from datapump.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datapump.ports import Ports
    from datapump.sync_configs import AreasOwed, SyncConfig

Owed = dict[str, "AreasOwed"]


def owed_by(config: SyncConfig) -> Owed:
    """What a config's tables lack, by the name of the file."""
    return dict(config.metadata.areas_owed or {})


def owe(config_id: str, files: Mapping[str, AreasOwed], ports: Ports) -> None:
    """Note that a config's tables lack files, in place of what was noted of them before."""
    _change(config_id, lambda owed: {**owed, **files}, ports)


def settle(config_id: str, stem: str, ports: Ports) -> None:
    """Note that a config's tables hold a file."""
    _change(config_id, lambda owed: {name: entry for name, entry in owed.items() if name != stem}, ports)


def stem_of(uri: str) -> str:
    """The name of a feature file without its folder and `.tsv`."""
    return uri.rsplit("/", 1)[-1].removesuffix(".tsv")


def _change(config_id: str, change: Callable[[Owed], Owed], ports: Ports) -> None:
    """Change what is noted, as often as somebody else changes the config at the same time. One that is gone is left."""
    with suppress(NotFoundError):
        while True:
            config = ports.sync_configs.get(config_id)
            before = owed_by(config)
            after = change(before)
            if after == before:
                return
            value = {name: entry.model_dump() for name, entry in after.items()} or None
            with suppress(ConflictError):
                ports.sync_configs.patch(config_id, {"metadata": {"areas_owed": value}}, revision=config.revision)
                return
