"""The rows of the config table: what they hold, and which lists they are in."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr
from pydantic import ValidationError

from datapump.clock import isoformat
from datapump.errors import DataError
from datapump.stores.dynamodb.layout import config_pk, key
from datapump.sync_configs import FILTERS, SyncConfig

if TYPE_CHECKING:
    from boto3.dynamodb.conditions import ConditionBase

    from datapump.stores.dynamodb.layout import Item

REQUIRED = ("analysis", "analysis_version", "dataset", "dataset_version", "sync_type", "sync")


def from_row(row: Item, table: str) -> SyncConfig:
    """A row as a config. Rows of before this program have no revision: theirs is 1.

    Raises:
        DataError: It lacks fields, or holds what no config can; the message names the row.
    """
    missing = [name for name in REQUIRED if row.get(name) is None]
    if missing:
        raise DataError(
            f"row {row['id']!r} of table {table} is not a whole sync config: it lacks {', '.join(missing)}; "
            "delete it, or run its analysis again with sync: true"
        )
    values = {name: value for name, value in row.items() if value is not None}
    if "freshness" in row:
        values["metadata"] = {**values.get("metadata", {}), "freshness": values.pop("freshness")}
    try:
        return SyncConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"row {row['id']!r} of table {table} is not a sync config: {place}: {first['msg']}") from None


def changes_of(config: SyncConfig) -> dict[str, Any]:
    """What callers and jobs change in a row; the rest of it, also what is not ours, stays as it is.

    What a sync found is an attribute of its own, so that recording it, which counts no revision, meets nothing else.
    """
    changes = {
        "sync": config.sync,
        "metadata": config.metadata.model_dump(mode="json", exclude_none=True, exclude={"freshness"}),
        "revision": config.revision,
    }
    if config.sync_version is not None:
        changes["sync_version"] = config.sync_version
    if config.updated is not None:
        changes["updated"] = isoformat(config.updated)
    return changes


def to_row(config: SyncConfig) -> Item:
    """A config as a new row."""
    fixed = {name: str(getattr(config, name)) for name in REQUIRED if name != "sync"}
    row = {"id": config.id, **fixed, **changes_of(config)}
    if config.metadata.freshness is not None:
        row["freshness"] = config.metadata.freshness.model_dump(mode="json", exclude_none=True)
    return row


def unchanged(row: Item) -> ConditionBase:
    """That a row has not been changed since it was read."""
    if "revision" in row:
        return Attr("revision").eq(row["revision"])
    return Attr("analysis").exists() & Attr("revision").not_exists()


def list_name(filters: dict[str, Any]) -> str:
    """The list of the configs that all these filters let through."""
    return "configs " + json.dumps({name: filters[name] for name in sorted(filters)})


def entries(config: SyncConfig, *, of_switch: bool = False) -> list[Item]:
    """What puts a config into its lists, one for each combination of filters.

    Args:
        config: The config.
        of_switch: Only those that the switch decides on.
    """
    values = {name: value if isinstance(value := getattr(config, name), bool) else str(value) for name in FILTERS}
    chosen = [names for count in range(len(FILTERS) + 1) for names in combinations(FILTERS, count)]
    return [
        {
            **key(config_pk(config.id), "LIST#" + "+".join(names)),
            "list": list_name({name: values[name] for name in names}),
            "listed": config.id,
        }
        for names in chosen
        if "sync" in names or not of_switch
    ]
