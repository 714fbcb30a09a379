"""Fire files as arguments."""

from __future__ import annotations

import fnmatch
from datetime import date, timedelta

import pytest

from datapump.engines.emr.sources import LONGEST, fitted
from datapump.errors import UnsupportedError
from datapump.objects import Objects

FOLDER = "s3://lake/nasa_viirs_fire_alerts/v1/vector/epsg-4326/tsv"


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path)


def nights(objects, count, first=date(2024, 12, 20)):
    days = [first + timedelta(days=number) for number in range(count)]
    names = [f"{FOLDER}/near_real_time/{day}-0000_{day}-2359.tsv" for day in days]
    names.append(f"{FOLDER}/scientific/archive.tsv")
    for name in names:
        objects.put(name, b"")
    return names


def matched(patterns, objects):
    there = [info.uri for info in objects.listing(FOLDER + "/")]
    return sorted(name for pattern in patterns for name in there if fnmatch.fnmatchcase(name, pattern))


def test_few_files_are_named_one_by_one(objects):
    names = nights(objects, 20)
    assert fitted(names, objects) == tuple(names)


def test_many_nights_become_patterns_that_match_each_of_them_once_and_nothing_that_comes(objects):
    names = nights(objects, 400)
    patterns = fitted(names, objects)
    assert sum(len(pattern) + 21 for pattern in patterns) <= LONGEST
    assert matched(patterns, objects) == sorted(names)
    nights(objects, 420)
    assert matched(patterns, objects) == sorted(names)


def test_a_file_that_is_not_asked_for_is_not_matched(objects):
    names = nights(objects, 400)
    wanted = [name for name in names if "2025-03-07" not in name]
    patterns = fitted(wanted, objects)
    assert matched(patterns, objects) == sorted(wanted)


def test_more_than_a_step_can_be_told_of_is_refused(objects):
    names = [f"{FOLDER}/scientific/archive-{number:04}.tsv" for number in range(300)]
    names += nights(objects, 3)
    objects.put(f"{FOLDER}/scientific/archive-other.tsv", b"")
    with pytest.raises(UnsupportedError, match="fire files are more than a step"):
        fitted(names, objects)
