"""`homeline-lab bench`: Homeline measured beside gammu-smsd, smstools and a bare reader, each on the same dongle."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from homeline_lab.bench.bare import Bare
from homeline_lab.bench.forwarding import forwarding
from homeline_lab.bench.further import further
from homeline_lab.bench.gammu import BusyGammuSmsd, GammuSmsd
from homeline_lab.bench.measure import MEASUREMENTS, QUICK, Effort, Figures
from homeline_lab.bench.ours import Homeline
from homeline_lab.bench.program import Program
from homeline_lab.bench.smstools import Smstools
from homeline_lab.bench.table import table
from homeline_lab.bench.telephony import telephony
from homeline_lab.bench.twilio_webhook import twilio_webhook

PROGRAMS: dict[str, type[Program]] = {p.name: p for p in (GammuSmsd, Smstools, Bare, Homeline, BusyGammuSmsd)}
USUAL = [GammuSmsd.name, Smstools.name, Bare.name, Homeline.name]
STEPS = (*MEASUREMENTS, further, forwarding, telephony, twilio_webhook)
ROWS = [m.__name__ for m in STEPS]


def main(argv: list[str]) -> int:
    """0 when all could be measured, 1 when a program is missing or a measurement failed, 130 when told to end."""
    parser = argparse.ArgumentParser(prog="homeline-lab bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter trials: some minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    _choice(parser, "--programs", list(PROGRAMS), USUAL)
    _choice(parser, "--rows", ROWS, ROWS)
    args = parser.parse_args(argv)
    effort = QUICK if args.quick else Effort()
    try:
        results, failures = asyncio.run(_until_told(args.programs, args.rows, effort))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    print(table(results))
    for failure in failures:
        print(f"not measured: {failure}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report(results, failures, effort), indent=1, ensure_ascii=False) + "\n")
    return 1 if failures else 0


def _choice(parser: argparse.ArgumentParser, name: str, all_of_them: list[str], usual: list[str]) -> None:
    words = f"some of: {', '.join(all_of_them)}"
    parser.add_argument(name, nargs="+", choices=all_of_them, default=usual, metavar="NAME", help=words)


async def _until_told(
    names: Sequence[str], rows: Sequence[str], effort: Effort
) -> tuple[dict[str, Figures], list[str]]:
    """`measure`, which SIGTERM ends as Ctrl-C does: in order, with no program left running."""
    task = asyncio.ensure_future(measure(names, rows, effort))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def measure(names: Sequence[str], rows: Sequence[str], effort: Effort) -> tuple[dict[str, Figures], list[str]]:
    """The figures by program, and what could not be measured with the reason."""
    results: dict[str, Figures] = {}
    failures = []
    for name in names:
        kind, results[name] = PROGRAMS[name], {}
        if missing := kind.missing():
            failures.append(missing)
            continue
        for step in (m for m in STEPS if m.__name__ in rows):
            begun = time.monotonic()
            try:
                results[name] |= await step(kind, effort)
            except Exception as e:  # one failed row must not cost the hour that the others took
                failures.append(f"{name}, {step.__name__}: {type(e).__name__}: {str(e).partition(chr(10))[0]}")
                print(failures[-1], file=sys.stderr)
            print(f"{name}: {step.__name__} took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return results, failures


def report(results: dict[str, Figures], failures: list[str], effort: Effort) -> dict[str, object]:
    """What --json writes."""
    return {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "effort": {f: getattr(effort, f) for f in effort.__slots__},
        "results": results,
        "failures": failures,
    }
