"""What a validator finds, as datapump's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from datapump.commands import pointer
from datapump.errors import Fault, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)
FIXED = {
    "extra_forbidden": "is not known: remove it, or look for a typing mistake",
    "missing": "is required",
}


def words(finding: Mapping[str, Any]) -> str:
    """What one of pydantic's findings says to the caller."""
    return FIXED.get(finding["type"], str(finding["msg"]).removeprefix("Value error, "))


def parse(model: type[Model], body: bytes) -> Model:
    """The model that a JSON text holds.

    Raises:
        InvalidInputError: Some values break a rule; each fault names its place by JSON pointer.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        findings = error.errors(include_url=False, include_input=False)
        faults = [Fault(pointer(_path(item["loc"])), words(item)) for item in findings]
        raise InvalidInputError("The body is not valid.", faults=faults) from None


def _path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place in the input: pydantic marks a finding about a key by one more part."""
    return location[:-1] if location and location[-1] == "[key]" else location
