"""When a SIM is nearly full and how much must go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core.storage import few_left, spare, to_free


@pytest.mark.parametrize(
    ("used", "total", "few", "free"),
    [
        (17, 20, False, 0),
        (18, 20, True, 1),
        (20, 20, True, 3),
        (229, 255, False, 0),
        (255, 255, True, 26),
        (0, 0, False, 0),
    ],
)
def test_room_is_made_when_few_slots_are_left(used: int, total: int, few: bool, free: int) -> None:
    assert few_left(used, total) is few
    assert to_free(used, total) == free


@given(st.integers(0, 300), st.integers(0, 300))
def test_after_making_room_it_is_not_nearly_full(used: int, total: int) -> None:
    used = min(used, total)
    freed = to_free(used, total)
    assert freed >= 0
    if total > spare(total):
        assert freed <= used
        assert not few_left(used - freed, total)
