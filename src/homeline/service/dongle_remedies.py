"""The rungs of the recovery ladder, carried out on an open port."""

from __future__ import annotations

import asyncio
import contextlib

from homeline.adapters.serial import AtPort
from homeline.core.bringup import PASSING
from homeline.core.recovery import Failure, Rung
from homeline.errors import ConnectionLost
from homeline.protocol import commands
from homeline.service.host import Timing

WORDS = {
    Rung.AT: "asking whether it is there",
    Rung.RESYNC: "ending whatever it waits for",
    Rung.RADIO: "switching its radio off and on",
    Rung.RESET: "restarting it",
}


async def apply(port: AtPort, rung: Rung, failure: Failure, timing: Timing) -> bool:
    """Carry out any rung but REOPEN; whether the port can be used again. If not, it must be looked for anew.

    Raises ModemError, TimedOut (Mute) or DecodeError when it was no help, ConnectionLost.
    """
    if rung is Rung.AT:
        if failure is Failure.STEP:
            await asyncio.sleep(timing.again)  # a modem that still starts refuses what it will soon do
        await port.run(commands.attention())
    elif rung is Rung.RESYNC:
        await port.cancel_input()
    elif rung is Rung.RADIO:
        await port.run(commands.set_functionality(4))
        await port.run(commands.set_functionality(1))
    else:
        await _restart(port, blindly=failure in (Failure.MUTE, Failure.GARBAGE))
        return False
    return True


async def _restart(port: AtPort, blindly: bool) -> None:
    command = commands.set_functionality(1, reset=True)
    if blindly:
        await port.write_blindly(command)
        return
    with contextlib.suppress(ConnectionLost, *PASSING):  # it may go before it answers
        await port.run(command)
