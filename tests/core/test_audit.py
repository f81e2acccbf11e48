"""What the audit finds in files that an owner wrote for Asterisk, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.config import Config, Dongle
from homeline.config_calls import Sip
from homeline.core.audit import MAX_FINDINGS, Finding, audit, closed, fence
from homeline.model import Driver

RECIPE = {path.name: path.read_text() for path in (Path(__file__).parents[1] / "asterisk_recipe").glob("*.conf")}
STICK = Dongle("stick", driver=Driver.CHAN_DONGLE, imei="356938035643809")
CONFIG = Config(sip=Sip(enabled=True), dongles=(STICK,))
GSM = "[gsm]\nexten => _0X.,1,Dial(Dongle/stick/${FILTER(0-9,${EXTEN})})\n"  # a way out, well written
HARMLESS = "[quiet]\nexten => 100,1,Playback(hello)\n same => n,Hangup()\n"


def found(files: dict[str, str], config: Config = CONFIG) -> list[tuple[str, int, str, bool]]:
    return [(item.file, item.line, item.section, item.closes) for item in audit(files, config)]


def one(files: dict[str, str], name: str, config: Config = CONFIG) -> Finding:
    (finding,) = [item for item in audit(files, config) if item.file == name]
    return finding


def endpoint(**options: str) -> str:
    return "[6001]\ntype=endpoint\n" + "".join(f"{name}={value}\n" for name, value in options.items())


# --- the recipe ---


def test_the_recipe_as_a_whole() -> None:
    findings = audit(RECIPE, CONFIG)
    assert {(item.file, item.section) for item in findings if item.closes} == {
        ("pjsip.conf", "byoc"),
        ("pjsip.conf", "6001"),
        ("pjsip_wizard.conf", "twilio"),
        ("extensions.conf", "from-gsm"),
        ("extensions.conf", "gsm-out"),
        ("manager.conf", "admin"),
    }
    assert {(item.file, item.section) for item in findings if not item.closes} == {
        ("dongle.conf", "dongle0"),
        ("manager.conf", "general"),
        ("pjsip.conf", "6001"),
    }
    for item in findings:
        line = RECIPE[item.file].splitlines()[item.line - 1]
        assert line.strip() and not line.startswith(";"), item
    assert "and 8 more" in closed(findings)


def test_strangers_who_get_in_are_fenced_off() -> None:
    findings = audit(RECIPE, CONFIG)
    assert {item.section for item in findings if item.fences} == {"byoc", "twilio"}
    assert all("until then SIP is refused" in item.problem.advice for item in findings if item.fences)
    assert fence(findings, RECIPE) == ("54.172.60.0/30", "54.171.127.192/30")
    assert fence([item for item in findings if not item.fences], RECIPE) is None


def test_the_owners_own_trunks_stay_inside_the_fence() -> None:
    files = {
        "pjsip.conf": endpoint(context="quiet")
        + "[i]\ntype=identify\nendpoint=6001\nmatch=192.0.2.1, 198.51.100.0/24,10.0.0.0/8\nmatch=2001:db8::1\n"
        + "match=!192.0.2.9\nmatch=sip.example.org\nmatch=203.0.113.0/255.255.255.0\nmatch=1.2.3.4;x\n",
        "pjsip_wizard.conf": "[w]\ntype=wizard\nremote_hosts=192.0.2.77,voip.example.org,192.0.2.78:5080\n",
        "extensions.conf": HARMLESS,
    }
    kept = (
        "192.0.2.1",
        "198.51.100.0/24",
        "2001:db8::1",
        "203.0.113.0/255.255.255.0",
        "1.2.3.4",
        "192.0.2.77",
        "192.0.2.78",
    )
    assert fence(audit(files, CONFIG), files) == kept


def test_what_is_accepted_is_not_said_again() -> None:
    keys = tuple({item.key for item in audit(RECIPE, CONFIG) if item.closes})
    accepted = replace(CONFIG, sip=Sip(enabled=True, accepted=keys))
    assert not any(item.closes for item in audit(RECIPE, accepted))
    assert closed(audit(RECIPE, accepted)) == ""
    assert "pjsip.conf:byoc" in keys


def test_a_problem_says_where_what_and_how_to_accept_it() -> None:
    finding = one({"extensions.conf": GSM}, "extensions.conf")
    problem = finding.problem
    assert problem.where == "/etc/asterisk/extensions.conf line 2 [gsm]"
    assert "Dongle/stick" in problem.text
    assert "list accepted 'extensions.conf:gsm'" in problem.advice
    assert closed([finding]) == "/etc/asterisk/extensions.conf line 2 [gsm]: see the problems"


def test_nothing_written_by_hand_is_nothing_to_find() -> None:
    assert audit({}, CONFIG) == []
    assert closed([]) == ""
    only_ours = {name: f"#tryinclude homeline/{name}\n" for name in ("pjsip.conf", "extensions.conf", "dongle.conf")}
    assert audit(only_ours, CONFIG) == []


# --- pjsip ---


@pytest.mark.parametrize(
    ("pjsip", "closes"),
    [
        (endpoint(context="gsm"), True),
        (endpoint(context="quiet"), True),
        (endpoint(context="nowhere"), False),
        (endpoint(context="gsm", identify_by="auth_username,username"), True),
        (endpoint(context="gsm").replace("6001", "anonymous") + "auth=a\n", None),
        (endpoint(context="quiet", identify_by="ip").replace("6001", "Anonymous"), True),
        (endpoint(context="quiet", auth="6001"), None),
        (endpoint(context="gsm", auth="6001"), True),
        (endpoint(context="quiet", identify_by="ip"), None),
        (endpoint(context="gsm", identify_by="ip"), True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=0.0.0.0/0\n", True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=10.0.0.0/8\n", True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=1.2.0.0/255.255.0.0\n",
         True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=1.2.3.0/255.255.254.0",
         True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=1.2.3.0/255.255.255.0",
         None),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=54.172.60.2\n", True),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch=192.0.2.7\n", None),
        (endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=other\nmatch=0.0.0.0/0\n", None),
        ("[t](!)\ntype=endpoint\nidentify_by=ip\n[6001](t)\ncontext=quiet\n", None),
        ("[t](!)\ntype=endpoint\ncontext=gsm\n", None),
        ("[t](!)\ntype=endpoint\ncontext=gsm\n[6001](t)\n", True),
        ("[6001]\ntype=endpoint\nidentify_by=ip\ncontext=quiet\n[6001](+)\nidentify_by=username\n", True),
    ],
)  # fmt: skip
def test_endpoints(pjsip: str, closes: bool | None) -> None:
    """`closes` None: nothing is found."""
    files = {"pjsip.conf": pjsip, "extensions.conf": HARMLESS + GSM}
    findings = [item for item in audit(files, CONFIG) if item.file == "pjsip.conf"]
    if "anonymous" in pjsip:  # it has a password, so what remains is that it leads to the dongle
        assert [item.text.startswith("its context") for item in findings] == [True]
    else:
        assert [item.closes for item in findings] == ([] if closes is None else [closes])


def test_a_stranger_is_told_how_far_he_gets() -> None:
    dialplan = "[in]\ninclude => more\n[more]\nexten => s,1,Goto(gsm,s,1)\n" + GSM
    text = one({"pjsip.conf": endpoint(context="in"), "extensions.conf": dialplan}, "pjsip.conf").text
    assert "strangers get in" in text
    assert "Dongle/stick" in text and "(through more → gsm)" in text


def test_a_file_that_is_included_is_read_too() -> None:
    files = {
        "pjsip.conf": "#include pjsip.d/*.conf\n#include /etc/asterisk/phones.conf\n",
        "pjsip.d/a.conf": endpoint(context="quiet"),
        "phones.conf": "[anonymous]\ntype=endpoint\n",
        "extensions.conf": HARMLESS.replace("quiet", "default") + HARMLESS,
    }
    assert found(files) == [("phones.conf", 2, "anonymous", True), ("pjsip.d/a.conf", 2, "6001", True)]


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("#include /opt/elsewhere.conf", False),
        ("#tryinclude phones.txt", False),
        ("#include ../phones.conf", False),
        ("#tryinclude a/b/c.conf", False),
        ("#tryinclude a/c.conf", True),
        ("#tryinclude homeline/../../phones.conf", False),
        ("#exec /usr/bin/phones", False),
        ("#tryinclude phones.conf", True),
        ("#include homeline/pjsip.conf", True),
        ("#tryinclude /etc/asterisk/homeline/pjsip.conf", True),
        ("#include plain", True),
    ],
)
def test_what_nobody_looked_at_is_found(line: str, seen: bool) -> None:
    options = {"asterisk.conf": "[options]\nexecincludes=yes\n", "plain": "[x]\ntype=aor\n"}
    assert found({"pjsip.conf": f"{line}\n", **options}) == ([] if seen else [("pjsip.conf", 1, "pjsip.conf", True)])


def test_programs_are_run_only_where_asterisk_is_told_to() -> None:
    assert found({"extensions.conf": "#exec /usr/bin/phones\n"}) == []


def test_a_match_header_is_found() -> None:
    pjsip = endpoint(context="quiet", identify_by="ip") + "[i]\ntype=identify\nendpoint=6001\nmatch_header=X-A: b\n"
    assert found({"pjsip.conf": pjsip, "extensions.conf": HARMLESS}) == [("pjsip.conf", 8, "i", True)]


def test_a_second_global_is_found() -> None:
    pjsip = "[global]\ntype=global\n[mine]\ntype=global\n[system]\ntype=system\n"
    assert found({"pjsip.conf": pjsip}) == [("pjsip.conf", 3, "mine", False)]


@pytest.mark.parametrize(
    ("password", "weak"), [("6001", True), ("hunter2", True), ("x3Kd93kdkwoq2LLx", False), ("", False)]
)
def test_weak_passwords_are_found_and_not_said(password: str, weak: bool) -> None:
    auth = f"[6001]\ntype=auth\nusername=6001\npassword={password}\n"
    findings = audit({"pjsip.conf": auth}, CONFIG)
    assert [(item.line, item.closes) for item in findings] == ([(4, False)] if weak else [])
    assert not any(password in (item.text + item.advice).split() for item in findings)


@pytest.mark.parametrize(
    ("options", "closes"),
    [
        ("endpoint/context=quiet", True),
        ("endpoint/context=quiet\naccepts_auth=yes", None),
        ("endpoint/context=gsm\naccepts_auth=yes", True),
        ("endpoint/context=quiet\nendpoint/identify_by=ip\nremote_hosts=sip.example.org", None),
        ("endpoint/context=quiet\nendpoint/identify_by=ip\nremote_hosts=home.sip.twilio.com", True),
        ("endpoint/context=gsm\nendpoint/identify_by=ip\nremote_hosts=sip.example.org", True),
    ],
)
def test_the_wizard(options: str, closes: bool | None) -> None:
    files = {"pjsip_wizard.conf": f"[trunk]\ntype=wizard\n{options}\n", "extensions.conf": HARMLESS + GSM}
    findings = [item.closes for item in audit(files, CONFIG) if item.file == "pjsip_wizard.conf"]
    assert findings == ([] if closes is None else [closes])


# --- chan_sip, iax ---


@pytest.mark.parametrize(
    ("name", "text", "closes"),
    [
        ("sip.conf", "[general]\ncontext=gsm\n", True),
        ("sip.conf", "[general]\ncontext=gsm\nallowguest=no\n", None),
        ("sip.conf", "[general]\ncontext=quiet\n", None),
        ("sip.conf", "[general]\nallowguest=no\n[tom]\ntype=friend\nhost=dynamic\ncontext=gsm\n", True),
        (
            "sip.conf",
            "[general]\nallowguest=no\ncontext=gsm\n[tom]\ntype=peer\nsecret=abcdefgh1\ninsecure=invite\n",
            True,
        ),
        ("sip.conf", "[general]\nallowguest=no\n[tom]\ntype=friend\nsecret=longenough12\ncontext=gsm\n", True),
        ("sip.conf", "[general]\nallowguest=no\n[tom]\ntype=friend\nsecret=tom\ncontext=quiet\n", False),
        ("sip.conf", "[general]\nallowguest=no\n[tom]\ntype=friend\nmd5secret=0123456789abcdef\ncontext=quiet\n", None),
        ("iax.conf", "[general]\n[guest]\ntype=user\ncontext=gsm\n", True),
        ("iax.conf", "[guest]\ntype=user\ncontext=quiet\n", None),
        ("iax.conf", "[tom]\ntype=user\nsecret=longenough12\ncontext=gsm\n", True),
    ],
)
def test_accounts_of_other_drivers(name: str, text: str, closes: bool | None) -> None:
    files = {name: text, "extensions.conf": HARMLESS + GSM}
    assert [item.closes for item in audit(files, CONFIG) if item.file == name] == ([] if closes is None else [closes])


# --- the dial plan ---


@pytest.mark.parametrize(
    ("step", "reaches"),
    [
        ("Dial(Dongle/dongle0/123)", True),
        ("Dial(dongle/g1/123,30)", True),
        ("Dial(PJSIP/1&Quectel/q0/123)", True),
        ("Dial,Dongle/dongle0/123", True),
        ("Dial(${OUT}/123)", True),
        ("DongleSendSMS(dongle0,123,hello)", True),
        ("Goto(homeline-phone-anna,123,1)", True),
        ("Dial(Local/123@homeline-phone-anna)", True),
        ("Goto(gsm,1,1)", True),
        ("Gosub(gsm,1,1(a,b))", True),
        ("GotoIf($[1=1]?gsm,1,1:quiet,1,1)", True),
        ("ExecIf($[1=1]?Goto(gsm,1,1))", True),
        ("Dial(Local/1@gsm/n)", True),
        ("Dial(PJSIP/1,20,G(gsm^1^1))", True),
        ("Macro(out)", True),
        ("Set(CHANNEL(hangup_handler_push)=gsm,s,1)", True),
        ("Dial(PJSIP/100@gsm)", False),
        ("Dial(PJSIP/dongle)", False),
        ("NoOp(Goto gsm)", False),
        ("Playback(homeline)", False),
        ("Verbose(1,gsm)", False),
    ],
)
def test_ways_to_a_dongle(step: str, reaches: bool) -> None:
    dialplan = (
        f"[globals]\nOUT=Dongle/dongle0\n[in]\nexten => 100,1,{step}\n"
        "[gsm]\nexten => 1,1,Dial(Dongle/dongle0/1)\n[macro-out]\nexten => s,1,Dial(Dongle/dongle0/1)\n"
    )
    files = {"pjsip.conf": endpoint(context="in", auth="6001"), "extensions.conf": dialplan}
    assert any(item.file == "pjsip.conf" for item in audit(files, CONFIG)) == reaches


def test_contexts_of_ours_are_no_place_for_other_accounts() -> None:
    finding = one({"pjsip.conf": endpoint(context="homeline-phone-anna", auth="6001")}, "pjsip.conf")
    assert finding.closes and "homeline-phone-anna" in finding.text


@pytest.mark.parametrize("auth", [{"auth": "6001"}, {}], ids=["with a password", "of strangers"])
def test_nor_for_the_messages_of_other_accounts(auth: dict[str, str]) -> None:
    files = {
        "pjsip.conf": endpoint(context="quiet", message_context="homeline-message-anna", **auth),
        "extensions.conf": HARMLESS,
    }
    finding = one(files, "pjsip.conf")
    assert finding.closes and "homeline-message-anna" in finding.text
    wizard = "[w]\ntype=wizard\nendpoint/identify_by=ip\nendpoint/message_context=homeline-message-anna\n"
    assert one({"pjsip_wizard.conf": wizard}, "pjsip_wizard.conf").closes


@pytest.mark.parametrize(
    ("lines", "found_at"),
    [
        ('exten => sms,1,System(echo "${BASE64_DECODE(${SMS_BASE64})}")', 2),
        ("exten => sms,1,System(echo '${SMS}' >> /tmp/x)", 2),
        ("exten => sms,1,TrySystem(logger ${CALLERID(name)})", 2),
        ("exten => sms,1,Set(X=${SHELL(echo ${CALLERID(num)})})", 2),
        ("exten => sms,1,Set(X=${EVAL(${SMS})})", 2),
        ("exten => sms,1,Set(FILE(/tmp/${CALLERID(num)},,,a)=x)", 2),
        ("exten => sms,1,Set(A=${SMS})\n same => n,Set(B=x${A})\n same => n,System(echo ${B})", 4),
        ("exten => s,1,MixMonitor(a.wav,b,mail ${CALLERID(num)})", 2),
        ("exten => _X.,1,System(log ${EXTEN})", 2),
        ("exten => 100,1,System(log ${EXTEN})", 0),
        ("exten => sms,1,System(store ${SMS_BASE64})", 0),
        ("exten => sms,1,System(store ${BASE64_ENCODE(${CALLERID(name)})})", 0),
        ("exten => sms,1,System(log ${FILTER(0-9,${CALLERID(num)})} ${EPOCH})", 0),
        ("exten => sms,1,Set(A=${FILTER(0-9,${CALLERID(num)})})\n same => n,System(log ${A})", 0),
        ("exten => sms,1,NoOp(${SMS})", 0),
        ("exten => sms,1,MixMonitor(${CALLERID(num)}.wav)", 0),
    ],
)
def test_what_runs_the_text_of_a_stranger(lines: str, found_at: int) -> None:
    findings = found({"extensions.conf": f"[default]\n{lines}\n"})
    assert findings == ([("extensions.conf", found_at, "default", True)] if found_at else [])


@pytest.mark.parametrize(
    ("lines", "found_at"),
    [
        ("exten => _X.,1,Dial(PJSIP/${EXTEN}@trunk)", 2),
        ("exten => _X!,1,Dial(PJSIP/${EXTEN}@trunk)", 2),
        ("exten => _.,1,Set(NUMBER=${EXTEN:1})\n same => n,Dial(PJSIP/${NUMBER}@trunk)", 3),
        ("exten => _X./123,1,Dial(PJSIP/${EXTEN}@trunk)", 2),
        ("exten => _X.,1,Dial(PJSIP/${FILTER(0-9,${EXTEN})}@trunk)", 0),
        ("exten => _XXX,1,Dial(PJSIP/${EXTEN}@trunk)", 0),
        ("exten => _X.,1,Dial(PJSIP/100)", 0),
        ("exten => _X.,1,Hangup()", 0),
    ],
)
def test_patterns_that_dial_anything(lines: str, found_at: int) -> None:
    findings = found({"extensions.conf": f"[default]\n{lines}\n"})
    assert findings == ([("extensions.conf", found_at, "default", True)] if found_at else [])


def test_what_no_call_comes_to_does_no_harm() -> None:
    unused = "[unused]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@trunk)\n same => n,System(echo ${EXTEN})\n"
    assert audit({"extensions.conf": unused}, CONFIG) == []
    via = "[in]\ninclude => unused\n"
    entered = {"extensions.conf": unused + via, "chan_mobile.conf": "[adapter]\ncontext=in\n"}
    assert len(audit(entered, CONFIG)) == 2


def test_dial_plans_in_other_languages_are_said() -> None:
    assert [item.severity for item in audit({"extensions.ael": "context a { }"}, CONFIG)] == ["info"]
    finding = one({"extensions.lua": "-- calls\nfunction out() app.dial('Dongle/d0/1') end\n"}, "extensions.lua")
    assert (finding.line, finding.closes) == (2, True)
    assert audit({"extensions.ael": "\n"}, CONFIG) == []


def test_any_other_way_into_a_context_that_leads_out() -> None:
    files = {"voicemail.conf": "[general]\ndialout=gsm\n[default]\n", "extensions.conf": GSM}
    assert ("voicemail.conf", 2, "general", True) in found(files)


# --- devices ---


@pytest.mark.parametrize(
    ("text", "dongle", "severity"),
    [
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\n", STICK, "warning"),
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\n", Dongle("stick", port="/dev/ttyUSB2"), "critical"),
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\n", Dongle("stick", port="/dev/ttyUSB7"), ""),
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\n", replace(STICK, enabled=False), ""),
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\ninitstate=remove\n", STICK, ""),
        ("[dongle0]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\ndisable=yes\n", STICK, ""),
        ("[other]\nimei=356938035643809\n", STICK, "critical"),
        ("[other]\nimei=123456789012345\n", STICK, ""),
        ("[other]\nimei=123456789012345\ndata=/dev/ttyUSB2\n", STICK, "warning"),
        ("[stick]\nimei=123456789012345\n", STICK, "critical"),
        ("[general]\ninterval=15\n[defaults]\ncontext=x\n", STICK, ""),
    ],
)
def test_devices_that_would_take_a_port(text: str, dongle: Dongle, severity: str) -> None:
    config = replace(CONFIG, dongles=(dongle,))
    assert [item.severity for item in audit({"dongle.conf": text}, config)] == ([severity] if severity else [])


# --- manager, http, ari ---

ACCOUNT = "[boss]\nsecret=x3Kd93kdkwoq2LLx\nwrite=all\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[general]\nenabled=no\n" + ACCOUNT, []),
        ("[general]\nenabled=yes\nbindaddr=127.0.0.1\n" + ACCOUNT, []),
        ("[general]\nenabled=yes\nbindaddr=::1\n[boss]\nsecret=short\nwrite=all\n", [("boss", False)]),
        ("[general]\nenabled=yes\n", [("general", False)]),
        ("[general]\nenabled=yes\n" + ACCOUNT, [("boss", True), ("general", False)]),
        ("[general]\nenabled=yes\n" + ACCOUNT + "deny=0.0.0.0/0.0.0.0\n", [("general", False)]),
        ("[general]\nenabled=yes\n[spy]\nsecret=x3Kd93kdkwoq2LLx\nread=all\n", [("general", False)]),
        ("[general]\nenabled=yes\n[boss]\nsecret=boss\nwrite=call, originate\npermit=10.0.0.0/8\n",
         [("boss", True), ("general", False)]),
    ],
)  # fmt: skip
def test_the_manager(text: str, expected: list[tuple[str, bool]]) -> None:
    assert [(item.section, item.closes) for item in audit({"manager.conf": text}, CONFIG)] == expected


@pytest.mark.parametrize(
    ("http", "ari", "expected"),
    [
        ("[general]\nenabled=no\n", "[u]\ntype=user\npassword=x\n", []),
        ("[general]\nenabled=yes\nbindaddr=127.0.0.1\n", "[u]\ntype=user\npassword=x\n", []),
        ("[general]\nenabled=yes\n", "", ["general"]),
        ("[general]\nenabled=yes\n", "[u]\ntype=user\npassword=x\n", ["u", "general"]),
        ("[general]\nenabled=yes\n", "[u]\ntype=user\npassword=x\nread_only=yes\n", ["general"]),
        ("[general]\nenabled=yes\n", "[general]\nenabled=no\n[u]\ntype=user\npassword=x\n", ["general"]),
    ],
)
def test_http_and_ari(http: str, ari: str, expected: list[str]) -> None:
    assert [item.section for item in audit({"http.conf": http, "ari.conf": ari}, CONFIG)] == expected


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("extconfig.conf", "[settings]\nps_endpoints => odbc,asterisk\n", 2),
        ("extconfig.conf", "[settings]\npjsip.conf => odbc,asterisk,conf\n", 2),
        ("extconfig.conf", "[settings]\nqueue_log => odbc,asterisk\n", 0),
        ("sorcery.conf", "[res_pjsip]\nauth=config,pjsip.conf,criteria=type=auth\nendpoint=realtime,ps_endpoints\n", 3),
        ("sorcery.conf", "[res_pjsip]\ncontact=astdb,registrar\n", 0),
        ("sorcery.conf", "[res_pjsip_endpoint_identifier_ip]\nidentify=config,other.conf,criteria=type=identify\n", 2),
    ],
)
def test_accounts_that_are_somewhere_else(name: str, text: str, line: int) -> None:
    assert [(item.line, item.closes) for item in audit({name: text}, CONFIG)] == ([(line, True)] if line else [])


def test_asterisk_living_dangerously() -> None:
    assert found({"asterisk.conf": "[options]\nlive_dangerously = yes\n"}) == [("asterisk.conf", 2, "options", False)]


# --- bad input ---


def test_a_file_that_asterisk_drops_is_said_where_it_matters() -> None:
    finding = one({"pjsip.conf": "[6001\n", "some_tool.conf": "no section\n"}, "pjsip.conf")
    assert "line 1" in finding.text
    assert len(audit({"pjsip.conf": "[6001\n", "some_tool.conf": "x=1\n"}, CONFIG)) == 1


@pytest.mark.parametrize(
    ("line", "dropped"),
    [
        ('#include "manager.d/*.conf"', True),  # as Debian has it: no file there is enough to lose the manager
        ("#include more.conf", True),
        ("#tryinclude more.conf", False),
        ("#include there.conf", False),
        ("#include th*.conf", False),
        ("#include /etc/asterisk/homeline/manager.conf", False),
    ],
)
def test_a_missing_file_costs_the_file_that_includes_it(line: str, dropped: bool) -> None:
    found = audit({"manager.conf": f"[general]\nenabled=no\n{line}\n", "there.conf": "[x]\n"}, CONFIG)
    assert [(finding.file, finding.line) for finding in found] == [("manager.conf", 3)] * dropped
    assert all("drops all of manager.conf" in finding.text and not finding.closes for finding in found)


def test_two_findings_of_one_line_are_one_problem() -> None:
    text = "[default]\nexten => _X.,1,Dial(Dongle/stick/${EXTEN})\n"
    finding = one({"extensions.conf": text}, "extensions.conf")
    assert "leads to Dongle/stick" in finding.text and "`1&Local/…`" in finding.text and finding.closes


def test_there_is_an_end_to_it() -> None:
    text = "".join(f"[c{number}]\nexten => 1,1,Dial(Dongle/x/1)\n" for number in range(500))
    assert len(audit({"extensions.conf": text}, CONFIG)) == MAX_FINDINGS


def test_what_an_owner_wrote_cannot_spoil_a_line() -> None:
    text = f"[\x1b[2J\u202e{'x' * 70}]\nexten => 1,1,Dial(Dongle/\x07{'y' * 500}/1)\n"
    (finding,) = audit({"extensions.conf": text}, CONFIG)
    assert finding.problem.where.isprintable() and finding.text.isprintable() and finding.key.isprintable()
    assert len(finding.text) < 300
    assert closed([finding]).isprintable()


pieces = st.sampled_from(
    ["[a]", "[b](!)", "[c](a)", "type=endpoint", "type=auth", "type=identify", "context=a", "match=0.0.0.0/0", "\n",
     "\n", "exten => _X.,1,", "same => n,", "Dial(", "Local/1@a", "Dongle/d", "${", "EXTEN", "}", ")", "System(",
     "FILTER(", "include => b", "Set(A=", "#include x", ";", "=", "secret=1", "enabled=yes", "é\x00\udc80"]
)  # fmt: skip
names = st.sampled_from(
    ["pjsip.conf", "pjsip_wizard.conf", "extensions.conf", "sip.conf", "iax.conf", "manager.conf", "http.conf",
     "ari.conf", "dongle.conf", "voicemail.conf", "extensions.ael", "x"]
)  # fmt: skip


@given(st.dictionaries(names, st.lists(pieces, max_size=40).map("".join), max_size=5))
def test_any_files_are_audited(files: dict[str, str]) -> None:
    for finding in audit(files, CONFIG):
        assert finding.file in files or finding.file == "x"
        assert finding.problem.where.isprintable() and finding.text.isprintable()
