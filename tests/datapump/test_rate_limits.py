from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datapump.rate_limits import RateLimiter
from tests.support.clock import FakeClock


def test_a_bucket_empties_and_fills_with_time(clock):
    limiter = RateLimiter(clock, quota=3, window_s=30)
    assert [limiter.take("ada").remaining for _ in range(3)] == [2, 1, 0]
    refused = limiter.take("ada")
    assert (refused.allowed, refused.remaining, refused.next_in_s, refused.full_in_s) == (False, 0, 10, 30)
    clock.advance(9)
    assert limiter.take("ada").allowed is False
    clock.advance(1)
    assert limiter.take("ada").allowed is True
    clock.advance(3600)
    assert limiter.take("ada").remaining == 2


def test_callers_do_not_share_a_bucket(clock):
    limiter = RateLimiter(clock, quota=1, window_s=60)
    assert limiter.take("ada").allowed is True
    assert limiter.take("ada").allowed is False
    assert limiter.take("bob").allowed is True


def test_a_clock_that_is_set_back_neither_fills_nor_empties(clock):
    limiter = RateLimiter(clock, quota=2, window_s=60)
    limiter.take("ada")
    clock.advance(-3600)
    assert limiter.take("ada").allowed is True
    assert limiter.take("ada").allowed is False


def test_many_threads_get_no_more_than_the_quota(clock):
    limiter = RateLimiter(clock, quota=50, window_s=60)
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: limiter.take("ada").allowed, range(400)))
    assert sum(allowed) == 50


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 20), st.integers(1, 60), st.lists(st.floats(0, 20), max_size=60))
def test_no_window_lets_more_pass_than_twice_the_quota(quota, window_s, waits):
    clock = FakeClock()
    limiter, passed = RateLimiter(clock, quota, window_s), []
    for wait in waits:
        clock.advance(wait)
        if limiter.take("ada").allowed:
            passed.append(clock.now())
    for start in passed:
        within = [moment for moment in passed if 0 <= (moment - start).total_seconds() < window_s]
        assert len(within) <= 2 * quota


def test_waiting_as_long_as_is_said_is_enough(clock):
    limiter = RateLimiter(clock, quota=7, window_s=60)
    for _ in range(7):
        limiter.take("ada")
    for _ in range(20):
        refused = limiter.take("ada")
        if not refused.allowed:
            clock.advance(refused.next_in_s)
            assert limiter.take("ada").allowed is True


@pytest.mark.parametrize("quota", [1, 6000])
def test_a_fresh_caller_has_the_whole_quota(clock, quota):
    allowance = RateLimiter(clock, quota, 60).take("ada")
    assert (allowance.allowed, allowance.remaining, allowance.quota) == (True, quota - 1, quota)
