"""The signal's history: bounded, one sample a minute."""

from __future__ import annotations

from homeline.service.signal import KEPT, STEP, SignalHistory


def test_one_sample_a_minute_is_kept() -> None:
    history = SignalHistory()
    for second in range(0, 3 * STEP, 10):
        history.add(1000 + second, -70 - second)
    assert [at for at, _ in history.since(0)] == [1000, 1060, 1120]


def test_old_samples_make_room() -> None:
    history = SignalHistory()
    for minute in range(KEPT + 10):
        history.add(minute * STEP, -80)
    samples = history.since(0)
    assert len(samples) == KEPT
    assert samples[0] == (10 * STEP, -80)


def test_since() -> None:
    history = SignalHistory()
    history.add(0, -80)
    history.add(100, -90)
    assert history.since(50) == [(100, -90)]


def test_a_clock_set_back_starts_anew() -> None:
    history = SignalHistory()
    history.add(10_000, -80)
    history.add(50, -90)
    assert history.since(0) == [(50, -90)]
