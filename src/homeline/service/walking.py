"""Walking over what Asterisk keeps for us, at each hint and from time to time: hints get lost, and can be forged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from homeline.errors import HomelineError

log = logging.getLogger(__name__)

EVERY = 240.0  # seconds between two walks that nothing asked for
PAUSE = 10.0  # seconds after a walk that failed
BREATH = 1.0  # seconds after a walk that found nothing new, whatever hints come


async def walk_for_ever(what: str, look: asyncio.Event, walk: Callable[[], Awaitable[int]]) -> None:
    """Call `walk`, which says how much it found, whenever `look` is set; `what` is in the log when it fails."""
    trouble = ""  # what the last walk failed with
    while True:
        look.clear()
        try:
            found = await walk()
        except HomelineError as error:
            if str(error) != trouble:
                log.warning("%s wait: %s", what, error)
            trouble = str(error)
            await asyncio.sleep(PAUSE)
            continue
        trouble = ""
        if not found:
            await asyncio.sleep(BREATH)
        try:
            async with asyncio.timeout(EVERY):
                await look.wait()
        except TimeoutError:
            continue
