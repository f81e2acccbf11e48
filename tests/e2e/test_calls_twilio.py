"""Whole calls of softphones at Twilio: SIPp does what the routing tells Twilio to do, and the house is a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import ACCOUNT, DID, OTHER_ACCOUNT, ROUTER, SID, CallHome, calling, phone, secrets, sections, uci
from homeline import config
from homeline.core.twilio_account import account
from homeline.core.twilio_routing import CallRequest, Decision, Refusal, route
from homeline_lab.asterisk import own_address
from homeline_lab.sipp import Done, Noted, Sipp, answer, call, refused, registrar

pytestmark = pytest.mark.usefixtures("asterisk_programs")

GRANDMA = "+41791234567"
BYOC = "BY00000000000000000000000000000001"
DOMAIN, TRUNK_DOMAIN = "homeline-demo.sip.twilio.com", "homeline-demo-trunk.sip.twilio.com"
EXTERNAL = uci(external_address="198.51.100.7")


def headers_of_twilio(number: str, account_sid: str = ACCOUNT) -> tuple[tuple[str, str], ...]:
    """What an INVITE of Twilio has. (Twilio documentation, "TwiML Voice: <Sip>"; User-Agent as seen in the field.)"""
    return (
        ("User-Agent", "Twilio Gateway"),
        ("Allow", "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY"),
        ("P-Asserted-Identity", f"<sip:{number}@sip.twilio.com>"),
        (SID, account_sid),
        ("X-Twilio-CallSid", "CA0123456789abcdef0123456789abcdef"),
        ("X-Twilio-ApiVersion", "2010-04-01"),
    )


def proved(done: Done, method: str) -> Noted:
    """The router's request, which has proved that it knows the password of its credential."""
    assert (done.good, done.bad) == (1, 0), done.text
    (noted,) = done.noted
    assert noted.proves(method, ROUTER.username, ROUTER.password)
    assert not noted.proves(method, ROUTER.username, "another")
    return noted


class Twilio:
    """Twilio's side of a house: what is decided there by the house's own configuration, and SIPp that does it."""

    def __init__(self, home: CallHome, address: str, house: str) -> None:
        text = home.configuration(sections(home.parts, home.gaps))
        self.account = account(config.read(text, secrets()), byoc=BYOC)
        self._sipp, self._address, self._house = Sipp(home.root / "sipp"), address, house
        self.contact = ""  # what the router has registered

    def asks(self, to: str, **parameters: str) -> Decision:
        """What becomes of a call, by Twilio's parameters."""
        return route(CallRequest.of({"To": to, **parameters}), self.account)

    def softphone_calls(self, number: str) -> Decision:
        return self.asks(f"sip:{number}@{DOMAIN}", From=f"sip:alice@{DOMAIN}", SipUsername="alice", SipDomain=DOMAIN)

    async def run(self, scenario: str, port: int = 5060) -> Done:
        return await self._sipp.run(scenario, (self._house, 5060), source=self._address, port=port)

    async def registers(self) -> None:
        """Until the router has registered."""
        self.contact = proved(await self.run(registrar()), "REGISTER").contact

    def places(self, decision: Decision, uri: str = "") -> str:
        """SIPp's scenario of the call that a decision makes to the router."""
        shown = decision.caller_id or "+12025550123"
        headers: Sequence[tuple[str, str]] = headers_of_twilio(shown)
        if decision.number:
            assert decision.byoc == BYOC
            return call(to=decision.number, who=shown, headers=headers)
        head, _, more = decision.sips[-1].partition("?")
        assert head == f"sip:{ROUTER.username}@{DOMAIN}"
        return call(to=ROUTER.username, who=shown, headers=(*headers, *parse_qsl(more)), uri=uri)


async def test_a_softphone_calls_by_byoc(tmp_path: Path) -> None:
    house, address = own_address(), own_address()
    gaps = {"provider": address, "outbound": uci(sources=["softphones"])}
    async with calling(tmp_path, "line", "outbound", "softphones", sip=EXTERNAL, address=house, **gaps) as home:
        twilio = Twilio(home, address, house)
        decision = twilio.softphone_calls("0791234567")
        assert (decision.number, decision.caller_id) == (GRANDMA, DID)
        there = asyncio.ensure_future(twilio.run(twilio.places(decision)))
        far = await home.calls.gsm_incoming(30)
        assert far.to == GRANDMA
        await far.answer()
        done = await there
        assert (done.good, done.bad) == (1, 0), done.text
        (told,) = await home.events.wait_for("call.ended", 1, timeout=30)
        assert (told["direction"], told["state"], told["peer"]) == ("out", "answered", GRANDMA)


async def test_the_home_numbers_call_rings_a_softphone(tmp_path: Path) -> None:
    """The router proves itself by digest; what it sends is what Twilio decides by."""
    house, address = own_address(), own_address()
    gaps = {"provider": address, "line": uci(ring=["softphones/alice"])}
    async with calling(tmp_path, "line", "softphones", sip=EXTERNAL, address=house, **gaps) as home:
        twilio = Twilio(home, address, house)
        there = asyncio.ensure_future(twilio.run(answer(challenges=True)))
        caller = await home.calls.gsm_call("0791234567")
        await caller.is_answered(30)
        assert (await caller.hang_up()).cause == 16
        noted = proved(await there, "INVITE")
        at_twilio = noted.uri.replace(f"{address}:5060", TRUNK_DOMAIN)
        decision = twilio.asks(at_twilio, From=noted.from_, SipUsername=ROUTER.username, SipDomain=TRUNK_DOMAIN)
        assert (decision.sips, decision.caller_id) == ((f"sip:alice@{DOMAIN}",), GRANDMA)


async def test_a_registered_router_is_handed_a_softphones_call(tmp_path: Path) -> None:
    house, address = own_address(), own_address()
    gaps = {"provider": address, "mode": "registered", "outbound": uci(sources=["softphones"])}
    async with calling(tmp_path, "line", "outbound", "softphones", address=house, **gaps) as home:
        twilio = Twilio(home, address, house)
        await twilio.registers()
        decision = twilio.softphone_calls("0791234567")
        assert decision.sips == (f"sip:{ROUTER.username}@{DOMAIN}?X-Homeline-Number={GRANDMA[1:]}",)
        there = asyncio.ensure_future(twilio.run(twilio.places(decision, twilio.contact)))
        far = await home.calls.gsm_incoming(30)
        assert far.to == GRANDMA
        await far.answer()
        done = await there
        assert (done.good, done.bad) == (1, 0), done.text
        (told,) = await home.events.wait_for("call.ended", 1, timeout=30)
        assert (told["direction"], told["state"], told["peer"]) == ("out", "answered", GRANDMA)


async def test_a_registered_routers_call_rings_a_softphone(tmp_path: Path) -> None:
    house, address = own_address(), own_address()
    gaps = {"provider": address, "mode": "registered", "line": uci(ring=["softphones/alice"])}
    async with calling(tmp_path, "line", "softphones", address=house, **gaps) as home:
        twilio = Twilio(home, address, house)
        await twilio.registers()
        there = asyncio.ensure_future(twilio.run(answer(challenges=True)))
        caller = await home.calls.gsm_call("0791234567")
        await caller.is_answered(30)
        assert (await caller.hang_up()).cause == 16
        noted = proved(await there, "INVITE")
        at_twilio = noted.uri.replace(f"{address}:5060", DOMAIN)
        decision = twilio.asks(at_twilio, From=noted.from_, SipUsername=ROUTER.username, SipDomain=DOMAIN)
        assert (decision.sips, decision.caller_id) == ((f"sip:alice@{DOMAIN}",), GRANDMA)


async def test_a_call_to_a_number_at_twilio_rings_at_home(tmp_path: Path) -> None:
    house, address = own_address(), own_address()
    gaps = {"provider": address, "mode": "registered", "trunk": uci(ring=["desk"])}
    async with (
        calling(tmp_path, "phones", "line", "outbound", "softphones", address=house, **gaps) as home,
        phone(home, "desk") as desk,
    ):
        twilio = Twilio(home, address, house)
        await twilio.registers()
        decision = twilio.asks("+15005550006", From="+12025550123")
        assert decision.sips[0] == f"sip:alice@{DOMAIN}"
        there = asyncio.ensure_future(twilio.run(twilio.places(decision, twilio.contact)))
        at_desk = await desk.incoming(30)
        assert at_desk.number == "+12025550123"
        await at_desk.answer()
        done = await there
        assert (done.good, done.bad) == (1, 0), done.text
        assert home.gsm == []


async def test_what_may_not_be_called_is_refused_at_twilio_and_at_home(tmp_path: Path) -> None:
    """Whoever gets by Twilio's decision meets the router's own; and another customer of Twilio gets nowhere."""
    house, address = own_address(), own_address()
    gaps = {"provider": address, "mode": "registered", "outbound": uci(sources=["softphones"])}
    async with calling(tmp_path, "line", "outbound", "softphones", address=house, **gaps) as home:
        twilio = Twilio(home, address, house)
        await twilio.registers()
        assert twilio.softphone_calls("+41900123456").refusal is Refusal.NOT_ALLOWED
        for number, account_sid in (("41900123456", ACCOUNT), ("41791234567", OTHER_ACCOUNT)):
            headers = (*headers_of_twilio("alice", account_sid), ("X-Homeline-Number", number))
            done = await twilio.run(refused(403, to=ROUTER.username, who="alice", headers=headers))
            assert (done.good, done.bad) == (1, 0), done.text
        assert home.gsm == []
