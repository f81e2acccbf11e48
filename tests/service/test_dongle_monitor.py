"""What a look at the memories makes of their numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from homeline.core.bringup import Modem
from homeline.protocol.commands_sms import Memory
from homeline.service.dongle_monitor import Monitor

KNOWN, ASKED = Memory("SM", 3, 20), Memory("SM", 5, 20)


@pytest.mark.parametrize(
    ("idle", "known", "drains"),
    [(True, ASKED, 1), (False, KNOWN, 0)],  # what is being read is counted when it was read, and not twice
)
async def test_a_number_that_nobody_told(idle: bool, known: Memory, drains: int) -> None:
    drained: list[None] = []
    messages: Any = SimpleNamespace(idle=idle, drain_soon=lambda: drained.append(None))
    modem, nothing = Modem(), None
    modem.use["SM"] = KNOWN
    given: Any = ("stick", nothing, modem, messages, *(nothing,) * 5)
    script = Monitor(*given)._memories(modem)
    next(script)
    with pytest.raises(StopIteration):
        script.send((ASKED, Memory("ME", 1, 100)))
    assert modem.use == {"SM": known}
    assert len(drained) == drains
