from __future__ import annotations

from collections.abc import Iterator

import pytest

import twilio_kit


@pytest.fixture
def rig() -> Iterator[twilio_kit.Rig]:
    yield from twilio_kit.rig()
