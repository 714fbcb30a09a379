"""What the twins of the sync-config store have in common: how a config changes, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datapump.errors import ConflictError, InternalError
from datapump.names import numbers
from datapump.sync_configs import Action, ConfigChange, SyncMetadata, differences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from datapump.sync_configs import Author, SyncConfig


def next_of(config: SyncConfig, update: dict[str, Any], now: datetime) -> SyncConfig:
    """The config's next revision."""
    return config.model_copy(update={**update, "revision": config.revision + 1, "updated": now})


def refreshed(existing: SyncConfig, config: SyncConfig, now: datetime) -> SyncConfig | None:
    """An existing config with new metadata; its switch and what it was brought to stay. None: nothing is new."""
    known = existing.metadata.model_dump(exclude_none=True)
    metadata = {**known, **config.metadata.model_dump(exclude_none=True)}
    if "alerts_until" in known:
        metadata["alerts_until"] = max(known["alerts_until"], metadata["alerts_until"])
    if metadata == known:
        return None
    return next_of(existing, {"metadata": SyncMetadata.model_validate(metadata)}, now)


def moved(
    config: SyncConfig,
    now: datetime,
    sync_version: str,
    alerts_until: str | None = None,
    sources: Mapping[str, str] | None = None,
) -> SyncConfig | None:
    """A config brought to a version and a time, none of which goes back. None: it is there already."""
    until = max(filter(None, (config.metadata.alerts_until, alerts_until)), default=None)
    metadata = config.metadata.model_copy(update={"alerts_until": until})
    if config.sync_version is not None and numbers(sync_version) < numbers(config.sync_version):
        sync_version = config.sync_version
    elif sources is not None:
        metadata.sources = dict(sources)
    if (config.sync_version, config.metadata) == (sync_version, metadata):
        return None
    return next_of(config, {"sync_version": sync_version, "metadata": metadata}, now)


def patched(config: SyncConfig, changes: dict[str, Any], revision: int | None, now: datetime) -> SyncConfig | None:
    """A config with another switch or other metadata. None: nothing is new.

    Raises:
        ConflictError: It is not of that revision any more.
    """
    if revision is not None and config.revision != revision:
        raise ConflictError(f"sync config {config.id} has changed since it was read: read it again")
    metadata = {**config.metadata.model_dump(), **changes.get("metadata", {})}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    update = {"sync": changes.get("sync", config.sync), "metadata": SyncMetadata.model_validate(metadata)}
    if (config.sync, config.metadata) == (update["sync"], update["metadata"]):
        return None
    return next_of(config, update, now)


def change_of(before: SyncConfig, after: SyncConfig, author: Author, action: Action = Action.CHANGED) -> ConfigChange:
    """What an author changed."""
    if after.updated is None:
        raise InternalError(f"sync config {after.id} was changed at no time")
    return ConfigChange(
        config_id=after.id,
        revision=after.revision,
        at=after.updated,
        caller=author.caller,
        reason=author.reason,
        action=action,
        changes=differences(before, after),
    )
