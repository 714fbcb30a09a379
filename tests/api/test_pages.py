import base64
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.errors import InvalidCursorError
from api.examples import COMMANDS
from api.pages import decode, encode
from tests.support.cursors import mutate

KEY = b"k" * 32
FILTERS = st.dictionaries(st.sampled_from(["status", "command", "since"]), st.text() | st.booleans())
IDS = st.text(st.characters(categories=["L", "N"]), max_size=64)


@given(IDS, FILTERS)
def test_a_cursor_says_what_it_was_made_of(after, filters):
    assert decode(encode(after, "executions", filters, KEY), "executions", filters, KEY) == after


@given(IDS, FILTERS, FILTERS)
def test_a_cursor_holds_to_its_filters(after, filters, others):
    assume(filters != others)
    with pytest.raises(InvalidCursorError):
        decode(encode(after, "executions", filters, KEY), "executions", others, KEY)


def test_a_cursor_holds_to_its_list():
    with pytest.raises(InvalidCursorError):
        decode(encode("a", "executions", {}, KEY), "sync-configs", {}, KEY)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidCursorError):
        decode(text, "executions", {}, KEY)


def test_a_cursor_of_another_deployment_is_refused():
    with pytest.raises(InvalidCursorError):
        decode(encode("a", "executions", {}, b"other"), "executions", {}, KEY)


def test_none_of_10000_changed_cursors_is_accepted(reader, executions_of_two_pages):
    cursor = reader.get("/executions?limit=1").json()["next"]
    rng = random.Random(5)
    for number in range(10_000):
        changed = mutate(cursor, rng)
        if number % 200 == 0:
            assert reader.get("/executions", params={"cursor": changed}).status_code in {400, 422}
        with pytest.raises(InvalidCursorError):
            decode(changed, "executions", {}, reader.app.state.services.cursor_key)


@pytest.fixture
def executions_of_two_pages(operator):
    for _ in range(2):
        operator.post("/commands", json=COMMANDS["sync"])


@given(IDS, st.data())
def test_a_changed_cursor_says_nothing(after, data):
    cursor = encode(after, "executions", {}, KEY)
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:place] + data.draw(st.characters()) + cursor[place + 1 :]
    assume(changed != cursor)
    with pytest.raises(InvalidCursorError):
        decode(changed, "executions", {}, KEY)
