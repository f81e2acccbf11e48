"""The sections about calls: values, what they owe each other, and hostile text in every option."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import config
from homeline.config import Config
from homeline.config_calls import CALL_SECTIONS, Line, Outbound, Phone, Secure, Sip, Trunk, TrunkMode, TrunkType
from homeline.config_types import Option, SectionType
from homeline.errors import NotFound
from homeline.model import Driver
from homeline.protocol import asterisk_conf, uci
from homeline.protocol.uci import Section
from homeline.render import conf, render
from homeline.telephony import Facts
from hostile import HOSTILE

SECTIONS = config.sections()
SID = "AC" + "0123456789abcdef" * 2
PASSWORD = "correct horse battery"

BASE: dict[str, dict[str, str | list[str]]] = {
    "sip sip": {"enabled": "1", "transports": ["udp", "tls"], "certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key",
                "external_address": "home.example.org"},
    "twilio twilio": {"account_sid": SID},
    "dongle stick": {"driver": "chan_dongle", "imei": "356938035643809"},
    "trunk sky": {"type": "twilio", "mode": "byoc", "host": "home.sip.twilio.com"},
    "trunk reg": {"host": "sip.example.org", "username": "me", "password": PASSWORD},
    "phone anna": {"password": PASSWORD, "number": "10"},
    "phone ben": {"password": PASSWORD, "number": "11"},
    "line home": {"dongle": "stick", "ring": ["anna", "sky/+41441112233"], "voicemail": "1"},
    "outbound swiss": {"via": "home", "countries": "CH"},
}  # fmt: skip
Change = Mapping[str, str | list[str] | None]


def sections(changes: Mapping[str, Change | None]) -> tuple[list[Section], list[Section]]:
    """BASE with some options changed; None leaves an option or a section out. Secrets go to their own file."""
    main, secret = [], []
    for key in {**BASE, **changes}:
        change = changes.get(key, {})
        if change is None:
            continue
        kind, name = key.split(" ")
        options = {option: value for option, value in {**BASE.get(key, {}), **change}.items() if value is not None}
        row = next(section for section in SECTIONS if section.name == kind)
        secrets = {option for option in options if (known := row.option(option)) and known.secret}
        main.append(Section(kind, name, options={o: v for o, v in options.items() if o not in secrets}))
        if secrets:
            secret.append(Section(kind, name, options={o: options[o] for o in secrets}))
    return main, secret


def read(**changes: Change | None) -> Config:
    """BASE with changes, such as phone_anna={"number": "12"}."""
    main, secret = sections({key.replace("_", " ", 1): change for key, change in changes.items()})
    return config.read(uci.dump(main), uci.dump(secret))


def said(found: Config) -> dict[str, str]:
    return {problem.where: problem.text for problem in found.problems}


def names(found: Config) -> set[str]:
    everything: tuple[Any, ...] = (*found.dongles, *found.trunks, *found.phones, *found.lines, *found.outbounds)
    return {str(section.name) for section in everything}


ALL = {"stick", "sky", "reg", "anna", "ben", "home", "swiss"}


def test_a_whole_house() -> None:
    found = read()
    assert found.problems == ()
    assert names(found) == ALL
    assert found.lines == (Line("home", dongle="stick", ring=("anna", "sky/+41441112233"), voicemail=True),)
    assert found.outbounds == (Outbound("swiss", via="home", countries=("CH",)),)
    assert found.trunks[0].is_secure and found.trunks[0].signalling == "tls" and found.trunks[0].remote_port == 5061
    assert not found.trunks[1].is_secure and found.trunks[1].remote_port == 5060
    assert found.dongles[0].driver is Driver.CHAN_DONGLE


def test_nothing_of_calls_is_nothing() -> None:
    assert config.read("").sip == Sip()
    assert config.read("").problems == ()


@pytest.mark.parametrize(
    ("mode", "transport", "secure", "is_secure", "signalling"),
    [
        (TrunkMode.BYOC, "", Secure.AUTO, True, "tls"),
        (TrunkMode.ELASTIC, "tls", Secure.AUTO, True, "tls"),
        (TrunkMode.BYOC, "udp", Secure.AUTO, False, "udp"),
        (TrunkMode.REGISTERED, "", Secure.AUTO, False, "udp"),
        (TrunkMode.REGISTERED, "", Secure.ON, True, "tls"),
        (TrunkMode.PEER, "tls", Secure.OFF, False, "tls"),
    ],
)
def test_what_is_in_force(mode: TrunkMode, transport: str, secure: Secure, is_secure: bool, signalling: str) -> None:
    trunk = Trunk("t", mode=mode, transport=transport, secure=secure)
    assert (trunk.is_secure, trunk.signalling) == (is_secure, signalling)


# --- one mistake: which section goes, and what is said of it ---


@pytest.mark.parametrize(
    ("key", "change", "where", "gone"),
    [
        # trunks
        ("trunk_sky", {"host": None}, "sky.host", {"sky"}),
        ("trunk_sky", {"mode": "peer"}, "sky.mode", {"sky"}),
        ("trunk_sky", {"transport": "udp", "secure": "1"}, "sky.transport", {"sky"}),
        ("trunk_sky", {"transport": "tcp"}, "sky.transport", {"sky"}),
        ("trunk_sky", {"edges": ["moon"]}, "sky.edges", {"sky"}),
        ("trunk_sky", {"mode": "registered"}, "sky.username", {"sky"}),
        ("trunk_sky", {"allowed": ["0.0.0.0/1", "128.0.0.0/1"]}, "sky.allowed", {"sky"}),
        ("trunk_sky", {"inbound_username": "tw"}, "sky.inbound_password", {"sky"}),
        ("trunk_sky", {"inbound_password": PASSWORD}, "sky.inbound_username", {"sky"}),
        ("trunk_reg", {"username": None}, "reg.username", {"reg"}),
        ("trunk_reg", {"password": None}, "reg.password", {"reg"}),
        ("trunk_reg", {"mode": "byoc"}, "reg.mode", {"reg"}),
        ("trunk_reg", {"edges": ["dublin"]}, "reg.edges", {"reg"}),
        ("trunk_reg", {"region": "ie1"}, "reg.region", {"reg"}),
        ("trunk_reg", {"mode": "peer"}, "reg.allowed", {"reg"}),
        ("trunk_reg", {"mode": "peer", "allowed": ["10.0.0.0/8"]}, "reg.allowed", {"reg"}),
        ("trunk_reg", {"mode": "peer", "allowed": ["2001:db8::/31"]}, "reg.allowed", {"reg"}),
        ("trunk_reg", {"allowed": ["0.0.0.0/0"]}, "reg.allowed", {"reg"}),
        ("trunk_reg", {"inbound_username": "Sky", "inbound_password": PASSWORD}, "reg.inbound_username", {"reg"}),
        ("trunk_reg", {"inbound_username": "Global", "inbound_password": PASSWORD}, "reg.inbound_username", {"reg"}),
        # phones
        ("phone_anna", {"password": None}, "anna.password", {"anna"}),
        ("phone_anna", {"password": "short1234"}, "anna.password", {"anna"}),
        ("phone_anna", {"password": "aaaaaaaaaaaaaaa"}, "anna.password", {"anna"}),
        ("phone_anna", {"number": "112"}, "anna.number", {"anna"}),
        ("phone_ben", {"number": "10"}, "ben.number", {"ben"}),
        ("phone_Anna", {"password": PASSWORD}, "Anna", {"Anna"}),
        ("phone_anonymous", {"password": PASSWORD}, "anonymous", set()),
        ("phone_global", {"password": PASSWORD}, "global", set()),
        ("phone_System", {"password": PASSWORD}, "System", set()),
        ("phone_" + "x" * 41, {"password": PASSWORD}, "x" * 41, set()),
        ("phone__XXXX", {"password": PASSWORD}, "_XXXX", set()),
        ("phone_e", {"password": PASSWORD}, "e", set()),
        ("phone_112", {"password": PASSWORD}, "112", set()),
        # lines
        ("line_home", {"dongle": "gone"}, "home.dongle", {"home"}),
        ("line_home", {"dongle": "anna"}, "home.dongle", {"home"}),
        ("line_home", {"withheld": "voicemail", "voicemail": None}, "home.withheld", {"home"}),
        ("line_second", {"dongle": "stick"}, "second.dongle", {"second"}),
        ("line__X", {"dongle": "stick"}, "_X", set()),
        # outbound
        ("outbound_swiss", {"via": "gone"}, "swiss.via", {"swiss"}),
        ("outbound_swiss", {"via": "anna"}, "swiss.via", {"swiss"}),
        ("outbound_swiss", {"countries": None}, "swiss.countries", {"swiss"}),
        ("outbound_swiss", {"via": "sky", "sources": ["sky"]}, "swiss.sources", {"swiss"}),
        ("outbound_swiss", {"numbers": ["10"]}, "swiss.numbers", {"swiss"}),
        # dongles
        ("dongle_stick", {"imei": None}, "stick.imei", {"stick"}),
        ("dongle_stick", {"imei": "12345678901234"}, "stick.imei", {"stick"}),
        ("dongle_stick", {"imei": None, "data": "/dev/ttyUSB2"}, "stick.imei", {"stick"}),
        ("dongle_stick", {"data": "/dev/ttyUSB2"}, "stick.audio", {"stick"}),
        ("dongle_stick", {"audio": "/dev/ttyUSB2"}, "stick.data", {"stick"}),
        ("dongle_stick", {"data": "/dev/ttyUSB2", "audio": "/dev/ttyUSB2"}, "stick.audio", {"stick"}),
        ("dongle_stick", {"port": "/dev/ttyUSB2"}, "stick.port", {"stick"}),
        ("dongle_stick", {"usb_path": "1-1"}, "stick.usb_path", {"stick"}),
        ("dongle_g1", {"driver": "chan_dongle", "imei": "356938035643817"}, "g1.driver", set()),
        ("dongle__X", {"driver": "chan_dongle", "imei": "356938035643817"}, "_X.driver", set()),
        ("dongle_defaults", {"driver": "chan_dongle", "imei": "356938035643817"}, "defaults.driver", set()),
        ("dongle_" + "y" * 31, {"driver": "chan_dongle", "imei": "356938035643817"}, "y" * 31 + ".driver", set()),
        ("dongle_other", {}, "other.imei", set()),
        ("dongle_other", {"imei": "356938035643809"}, "other.imei", set()),
    ],
)
def test_a_mistake_leaves_its_section_out(key: str, change: Change, where: str, gone: set[str]) -> None:
    found = read(**{key: change})
    assert where in said(found)
    assert not gone & names(found)
    assert where.partition(".")[0] not in names(found)
    stays = ALL - gone - {"home", "swiss"}
    assert stays <= names(found)
    assert next(problem for problem in found.problems if problem.where == where).advice.startswith(
        "the section is left"
    )


@pytest.mark.parametrize(
    ("key", "change", "where"),
    [
        ("twilio_twilio", {"account_sid": None}, "sky.type"),
        ("trunk_sky", {"host": None}, "sky.host"),
        ("trunk_sky", {"mode": "registered", "host": "a.sip.twilio.com"}, "sky.username"),
        ("sip_sip", {"external_address": None}, "sky.mode"),
        ("sip_sip", {"transports": ["udp"]}, "sky.transport"),
        ("sip_sip", {"certificate": None, "key": None}, "sky.transport"),
    ],
)
def test_what_a_trunk_needs_of_the_rest(key: str, change: Change, where: str) -> None:
    found = read(**{key: change})
    assert list(said(found)) == [where, "home.ring"]
    assert names(found) == ALL - {"sky"}
    assert found.lines[0].ring == ("anna",)


def test_what_is_made_at_twilio_may_be_missing_until_then() -> None:
    told = said(read(trunk_sky={"host": None}))
    assert told["sky.host"] == "is required; `homeline twilio apply` fills it in"
    assert said(read(trunk_reg={"host": None}))["reg.host"] == "is required"


WEBHOOK: Change = {"webhook": "1", "public_url": "https://a.example", "auth_token": "0" * 32}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"api_key": "SK" + SID[2:]}, ["api_secret"]),
        ({"api_secret": "0" * 32}, ["api_key"]),
        ({"domain": "home", "trunk_domain": "home"}, ["trunk_domain"]),
        ({"routing": "webhook"}, ["routing"]),
        ({"voicemail": "1", "inbound_sms": "1"}, ["voicemail", "inbound_sms"]),
        ({**WEBHOOK, "voicemail": "1"}, ["voicemail"]),
        ({**WEBHOOK, "transcribe": "1", "delete_recordings": "1"}, ["transcribe", "delete_recordings"]),
        ({**WEBHOOK, "public_url": None}, ["public_url"]),
        ({**WEBHOOK, "auth_token": None}, ["auth_token"]),
        ({**WEBHOOK, "certificate": "/etc/ssl/a.pem"}, ["certificate"]),
        ({**WEBHOOK, "routing": "webhook", "voicemail": "1", "transcribe": "1", "inbound_sms": "1"}, []),
    ],
)
def test_what_the_twilio_account_lacks(change: Change, expected: list[str]) -> None:
    found = read(twilio_twilio=change)
    assert list(said(found)) == [f"twilio.{option}" for option in expected]
    assert names(found) == ALL


def test_an_account_that_is_missing_where_it_is_needed() -> None:
    change = {"account_sid": None, **WEBHOOK}
    assert "twilio.account_sid" in said(read(twilio_twilio=change, trunk_sky=None, line_home={"ring": ["anna"]}))


def test_the_names_of_domains_are_derived_of_the_account() -> None:
    twilio = read().twilio
    assert (twilio.domain_name, twilio.trunk_domain_name) == ("homeline-b363ade8", "homeline-b363ade8-trunk")
    named = read(twilio_twilio={"domain": "me"}).twilio
    assert (named.domain_name, named.trunk_domain_name) == ("me", "me-trunk")
    assert read(twilio_twilio={"domain": "me", "trunk_domain": "you"}).twilio.trunk_domain_name == "you"
    assert (config.Config().twilio.domain_name, config.Config().twilio.trunk_domain_name) == ("", "")


def test_a_registered_trunk_with_tls_needs_no_certificate_of_ours() -> None:
    bare: Change = {"certificate": None, "key": None}
    found = read(sip_sip=bare, trunk_sky=None, trunk_reg={"secure": "1"}, line_home={"ring": ["anna"]})
    assert found.problems == ()
    assert found.trunks[0].signalling == "tls"


def test_a_peer_proves_itself_by_address_or_password() -> None:
    assert read(trunk_reg={"mode": "peer", "allowed": ["192.0.2.0/24", "2001:db8::/48"]}).problems == ()
    proof = {"inbound_username": "tel", "inbound_password": PASSWORD}
    assert read(trunk_reg={"mode": "peer", **proof}).problems == ()
    assert read(trunk_reg={"mode": "peer", "allowed": ["10.0.0.0/8"], **proof}).problems == ()


def test_a_password_alone_makes_its_name_one_of_ours() -> None:
    """Asterisk looks for an endpoint of the name that proves itself."""
    tel: Change = {"mode": "peer", "inbound_username": "tel", "inbound_password": PASSWORD}
    taken = read(trunk_reg=tel, phone_tel={"password": PASSWORD})
    assert said(taken) == {"tel": "'tel' is a name of 'reg' already, capital letters apart"}
    assert read(trunk_reg={**tel, "inbound_username": "reg"}).problems == ()
    by_address = {**tel, "allowed": ["192.0.2.1"]}
    assert read(trunk_reg=by_address, phone_tel={"password": PASSWORD}).problems == ()


def test_an_unknown_edge_goes_with_addresses() -> None:
    assert read(trunk_sky={"edges": ["moon"], "allowed": ["192.0.2.0/24"]}).problems == ()


@pytest.mark.parametrize("sip", [{"transports": ["udp"]}, {"certificate": None, "key": None}])
def test_a_secure_phone_needs_tls(sip: Change) -> None:
    assert read(phone_anna={"secure": "1"}).problems == ()
    found = read(sip_sip=sip, trunk_sky=None, phone_anna={"secure": "1"}, line_home={"ring": []})
    assert list(said(found)) == ["anna.secure"]


def test_with_tls_alone_every_phone_must_be_secure() -> None:
    found = read(sip_sip={"transports": ["tls"]}, trunk_reg=None, phone_ben={"secure": "1"})
    assert set(said(found)) == {"anna.secure", "home.ring"}


def test_a_phone_at_twilio_needs_no_password_here_and_rings_through_a_trunk() -> None:
    found = read(phone_anna={"where": "twilio", "password": None})
    assert said(found) == {"home.ring": "the phone 'anna' is not at the router; ring it through a trunk"}
    assert found.lines[0].ring == ("sky/+41441112233",)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("nobody", "there is no phone or trunk 'nobody'"),
        ("stick", "there is no phone or trunk 'stick'"),
        ("sky", "a trunk is rung as 'sky/USER', with the user or number to call there"),
        ("ben/x", "'ben' is a phone and is rung by its name alone"),
        ("off", "the phone 'off' is switched off"),
        ("bad", "the phone 'bad' is left out for a mistake"),
    ],
)
def test_what_cannot_ring_is_said_and_the_line_goes_on(entry: str, reason: str) -> None:
    found = read(line_home={"ring": [entry, "anna"]}, phone_off={"enabled": "0"}, phone_bad={})
    assert said(found)["home.ring"] == reason
    assert found.lines[0].ring == ("anna",)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nobody", "there is no phone 'nobody'"),
        ("sky", "there is no phone 'sky'"),
        ("off", "the phone 'off' is switched off"),
        ("bad", "the phone 'bad' is left out for a mistake"),
        ("cloud", "the phone 'cloud' is not at the router; ring it through a trunk"),
    ],
)
def test_what_a_trunk_cannot_ring_is_said_and_the_trunk_goes_on(name: str, reason: str) -> None:
    others: dict[str, Change] = {"phone_off": {"enabled": "0"}, "phone_bad": {}, "phone_cloud": {"where": "twilio"}}
    found = read(trunk_reg={"ring": [name, "anna"], "ring_timeout": "5"}, **others)
    assert said(found)["reg.ring"] == reason
    trunk = next(trunk for trunk in found.trunks if trunk.name == "reg")
    assert (trunk.ring, trunk.ring_timeout) == (("anna",), 5)


def test_a_line_needs_a_dongle_that_asterisk_has() -> None:
    found = read(dongle_stick={"driver": "serial"})
    assert said(found) == {
        "home.dongle": "the driver of 'stick' is serial; calls need chan_dongle or chan_quectel",
        "swiss.via": "the line 'home' is left out for a mistake",
    }
    off = read(dongle_stick={"enabled": "0"})
    assert said(off)["home.dongle"] == "the dongle 'stick' is switched off"


def test_a_greeting_without_voicemail_is_odd() -> None:
    found = read(line_home={"greeting": "hello", "voicemail": "0"})
    assert said(found) == {"home.greeting": "does nothing, as voicemail is off"}
    assert found.lines[0].greeting == "hello"
    assert read(line_home={"greeting": "hello"}).problems == ()


def test_sources_are_trunks_that_are_there() -> None:
    found = read(outbound_swiss={"sources": ["sky", "gone", "anna"]})
    assert found.outbounds[0].sources == ("sky",)
    assert list(said(found)) == ["swiss.sources"]


def test_a_phone_that_names_a_missing_rule_may_not_use_all() -> None:
    found = read(phone_anna={"outbound": ["gone"]})
    assert found.phones[0].outbound == ("gone",)
    assert said(found) == {"anna.outbound": "there is no outbound section 'gone'"}


def test_what_is_switched_off_owes_nothing() -> None:
    found = read(
        trunk_reg={"enabled": "0", "username": None, "password": None},
        phone_ben={"enabled": "0", "password": None},
        outbound_swiss={"enabled": "0", "countries": None},
    )
    assert found.problems == ()
    assert names(found) == ALL
    assert "x.host" in said(config.read("config trunk 'x'\n\toption enabled '0'\n\toption host 'a b'\n"))


def test_asterisk_switched_off_is_said_once() -> None:
    found = read(sip_sip={"enabled": "0"})
    assert list(said(found)) == ["sip.enabled"]
    assert "sky, reg, anna, ben, home cannot work" in said(found)["sip.enabled"]
    assert names(found) == ALL
    assert read(**{key.replace(" ", "_"): None for key in BASE if key != "sip sip"}).problems == ()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"rtp_start": "10001"}, "sip.rtp_start"),
        ({"rtp_start": "20000"}, "sip.rtp_start"),
        ({"rtp_start": "10000", "rtp_end": "10001"}, "sip.rtp_start"),
        ({"port": "10100"}, "sip.port"),
        ({"tls_port": "5060"}, "sip.port"),
        ({"ami_port": "5060"}, "sip.port"),
    ],
)
def test_ports_that_contradict_each_other_become_the_defaults(change: Change, where: str) -> None:
    found = read(sip_sip=change)
    assert list(said(found)) == [where]
    default = Sip()
    for option in ("rtp_start", "rtp_end", "port", "tls_port", "ami_port"):
        assert getattr(found.sip, option) == getattr(default, option)
    assert found.sip.enabled and found.sip.external_address == "home.example.org"
    assert names(found) == ALL


def test_a_certificate_without_its_key_is_none() -> None:
    found = read(sip_sip={"key": None})
    assert "sip.certificate" in said(found) and "sky.transport" in said(found)
    assert (found.sip.certificate, found.sip.key) == ("", "")


def test_one_name_is_one_section() -> None:
    """UCI has one space of names for a file; a phone that has a trunk's name is a mistake of the file."""
    with pytest.raises(ValueError, match="another type"):
        config.read("config phone 'x'\nconfig trunk 'x'\n")


@pytest.mark.parametrize("option", ["password", "inbound_password"])
def test_a_wrong_secret_is_never_said(option: str) -> None:
    for value in ("hunter2é", "hunter2\n", " hunter2 hunter2", "hunter2" * 30):
        for key in ("trunk_sky", "phone_anna"):
            found = read(**{key: {option: value}})
            assert found.problems
            assert "hunter2" not in repr(found.problems)


# --- the drivers' options ---


def stick(driver: str, *options: str) -> Config:
    return read(dongle_stick={"driver": driver, "driver_options": list(options)})


@pytest.mark.parametrize(
    ("driver", "option"),
    [
        ("chan_dongle", "rxgain=-3"),
        ("chan_dongle", "txgain=100"),
        ("chan_dongle", "group=1"),
        ("chan_dongle", "u2diag=-1"),
        ("chan_dongle", "callingpres=prohib"),
        ("chan_dongle", "usecallingpres=no"),
        ("chan_dongle", "resetdongle=no"),
        ("chan_quectel", "resetquectel=no"),
        ("chan_dongle", "callwaiting=auto"),
        ("chan_dongle", "dtmf=inband"),
        ("chan_dongle", "mindtmfgap=45"),
        ("chan_dongle", "imsi=228010000000001"),
        ("chan_dongle", "jbenable=yes"),
        ("chan_dongle", "jbresyncthreshold=-1"),
        ("chan_dongle", "smsdb=/var/lib/asterisk/smsdb"),
        ("chan_quectel", "interval=15"),
    ],
)
def test_options_of_the_drivers(driver: str, option: str) -> None:
    found = stick(driver, option)
    assert found.problems == ()
    assert found.dongles[0].driver_options == (option,)


@pytest.mark.parametrize(
    ("driver", "options", "reason"),
    [
        ("chan_dongle", ["rxgain=loud"], "rxgain must be a number from -999 to 999"),
        ("chan_dongle", ["colour=red"], "chan_dongle has no option colour"),
        ("chan_dongle", ["resetquectel=no"], "chan_dongle has no option resetquectel"),
        ("chan_quectel", ["resetdongle=no"], "chan_quectel has no option resetdongle"),
        ("chan_dongle", ["autodeletesms=yes"], "Homeline writes autodeletesms itself: a message is deleted once"),
        ("chan_dongle", ["context=x"], "Homeline writes context itself: it is the line"),
        ("chan_dongle", ["imei=356938035643809"], "set the dongle's option imei"),
        ("chan_dongle", ["rxgain=1", "rxgain=2"], "sets rxgain a second time"),
        ("chan_dongle", ["smsdb=/etc/passwd"], "must be a file below /var/lib/asterisk"),
        ("chan_quectel", ["quec_uac=1"], "quec_uac and alsadev go together"),
        ("chan_quectel", ["quec_uac=0", "alsadev=hw:0"], "quec_uac must be 1"),
        ("chan_dongle", ["rxgain"], "must be `name=value`"),
        ("chan_dongle", ["rxgain=1;"], "must be `name=value`"),
    ],
)
def test_wrong_options_of_the_drivers(driver: str, options: list[str], reason: str) -> None:
    found = stick(driver, *options)
    assert reason in said(found)["stick.driver_options"]
    assert "stick" not in names(found)


def test_a_modem_with_sound_over_usb() -> None:
    options = ["quec_uac=1", "alsadev=hw:CARD=Android,DEV=0"]
    change: Change = {"driver": "chan_quectel", "imei": None, "data": "/dev/ttyUSB2", "driver_options": options}
    assert read(dongle_stick=change).problems == ()


def test_what_asterisks_drivers_have_is_odd_elsewhere() -> None:
    found = read(dongle_stick={"driver": "serial", "data": "/dev/ttyUSB2"}, line_home=None, outbound_swiss=None)
    assert list(said(found)) == ["stick.data"]
    assert names(found) >= {"stick"}
    pin = read(dongle_stick={"pin": "1234"})
    assert said(pin) == {"stick.pin": "chan_dongle cannot enter it"}
    assert "stick" in names(pin)


# --- values ---


@pytest.mark.parametrize(
    ("key", "option", "good", "bad"),
    [
        ("sip_sip", "bind", "192.0.2.1 :: 2001:db8::1", "999.1.1.1 1.2.3 01.2.3.4 :::: fe80::1%lan home"),
        ("sip_sip", "local_networks", "10.0.0.0/8 192.0.2.1 fc00::/7 2001:db8::1", "10.0.0.0/33 10.0.0.0/08 0.0.0.0/0 "
         "::/0 10.0.0/8 fc00::/129 10.0.0.0/255.0.0.0 10.0.0.0/ 10.0.0.0/-1 lan"),
        ("sip_sip", "external_address", "home.example.org 192.0.2.1 2001:db8::1", "999.1.1.1 1.2.3 a..b fe80::1%lan "
         ":::"),
        ("sip_sip", "certificate", "/etc/ssl/x.pem /etc/homeline/x/y.pem", "/tmp/x.pem /etc/ssl /etc/ssl/../passwd x"),
        ("sip_sip", "language", "en de_CH", "english e ../x en;"),
        ("sip_sip", "voicemail_folder", "/etc/homeline/vm /mnt/sda1/homeline/vm", "/tmp/vm /etc/homeline /mnt/vm"),
        ("sip_sip", "accepted", "pjsip.conf:6001 extensions.conf:from-gsm", "pjsip.conf :x a:b\x07 a/b:c é:x"),
        ("trunk_reg", "host", "sip.example.org 192.0.2.1 2001:db8::1", "a;b 1.2.3.4.5 x:5060 -x sip:x@y"),
        ("trunk_reg", "allowed", "192.0.2.0/24 2001:db8::1", "192.0.2.0/24,10.0.0.1 0.0.0.0/0"),
        ("trunk_reg", "username", "me +41441112233 a.b-c", "a@b a;b \"a\" ü a/b"),
        ("trunk_reg", "caller_id", "+41441112233", "0441112233 anonymous"),
        ("trunk_sky", "edges", "frankfurt sao-paulo", "Frankfurt x;y ../x"),
        ("trunk_sky", "region", "ie1 au1 us1", "de1 IE1"),
        ("trunk_reg", "codecs", "alaw opus", "all !all mp3"),
        ("trunk_reg", "session_timers", "yes required", "maybe"),
        ("phone_anna", "number", "12 12345", "1 123456 *1 1x"),
        ("phone_anna", "display", "Anna Zoë O'Neil", "A<B \"A\" A;B A${B} A[B] A|B"),
        ("phone_anna", "allow_from", "0.0.0.0/0 10.8.0.0/24 ::/0", "10.8.0.0/33 vpn"),
        ("line_home", "greeting", "welcome my_voice-2", "../x a/b .x a.wav"),
        ("outbound_swiss", "prefixes", "+4 +4179", "0041 41 + +0"),
        ("outbound_swiss", "numbers", "112 1414", "1 123456789 +41 1x *100# **21# ##002# *#21#"),
        ("outbound_swiss", "countries", "CH li", "XX Switzerland"),
        ("twilio_twilio", "account_sid", SID, SID.upper() + " AC123 " + "AD" + SID[2:]),
        ("twilio_twilio", "api_key", "SK" + SID[2:], SID + " SK123"),
        ("twilio_twilio", "domain", "a home-1 " + "x" * 57, "Home -a a- a.b a_b " + "x" * 58),
        ("twilio_twilio", "public_url", "https://a.example https://a.example:8443/b/c http://a.example/",
         "a.example ftp://a https://a.example/?b https://a.example/#b https://a.example//b https://u@a.example"),
        ("twilio_twilio", "adopt", "home home.sip.twilio.com CA0123 +41441112233", "a,b a/b ${x}"),
        ("twilio_twilio", "made", f"domain={SID} geo:CH=low:1,high:0", "domain domain= =x a\"=b a=b;c"),
        ("twilio_twilio", "routing", "function none", "Webhook studio"),
        ("twilio_twilio", "region", "us1 ie1 au1", "de1 IE1"),
    ],
)  # fmt: skip
def test_values_of_an_option(key: str, option: str, good: str, bad: str) -> None:
    kind, name = key.split("_")
    row = next(section for section in SECTIONS if section.name == kind).option(option)
    assert row is not None
    for value in [good] if "Zoë" in good else good.split(" "):
        assert f"{name}.{option}" not in said(read(**{key: {option: [value] if row.many else value}})), value
    for value in bad.split(" "):
        found = read(**{key: {option: [value] if row.many else value}})
        assert f"{name}.{option}" in said(found), value
        assert kind in ("sip", "twilio") or name not in names(found), value


# --- hostile text in every option: refused by name, or safe where Asterisk reads it ---

EXTRA = ("a;b", "${SHELL(reboot)}", "a => b", "[a](+)", "x\n[evil]\ntype=endpoint", "#exec /bin/sh", "a" * 10000, "é",
         " a ", "1&Local/1@x", "\\", "a\\;b", "\udce9", "'", '"a" <b>', ";-- x --;", "١٢٣")  # fmt: skip
OPTIONS = [(kind, option) for kind in CALL_SECTIONS for option in kind.options]
KEYS = {
    "sip": "sip_sip",
    "trunk": "trunk_reg",
    "phone": "phone_anna",
    "line": "line_home",
    "outbound": "outbound_swiss",
}
KEYS["twilio"] = "twilio_twilio"
PAIR = {"inbound_username": "tel", "inbound_password": PASSWORD}  # which one of them alone would lack


def renders(found: Config) -> None:
    """What was accepted can be written for Asterisk, and every line of it is one that its reader takes."""
    if not found.sip.enabled:
        return
    facts = Facts(addresses={"sip.example.org": ("192.0.2.9",)}, ami_secret="0123456789abcdef")
    for name, text in render(found, facts).files.items():
        assert asterisk_conf.parse(text, name).mistakes == []


def with_text(kind: SectionType, option: Option, text: str) -> Config:
    """BASE with this text in one option."""
    pair: Change = PAIR if kind.name == "trunk" else {}
    return read(**{KEYS[kind.name]: {**pair, option.name: [text] if option.many else text}})


def strings(found: Config) -> Iterator[str]:
    """Every text of the sections about calls."""
    for kind in CALL_SECTIONS:
        value = getattr(found, kind.attribute)
        for section in value if isinstance(value, tuple) else (value,):
            for field in dataclasses.fields(section):
                item = getattr(section, field.name)
                for text in item if isinstance(item, tuple) else (item,):
                    if isinstance(text, str):
                        yield str(text)


def safe(texts: Iterable[str]) -> None:
    """As an option's value each reads back as itself, and adds no line."""
    for text in texts:
        written = conf.value(text)
        (section,) = asterisk_conf.parse(f"[a]\nx = {written}\n").sections
        assert [entry.value for entry in section.entries] == [text]


@pytest.mark.parametrize(("kind", "option"), OPTIONS, ids=[f"{kind.name}.{option.name}" for kind, option in OPTIONS])
def test_hostile_text_in_every_option(kind: SectionType, option: Option) -> None:
    where = f"{KEYS[kind.name].split('_')[1]}.{option.name}"
    for text in (item.replace("\0", "") for item in (*HOSTILE.values(), *EXTRA)):
        found = with_text(kind, option, text)
        safe(strings(found))
        assert text in strings(found) or where in said(found), text
        if where not in said(found):
            renders(found)
        assert all((problem.where + problem.text + problem.advice).isprintable() for problem in found.problems)


@given(
    st.sampled_from(OPTIONS),
    st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=60)
    | st.from_regex(r"[a-z0-9;=\[\]{}$()#+/.:-]{1,20}", fullmatch=True),
)
def test_any_text_in_any_option_is_safe(row: tuple[SectionType, Option], text: str) -> None:
    kind, option = row
    found = with_text(kind, option, text)
    safe(strings(found))
    if text in strings(found):
        renders(found)


def test_the_types_of_the_fields() -> None:
    found = read()
    renders(found)
    assert isinstance(found.trunks[0].type, TrunkType)
    assert isinstance(found.phones[0], Phone)


def test_without_the_package_for_calls_its_sections_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about calls counts as ever."""
    for name in ("config_calls", "config_checks_calls", "config_drivers"):
        monkeypatch.setitem(sys.modules, f"homeline.{name}", None)
        monkeypatch.delattr(f"homeline.{name}", raising=False)
    main = """
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '356938035643809'

config phone 'anna'
	option number '10'
"""
    read = config.read(main)
    assert [dongle.name for dongle in read.dongles] == ["stick"]
    problem = config.Problem("anna", "'phone' is about calls", "Install the package homeline-asterisk.")
    assert read.problems == (problem,)
    assert "phone" not in config.masked(read)
    with pytest.raises(NotFound):
        config.check("phone", "number", "10")
