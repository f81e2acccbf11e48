"""Stands for the command `ubus`: `ubus [-t SECONDS] call OBJECT METHOD [JSON]`."""

import asyncio
import json
import sys
from pathlib import Path

from homeline.adapters.bus import Bus
from homeline.errors import BusError


async def main(argv: list[str]) -> int:
    timeout = 30.0
    if argv[:1] == ["-t"]:
        timeout, argv = float(argv[1]), argv[2:]
    _, name, method, *rest = argv
    async with Bus(Path("/var/run/ubus/ubus.sock")) as bus:
        try:
            await bus.wait_ready(5)
            reply = await bus.call(name, method, json.loads(rest[0]) if rest else {}, timeout)
        except (BusError, TimeoutError) as error:
            print(f"Command failed: {error}", file=sys.stderr)
            return 4
    if reply:
        print(json.dumps(reply))
    return 0


sys.exit(asyncio.run(main(sys.argv[1:])))
