"""A real Asterisk takes every file that we make, and says no word about it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs, chan_dongle
from homeline.render.peers import auth
from homeline.render.template import sections
from homeline_lab.asterisk import Asterisk, Programs, own_address
from render.kit import CASES, FACTS, OWNERS
from render.live import asterisk, house, included

__all__ = ["asterisk_programs", "chan_dongle"]
pytestmark = pytest.mark.usefixtures("asterisk_programs")

# A trunk that nobody answers for is said, and rightly.
_NOBODY_THERE = ("No response received from", "registration attempt", "Connection refused")
STOCK = {
    "pjsip.conf": "[global]\ntype = global\nuser_agent = Owner\n"
    "[6001]\ntype = endpoint\nallow = ulaw\ncontext = default\n",
    "rtp.conf": "[general]\nrtpstart=10000\nrtpend=20000\n[ice_host_candidates]\n",
    "logger.conf": "[general]\n[logfiles]\nmessages => notice,warning,error\n",
    "manager.conf": "[general]\nenabled = no\nport = 5038\nbindaddr = 0.0.0.0\n",
    "modules.conf": "[modules]\nautoload=yes\nnoload = res_hep.so\nnoload = res_hep_pjsip.so\n",
    "extensions.conf": "[general]\nstatic=yes\n[globals]\nCONSOLE=Console/dsp\n[default]\nexten => s,1,Hangup()\n",
}  # the sections of OWNERS, as OpenWrt's packages and owners have them


def complaints(asterisk: Asterisk) -> list[str]:
    assert asterisk.log
    return [line for line in asterisk.complaints() if not any(words in line for words in _NOBODY_THERE)]


async def listed(asterisk: Asterisk, kind: str) -> set[str]:
    """Names of the objects of one kind."""
    commands = {"endpoint": "endpoints", "aor": "aors", "auth": "auths", "identify": "identifies"}
    plural = commands.get(kind, f"{kind}s")
    head = {"auth": "I?/?Auth", "registration": ""}.get(kind, kind.capitalize())
    text = await asterisk.cli(f"pjsip show {plural}")
    found = set()
    for line in text.splitlines():
        match = re.match(rf"^ *{head}:? +([^ /<]+)", line)
        if match and not line.lstrip().startswith(("<", "Objects", "=")):
            found.add(match[1])
    return found


@pytest.mark.parametrize("name", CASES)
async def test_no_complaint(name: str, tmp_path: Path, asterisk_programs: Programs) -> None:
    case = CASES[name]
    there = tuple(path.stem for path in asterisk_programs.modules.glob("*.so"))
    facts = replace(case.facts, modules=there if case.facts.modules else None)
    rendered, _ = house(tmp_path, own_address(), case.uci, facts=facts)
    files = included(rendered, STOCK if case.facts.sections else {})
    async with asterisk(tmp_path, rendered, files) as running:
        assert not complaints(running)
        for kind in ("endpoint", "aor", "auth", "identify", "transport"):
            assert set(rendered.objects[kind]) <= await listed(running, kind), kind
        registrations = await running.cli("pjsip show registrations")
        assert all(f" {registration}/sip:" in registrations for registration in rendered.objects["registration"])
        await running.cli("module reload")
        assert not complaints(running)


async def test_what_the_owner_has_stays_and_ours_counts(tmp_path: Path) -> None:
    facts = replace(FACTS, sections=OWNERS)
    rendered, _ = house(tmp_path, own_address(), CASES["owners_sections"].uci, facts=facts)
    async with asterisk(tmp_path, rendered, included(rendered, STOCK)) as running:
        media = await running.cli("rtp show settings")
        assert re.search(r"Port start: +10000\b", media) and re.search(r"Port end: +10199\b", media)
        assert re.search(r"TCP Bindaddress: +127\.0\.0\.1:", await running.cli("manager show settings"))
        assert re.search(r"user_agent +: Owner", await running.cli("pjsip show settings"))
        assert "syslog.daemon" in await running.cli("logger show channels")
        assert {"6001", "kitchen"} <= await listed(running, "endpoint")
        assert "Console/dsp" in await running.cli("dialplan show globals")


ODD = (
    "a;b",
    ";--x",
    "--;",
    r"a\;b",
    "a\\",
    "> x",
    "=> x",
    "[s]",
    "#include x",
    '"',
    "'",
    "${EXTEN}",
    "Zürich",
    "(+)",
)


async def test_what_is_written_arrives(tmp_path: Path) -> None:
    rendered, _ = house(tmp_path, own_address(), CASES["phones"].uci)
    auths = [auth(f"odd{number}", "x", text) for number, text in enumerate(ODD)]
    files = {"homeline/extra.conf": sections("extra.conf", auths)}
    files["pjsip.conf"] = '#include "homeline/pjsip.conf"\n#include "homeline/extra.conf"\n'
    async with asterisk(tmp_path, rendered, files) as running:
        assert """ : boil; "the" [water] => ${now} #1\n""" in await running.cli("pjsip show auth kitchen")
        for number, text in enumerate(ODD):
            shown = await running.cli(f"pjsip show auth odd{number}")
            assert re.search(rf"^ *password +: {re.escape(text)}$", shown, re.MULTILINE), text


async def test_an_owner_who_loads_a_list_of_modules_gets_ours(tmp_path: Path, asterisk_programs: Programs) -> None:
    """All that is needed for SIP is named, or named by what is."""
    every = tuple(path.stem for path in asterisk_programs.modules.glob("*.so"))
    facts = replace(FACTS, modules=every, sections={"modules.conf": ("modules",)})
    rendered, _ = house(tmp_path, own_address(), CASES["phones"].uci, facts=facts)
    owners = {"modules.conf": "[modules]\nautoload = no\nload = codec_ulaw.so\n"}
    async with asterisk(tmp_path, rendered, included(rendered, owners)) as running:
        print(running.log)
        print(await running.cli("module show"))
        assert set(rendered.objects["endpoint"]) <= await listed(running, "endpoint")
        for module in rendered.needed:
            assert "1 modules loaded" in await running.cli(f"module show like {module}.so"), module


async def test_chan_dongle_takes_its_file(tmp_path: Path, chan_dongle: Path) -> None:
    """Beside the stock file's settings for all devices, of which ours for one device wins."""
    facts = replace(FACTS, sections={"dongle.conf": ("general", "defaults")})
    rendered, _ = house(tmp_path, own_address(), CASES["dongle"].uci, facts=facts)
    stock = "[general]\ninterval = 15\n[defaults]\ncontext = default\nautodeletesms = yes\ndisablesms = yes\n"
    files = included(rendered, {"dongle.conf": stock})
    async with Asterisk(tmp_path, files=files, modules=[chan_dongle]) as running:
        shown = await running.cli("dongle show device settings stick")
        assert re.search(r"IMEI +: 351234567890123", shown)
        assert re.search(r"Context +: homeline-dongle-stick", shown)
        assert re.search(r"Exten +: s$", shown, re.MULTILINE)
        assert re.search(r"Auto delete SMS +: No", shown)
        assert re.search(r"Disable SMS +: No", shown)
        assert re.search(r"RX gain +: -3", shown)
        assert "second" in await running.cli("dongle show devices")
        elsewhere = ("/dev/ttyUSB", "351234567890123", "/var/lib/asterisk/smsdb")  # of this machine, and not there
        assert not [line for line in complaints(running) if not any(words in line for words in elsewhere)]
