"""Where a call at Twilio goes: the table of cases, and what holds for any request."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core.dialling_patterns import matches
from homeline.core.twilio_routing import MOST_PARTIES, WORDS, CallRequest, Decision, Refusal, reply, route
from hostile import HOSTILE
from twilio_routing_kit import CASES, NAMES, TABLE, account_of, configured

DEFAULTS = asdict(Decision())


@pytest.mark.parametrize("name", TABLE["accounts"])
def test_the_accounts_are_configured_without_a_mistake(name: str) -> None:
    assert configured(name).problems == ()


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_table(case: dict[str, Any]) -> None:
    found = asdict(route(CallRequest.of(case["request"]), account_of(case["account"])))
    assert {**found, "sips": list(found["sips"])} == {**DEFAULTS, "sips": [], **case["expect"]}


TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from([*HOSTILE.values(), "alice", "router", "+41441234567", "sip:router@homeline-demo.sip.twilio.com"]),
    st.builds("sip:{}@{}".format, st.text(max_size=30), st.sampled_from(["homeline-demo.sip.twilio.com", "x", ""])),
    st.builds("sip:{}@x".format, st.from_regex(r"\+?[0-9*#%+.-]{1,26}", fullmatch=True)),
    st.builds("sip:+{}{}@x".format, st.sampled_from([41, 44, 49, 1, 39, 7]), st.integers(0, 10**11)),
)
PARAMETERS = st.dictionaries(st.sampled_from(["From", "To", "SipUsername", "SipDomain", "caller"]), TEXTS)


@given(PARAMETERS, st.sampled_from(list(TABLE["accounts"])))
def test_nothing_leaves_that_no_section_lets_through(parameters: dict[str, str], name: str) -> None:
    """Whatever a request has: each number that is called is one of a section, and each SIP user is at our domain."""
    account, request = account_of(name), CallRequest.of(parameters)
    decision = route(request, account)
    document = ElementTree.fromstring(reply(decision).encode())
    for element in document.iter("Number"):
        assert element.text == parameters["To"] or any(
            matches(pattern, element.text or "") for way in account.ways for pattern in (*way.chosen, *way.open)
        )
    for element in document.iter("Sip"):
        user, _, host = (element.text or "").removeprefix("sip:").partition("@")
        assert host.partition("?")[0] == account.domain and user.replace("_", "").replace(".", "").replace("-", "")
    assert bool(decision.refusal) == (not (decision.sips or decision.number))
    assert not decision.spoken or decision.refusal in WORDS


@given(TEXTS, TEXTS, st.sampled_from(["swiss", "registered", "ringing at home"]))
def test_what_the_router_sends_never_goes_back_to_it(from_: str, to: str, name: str) -> None:
    request = CallRequest(from_, to, "router", "homeline-demo-trunk.sip.twilio.com")
    decision = route(request, account_of(name))
    assert not decision.byoc
    assert not any(uri.startswith("sip:router@") for uri in decision.sips)


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_in_silence_costs_nothing(refusal: Refusal) -> None:
    assert "<Reject" in reply(Decision(refusal=refusal))
    assert ("<Say" in reply(Decision(refusal=refusal, spoken=True))) == (refusal in WORDS)


def test_no_more_parties_than_one_call_may_have() -> None:
    account = replace(account_of("registered"), phones=tuple(f"phone{number}" for number in range(20)))
    everybody = route(CallRequest("+12025550123", "+15005550006"), account)
    assert len(everybody.sips) == MOST_PARTIES and everybody.sips[-1].startswith("sip:router@")
    at_home = route(CallRequest("sip:x@x", "sip:+41441234567@x", "router"), account)
    assert len(at_home.sips) == MOST_PARTIES


def test_every_refusal_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/twilio-routing.md").read_text()
    rows = [
        row.strip("| \n").split(" | ")
        for row in page.partition("## Why a call is refused")[2].splitlines()[4:]
        if "|" in row
    ]
    silent = {Refusal.NOBODY: "busy"}
    assert [(row[0], row[2]) for row in rows] == [
        (f"`{refusal}`", WORDS.get(refusal, silent.get(refusal, "nothing"))) for refusal in Refusal
    ]
