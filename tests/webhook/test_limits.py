"""How many requests are taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homeline.webhook.limits import SOURCES, Limits, Rate


def taken(limits: Limits, source: str, now: float, tries: int, *, shared: bool = False) -> int:
    return sum(limits.take(source, now, shared=shared) for _ in range(tries))


def test_a_burst_then_a_rate() -> None:
    limits = Limits(Rate(5, 2), Rate(1000, 1000))
    assert taken(limits, "a", 0, 10) == 5
    assert taken(limits, "a", 1.0, 10) == 2
    assert taken(limits, "b", 1.0, 10) == 5
    assert taken(limits, "a", 100.0, 10) == 5


def test_one_source_does_not_use_up_what_all_have() -> None:
    limits = Limits(Rate(5, 1), Rate(8, 0.001))
    assert taken(limits, "a", 0, 1000) == 5
    assert taken(limits, "b", 0, 1000) == 3


def test_a_proxy_is_only_one_of_all() -> None:
    limits = Limits(Rate(5, 1), Rate(50, 1))
    assert taken(limits, "127.0.0.1", 0, 100, shared=True) == 50
    assert not limits.take("a", 0)


def test_many_sources_take_no_memory() -> None:
    limits = Limits(Rate(5, 1), Rate(5, 1))
    for number in range(SOURCES * 3):
        limits.take(str(number), 0)
    assert len(limits._sources) == SOURCES


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), max_size=200))
def test_never_more_than_burst_and_rate(steps: list[tuple[float, str]]) -> None:
    limits = Limits(Rate(4, 3), Rate(6, 4))
    now, found = 0.0, {"a": 0, "b": 0, "c": 0}
    for pause, source in steps:
        now += pause
        found[source] += limits.take(source, now)
    assert all(count <= 4 + 3 * now + 1e-6 for count in found.values())
    assert sum(found.values()) <= 6 + 4 * now + 1e-6
