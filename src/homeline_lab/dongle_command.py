"""`homeline-lab dongle`: a simulated dongle as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from homeline_lab.control import Server
from homeline_lab.dongle import Dongle
from homeline_lab.models import MODELS
from homeline_lab.sim import OWN_NUMBER, Sim
from homeline_lab.wire import Pace


def main(argv: list[str]) -> int:
    """Runs until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="homeline-lab dongle", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="lab root that gets dev/ and sys/")
    parser.add_argument("--model", choices=sorted(MODELS), default="e1750")
    parser.add_argument("--name", default="ttyUSB0", help="tty name of the AT port")
    parser.add_argument("--every-port", action="store_true", help="all ports of the model, --name is the first")
    parser.add_argument("--control", type=Path, help="Unix socket that takes JSON (see homeline_lab/control.py)")
    parser.add_argument("--log", type=Path, help="file that gets all AT traffic")
    parser.add_argument("--baud", type=int, help="let octets leave at this line speed")
    parser.add_argument("--sm", type=int, help="slots on the SIM")
    parser.add_argument("--pin", default="", help="PIN of the SIM")
    parser.add_argument("--number", default=OWN_NUMBER, help="number of the SIM")
    asyncio.run(_run(parser.parse_args(argv)))
    return 0


async def _run(args: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    dongle = Dongle(
        args.model,
        args.root,
        args.name,
        every_port=args.every_port,
        sim=Sim(pin=args.pin, number=args.number),
        storages={"SM": args.sm} if args.sm else {},
        log=args.log,
    )
    dongle.set_pace(Pace.baud(args.baud) if args.baud else None)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(dongle)
        if args.control:
            await stack.enter_async_context(Server(dongle, args.control))
        print(dongle.port, flush=True)
        await stop.wait()
