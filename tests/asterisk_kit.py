"""Where a test needs a real Asterisk: the fixture, and a look at what is on the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeline_lab.asterisk_programs import HOW, Programs, find

CHAN_DONGLE_VARIABLE = "HOMELINE_CHAN_DONGLE"


@pytest.fixture(scope="session")
def asterisk_programs() -> Programs:
    """A real Asterisk's programs; the test is skipped where there are none."""
    found = find()
    if found is None:
        pytest.skip(f"no Asterisk on this machine: {HOW}")
    return found


@pytest.fixture(scope="session")
def chan_dongle() -> Path:
    """The module chan_dongle.so; the test is skipped where there is none."""
    path = Path(os.environ.get(CHAN_DONGLE_VARIABLE, "/nonexistent"))
    if not path.is_file():
        pytest.skip(f"no chan_dongle on this machine: {CHAN_DONGLE_VARIABLE} may name a chan_dongle.so")
    return path
