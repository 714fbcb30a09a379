"""Validation errors in the Data API's words.

The service validates with pydantic 1, and clients read its messages and error types. We validate with
pydantic 2: what it finds is said again here in the words of pydantic 1.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_MEMBER_FITS = "no_member_fits"
_NONE = ("type_error.none.not_allowed", "none is not an allowed value")
_ENUM = "type_error.enum"

_WORDS = {
    "missing": ("value_error.missing", "field required"),
    "extra_forbidden": ("value_error.extra", "extra fields not permitted"),
    "list_type": ("type_error.list", "value is not a valid list"),
    "dict_type": ("type_error.dict", "value is not a valid dict"),
    "model_type": ("type_error.dict", "value is not a valid dict"),
    "model_attributes_type": ("type_error.dict", "value is not a valid dict"),
    "string_type": ("type_error.str", "str type expected"),
    "bool_type": ("type_error.bool", "value could not be parsed to a boolean"),
    "bool_parsing": ("type_error.bool", "value could not be parsed to a boolean"),
    "int_type": ("type_error.integer", "value is not a valid integer"),
    "int_parsing": ("type_error.integer", "value is not a valid integer"),
    "int_parsing_size": ("type_error.integer", "value is not a valid integer"),
    "int_from_float": ("type_error.integer", "value is not a valid integer"),
    "float_type": ("type_error.float", "value is not a valid float"),
    "finite_number": ("type_error.float", "value is not a valid float"),
    "float_parsing": ("type_error.float", "value is not a valid float"),
    "uuid_type": ("type_error.uuid", "value is not a valid uuid"),
    "uuid_parsing": ("type_error.uuid", "value is not a valid uuid"),
}
# pydantic 2's type -> pydantic 1's type and words, and the name of the limit in pydantic 2's context
_LIMITS = {
    "too_short": ("value_error.list.min_items", "ensure this value has at least {} items", "min_length"),
    "too_long": ("value_error.list.max_items", "ensure this value has at most {} items", "max_length"),
    "greater_than": ("value_error.number.not_gt", "ensure this value is greater than {}", "gt"),
    "greater_than_equal": ("value_error.number.not_ge", "ensure this value is greater than or equal to {}", "ge"),
    "less_than_equal": ("value_error.number.not_le", "ensure this value is less than or equal to {}", "le"),
}


def reword(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The errors as pydantic 1 would have listed them: its words, unknown keys in alphabetical order."""
    return [said for error in _in_order(errors) for said in _reworded(error, ())]


def one_of(*values: str | int) -> WrapValidator:
    """A validator for a field that must be one of these values, with pydantic 1's words for an enumeration."""
    message = f"value is not a valid enumeration member; permitted: {', '.join(map(repr, values))}"

    def check(value: object, _own: ValidatorFunctionWrapHandler) -> object:
        if value is None:
            raise PydanticCustomError(*_NONE)
        if type(value) not in (str, int) or value not in values:
            raise PydanticCustomError(_ENUM, message, {"enum_values": list(values)})
        return value

    return WrapValidator(check)


def first_of(*types: Any) -> WrapValidator:  # noqa: ANN401 - any type that pydantic can validate
    """A validator for a field that is the first of these types to fit; if none does, all their errors are listed."""
    members: list[TypeAdapter[Any]] = []

    def check(value: object, _own: ValidatorFunctionWrapHandler) -> object:
        if not members:
            members.extend(TypeAdapter(member) for member in types)
        errors: list[Any] = []
        for member in members:
            try:
                return member.validate_python(value)
            except ValidationError as error:
                errors += _in_order(error.errors(include_url=False))
        raise PydanticCustomError(NO_MEMBER_FITS, "no member of the union fits", {"errors": errors})

    return WrapValidator(check)


def _reworded(error: Mapping[str, Any], prefix: tuple[str | int, ...]) -> list[dict[str, Any]]:
    loc = (*prefix, *error["loc"])
    if error["type"] == NO_MEMBER_FITS:
        return [said for inner in error["ctx"]["errors"] for said in _reworded(inner, loc)]
    return [_said(loc, *_words(error))]


def _words(error: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The type, message and context that pydantic 1 would have given."""
    kind, context = error["type"], error.get("ctx", {})
    name, message, told = *_WORDS.get(kind, (kind, error["msg"])), {}
    if error.get("input", kind) is None and kind not in ("missing", "extra_forbidden"):
        name, message = _NONE
    elif kind == _ENUM:
        told = dict(context)
    elif kind == "json_invalid":
        name, message = "value_error.jsondecode", f"{context['error']}: char {error['loc'][-1]}"
    elif kind == "string_pattern_mismatch":
        name, told = "value_error.str.regex", {"pattern": context["pattern"]}
        message = f'string does not match regex "{context["pattern"]}"'
    elif kind in _LIMITS:
        name, words, limit = _LIMITS[kind]
        message, told = words.format(context[limit]), {"limit_value": context[limit]}
    elif kind in ("assertion_error", "value_error"):
        message = str(context["error"])
    return name, message, told


def _said(loc: tuple[str | int, ...], kind: str, message: str, context: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"loc": list(loc), "msg": message, "type": kind}
    return {**said, "ctx": context} if context else said


def _in_order(errors: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each run of unknown keys of one object in alphabetical order; pydantic 2 lists them as they came."""
    result: list[Mapping[str, Any]] = []
    for (extra, _), run in groupby(errors, lambda error: (error["type"] == "extra_forbidden", error["loc"][:-1])):
        listed = list(run)
        result += sorted(listed, key=lambda error: str(error["loc"][-1])) if extra else listed
    return result
