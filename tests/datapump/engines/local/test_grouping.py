from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datapump.engines.local.grouping import grouped, packed
from datapump.engines.local.join import blocks

NUMBERS = st.one_of(st.integers(-5, 5), st.integers(-(2**40), 2**40))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.integers(1, 9)), max_size=60)


@given(ROWS)
def test_groups_are_those_of_a_counter_in_the_order_of_their_keys(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    keys, counts = grouped(list(columns[:3]), columns[3])
    expected = Counter()
    for *key, count in rows:
        expected[tuple(key)] += count
    found = list(zip(*(key.tolist() for key in keys), counts.tolist(), strict=True))
    assert found == [(*key, count) for key, count in sorted(expected.items())]


@given(ROWS)
def test_packed_keys_order_rows_as_tuples(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    key = packed(list(columns)).tolist()
    assert [row for _, row in sorted(zip(key, rows, strict=True))] == sorted(rows)
    assert len(set(key)) == len(set(rows))


@given(st.lists(st.integers(0, 9), max_size=40).map(sorted), st.integers(1, 7))
def test_blocks_cover_all_rows_and_never_cut_a_feature(codes, size):
    found = blocks(np.array(codes, dtype=np.int64), size)
    assert [code for block in found for code in codes[block]] == codes
    for before, after in pairwise(found):
        assert codes[before.stop - 1] != codes[after.start]
    for block in found[:-1]:
        assert block.stop - block.start >= size
