import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidHeaderError
from api.etags import etag, parse_if_match


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_tags_that_were_given_out_are_read_back(revisions):
    tags = [etag(revision) for revision in revisions]
    assert parse_if_match(", ".join(tags)) == frozenset(tags)


def test_a_star_matches_any_state():
    assert parse_if_match(" * ") is None


@pytest.mark.parametrize(
    "header", ["", "3", 'W/"3"', '"3', '"3" "4"', '"3",', '*, "3"', '"a b"', '"\xe9"', '"1",' * 300 + '"1"']
)
def test_weak_and_malformed_tags_are_refused(header):
    with pytest.raises(InvalidHeaderError, match="strong"):
        parse_if_match(header)
