import base64
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.errors import InvalidCursorError
from api.pages import decode, encode

FILTERS = st.dictionaries(st.sampled_from(["status", "command", "since"]), st.text() | st.booleans())
IDS = st.text(st.characters(categories=["L", "N"]), max_size=64)


@given(IDS, FILTERS)
def test_a_cursor_says_what_it_was_made_of(after, filters):
    assert decode(encode(after, "executions", filters), "executions", filters) == after


@given(IDS, FILTERS, FILTERS)
def test_a_cursor_holds_to_its_filters(after, filters, others):
    assume(filters != others)
    with pytest.raises(InvalidCursorError):
        decode(encode(after, "executions", filters), "executions", others)


def test_a_cursor_holds_to_its_list():
    with pytest.raises(InvalidCursorError):
        decode(encode("a", "executions", {}), "sync-configs", {})


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidCursorError):
        decode(text, "executions", {})


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {"after": None},
        {"after": 1, "filters": {}, "list": "executions"},
        {"after": "\ud800", "filters": {}, "list": "executions"},
        {"after": "a\0", "filters": {}, "list": "executions"},
        {"after": "a", "filters": {}, "list": "executions", "more": 1},
    ],
)
def test_a_made_up_cursor_is_refused(payload):
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    with pytest.raises(InvalidCursorError):
        decode(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), "executions", {})


@given(IDS, st.data())
def test_a_changed_cursor_never_says_two_things(after, data):
    cursor = encode(after, "executions", {})
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:place] + data.draw(st.characters()) + cursor[place + 1 :]
    try:
        said = decode(changed, "executions", {})
    except InvalidCursorError:
        return
    assert encode(said, "executions", {}) == changed
