"""The tables by which calls at Twilio are judged, as the configuration makes them."""

from __future__ import annotations

import dataclasses

import phonenumbers
import pytest

from homeline import config
from homeline.core.dialling_countries import EMERGENCY, emergency
from homeline.core.dialling_patterns import matches
from homeline.core.twilio_account import Account, account, router_trunk
from homeline.twilio.function_source import source

BASE = """
config homeline 'main'
	option country 'CH'
config sip 'sip'
	option enabled '1'
	option external_address '192.0.2.1'
config twilio 'twilio'
	option account_sid 'AC0123456789abcdef0123456789abcdef'
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '123456789012345'
	option number '+41441234567'
config dongle 'spare'
	option driver 'chan_dongle'
	option imei '123456789012346'
	option number '+41441234568'
config line 'home'
	option dongle 'stick'
	option ring_timeout '40'
	list ring 'trunk/alice'
config line 'second'
	option dongle 'spare'
	option ring_timeout '8'
config phone 'alice'
	option where 'twilio'
	option number '21'
config phone 'desk'
config trunk 'trunk'
	option type 'twilio'
	option mode 'byoc'
	option host 'example.sip.twilio.com'
	option secure '0'
	option username 'router'
"""
SECRETS = """
config trunk 'trunk'
	option password 'Router-correct-horse-1'
config phone 'desk'
	option password 'desk-correct-horse'
"""
BYOC = "BY00000000000000000000000000000001"


def made(text: str = "", old: str = "", new: str = "", *, after: str = "") -> Account:
    """The tables of `BASE` with these sections besides, and `new` in the place of `old`. Without a mistake."""
    assert old in BASE
    found = config.read(BASE.replace(old, new) + text, SECRETS)
    assert found.problems == ()
    return account(found, byoc=BYOC, after=after)


def outbound(name: str, via: str, *sources: str) -> str:
    return f"config outbound '{name}'\n\toption via '{via}'\n\tlist countries 'GB'\n" + "".join(
        f"\tlist sources '{source}'\n" for source in sources
    )


def test_domains_are_derived_from_the_account_and_stay() -> None:
    first = made()
    assert first.domain.endswith(".sip.twilio.com") and first.trunk_domain.endswith("-trunk.sip.twilio.com")
    assert first == made()
    other = made(old="AC0123456789abcdef0123456789abcdef", new="ACfedcba9876543210fedcba9876543210")
    assert other.domain != first.domain


def test_only_what_the_trunk_may_use_leads_home() -> None:
    text = outbound("open", "home", "trunk") + outbound("inside", "home") + outbound("second", "second", "trunk")
    ways = made(text.replace("'second'\n\toption", "'spared'\n\toption", 1)).ways
    assert [(way.name, way.home, way.shown) for way in ways] == [
        ("open", True, "+41441234567"),
        ("spared", True, "+41441234568"),
    ]


def test_a_section_through_the_trunk_leads_to_twilio() -> None:
    name = "option username 'router'\n"
    (way,) = made(outbound("away", "trunk"), name, f"{name}\toption caller_id '+15005550006'\n").ways
    assert (way.home, way.shown) == (False, "+15005550006")


def test_softphones_at_the_router_are_none_of_twilios() -> None:
    found = made()
    assert found.phones == ("alice",) and dict(found.numbers) == {"21": "alice"}
    assert made(old="config phone 'alice'\n", new="config phone 'alice'\n\toption enabled '0'\n").phones == ()


@pytest.mark.parametrize(
    ("mode", "registered", "byoc", "trunk_domain"),
    [("byoc", False, BYOC, True), ("registered", True, "", False), ("elastic", False, "", False)],
)
def test_how_the_router_is_reached(mode: str, registered: bool, byoc: str, trunk_domain: bool) -> None:
    found = made(outbound("open", "home", "trunk"), "mode 'byoc'", f"mode '{mode}'")
    assert (found.registered, found.byoc, bool(found.trunk_domain)) == (registered, byoc, trunk_domain)
    assert found.router == ("" if mode == "elastic" else "router")
    assert bool(found.ways) == (mode != "elastic")  # an Elastic SIP trunk asks nobody where its calls go


def test_a_trunk_that_is_off_is_none() -> None:
    found = config.read(BASE.replace("config trunk 'trunk'\n", "config trunk 'trunk'\n\toption enabled '0'\n"), SECRETS)
    assert router_trunk(found) is None


@pytest.mark.parametrize(
    ("old", "new", "after", "timeout", "after_router"),
    [
        ("", "", "", 40, False),
        ("", "", "https://x/voicemail", 35, True),
        ("ring_timeout '40'", "ring_timeout '6'", "https://x/voicemail", 5, True),
        ("ring_timeout '40'", "ring_timeout '40'\n\toption voicemail '1'", "https://x/voicemail", 35, False),
        ("ring_timeout '8'", "ring_timeout '8'\n\toption voicemail '1'", "https://x/voicemail", 35, True),
    ],
)
def test_voicemail_answers_before_the_router_gives_up(
    old: str, new: str, after: str, timeout: int, after_router: bool
) -> None:
    found = made("", old, new, after=after)
    assert (found.ring_timeout, found.after, found.after_router) == (timeout, after, after_router)


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_emergency_numbers(country: str) -> None:
    """Those of the library, and those that every mobile phone knows."""
    patterns = emergency(country)
    for number in (*EMERGENCY, *map(str, range(10, 2000))):
        is_one = phonenumbers.is_emergency_number(number, country)
        assert any(matches(pattern, number) for pattern in patterns) == (is_one or number in EMERGENCY), number


def test_emergency_numbers_of_no_country() -> None:
    assert emergency("") == EMERGENCY


def test_the_function_of_the_longest_lists_is_small() -> None:
    """Twilio takes a megabyte, and reads it at each start of the function."""
    countries = "".join(f"\tlist countries '{country}'\n" for country in ("US", "CA", "GB", "IN", "RU", "IT", "DE"))
    text = outbound("open", "home", "trunk") + countries
    assert len(source(made(text))) < 30_000


def test_nothing_secret_is_in_the_tables() -> None:
    text = source(made(outbound("open", "home", "trunk")))
    assert "correct-horse" not in text and "AC0123456789abcdef0123456789abcdef" not in text
    assert not {field.name for field in dataclasses.fields(Account)} & {"password", "auth_token", "api_secret"}
