"""Python values as DynamoDB's attribute values and back; documents as attributes that are small enough."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from datapump.errors import InternalError

LARGEST_TEXT = 4096
LARGEST_BINARY = 350_000
_WRITER = TypeSerializer()
_READER = TypeDeserializer()


def to_attributes(values: dict[str, Any]) -> dict[str, Any]:
    """An item, or a part of one, as the client takes it. Values are what JSON knows, and bytes."""
    return {name: _WRITER.serialize(_written(value)) for name, value in values.items()}


def from_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """An item as the client gives it, in Python's own values."""
    return {name: _read(_READER.deserialize(value)) for name, value in attributes.items()}


def pack(text: str) -> str | bytes:
    """A document as an attribute: compressed where it is long."""
    return text if len(text) <= LARGEST_TEXT else zlib.compress(text.encode())


def unpack(value: str | bytes) -> str:
    """The document that an attribute holds."""
    return value if isinstance(value, str) else zlib.decompress(value).decode()


def pack_one(text: str, what: str) -> str | bytes:
    """A document as an attribute of an item that has to hold it whole.

    Raises:
        InternalError: It is too large, even compressed.
    """
    packed = pack(text)
    if len(packed) > LARGEST_BINARY:
        raise InternalError(f"{what} is too large to be stored: {len(packed)} bytes compressed")
    return packed


def _written(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Floats as decimal numbers of the same digits: DynamoDB knows no other."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {str(name): _written(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_written(part) for part in value]
    return value


def _read(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value)  # type: ignore[call-overload]
    if isinstance(value, dict):
        return {name: _read(part) for name, part in value.items()}
    if isinstance(value, list | set):
        return [_read(part) for part in value]
    return value


def dumps(value: object) -> str:
    """JSON text."""
    return json.dumps(value, separators=(",", ":"))
