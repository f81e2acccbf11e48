"""Tones, and how they are told from silence and from each other: signed 16 bit samples, 8000 a second."""

from __future__ import annotations

import math
from array import array

RATE = 8000  # samples a second
FRAME = 160  # samples of 20 ms
LOUDNESS = 8000  # of 32767: loud enough for every codec, far from clipping
AUDIBLE = 300  # root mean square below which something counts as silence


def sine(hz: float, samples: int, *, first: int = 0) -> bytes:
    """So many samples of a tone, little endian; `first` is where it goes on."""
    step = 2 * math.pi * hz / RATE
    return array("h", (round(LOUDNESS * math.sin(step * (first + i))) for i in range(samples))).tobytes()


def share(samples: array[int], hz: float) -> float:
    """How much of what is heard is that tone, 0 to 1 (Goertzel's algorithm); 0 where nothing is heard.

    A window of 800 samples tells tones 10 Hz apart.
    """
    energy = sum(s * s for s in samples)
    if not samples or energy < AUDIBLE * AUDIBLE * len(samples):
        return 0.0
    factor = 2 * math.cos(2 * math.pi * hz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return min(1.0, 2 * power / (len(samples) * energy))


def loudness(samples: array[int]) -> float:
    """Root mean square."""
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0
