"""A call that the service makes by itself, without sound: the other side rings, and it ends after a few seconds.

A serial dongle dials; of a dongle that Asterisk has, Asterisk is asked. No context of the dial plan is used: what is
answered waits until its time is over, so nobody can do anything with such a call.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from homeline.errors import ActionRefused, NoData, NotSupported, TimedOut
from homeline.model import TECHNOLOGY
from homeline.service.channels import World

if TYPE_CHECKING:
    from homeline.protocol.ami import Message

GRACE = 15.0  # seconds beyond the ringing until Asterisk must have said what became of it

# AST_CONTROL_… of Asterisk's OriginateResponse: it rang and nobody answered, twice; busy; answered.
_REACHED = ("1", "3", "5", "4")


@runtime_checkable
class Dialler(Protocol):
    """A dongle that dials itself."""

    async def ring(self, number: str, seconds: float) -> None:
        """Call, and end the call after so many seconds. Raises HomelineError."""
        ...

    async def hang_up(self) -> None:
        """End any call. Raises HomelineError."""
        ...


async def ring(world: World, dongle: str, number: str, seconds: int) -> None:
    """Call `number` (E.164) by a dongle, at most `seconds` long from the answer on, and as long before it.

    Raises NoData, NotSupported, TimedOut, ActionRefused and what a dongle's driver raises.
    """
    found = world.dongles.get(dongle)
    if isinstance(found, Dialler):
        await found.ring(number, seconds)
        return
    technology = TECHNOLOGY.get(found.status.driver) if found is not None else None
    if technology is None:
        raise NotSupported(f"The dongle {dongle} cannot call.")
    await _by_asterisk(world, f"{technology}/{dongle}/{number}", seconds)


async def end(world: World, dongle: str) -> None:
    """End a call that a crash left behind: a modem goes on with it, Asterisk ends it. Raises HomelineError."""
    found = world.dongles.get(dongle)
    if isinstance(found, Dialler):
        await found.hang_up()


async def _by_asterisk(world: World, party: str, seconds: int) -> None:
    manager = world.ami()
    if manager is None or not manager.connected:
        raise NoData("Asterisk is not running, or not connected yet.")
    from homeline.service.originating import ours  # of the package that brings Asterisk

    channel = f"homeline-{os.urandom(8).hex()}"
    told: asyncio.Queue[Message] = asyncio.Queue()
    stop = manager.listen("OriginateResponse", told.put_nowait)
    try:
        reply = await manager.call(
            "Originate",
            Channel=party,
            Application="Wait",
            Data=str(seconds),
            Timeout=str(seconds * 1000),
            Async="true",
            ChannelId=channel,
        )
        async with asyncio.timeout(seconds + GRACE):
            answer = await ours(told, reply.action_id, channel)
    except TimeoutError:
        raise TimedOut("Asterisk did not say what became of the call.") from None
    finally:
        stop()
    if answer.get("Response") != "Success" and answer.get("Reason") not in _REACHED:
        raise ActionRefused("The call could not be made: the network or the dongle refused it.")
