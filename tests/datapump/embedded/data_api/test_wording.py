from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from datapump.embedded.data_api.wording import first_of, one_of, reword


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=1, le=3)
    colour: Annotated[str, one_of("red", "blue")] = "red"


class Other(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: list[str]


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: Annotated[int | None, Field(gt=0)] = None
    inner: Annotated[Inner | Other, first_of(Inner, Other)]


def said(model, value):
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(model).validate_python(value)
    return [
        (".".join(map(str, one["loc"])), one["msg"], one["type"], one.get("ctx"))
        for one in reword(refusal.value.errors())
    ]


def test_the_errors_of_every_member_are_listed_in_their_order():
    assert said(Outer, {"zebra": 1, "ant": 2, "size": 0, "inner": {"number": 0, "yak": 1, "bee": 2}}) == [
        ("size", "ensure this value is greater than 0", "value_error.number.not_gt", {"limit_value": 0}),
        (
            "inner.number",
            "ensure this value is greater than or equal to 1",
            "value_error.number.not_ge",
            {"limit_value": 1},
        ),
        ("inner.bee", "extra fields not permitted", "value_error.extra", None),
        ("inner.yak", "extra fields not permitted", "value_error.extra", None),
        ("inner.names", "field required", "value_error.missing", None),
        ("inner.bee", "extra fields not permitted", "value_error.extra", None),
        ("inner.number", "extra fields not permitted", "value_error.extra", None),
        ("inner.yak", "extra fields not permitted", "value_error.extra", None),
        ("ant", "extra fields not permitted", "value_error.extra", None),
        ("zebra", "extra fields not permitted", "value_error.extra", None),
    ]


@pytest.mark.parametrize(
    ("model", "value", "message", "kind"),
    [
        (Inner, {"number": 4}, "ensure this value is less than or equal to 3", "value_error.number.not_le"),
        (Inner, {"number": "x"}, "value is not a valid integer", "type_error.integer"),
        (Inner, {"number": None}, "none is not an allowed value", "type_error.none.not_allowed"),
        (Inner, {"number": 1, "colour": None}, "none is not an allowed value", "type_error.none.not_allowed"),
        (
            Inner,
            {"number": 1, "colour": "green"},
            "value is not a valid enumeration member; permitted: 'red', 'blue'",
            "type_error.enum",
        ),
        (Inner, [], "value is not a valid dict", "type_error.dict"),
        (Other, {"names": "a"}, "value is not a valid list", "type_error.list"),
        (Other, {"names": [1]}, "str type expected", "type_error.str"),
        (
            Annotated[list[int], Field(max_length=1)],
            [1, 2],
            "ensure this value has at most 1 items",
            "value_error.list.max_items",
        ),
        (bool, "perhaps", "value could not be parsed to a boolean", "type_error.bool"),
        (float, "x", "value is not a valid float", "type_error.float"),
    ],
)  # fmt: skip
def test_each_error_has_pydantic_1s_words(model, value, message, kind):
    assert [(one[1], one[2]) for one in said(model, value)] == [(message, kind)]


def test_the_first_member_that_fits_is_taken():
    assert Outer.model_validate({"inner": {"number": 2}}).inner == Inner(number=2)
    assert Outer.model_validate({"inner": {"names": []}}).inner == Other(names=[])


def test_true_is_not_the_number_one():
    assert said(Annotated[int, one_of(0, 1)], True)[0][2] == "type_error.enum"  # noqa: FBT003 - what is tested
