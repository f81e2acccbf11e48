"""What rendering promises of all files together: same in, same out, and no value leaves its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeline import config, telephony
from homeline.config_options import Config
from homeline.core.trunks import hosts
from homeline.errors import RenderError
from homeline.protocol import asterisk_conf
from homeline.render import render
from homeline.telephony import MARK, MARKER, Facts, Rendered
from hostile import HOSTILE
from render.kit import CASES, FACTS, PHONES, SECRETS, SIP, Case

ALL = CASES["everything"]
OURS = (
    *("pjsip.conf", "rtp.conf", "logger.conf", "manager.conf", "modules.conf", "hep.conf"),
    *("dongle.conf", "quectel.conf"),
)
LINE = re.compile(r"|;.*|\[[A-Za-z0-9_.-]+\](\([A-Za-z0-9_.,!+-]+\))?|[a-z0-9_.]+ = .*")
TEXTS = st.one_of(
    st.sampled_from(sorted(HOSTILE.values())), st.text(max_size=40), st.sampled_from(("]\n#exec x", "x;y"))
)


def parsed(rendered: Rendered) -> dict[str, asterisk_conf.Parsed]:
    return {name: asterisk_conf.parse(rendered.files[name], name) for name in OURS if name in rendered.files}


def texts(section: Any) -> list[str]:
    """The options of a section that are text, or lists of it."""
    return [f.name for f in fields(section) if type(getattr(section, f.name)) in (str, tuple) and f.name != "name"]


def changed(before: Config, kind: str, number: int, option: int, text: str) -> Config:
    """The configuration with the text in one option, as no reader of UCI would let it pass."""
    own = getattr(before, kind)
    section = own if kind == "sip" else own[number % len(own)]
    name = texts(section)[option % len(texts(section))]
    odd = replace(section, **{name: (text,) if isinstance(getattr(section, name), tuple) else text})
    return replace(before, **{kind: odd if kind == "sip" else tuple(odd if item is section else item for item in own)})


BEFORE = parsed(render(ALL.config, ALL.facts))
NAMES = {section.name for file in BEFORE.values() for section in file.sections}
KNOWN = {trunk.inbound_username for trunk in ALL.config.trunks}  # a trunk without an address is known by it
KNOWN |= {f"{trunk.name}-{end}" for trunk in ALL.config.trunks for end in ("in", "out", "2")}
OPTIONS = {entry.name for file in BEFORE.values() for section in file.sections for entry in section.entries}


@settings(max_examples=300)
@given(st.sampled_from(("trunks", "phones", "dongles", "sip")), st.integers(0, 9), st.integers(0, 40), TEXTS)
def test_no_value_gains_a_line_or_a_section(kind: str, number: int, option: int, text: str) -> None:
    """Even what the configuration would refuse, had it a hole. Refusals say what is refused."""
    try:
        rendered = render(changed(ALL.config, kind, number, option, text), FACTS)
    except (RenderError, ValueError, config.ConfigError, KeyError) as error:
        assert str(error)
        return
    for name, file in parsed(rendered).items():
        assert all(LINE.fullmatch(line) for line in rendered.files[name].splitlines())
        assert not file.includes and not file.mistakes
        assert {section.name for section in file.sections} <= {*NAMES, *KNOWN, text, f"homeline-{text}"}
        assert {entry.name for section in file.sections for entry in section.entries} <= {*OPTIONS, "ca_list_file"}


@given(st.text("abc ;\"'$%&[]{}()<>=>#!\\äπ", min_size=12, max_size=40).map(str.strip).filter(bool))
def test_a_password_is_in_its_place_and_nowhere_else(password: str) -> None:
    before = ALL.config
    phones = tuple(replace(phone, password=password) for phone in before.phones)
    file = parsed(render(replace(before, phones=phones), FACTS))["pjsip.conf"]
    for phone in (phone for phone in phones if phone.enabled):
        own = [section for section in file.named(phone.name) if section.get("type") == "auth"]
        assert [section.get("password") for section in own] == [password]


def test_equal_arguments_give_equal_octets() -> None:
    again = Facts.from_json(json.loads(telephony.dumps(ALL.facts)))
    assert render(ALL.config, ALL.facts) == render(Case(ALL.uci).config, again)


def test_nothing_where_asterisk_is_not_wanted() -> None:
    off = config.read(ALL.uci.replace("config sip 'sip'\n\toption enabled '1'", "config sip 'sip'"), SECRETS)
    assert render(off, FACTS) == Rendered()
    assert hosts(off) == ()


def test_hosts_are_those_that_rendering_looks_for() -> None:
    wanted = hosts(ALL.config)
    assert wanted == ("example.sip.twilio.com", "sip.provider.example", "gateway.example.net", "home.example.org")
    assert not any(host.replace(".", "").isdigit() for host in wanted)
    assert not [problem for problem in render(ALL.config, ALL.facts).problems if "not known" in problem[1]]
    unknown = render(ALL.config, replace(ALL.facts, addresses={}))
    assert {where for where, text, _ in unknown.problems if "not known" in text} == {
        *("roaming.host", "voip.host", "voip.allowed", "carrier.host", "sip.external_address")
    }


def test_a_new_address_is_no_reason_for_a_restart() -> None:
    before = render(ALL.config, ALL.facts)
    moved = {**ALL.facts.addresses, "home.example.org": ("203.0.113.99",)}
    after = render(ALL.config, replace(ALL.facts, addresses=moved))
    assert before.files["pjsip.conf"] != after.files["pjsip.conf"]
    assert before.restart == after.restart


@pytest.mark.parametrize(
    "option", ["option port '5099'", "option bind '192.168.1.1'", "list transports 'tcp'\n\tlist transports 'udp'"]
)
def test_what_only_a_restart_changes(option: str) -> None:
    uci = SIP + PHONES
    before, after = (
        render(config.read(text, SECRETS), FACTS) for text in (uci, uci.replace(SIP, f"{SIP}\t{option}\n"))
    )
    assert before.restart != after.restart


def test_marks_tell_one_endpoint_from_another() -> None:
    """The mark of an endpoint changes with its password, its registration and its address, and with no other's."""
    before = dict(mark.split("=") for mark in render(ALL.config, ALL.facts).objects[MARK])
    secrets = SECRETS.replace("Registers-8", "Registers-9").replace("walking-about-2", "walking-about-3")
    after = dict(mark.split("=") for mark in render(config.read(ALL.uci, secrets), FACTS).objects[MARK])
    assert {name for name, mark in after.items() if mark != before[name]} == {"voip", "mobile"}
    other = render(ALL.config, replace(FACTS, ami_secret="another secret of ours")).objects[MARK]
    assert not set(before.values()) & {mark.split("=")[1] for mark in other if not mark.startswith("extensions.conf")}


def test_objects_are_what_the_file_has() -> None:
    rendered = render(ALL.config, ALL.facts)
    sections = parsed(rendered)["pjsip.conf"].sections
    for kind in ("endpoint", "aor", "auth", "identify", "registration", "transport"):
        assert rendered.objects[kind] == tuple(s.name for s in sections if s.get("type") == kind)
    marked = [f"{s.name}={s.get('set_var').removeprefix(f'{MARKER}=')}" for s in sections if s.get("set_var")]
    assert [mark for mark in rendered.objects[MARK] if not mark.startswith("extensions.conf=")] == marked
    assert len(marked) == len(rendered.objects["endpoint"])


def test_two_objects_of_one_name_are_refused() -> None:
    before = ALL.config
    trunks = tuple(
        replace(trunk, inbound_username="kitchen") if trunk.name == "nomad" else trunk for trunk in before.trunks
    )
    with pytest.raises(RenderError, match="'kitchen' would be two endpoints"):
        render(replace(before, trunks=trunks), FACTS)


@pytest.mark.parametrize(("username", "endpoints"), [("nomad", ["nomad"]), ("them", ["nomad", "them"])])
def test_a_peer_without_an_address_is_an_endpoint_of_its_inbound_name(username: str, endpoints: list[str]) -> None:
    uci = CASES["provider_peer"].uci.replace("inbound_username 'nomad-7'", f"inbound_username '{username}'")
    found = [s for s in parsed(render(config.read(uci, SECRETS), FACTS))["pjsip.conf"].sections if s.get("auth")]
    mine = [section for section in found if section.get("context") == "homeline-trunk-nomad"]
    assert [section.name for section in mine] == endpoints
    for section in mine:
        assert (section.get("auth"), section.get("identify_by")) == ("nomad-in", "auth_username")


def test_a_codec_that_cannot_be_translated_is_not_offered() -> None:
    without = replace(FACTS, modules=tuple(module for module in FACTS.modules or () if "g722" not in module))
    rendered = render(CASES["phones"].config, without)
    allow = {s.name: s.get("allow") for s in parsed(rendered)["pjsip.conf"].sections if s.get("allow")}
    assert allow == {"kitchen": "opus,alaw,ulaw", "mobile": "alaw"}
    assert [where for where, _, _ in rendered.problems] == ["mobile.codecs"]  # the other has what is usual


def test_two_trunks_with_one_network() -> None:
    uci = ALL.uci + "\nconfig trunk 'late'\n\toption mode 'peer'\n\toption host '198.51.100.33'\n"
    wanted = config.read(uci + "\tlist allowed '198.51.100.33'\n\tlist allowed '192.0.2.1'\n", SECRETS)
    rendered = render(wanted, FACTS)
    assert [(where, text.split(" as ")[0]) for where, text, _ in rendered.problems if where == "late.allowed"] == [
        ("late.allowed", "198.51.100.33 belongs to trunk 'carrier'")
    ]
    identify = [s for s in parsed(rendered)["pjsip.conf"].named("late") if s.get("type") == "identify"]
    assert [section.all("match") for section in identify] == [["192.0.2.1"]]


def process(asked: object) -> tuple[int, Any]:
    command = [sys.executable, "-m", "homeline.render"]
    text = asked if isinstance(asked, str) else json.dumps(asked)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_process() -> None:
    code, answer = process({"main": ALL.uci, "secrets": SECRETS, "facts": ALL.facts.to_json()})
    assert code == 0
    assert Rendered.from_json(answer) == render(ALL.config, ALL.facts)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ({"main": "", "secrets": "", "facts": {}}, "cannot be read"),
        ({"main": "config", "secrets": "", "facts": FACTS.to_json()}, "line 1"),
        (
            {"main": ALL.uci, "secrets": SECRETS, "facts": {**FACTS.to_json(), "ami_secret": "a\n" * 9}},
            "[homeline] secret: has characters",
        ),
        (
            {"main": ALL.uci, "secrets": SECRETS, "facts": {**FACTS.to_json(), "ami_secret": ""}},
            "[homeline] secret: is shorter",
        ),
    ],
)
def test_the_process_says_what_is_wrong(asked: object, words: str) -> None:
    code, answer = process(asked)
    assert code == 1
    assert words in answer["error"]
