"""Back-off: grows, is bounded, obeys the peer, and gives up only after both time and tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core.retry import Policy, next_attempt, pause

POLICY = Policy()
DAY = 86400


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (8, 640), (9, 900), (10, 900), (1_000_000, 900)],
)
def test_pause_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: float) -> None:
    assert pause(POLICY, failures, 0.0) == seconds


def test_jitter_only_makes_longer() -> None:
    assert pause(POLICY, 1, 0.0) == 5.0
    assert pause(POLICY, 1, 0.5) == pytest.approx(5.5)
    assert pause(POLICY, 1, 0.999) < 6.0


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(None, 5), (0, 5), (-7, 5), (3, 5), (120, 120), (7200, 7200), (10 * DAY, DAY), (float("inf"), DAY)],
)
def test_a_peer_that_names_a_time_is_obeyed_within_reason(retry_after: float | None, seconds: float) -> None:
    assert pause(POLICY, 1, 0.0, retry_after) == seconds


@pytest.mark.parametrize(
    ("age", "attempts", "gives_up"),
    [
        (0, 1, False),
        (3 * DAY - 1, 80, False),
        (3 * DAY, 80, True),
        (30 * DAY, 12, True),
        (30 * DAY, 11, False),  # the router was off for a month, or its clock jumped: it still gets its tries
        (56 * 365 * DAY, 1, False),  # stored in 1970, tried in 2026
        (-56 * 365 * DAY, 80, False),  # the clock went back
    ],
)
def test_gives_up_after_three_days_and_enough_tries(age: int, attempts: int, gives_up: bool) -> None:
    created = 1_700_000_000
    at = next_attempt(POLICY, created_at=created, attempts=attempts, now=created + age, random=0.0)
    assert (at is None) is gives_up


@pytest.mark.parametrize(
    ("age", "failing_for", "gives_up"),
    [(3 * DAY, 3600.0, True), (3 * DAY, 3599.0, False), (3 * DAY - 1, 10 * DAY, False)],
)
def test_a_channel_that_fails_for_an_hour_counts_like_many_tries(age: int, failing_for: float, gives_up: bool) -> None:
    at = next_attempt(POLICY, created_at=0, attempts=1, now=age, random=0.0, failing_for=failing_for)
    assert (at is None) is gives_up


def test_the_parameters_are_data() -> None:
    policy = Policy(first=1, factor=3, longest=5, jitter=0, lifetime=10, tries=2)
    assert [pause(policy, n, 0.9) for n in (1, 2, 3, 4)] == [1, 3, 5, 5]
    assert next_attempt(policy, created_at=100, attempts=2, now=109, random=0) == 112
    assert next_attempt(policy, created_at=100, attempts=2, now=110, random=0) is None
    assert next_attempt(policy, created_at=100, attempts=1, now=110, random=0) == 111


@given(
    attempts=st.integers(0, 10**9),
    now=st.integers(-(2**40), 2**40),
    random=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.floats(allow_nan=False),
)
def test_the_next_attempt_is_after_now_and_within_the_horizon(
    attempts: int, now: int, random: float, retry_after: float | None
) -> None:
    at = next_attempt(POLICY, created_at=now, attempts=attempts, now=now, random=random, retry_after=retry_after)
    assert at is not None
    assert now < at <= now + POLICY.horizon
