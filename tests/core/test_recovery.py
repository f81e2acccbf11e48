"""The recovery ladder: order of remedies, pauses, and when it starts at the foot again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core.recovery import LADDER, PAUSES, REASON, STABLE, Action, Failure, Ladder, Rung


@pytest.mark.parametrize("failure", list(Failure))
def test_each_failure_climbs_its_rungs_and_stays_on_the_last(failure: Failure) -> None:
    ladder = Ladder()
    rungs = [ladder.next(failure, now).rung for now in range(8)]
    assert rungs == [*LADDER[failure], *[Rung.REOPEN] * 8][:8]
    assert failure in REASON


def test_pauses_grow_from_5_to_120_seconds_and_stay() -> None:
    ladder = Ladder()
    actions = [ladder.next(Failure.MUTE, 0.0) for _ in range(40)]
    pauses = [action.pause for action in actions if action.rung is Rung.REOPEN]
    assert pauses[0] == 5.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == max(PAUSES) == 120.0


def test_a_modem_mute_for_a_minute_is_asked_again_at_least_every_ten_seconds() -> None:
    spent = 0.0
    ladder = Ladder()
    for _ in range(3):
        ladder.next(Failure.MUTE, 0.0)
    while spent < 60.0:
        pause = ladder.next(Failure.MUTE, spent).pause
        assert pause <= 6.0
        spent += pause


def test_an_unplugged_port_is_looked_for_at_once_the_first_time() -> None:
    ladder = Ladder()
    assert ladder.next(Failure.UNPLUGGED, 0.0) == Action(Rung.REOPEN, 0.0, gave_up=False)
    assert ladder.next(Failure.UNPLUGGED, 1.0).pause == 5.0


def test_working_for_a_while_starts_at_the_foot_again() -> None:
    ladder = Ladder()
    for now in range(6):
        ladder.next(Failure.MUTE, now)
    ladder.works(10.0)
    ladder.works(10.0 + STABLE - 1)  # being asked again does not restart the clock
    assert ladder.next(Failure.MUTE, 10.0 + STABLE) == Action(Rung.AT)


def test_working_only_for_a_moment_does_not() -> None:
    ladder = Ladder()
    for now in range(6):
        ladder.next(Failure.MUTE, now)
    ladder.works(10.0)
    action = ladder.next(Failure.MUTE, 10.0 + STABLE - 1)
    assert action.rung is Rung.REOPEN
    assert action.gave_up


@given(st.lists(st.tuples(st.sampled_from(list(Failure)), st.floats(0, 100)), max_size=60))
def test_any_sequence_ends_in_bounded_pauses(failures: list[tuple[Failure, float]]) -> None:
    ladder, now = Ladder(), 0.0
    for failure, later in failures:
        now += later
        action = ladder.next(failure, now)
        assert 0.0 <= action.pause <= 120.0
        assert action.pause == 0.0 or action.rung is Rung.REOPEN
