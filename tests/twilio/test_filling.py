"""What the owner may leave out, and what follows from what is set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.twilio import filling
from homeline.twilio.wanted import wanted
from twilio_kit import DOMAIN, PUBLIC, House

Change = dict[str, str | list[str] | None]


def filled(house: House) -> filling.Filled:
    return filling.filled(house.main, house.secrets, house.public_address)


@pytest.mark.parametrize(
    ("address", "sip", "trunk", "mode"),
    [
        ("", {}, {}, "registered"),
        (PUBLIC, {}, {}, "registered"),  # no way in is configured
        (PUBLIC, {"external_address": "home.example.org"}, {"secure": None}, "registered"),  # no certificate
        (PUBLIC, {"external_address": "home.example.org"}, {"secure": "0"}, "byoc"),
        ("100.64.1.2", {"external_address": "home.example.org"}, {"secure": "0"}, "registered"),  # RFC 6598
        ("192.168.1.2", {"external_address": "home.example.org"}, {"secure": "0"}, "registered"),
        ("2001:db8::1", {"external_address": "home.example.org"}, {"secure": "0"}, "registered"),
        ("nonsense", {"external_address": "home.example.org"}, {"secure": "0"}, "registered"),
        ("", {"external_address": PUBLIC}, {"secure": "0"}, "byoc"),
        ("", {"external_address": "home.example.org"}, {"secure": "0"}, "registered"),  # nobody could look it up
        (PUBLIC, {"external_address": PUBLIC}, {"mode": "elastic", "secure": "0"}, "elastic"),
    ],
)
def test_the_mode_is_chosen_by_the_address(address: str, sip: Change, trunk: Change, mode: str) -> None:
    house = House(public_address=address).set("sip", **sip).set("cloud", **trunk)
    found = filled(house)
    assert found.mistakes == []
    assert found.config.trunks[0].mode == mode
    assert found.options.get("cloud", {}).get("mode", mode) == mode


def test_with_a_certificate_it_would_be_better() -> None:
    house = House(public_address=PUBLIC).set("sip", external_address="home.example.org").set("cloud", secure=None)
    assert "sip.certificate" in filled(house).advice[0]
    assert filled(house.byoc()).advice == [] and filled(house.byoc()).config.trunks[0].mode == "byoc"


def test_what_is_set_stays() -> None:
    house = House().set("cloud", host=f"{DOMAIN}.sip.frankfurt.twilio.com", username="me", mode="registered")
    house.secrets += "\nconfig trunk 'cloud'\n\toption password 'Pa55word-of-cloud'\n"
    found = filled(house)
    assert found.options == {} and set(found.secrets) == {"anna", "ben"}
    assert found.config.trunks[0].password == "Pa55word-of-cloud" and wanted(found.config).mistakes == []


def test_a_phone_with_the_routers_name() -> None:
    assert (
        filled(House().set("router", type_="phone", where="twilio")).options["cloud"]["username"] == "homeline-router"
    )


def test_what_is_switched_off_or_elsewhere_is_left_alone() -> None:
    house = House().set("cloud", enabled="0").set("anna", enabled="0").set("ben", where="router")
    house.set("other", type_="trunk", type="sip", host="sip.example.net")
    found = filled(house)
    assert found.options == {} and found.secrets == {} and found.mistakes == []


@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("anna", {"number": "112"}, "anna.number"),
        ("anna", {"enabled": "perhaps"}, "anna.enabled"),
        ("cloud", {"mode": "peer"}, "cloud.mode"),
        ("cloud", {"mode": "byoc"}, "cloud.mode"),
        ("cloud", {"transport": "udp"}, "cloud.transport"),
        ("twilio", {"region": "mars"}, "twilio.region"),
        ("twilio", {"domain": "-"}, "twilio.domain"),
        ("twilio", {"secure": "perhaps"}, "twilio.secure"),
    ],
)
def test_what_is_wrong_with_twilios_part(section: str, change: Change, words: str) -> None:
    (mistake,) = filled(House().set(section, **change)).mistakes
    assert mistake.startswith(words)


def test_what_is_wrong_elsewhere_is_of_no_matter_here() -> None:
    assert filled(House().set("swiss", countries="XX").set("sip", port="x")).mistakes == []


@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("cloud", {"host": "example.sip.twilio.com"}, "twilio.domain"),
        ("cloud", {"host": f"{DOMAIN}-trunk.pstn.twilio.com"}, ""),  # of the mode that it had before
        ("cloud", {"host": f"{DOMAIN}-other.sip.twilio.com"}, "cloud.host"),
        ("twilio", {"static_address": "1"}, ""),
    ],
)
def test_a_host_that_is_not_what_is_made(section: str, change: Change, words: str) -> None:
    found = wanted(filled(House().set(section, **change)).config)
    assert [words in mistake for mistake in found.mistakes] == ([True] if words else [])


def test_passwords_that_twilio_does_not_take() -> None:
    house = House()
    house.secrets += "\nconfig phone 'anna'\n\toption password 'onlylowercase'\n"
    assert wanted(filled(house).config).mistakes == [
        "the password of 'anna' has no upper-case letter, which Twilio wants"
    ]


def test_two_with_one_name_at_one_domain() -> None:
    house = House().set("cloud", username="anna")
    assert any("somebody else's" in mistake for mistake in wanted(filled(house).config).mistakes)


def test_one_trunk_of_a_mode() -> None:
    house = House().byoc(mode="byoc").set("sky", type_="trunk", type="twilio", mode="byoc")
    assert [mistake.split(":")[0] for mistake in wanted(filled(house).config, PUBLIC).mistakes] == ["sky.mode"]


def test_an_address_that_twilio_cannot_reach() -> None:
    house = House().byoc(mode="byoc").set("sip", external_address="192.168.1.1")
    found = wanted(filled(house).config)
    assert found.mistakes and "registered" in found.mistakes[0]


def test_a_domain_that_cannot_want_tls() -> None:
    found = wanted(filled(House().set("cloud", secure="0")).config)
    assert "cloud.secure" in found.advice[0]
    assert next(item for item in found.items if item.kind == "sip_domain").fields["secure"] is False


@given(st.text(max_size=20))
def test_passwords_made_are_taken_and_others_only_by_the_rules(text: str) -> None:
    assert filling.password_mistake(filling.new_password()) == ""
    good = len(text) >= 12 and any("a" <= c <= "z" for c in text) and any("A" <= c <= "Z" for c in text)
    assert (filling.password_mistake(text) == "") == (good and any("0" <= c <= "9" for c in text))
