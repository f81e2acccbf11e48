"""`launcher.py ROOT`: the daemon with short waits for its dongles, and a clock that a test moves.

The file ROOT/clock, where it is there, has the seconds to add to the machine's clock, and ROOT/twilio the address of a
server that stands for Twilio.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from homeline.daemon import Gateway
from homeline.paths import Paths
from homeline.service import logs
from homeline.service.channels import mailbox
from homeline.service.host import Timing
from homeline.service.twilio import TwilioSetup

QUICK = replace(
    Timing(),
    probe=0.3,
    boot=0.1,
    poll_least=0.05,
    poll_most=0.1,
    sim_locked=0.3,
    monitor=0.5,
    drain=1.0,
    store_retry=0.3,
    read_retry=0.2,
    ussd=16.0,
    ussd_grace=0.1,
    again=0.1,
    settle=0.05,
    pauses=(0.2, 0.2, 0.4),
    stable=1.0,
)


class Launched(Gateway):
    @cached_property
    def _twilio(self) -> TwilioSetup:
        server = self.paths.root / "twilio"
        base = server.read_text() if server.exists() else ""
        return TwilioSetup(self.context, self.paths, self._committer, base=base)


def main() -> None:
    logs.to_procd()
    mailbox.MINUTE = 0.5
    root = Path(sys.argv[1])

    def clock() -> float:
        try:
            return time.time() + int((root / "clock").read_text())
        except FileNotFoundError:
            return time.time()

    async def run() -> None:
        await Launched(Paths(root), clock, QUICK).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
