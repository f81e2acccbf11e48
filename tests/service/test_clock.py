"""The clock that says when it was set."""

from __future__ import annotations

from homeline.service.clock import Clock


class Hands:
    def __init__(self) -> None:
        self.wall, self.steady = 100.0, 5.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_clock_that_runs_says_nothing() -> None:
    hands, jumps = Hands(), []
    clock = Clock(jumps.append, lambda: hands.wall, lambda: hands.steady)
    hands.pass_by(86400)
    hands.wall += 30  # ntpd corrects some drift
    assert clock() == 86530
    assert jumps == []


def test_a_clock_that_is_set_says_by_how_much_once() -> None:
    hands, jumps = Hands(), []
    clock = Clock(jumps.append, lambda: hands.wall, lambda: hands.steady)
    hands.pass_by(10)
    hands.wall = 1_800_000_000.0
    assert clock() == 1_800_000_000
    assert clock() == 1_800_000_000
    assert jumps == [1_799_999_890]
    hands.wall -= 3600
    clock()
    assert jumps[1:] == [-3600]


def test_many_small_steps_are_told_when_they_add_up() -> None:
    hands, jumps = Hands(), []
    clock = Clock(jumps.append, lambda: hands.wall, lambda: hands.steady)
    for _ in range(5):
        hands.wall += 50
        clock()
    assert jumps == [150]
