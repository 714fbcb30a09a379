"""What syncs found is kept with each config, also where nothing was new and where the feed failed."""

from __future__ import annotations

import pytest

from datapump.executions import ExecutionStatus
from tests.support.deployment import SYNC, copied


@pytest.fixture
def world(night_folder, tmp_path):
    with copied(night_folder, tmp_path) as deployment:
        yield deployment


def config(world):
    (found,) = world.sync_configs.list(sync_type="viirs").items
    return found


def freshness(world):
    return config(world).metadata.freshness


def test_a_sync_records_what_it_found_and_decided_and_then_what_is_published(world):
    identity = world.submit(SYNC)
    world.carry_until(lambda: world.jobs(identity))
    found = freshness(world)
    assert (found.source_newest, found.published) == ("2026-01-16 0200", "2026-01-15 0200")
    assert found.decided == "1 job for the alerts until 2026-01-16 0200"
    assert found.at == world.clock.now()
    world.carry(identity)
    assert (freshness(world).published, freshness(world).decided) == ("2026-01-16 0200", found.decided)


def test_a_sync_without_news_says_why_there_is_nothing_to_do(world):
    world.run(SYNC)
    before = config(world)
    world.clock.advance(86400)
    world.run(SYNC)
    found = freshness(world)
    assert (found.source_newest, found.published) == ("2026-01-16 0200", "2026-01-16 0200")
    assert found.decided.startswith("nothing to do: its tables have all that is saved (")
    assert found.at > before.metadata.freshness.at


def test_a_feed_that_cannot_be_read_is_what_was_found(world):
    (world.folder / "feed.csv").write_text("nothing of the kind\n")
    assert world.run(SYNC).status is ExecutionStatus.FAILED
    assert "feed.csv" in freshness(world).decided


def test_recording_changes_neither_the_revision_nor_the_time_nor_the_history(world):
    world.run(SYNC)
    before = config(world)
    world.clock.advance(86400)
    world.run(SYNC)
    after = config(world)
    assert after.metadata.freshness != before.metadata.freshness
    assert (after.revision, after.updated) == (before.revision, before.updated)
    assert world.sync_configs.history(after.id).items == []
