"""Keeping what must always run: a defect that ends it is logged, shown in `status`, and it begins anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from homeline.service.troubles import Say

log = logging.getLogger(__name__)

PAUSE = 5.0  # seconds before it begins anew
SOUND = 600.0  # seconds without a new defect after which the last one is not shown any more


async def keep(name: str, work: Callable[[], Coroutine[Any, Any, None]], say: Say) -> None:
    """Run `work` until it returns or is cancelled, again after each exception that it lets through.

    `say(name, words, advice)` is told of it, and `say(name, "", "")` when it has gone well for a while.
    """
    loop = asyncio.get_running_loop()
    said = False
    while True:
        # Not before the first defect: under the same name the work itself may say what is wrong.
        sound = loop.call_later(SOUND, say, name, "", "") if said else None
        try:
            return await work()
        except Exception as error:
            log.exception("The %s failed", name)
            said = True
            say(name, f"It failed by a defect ({type(error).__name__}) and was started again.", "The log has more.")
        finally:
            if sound is not None:
                sound.cancel()
        await asyncio.sleep(PAUSE)
