"""`python -m homeline_lab.pages.sample_daemon ROOT AHEAD`: the daemon with a clock that is `AHEAD` seconds ahead.

Its dongles have had a signal for a day, as far as the overview knows: that is kept in memory only.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
import time
from pathlib import Path

from homeline.daemon import Gateway
from homeline.paths import Paths
from homeline.service import logs
from homeline.service.signal import STEP, SignalHistory

ZONE = "Europe/Zurich"
DONGLE = "home"
HOURS = 30
AWAY = range(545, 585)  # minutes ago in which there was no dongle


def history(now: int) -> SignalHistory:
    """A day and a bit: better by night, and forty minutes without the dongle."""
    chance, found, level = random.Random(4), SignalHistory(), 0.0
    for ago in range(HOURS * 60, 0, -1):
        at = now - ago * STEP
        level = 0.9 * level + chance.gauss(0, 1.1)
        if ago not in AWAY:
            found.add(at, round(-80 + level + 4 * math.cos(2 * math.pi * (at % 86400 - 7200) / 86400)))
    return found


def main() -> None:
    root, ahead = Path(sys.argv[1]), int(sys.argv[2])
    os.environ["TZ"] = ZONE
    time.tzset()
    logs.to_procd()

    def clock() -> float:
        return time.time() + ahead

    async def run() -> None:
        gateway = Gateway(Paths(root), clock)
        gateway.host.signals[DONGLE] = history(int(clock()))
        await gateway.run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
