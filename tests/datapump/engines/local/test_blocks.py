"""Sums by code over blocks against a loop over every pixel of every polygon."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import numpy as np
import pytest

from datapump.engines.local.codes import Codes
from datapump.engines.local.spans import Spans
from datapump.engines.local.sums import Amount, by_code

QUICK, MANY = range(15), range(15, 200)


def spans_of(dice, shape, count):
    """Runs of polygons, which may overlap, also those of one polygon; some cover everything."""
    runs = []
    for polygon in range(count):
        for _ in range(dice.choice([1, 1, 2])):
            top, left = dice.randrange(shape[0]), dice.randrange(shape[1])
            bottom, right = dice.randint(top + 1, shape[0]), dice.randint(left + 1, shape[1])
            if dice.random() < 0.4:
                top, left, bottom, right = 0, 0, *shape
            ragged = dice.random() < 0.5
            for row in range(top, bottom):
                start = left + dice.randrange(right - left) if ragged else left
                runs.append((3 * polygon, row, start, right))
    return Spans(*(np.array(column, dtype=np.int64) for column in zip(*sorted(runs), strict=True)))


@pytest.mark.parametrize("seed", [*QUICK, *(pytest.param(seed, marks=pytest.mark.soak) for seed in MANY)])
def test_sums_by_code_are_those_of_every_pixel_whatever_the_blocks(seed):
    dice, numbers = random.Random(seed), np.random.default_rng(seed)
    shape, side = (dice.randint(1, 23), dice.randint(1, 23)), dice.randint(2, 9)
    spans = spans_of(dice, shape, dice.randint(1, 5))
    areas = numbers.uniform(0.1, 1, shape[0])
    first = numbers.choice([0, 0, 3, 200], shape).astype(np.uint8)
    second = np.full(shape, dice.choice([0, 7]), dtype=np.uint8)
    many = numbers.integers(0, 250, shape).astype(np.uint8)
    values = [numbers.uniform(0, 9, shape).astype(np.float32), numbers.uniform(0, 9, shape).astype(np.float32)]
    values[0][numbers.random(shape) < dice.choice([0.1, 0.9])] = 0
    values[1][numbers.random(shape) < 0.2] = dice.choice([math.nan, math.inf, 0])

    def coded(block):
        codes = Codes(block.shape)
        for layer in (None, first, second, many, many[::-1]):
            codes.add(block.of(layer))
        return codes

    amounts = [Amount(values[0]), Amount(values[1]), Amount(None), Amount(values[1], within=first)]
    amounts.append(Amount(values[0], first, values[1]))
    found = defaultdict(lambda: np.zeros(6))
    for sums, codes in by_code(spans, shape, coded, areas, amounts, side):
        columns = codes.columns(sums.keys[1])
        for at, polygon in enumerate(sums.keys[0]):
            found[int(polygon), *(int(column[at]) for column in columns)] += sums.values[at]
    expected = defaultdict(lambda: np.zeros(6))
    for polygon, row, start, stop in zip(spans.polygon, spans.row, spans.start, spans.stop, strict=True):
        for column in range(start, stop):
            place = row, column
            a, b = (float(layer[place]) if np.isfinite(layer[place]) else 0.0 for layer in values)
            both = float(np.float32(np.float32(a) + np.float32(b))) if first[place] else 0
            key = (0, first[place], second[place], many[place], many[::-1][place])
            amount = np.array([1, a, b, 0, b if first[place] else 0, both])
            expected[int(polygon), *(int(value) for value in key)] += amount * areas[row]
    assert found.keys() == expected.keys()
    amounts = [np.array([table[key] for key in expected]) for table in (found, expected)]
    np.testing.assert_allclose(*amounts, rtol=1e-9, atol=1e-12)
