"""From UCI's text to the dataclasses: values, mistakes that leave their section out, secrets that are never shown."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import config
from homeline.config import Config, Dongle, Email, Main, Rule
from homeline.config_automatic import AUTOMATIC_SECTIONS
from homeline.config_calls import CALL_SECTIONS
from homeline.config_channels import CHANNEL_SECTIONS
from homeline.config_options import CALLS, CHANNELS
from homeline.errors import DecodeError, NotFound
from homeline.model import CallState, Driver, EventKind, Storage
from homeline.protocol import uci
from homeline.protocol.uci import Section

SECTIONS = config.sections()
EMAIL = (
    "config email 'mail'\n\tlist to 'me@example.org'\n\toption from 'a@example.org'\n\toption host 'mail.example.org'\n"
)
MAIL = Email(name="mail", to=("me@example.org",), sender="a@example.org", host="mail.example.org", port=587)


def said(read: Config) -> dict[str, str]:
    return {problem.where: problem.text for problem in read.problems}


def test_everything_set() -> None:
    text = f"""
config homeline 'main'
	option enabled 'on'
	option country 'ch'
	option log_level 'debug'
	option log_text '1'
	option database '/mnt/sda1/homeline/messages.db'
	option retention_days '90'
	option join_timeout '300'

config dongle 'stick'
	option enabled 'yes'
	option driver 'serial'
	option imei '356938035643809'
	option usb_path '1-1.2'
	option port '/dev/ttyUSB2'
	option baudrate '9600'
	option number '+41791234567'
	option storage 'when_full'
	option rate '5'
	option report 'no'
	option retries '0'

config rule 'night'
	option enabled 'false'
	list events 'message'
	list events 'alert'
	list dongles 'stick'
	list senders '+41*'
	list senders 'Swiss*'
	list not_senders '+41999*'
	list calls 'answered'
	list channels 'mail'

{EMAIL}	option port '2525'
	option tls 'none'
	option tls_verify 'off'
	option ca_file '/etc/ssl/ca.pem'
	option user 'me'
	option command 'relay'
	option timeout '20'
"""
    secret = "config dongle 'stick'\n\toption pin '1234'\nconfig email 'mail'\n\toption password 'it'\\''s'\n"
    assert config.read(text, secret) == Config(
        Main(True, "CH", "debug", True, "/mnt/sda1/homeline/messages.db", 90, 300),
        (
            Dongle(
                "stick", True, Driver.SERIAL, "356938035643809", "1-1.2", "/dev/ttyUSB2", 9600, "+41791234567", "1234",
                Storage.WHEN_FULL, 5, False, 0,
            ),
        ),
        (
            Rule(
                "night", False, (EventKind.MESSAGE, EventKind.ALERT), ("stick",), ("+41*", "Swiss*"), ("+41999*",),
                ("mail",), (CallState.ANSWERED,),
            ),
        ),
        (
            Email(
                "mail", ("me@example.org",), "a@example.org", "mail.example.org", 2525, "none", False,
                "/etc/ssl/ca.pem", "me", "it's", "relay", 20,
            ),
        ),
    )  # fmt: skip


def test_nothing_set() -> None:
    read = config.read(
        "config homeline 'main'\nconfig dongle 'stick'\nconfig rule 'all'\n\tlist channels 'mail'\n" + EMAIL
    )
    assert read == Config(Main(), (Dongle("stick"),), (Rule("all", channels=("mail",)),), (MAIL,))
    assert config.read("") == Config()
    assert read.channels == ("mail",)


def test_options_of_a_rule_that_do_nothing_are_said() -> None:
    rule = "config rule 'all'\n\tlist channels 'mail'\n\tlist alerts 'sim.*'\n\toption digest '1'\n"
    read = config.read(rule + EMAIL)
    assert said(read) == {
        "all.alerts": "does nothing, as events has no alert",
        "all.digest": "does nothing without quiet",
    }
    assert [each.name for each in read.rules] == ["all"]
    assert said(config.read(f"{rule}\tlist events 'alert'\n\tlist quiet '22:00-07:00'\n{EMAIL}")) == {}


def test_a_template_that_is_none_leaves_the_rule_out_with_its_column() -> None:
    read = config.read("config rule 'all'\n\tlist channels 'mail'\n\toption template 'a {txt}'\n" + EMAIL)
    assert said(read)["all.template"].startswith("column 3: there is no field 'txt'")
    assert read.rules == ()


SECTION_OF = {
    "main": "config homeline 'main'\n",
    "dongle": "config dongle 'x'\n",
    "rule": "config rule 'x'\n\tlist channels 'mail'\n",
    "email": EMAIL.replace("'mail'", "'x'"),
}


@pytest.mark.parametrize(
    ("kind", "option", "good", "bad"),
    [
        ("main", "enabled", "1 on true yes enabled 0 off false no disabled TRUE", "2 maybe ١ ja"),
        ("main", "country", "CH ch Us", "XX C CHE 41 BB1 HC ÄA ß"),
        ("main", "log_level", "debug info warning error", "trace INFO 7"),
        ("main", "database", "/etc/homeline/a.db /mnt/usb/homeline/x/a.db", "a.db /etc/homeline /var/a.db /etc/passwd "
         "/etc/homeline/../passwd /etc/homeline/ /tmp/homeline/a.db /mnt/homeline/a.db /etc/homeline//a"),
        ("main", "retention_days", "0 1 36500", "-1 36501 1.5 1e3 ٣ 99999999999999999999"),
        ("main", "join_timeout", "10 600", "9 0 604801 600s"),
        ("dongle", "driver", "serial", "chan_nonsense Serial"),
        ("dongle", "imei", "356938035643809 12345678901234", "35693803564380x 123 12345678901234567 ٣٥٦٩٣٨٠٣٥٦٤٣٨٠٩"),
        ("dongle", "usb_path", "1-1 2-1.4.3", "1 1-1: ../1-1 1-1/2 usb1"),
        ("dongle", "port", "/dev/ttyUSB0 /dev/serial/by-id/usb-x", "ttyUSB0 /etc/passwd /dev /dev/../etc/passwd /dev/"),
        ("dongle", "baudrate", "9600 115200", "0 fast"),
        ("dongle", "number", "+41791234567", "0791234567 +0123456789 +41 41791234567 +4179123456789012"),
        ("dongle", "storage", "delete when_full keep", "never"),
        ("dongle", "rate", "1 600", "0 601"),
        ("dongle", "retries", "0 20", "21"),
        ("rule", "events", "message report ussd alert call voicemail", "sms Message"),
        ("rule", "senders", "+41* *bank* 333", "x" * 65 + " a\x1bb"),
        ("rule", "patterns", "bank ^code [a-z]+[0-9]{2,}", "( a** (?=x) a{9999} a\x1bb " + "x" * 501),
        ("rule", "template", "{text} plain {code|json}", "{txt} {text {text|shout} {?code}x {/} {{}{}"),
        ("rule", "subject", "{who}", "{me}"),
        ("email", "to", "a@b x.y+z@example.org", "a a@ @b a@@b a@b>c a@-;b \"a\"@b a@b, a..b@c <a@b> a\x01@b é@b"),
        ("email", "from", "a@b", "a@b\x0bBcc:c@d"),
        ("email", "host", "mail mail.example.org 192.0.2.1 2001:db8::1 fe80::1%br-lan", "-x mail_.org a..b http://x "
         "x;y x:25 " + "a" * 254),
        ("email", "port", "1 65535", "0 65536"),
        ("email", "tls", "starttls tls none", "ssl STARTTLS"),
        ("email", "ca_file", "/etc/ssl/certs/x.pem /etc/homeline/ca.pem", "/etc/shadow /etc/ssl ca.pem"),
        ("email", "command", "relay my-relay.sh", "../relay /bin/sh -x .relay a;b a/b"),
        ("email", "timeout", "5 600", "4 601"),
    ],
)  # fmt: skip
def test_values_of_an_option(kind: str, option: str, good: str, bad: str) -> None:
    many = next(s for s in SECTIONS if s.name == ("homeline" if kind == "main" else kind)).option(option).many  # type: ignore[union-attr]
    line = "\t{} {} '{}'\n"
    section = "".join(row for row in SECTION_OF[kind].splitlines(keepends=True) if f"option {option} " not in row)
    for value in good.split(" "):
        text = section + line.format("list" if many else "option", option, value) + EMAIL
        assert said(config.read(text)) == {}, value
    name = "main" if kind == "main" else "x"
    for value in bad.split(" "):
        text = section + line.format("list" if many else "option", option, value) + EMAIL
        read = config.read(text)
        assert list(said(read)) == [f"{name}.{option}"], value
        assert not any(section.name == "x" for section in (*read.dongles, *read.rules, *read.emails)), value
        assert read.main == Main(), value
        assert read.emails[-1] == MAIL  # everything else runs


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("config homeline 'main'\n\toption enabled '1'\n\toption log_level 'x'\n", {"main.log_level"}),
        ("config homeline 'second'\n\toption enabled '1'\n", {"second"}),
        ("config homeline\n\toption enabled '1'\n", {"cfg011ab6"}),
        ("config frobnicate 'f'\n\toption a 'b'\n", {"f"}),
        ("config rule\n\tlist channels 'mail'\n", {"cfg0192bd"}),
        (f"config dongle '{'d' * 65}'\n", {"d" * 65}),
        ("config rule 'r'\n", {"r.channels"}),
        ("config rule 'r'\n\tlist channels ''\n", {"r.channels"}),
        ("config rule 'r'\n\tlist channels 'nobody'\n", {"r.channels"}),
        ("config rule 'r'\n\tlist channels 'mail'\n\tlist channels 'nobody'\n", {"r.channels"}),
        ("config rule 'r'\n\tlist channels 'mail'\n\tlist dongles 'nobody'\n", {"r.dongles"}),
        ("config rule 'r'\n\tlist channels 'mail'\n\toption sender 'x'\n", {"r.sender"}),
        ("config dongle 'd'\n\tlist imei '356938035643809'\n", {"d.imei"}),
        ("config dongle 'd'\n\toption rate '1'\n\toption rate '2'\n", {"d.rate"}),
        ("config dongle 'd'\n\toption rate 'x'\n\toption report 'x'\n", {"d.rate", "d.report"}),
        ("config email 'e'\n\tlist to 'a@b'\n\toption from 'a@b'\n", {"e.host"}),
        ("config email 'e'\n\tlist to 'a@b'\n\toption host 'h'\n", {"e.from"}),
        ("config email 'e'\n\toption from 'a@b'\n\toption host 'h'\n", {"e.to"}),
        (
            "config email 'e'\n\tlist to 'a@b'\n\toption from 'a@b'\n\toption host 'h'\n\toption user 'u'\n",
            {"e.password"},
        ),
    ],
)
def test_mistakes_are_named_and_stop_nothing_else(text: str, problems: set[str]) -> None:
    read = config.read(text + EMAIL + "config rule 'all'\n\tlist channels 'mail'\n")
    assert set(said(read)) == problems
    assert read.emails[-1] == MAIL
    assert read.rules[-1] == Rule("all", channels=("mail",))


def test_a_mistake_says_value_and_reason() -> None:
    read = config.read("config dongle 'd'\n\toption rate '0'\n")
    (problem,) = read.problems
    assert (problem.where, problem.text) == ("d.rate", "must be a number from 1 to 600 a minute (is '0')")
    assert "left out" in problem.advice


def test_in_main_only_the_option_is_left_out() -> None:
    read = config.read("config homeline 'main'\n\toption enabled '1'\n\toption country 'XX'\n")
    assert read.main == Main(enabled=True)
    assert "(is 'XX')" in said(read)["main.country"]


def test_what_is_merely_odd_keeps_its_section() -> None:
    read = config.read("config dongle 'd'\n\toption rate '1'\n\toption rate '2'\n\toption colour 'red'\n")
    assert read.dongles == (Dongle("d", rate=2),)
    assert set(said(read)) == {"d.rate", "d.colour"}


def test_a_list_may_be_one_option() -> None:
    read = config.read("config rule 'r'\n\toption channels 'mail'\n\toption senders 'My Bank'\n" + EMAIL)
    assert read.rules == (Rule("r", senders=("My Bank",), channels=("mail",)),)
    assert read.problems == ()


def test_a_channel_with_a_mistake_keeps_its_deliveries_waiting() -> None:
    """The rule still names it: its events get deliveries, which go out once the mistake is put right."""
    read = config.read(EMAIL + "\toption tls 'ssl'\nconfig rule 'r'\n\tlist channels 'mail'\n")
    assert read.channels == ()
    assert read.rules == (Rule("r", channels=("mail",)),)
    assert set(said(read)) == {"mail.tls"}


def test_a_rule_for_a_dongle_that_is_not_there_matches_none() -> None:
    """Forgetting the name would make the rule match every dongle."""
    read = config.read(EMAIL + "config rule 'r'\n\tlist channels 'mail'\n\tlist dongles 'gone'\n")
    assert read.rules[0].dongles == ("gone",)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_tls(tls: str, port: int) -> None:
    assert config.read(EMAIL + f"\toption tls '{tls}'\n").emails[0].port == port


def test_a_command_needs_neither_host_nor_password() -> None:
    read = config.read("config email 'e'\n\tlist to 'a@b'\n\toption from 'a@b'\n\toption command 'relay'\n")
    assert read.problems == ()
    assert read.emails[0].command == "relay"


@pytest.mark.parametrize(
    ("first", "second", "kept", "where"),
    [
        ("option imei '356938035643809'", "option imei '356938035643809'", 1, "b.imei"),
        ("option usb_path '1-1'", "option usb_path '1-1'", 1, "b.usb_path"),
        ("option port '/dev/ttyUSB0'", "option port '/dev/ttyUSB0'", 1, "b.port"),
        ("", "", 1, "b.imei"),
        ("", "option usb_path '1-1'", 2, ""),
        ("option enabled '0'", "", 2, ""),
        ("option imei '356938035643809'\n\toption enabled '0'", "option imei '356938035643809'", 2, ""),
    ],
)
def test_two_dongles_cannot_be_one_modem(first: str, second: str, kept: int, where: str) -> None:
    read = config.read(f"config dongle 'a'\n\t{first}\nconfig dongle 'b'\n\t{second}\n")
    assert [dongle.name for dongle in read.dongles] == ["a", "b"][:kept]
    assert set(said(read)) == ({where} if where else set())


SECRET = "hunter2\x1b[2J"


@pytest.mark.parametrize(
    ("main", "secret"),
    [
        ("config dongle 'd'\n", f"config dongle 'd'\n\toption pin '{SECRET}'\n"),
        (f"config dongle 'd'\n\toption pin '{SECRET}'\n", ""),
        (f"config dongle 'd'\n\toption pim '{SECRET}'\n", ""),  # a typing error in the name
        ("config dongle 'd'\n", f"config dongle 'd'\n\tlist pin '{SECRET}'\n"),
        ("config dongle 'd'\n", f"config dongle 'd'\n\toption pim '{SECRET}'\n"),
        ("config dongle 'd'\n", f"config dongle 'other'\n\toption pin '{SECRET}'\n"),
        ("config dongle 'd'\n", f"config email 'd'\n\toption password '{SECRET}'\n"),
        (EMAIL, f"config email 'mail'\n\toption password '{'x' * 2000}{SECRET}'\n"),
        (EMAIL, f"config email 'mail'\n\toption password '{SECRET}'\n\toption host '{SECRET}'\n"),
    ],
)
def test_a_secret_is_never_said(main: str, secret: str) -> None:
    read = config.read(main, secret)
    assert read.problems
    assert "hunter2" not in repr(read.problems)


def test_secrets_are_not_in_repr_and_masked_as_set() -> None:
    read = config.read(
        EMAIL + "config dongle 'd'\n", "config email 'mail'\n\toption password 'hunter2'\nconfig dongle 'd'\n"
    )
    assert read.emails[0].password == "hunter2"
    assert "hunter2" not in repr(read)
    shown = config.masked(read)
    assert "hunter2" not in repr(shown)
    assert shown["email"]["mail"]["password"] == "set"  # type: ignore[index]
    assert shown["dongle"]["d"]["pin"] == "not set"  # type: ignore[index]


def test_masked_has_every_option_under_its_name_in_uci() -> None:
    sections: dict[str, Any] = {}
    for kind in SECTIONS:
        if kind.singleton:
            sections[kind.attribute] = kind.build()
        else:
            sections[kind.attribute] = (*sections.get(kind.attribute, ()), kind.build(name=kind.name))
    sections["emails"] = (MAIL,)
    sections["rules"] = (Rule("r"),)
    shown = config.masked(Config(**sections))
    for kind in SECTIONS:
        section = shown[kind.singleton] if kind.singleton else next(iter(shown[kind.name].values()))  # type: ignore[attr-defined]
        assert list(section) == [option.name for option in kind.options]
    assert shown["email"]["mail"]["from"] == "a@example.org"  # type: ignore[index]
    assert shown["rule"]["r"]["events"] == ["message"]  # type: ignore[index]


def test_lazy_sections_are_known_by_name_before_they_are_loaded() -> None:
    assert tuple(kind.name for kind in CALL_SECTIONS) == CALLS
    assert tuple(kind.name for kind in (*CHANNEL_SECTIONS, *AUTOMATIC_SECTIONS)) == CHANNELS


def test_a_secret_in_the_wrong_file_works_and_is_said() -> None:
    read = config.read("config dongle 'd'\n\toption pin '1234'\n")
    assert read.dongles[0].pin == "1234"
    assert said(read) == {"d.pin": "is a secret"}
    assert (
        config.read("config dongle 'd'\n\toption pin '1234'\n", "config dongle 'd'\n\toption pin '5678'\n")
        .dongles[0]
        .pin
        == "5678"
    )


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    for kind in SECTIONS:
        fields = {field.name for field in dataclasses.fields(kind.build)} - {"name"}
        assert fields == {option.attribute for option in kind.options}, kind.name
        secrets = {field.name for field in dataclasses.fields(kind.build) if not field.repr}
        assert secrets == {option.attribute for option in kind.options if option.secret}, kind.name


def test_problems_are_bounded() -> None:
    read = config.read("".join(f"config x s{number}\n" for number in range(10_000)))
    assert len(read.problems) == 101
    assert "9900 more" in read.problems[-1].text


# --- files ---


def folder(tmp_path: Path, main: str | None, secret: str | None = None) -> Path:
    for name, text in (("homeline", main), ("homeline_secret", secret)):
        (tmp_path / name).unlink(missing_ok=True)
        if text is not None:
            (tmp_path / name).write_text(text)
    return tmp_path


def test_load_reads_both_files(tmp_path: Path) -> None:
    read = config.load(folder(tmp_path, "config dongle 'd'\n", "config dongle 'd'\n\toption pin '1234'\n"))
    assert read == Config(dongles=(Dongle("d", pin="1234"),))


def test_a_broken_secret_file_keeps_what_runs(tmp_path: Path) -> None:
    before = config.load(folder(tmp_path, "config dongle 'd'\n", "config dongle 'd'\n\toption pin '1234'\n"))
    main = "config dongle 'd'\n\toption rate '5'\nconfig dongle 'e'\n\toption imei '356938035643809'\n"
    after = config.load(folder(tmp_path, main, "config dongle 'd'\n\toption pin '9999\n"), before)
    assert before.dongles == (Dongle("d", pin="1234"),)
    assert after.dongles == (Dongle("d", rate=5, pin="1234"), Dongle("e", imei="356938035643809"))
    assert list(said(after)) == ["/etc/config/homeline_secret"]


def test_a_broken_secret_file_keeps_those_of_the_account(tmp_path: Path) -> None:
    token = "0123456789abcdef" * 2
    secret = f"config twilio 'twilio'\n\toption auth_token '{token}'\n"
    before = config.load(folder(tmp_path, "config twilio 'twilio'\n", secret))
    after = config.load(folder(tmp_path, "config twilio 'twilio'\n", "config twilio 'x\n"), before)
    assert (before.twilio.auth_token, after.twilio) == (token, before.twilio)
    assert "/etc/config/homeline_secret" in said(after)


def test_without_a_secret_file_there_are_no_secrets(tmp_path: Path) -> None:
    assert config.load(folder(tmp_path, "config dongle 'd'\n")) == Config(dongles=(Dongle("d"),))


def test_a_broken_file_keeps_what_runs(tmp_path: Path) -> None:
    before = config.load(folder(tmp_path, "config homeline 'main'\n\toption enabled '1'\n"))
    after = config.load(folder(tmp_path, "config homeline 'main'\n\toption enabled '1\n"), before)
    assert after.main.enabled
    assert said(after) == {"/etc/config/homeline": "line 2, column 17: a ' that is never closed"}
    assert not config.load(tmp_path).main.enabled


def test_at_the_start_a_broken_file_is_replaced_by_the_last_good_copy(tmp_path: Path) -> None:
    (folder(tmp_path, "config dongle 'd\n", "config dongle 'd'\n\toption pin '9\n") / "homeline.good").write_text(
        "config homeline 'main'\n\toption enabled '1'\nconfig dongle 'd'\n"
    )
    assert config.load(tmp_path).dongles == (Dongle("d"),)
    (tmp_path / "homeline_secret.good").write_text("config dongle 'd'\n\toption pin '1234'\n")
    read = config.load(tmp_path)
    assert (read.main.enabled, read.dongles) == (True, (Dongle("d", pin="1234"),))
    assert list(said(read)) == ["/etc/config/homeline"]
    (tmp_path / "homeline").write_text("config dongle 'd'\n")
    read = config.load(tmp_path)
    assert (read.main.enabled, read.dongles) == (False, (Dongle("d", pin="1234"),))
    assert list(said(read)) == ["/etc/config/homeline_secret"]
    (tmp_path / "homeline").write_text("config dongle 'd\n")
    (tmp_path / "homeline.good").write_text("config dongle 'd\n")
    assert config.load(tmp_path).dongles == ()


def test_a_broken_secret_file_is_said_and_the_rest_runs(tmp_path: Path) -> None:
    read = config.load(folder(tmp_path, "config dongle 'd'\n", "config dongle 'd'\n\toption pin 'hunter2\n"))
    assert read.dongles == (Dongle("d"),)
    assert list(said(read)) == ["/etc/config/homeline_secret"]
    assert "hunter2" not in repr(read)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    read = config.load(tmp_path)
    assert said(read) == {"/etc/config/homeline": "the file is missing"}
    assert not read.main.enabled


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (folder(tmp_path, "") / "homeline").chmod(0)
    assert "Permission denied" in said(config.load(tmp_path))["/etc/config/homeline"]


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "homeline").mkdir()
    assert "Is a directory" in said(config.load(tmp_path))["/etc/config/homeline"]


# --- anything ---

option_names = st.sampled_from([option.name for kind in SECTIONS for option in kind.options] + ["x"])
some_values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
some_sections = st.lists(
    st.builds(
        Section,
        type=st.sampled_from([kind.name for kind in SECTIONS] + ["x"]),
        name=st.sampled_from(["main", "a", "b"]),
        anonymous=st.booleans(),
        options=st.dictionaries(
            option_names,
            st.sampled_from(["1", "0", "a", "a@b", "serial", "message"])
            | some_values
            | st.lists(some_values, min_size=1),
            max_size=6,
        ),
    ),
    max_size=4,
    unique_by=lambda section: section.name,
)


@given(some_sections, some_sections)
def test_any_sections_become_a_configuration_or_problems(main: list[Section], secret: list[Section]) -> None:
    read = config.read(uci.dump(main), uci.dump(secret))
    assert config.masked(read)
    out = {section.name for section in (*read.dongles, *read.rules, *read.emails)}
    for section in main:
        if not section.anonymous and section.type in ("dongle", "rule", "email"):
            assert section.name in out or any(problem.where.startswith(section.name) for problem in read.problems)
    for problem in read.problems:
        assert (problem.where + problem.text + problem.advice).isprintable()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        config.read(data, b"")
    except DecodeError as error:
        assert str(error).startswith("line ")


@pytest.mark.parametrize(
    ("section", "option", "value", "words"),
    [
        ("rule", "priority", "high", ""),
        ("rule", "senders", "My Bank", ""),
        ("rule", "times", "x" * 2000, "is longer than 1024 characters"),
        ("rule", "enabled", "", "is empty"),
        ("mqtt", "port", "70000", "must be a number from 1 to 65535"),
        ("phone", "number", "42", ""),
        ("telegram", "token", "geheim", "must be a bot's token, such as `123456:ABC-DEF…`"),
    ],
)
def test_one_value_is_judged_as_the_file_would_be(section: str, option: str, value: str, words: str) -> None:
    assert config.check(section, option, value) == words


@pytest.mark.parametrize(("section", "option"), [("rule", "nothing"), ("nothing", "enabled"), ("", "")])
def test_an_option_that_there_is_not(section: str, option: str) -> None:
    with pytest.raises(NotFound):
        config.check(section, option, "1")


def test_a_rule_that_is_switched_off_owes_no_channel() -> None:
    for channels in ("", "\tlist channels 'gone'\n"):
        read = config.read(EMAIL + f"config rule 'later'\n\toption enabled '0'\n{channels}")
        assert [(rule.name, rule.channels) for rule in read.rules] == [("later", ())]
        assert "names no channel that is there" not in str(read.problems)
    assert said(config.read(EMAIL + "config rule 'later'\n")) == {"later.channels": "is required"}
