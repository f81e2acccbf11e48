"""Asterisk: from a committed configuration to the dial plan that it is about, running in a real Asterisk."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from homeline.adapters.render_process import Question, render
from homeline.telephony import Facts
from homeline_lab.bench.measure import Effort, Figures, percentile
from homeline_lab.bench.ours import Homeline, compile_daemon
from homeline_lab.bench.program import Program
from homeline_lab.house import House
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.models import MODELS

APPLIED_TIMEOUT = 30.0  # seconds
SHOW = "dialplan show homeline-chosen-measured"  # the context in which the rule's prefixes are
LOOK = 0.002  # seconds between two looks at it
PAUSE = 0.5  # seconds between two commits: else two would be one reload

PHONE = "config phone '{name}'\n\toption number '{number}'\n"
SECRET = "config phone '{name}'\n\toption password '{name}-correct-horse'\n"
PHONES = ("desk", "mobile", "kitchen")

# A house as many have it: three phones, a dongle's line with voicemail, Twilio as the way abroad.
LINES = """
config twilio 'twilio'
	option account_sid 'AC0123456789abcdef0123456789abcdef'

config trunk 'abroad'
	option type 'twilio'
	option mode 'byoc'
	option host '127.0.0.2'
	option secure '0'

config line 'home'
	option dongle 'stick'
	list ring 'desk'
	list ring 'mobile'
	list ring 'abroad/+441632960000'
	option voicemail '1'

config outbound 'world'
	option via 'home'
	list countries 'CH'
	list countries 'DE'
	list sources 'abroad'
"""
RULE = """
config outbound 'measured'
	option via 'home'
	list prefixes '+49{number}'
"""


async def telephony(kind: type[Program], effort: Effort) -> Figures:
    """From `uci commit` to the new dial plan, what rendering takes, and how much is written. NoAsterisk."""
    if kind is not Homeline:
        return {}
    compile_daemon()
    with tempfile.TemporaryDirectory(prefix="homeline-bench-") as folder:
        root = Path(folder)
        asterisk = HouseAsterisk(root, running=False)
        phones = "".join(PHONE.format(name=name, number=11 + i) for i, name in enumerate(PHONES))
        async with House(
            root,
            asterisk=asterisk,
            sip="\toption external_address '198.51.100.7'\n",
            extra=phones + LINES,
            secret="".join(SECRET.format(name=name) for name in PHONES),
            dongle_options={"driver": "chan_dongle", "imei": MODELS["e1750"].imei},
            level="error",
        ) as house:
            times = await _commits(house, asterisk, effort)
            sizes = [path.stat().st_size for path in house.router.paths.rendered.glob("*.conf")]
            return {
                "dialplan_p50_ms": statistics.median(times) * 1000,
                "dialplan_p95_ms": percentile(times, 0.95) * 1000,
                "render_p50_ms": await _rendering(house, effort),
                "rendered_kb": sum(sizes) / 1000,
                "rendered_files": len(sizes),
            }


async def _commits(house: House, asterisk: HouseAsterisk, effort: Effort) -> list[float]:
    """Seconds from each commit until Asterisk itself shows the number that it allows, as its command line tells."""
    applied = asyncio.Event()

    def hear(_name: str, data: object) -> None:
        if isinstance(data, dict) and data.get("asterisk") == "applied":
            applied.set()

    house.bus.listen("homeline.config.applied", hear)
    await house.bus.wait_ready(5.0)
    await house.start(state="")
    await asyncio.wait_for(applied.wait(), APPLIED_TIMEOUT)
    found = []
    for number in random.sample(range(1000, 10000), effort.singles):
        await asyncio.sleep(PAUSE)
        applied.clear()
        committed = time.perf_counter()
        house.router.configure(house.configuration(RULE.format(number=number)))
        await asterisk.asterisk.until(SHOW, f"+49{number}", every=LOOK)
        found.append(time.perf_counter() - committed)
        await asyncio.wait_for(applied.wait(), APPLIED_TIMEOUT)
    return found


async def _rendering(house: House, effort: Effort) -> float:
    """Milliseconds of the process that renders, from its start to its end, as the daemon runs it."""
    paths = house.router.paths
    main, secrets = ((paths.etc_config / name).read_text() for name in ("homeline", "homeline_secret"))
    question = Question(main, secrets, Facts(root=str(paths.root), ami_secret="0" * 32), str(paths.asterisk))
    found = []
    for _ in range(effort.singles):
        begun = time.perf_counter()
        await render(question)
        found.append(time.perf_counter() - begun)
    return statistics.median(found) * 1000
