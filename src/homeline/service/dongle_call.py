"""A call without sound from a modem that this daemon drives: what keeps a SIM alive that must call now and then."""

from __future__ import annotations

import asyncio
import contextlib

from homeline.adapters.serial import AtPort
from homeline.errors import ModemError
from homeline.protocol import commands_calls


async def ring(port: AtPort, number: str, seconds: float) -> None:
    """Call a number and end the call after so many seconds, answered or not, whatever else ends this.

    Raises ModemError (refused), EncodeError, TimedOut, Mute, ConnectionLost.
    """
    try:
        await port.run(commands_calls.dial(number), again=False)
        await asyncio.sleep(seconds)
    finally:
        await end(port)


async def end(port: AtPort) -> None:
    """End any call. Raises TimedOut, Mute, ConnectionLost."""
    with contextlib.suppress(ModemError):  # the other side was faster, or there is none
        await port.run(commands_calls.hang_up())
