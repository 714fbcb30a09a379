from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from datapump.sources.fire_time import FireTime, day_number, minute_of_day

times = st.builds(FireTime, st.integers(0, 50_000_000))


@pytest.mark.parametrize("text", ["2022-02-26 0020", "2022-02-26-0020", "2022-02-26 20", " 2022-02-26 00:20 "])
def test_one_time_can_be_written_in_several_ways(text):
    assert str(FireTime.parse(text)) == "2022-02-26 0020"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2022-02-26 2561", "hours run from 00 to 23"),
        ("2022-02-26 2400", "hours run from 00 to 23"),
        ("2022-02-26 0060", "minutes from 00 to 59"),
        ("2022-02-30 0020", "no such day"),
        ("2022-13-01 0020", "no such day"),
        ("0000-01-01 0020", "no such day"),
        ("2022-2-26 0020", "expected YYYY-MM-DD HHMM"),
        ("2022-02-26", "expected YYYY-MM-DD HHMM"),
        ("2022-02-26 00200", "expected HHMM"),
        ("2022-02-26 noon", "expected HHMM"),
        ("2022-02-26 ٠٠٢٠", "expected HHMM"),
        ("", "expected YYYY-MM-DD HHMM"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(text, said):
    with pytest.raises(ValueError, match=said):
        FireTime.parse(text)


@pytest.mark.parametrize(
    "text", ["0020", "20", "20.0", "0020.0", "20.", " 20", "00:20", "0:20", "00:20:00", "00:20:59.9"]
)
def test_a_time_of_day_is_understood_in_every_form_it_occurs_in(text):
    assert minute_of_day(text) == 20


@pytest.mark.parametrize("text", ["2022-02-26", "2022/02/26", "20220226", " 2022-02-26 "])
def test_a_day_is_understood_in_every_form_it_occurs_in(text):
    assert day_number(text) == (date(2022, 2, 26) - date(1970, 1, 1)).days


@pytest.mark.parametrize("text", ["2022-02/26", "2022-0226", "26-02-2022", "2022-02-26 00:20", "00000000", ""])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match="is not a date"):
        day_number(text)


@given(times, times)
def test_text_order_is_time_order(one, other):
    assert (one < other) == (str(one) < str(other))


@given(times)
def test_a_time_is_read_back_from_its_text(time):
    assert FireTime.parse(str(time)) == time
    assert FireTime.parse(f"{time.day}-{time.hhmm}") == time


@given(times, st.integers(0, 100_000))
def test_hours_until_a_later_time_count_every_minute(time, minutes):
    assert time.hours_until(FireTime(time.minute + minutes)) == minutes / 60


def test_a_model_holds_it_and_writes_it_as_text():
    class Model(BaseModel):
        at: FireTime

    model = Model.model_validate({"at": "2022-02-26 20"})
    assert model.at == FireTime.parse("2022-02-26 0020")
    assert model.model_dump_json() == '{"at":"2022-02-26 0020"}'
    assert Model.model_validate_json(model.model_dump_json()) == model
    assert Model(at=model.at) == model
    assert Model.model_json_schema()["properties"]["at"]["type"] == "string"


@pytest.mark.parametrize("value", ["2022-02-30 0020", 20220226, None])
def test_a_model_refuses_what_is_no_time(value):
    class Model(BaseModel):
        at: FireTime

    with pytest.raises(ValidationError):
        Model.model_validate({"at": value})
