from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from api.parameters import Moment

MOMENT = TypeAdapter(Moment)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T06:56:44Z", datetime(2026, 11, 22, 6, 56, 44, tzinfo=UTC)),
        ("2026-11-22T06:56:44+02:00", datetime(2026, 11, 22, 4, 56, 44, tzinfo=UTC)),
        ("2026-11-22T06:56:44", datetime(2026, 11, 22, 6, 56, 44, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text, moment):
    read = MOMENT.validate_python(text)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31", "0999-01-01"])
def test_times_that_no_store_can_order_are_refused(text):
    with pytest.raises(ValidationError, match="1970 to 9999"):
        MOMENT.validate_python(text)


@pytest.mark.parametrize("text", ["1700000000", "20261122", "-1", "1.5", "", "yesterday", "2026-13-01", "1e9"])
def test_numbers_and_nonsense_are_refused(text):
    with pytest.raises(ValidationError):
        MOMENT.validate_python(text)


def test_a_parameter_given_twice_is_refused(reader):
    response = reader.get("/executions?status=failed&status=succeeded")
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"parameter": "status", "in": "query", "detail": "the query parameter 'status' is given twice: give it once"}
    ]
