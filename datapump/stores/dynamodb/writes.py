"""Writes, each on a condition, to be made alone or several as one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder

from datapump.stores.dynamodb.values import to_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Write:
    """One write: its kind as DynamoDB names it, and its request."""

    kind: Literal["Put", "Update", "Delete"]
    request: dict[str, Any]


def put(table: str, item: Mapping[str, Any], condition: ConditionBase | None = None) -> Write:
    """Store an item in the place of the one of its key."""
    return Write("Put", {"TableName": table, "Item": to_attributes(dict(item)), **expression(condition)})


def delete(table: str, key: Mapping[str, str], condition: ConditionBase | None = None) -> Write:
    """Remove an item."""
    return Write("Delete", {"TableName": table, "Key": to_attributes(dict(key)), **expression(condition)})


def update(
    table: str,
    key: Mapping[str, str],
    changes: Mapping[str, Any],
    condition: ConditionBase | None = None,
    *,
    remove: Sequence[str] = (),
) -> Write:
    """Set some attributes of an item and remove others; the rest stays."""
    request = expression(condition)
    names = request.setdefault("ExpressionAttributeNames", {})
    values = request.setdefault("ExpressionAttributeValues", {})
    sets = []
    for number, (name, value) in enumerate(to_attributes(dict(changes)).items()):
        names[f"#s{number}"], values[f":s{number}"] = name, value
        sets.append(f"#s{number} = :s{number}")
    removes = []
    for number, name in enumerate(remove):
        names[f"#r{number}"] = name
        removes.append(f"#r{number}")
    parts = [f"{word} {', '.join(terms)}" for word, terms in (("SET", sets), ("REMOVE", removes)) if terms]
    if not values:
        del request["ExpressionAttributeValues"]
    request |= {"TableName": table, "Key": to_attributes(dict(key)), "UpdateExpression": " ".join(parts)}
    return Write("Update", request)


def expression(condition: ConditionBase | None, *, of_key: bool = False) -> dict[str, Any]:
    """A condition as a request's parameters."""
    if condition is None:
        return {}
    built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=of_key)
    found: dict[str, Any] = {
        "KeyConditionExpression" if of_key else "ConditionExpression": built.condition_expression,
        "ExpressionAttributeNames": built.attribute_name_placeholders,
    }
    if built.attribute_value_placeholders:
        found["ExpressionAttributeValues"] = to_attributes(built.attribute_value_placeholders)
    return found
