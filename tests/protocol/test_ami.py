"""Asterisk's manager interface: what is sent, what is read, and what a stranger's bytes can and cannot do."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import EncodeError
from homeline.protocol import ami
from homeline.protocol.ami import Message, Parser
from hostile import HOSTILE

CAPTURES = Path(__file__).parents[1] / "captures/asterisk"
ACTION = re.compile(r'(?:\.call|\.list|listed|_asked)\(\s*(?:[\w.]+,\s*)?"([A-Z]\w+)"')  # in Python's source
FORGED = (CAPTURES / "ami-forged-caller.bin").read_bytes()


def wire(capture: str) -> bytes:
    """What Asterisk sent in a recorded session, as it was on the wire."""
    lines = (CAPTURES / capture).read_text().split("\n")
    received = (line for line in lines if not line.startswith(">>>"))
    return "".join(("" if line.startswith("<extra") else line) + "\r\n" for line in received).encode()


def read(data: bytes) -> list[Message]:
    return Parser().feed(data)


DONGLE = wire("ami-dongle-events.txt")


# --- what is sent ---


def test_an_action_is_lines_and_an_empty_line() -> None:
    fields = {"Channel": "Local/1@x", "Variable": ["a=1", "b=ä:"], "Empty": ""}
    assert ami.encode("Originate", fields, "id-1").decode() == (
        "Action: Originate\r\nActionID: id-1\r\n"
        "Channel: Local/1@x\r\nVariable: a=1\r\nVariable: b=ä:\r\nEmpty: \r\n\r\n"
    )


@pytest.mark.parametrize("stop", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize("place", ["action", "name", "value", "one of many", "id"])
def test_no_value_ends_its_line(place: str, stop: str) -> None:
    bad = f"a{stop}b"
    with pytest.raises(EncodeError):
        ami.encode(
            bad if place == "action" else "Ping",
            {
                bad if place == "name" else "Name": bad if place == "value" else "v",
                "Many": ["fine", bad if place == "one of many" else "fine"],
            },
            bad if place == "id" else "1",
        )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_stays_one_value_or_is_refused(text: str) -> None:
    try:
        sent = ami.encode("UserEvent", {"UserEvent": text}, "1")
    except EncodeError as error:
        assert "UserEvent" in str(error) and len(str(error)) < 200
        assert any(bad in text for bad in "\r\n\0") or len(text) > 1000 or "\ud800" in text
        return
    (message,) = read(sent)
    assert message.headers == (("Action", "UserEvent"), ("ActionID", "1"), ("UserEvent", text))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ActionID": "7"}, "ActionID"),
        ({"action": "Originate"}, "action"),
        ({"Two words": "x"}, "Two words"),
        ({"": "x"}, "called ''"),
        ({"Colon:": "x"}, "Colon:"),
        ({"Data": "x" * 1015}, "1021 octets"),
        ({"Variable": ["x=1"] * 127}, "129 lines"),
    ],
)
def test_what_asterisk_would_read_as_something_else_is_refused(fields: dict[str, str | list[str]], words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        ami.encode("Ping", fields, "1")


def test_the_longest_that_asterisk_takes_is_sent() -> None:
    assert ami.encode("Ping", {"Data": "x" * 1014}, "1")
    assert ami.encode("Ping", {"Variable": ["x=1"] * 126}, "1")


@given(st.dictionaries(st.from_regex(r"[B-Z][a-z]{1,8}", fullmatch=True), st.text(max_size=200)))
def test_what_is_encoded_reads_back(fields: dict[str, str]) -> None:
    try:
        sent = ami.encode("Test", fields, "1")
    except EncodeError:
        assert any(bad in value for value in fields.values() for bad in "\r\n\0")
        return
    (message,) = read(sent)
    assert message.headers == (("Action", "Test"), ("ActionID", "1"), *fields.items())


# --- what is read ---


def test_a_recorded_session_of_the_driver() -> None:
    found = read(DONGLE)
    assert found[0].response == "Success" and found[0].get("message") == "Authentication accepted"
    entry = next(item for item in found if item.event == "DongleDeviceEntry")
    assert (entry.get("RSSI"), entry.get("IMSIState"), entry.get("Exten")) == ("17, -79 dBm", "404450987654321", "")
    assert entry.get("nothing", "default") == "default"
    texts = [item.all("MessageLine0") for item in found if item.event == "DongleNewSMS"]
    assert texts[:2] == [["Hello {world} €5 @home [ok]"], ["नमस्ते"]]
    first = next(item for item in found if item.event == "DongleNewCMGR")
    assert first.get("Message").startswith("+CMGR: 0,,47\\r\\n0791198901509150")
    assert not any(item.cut for item in found)


def test_an_empty_line_too_many_is_nothing() -> None:
    assert read(b"\r\n\r\nEvent: A\r\n\r\n\r\n\r\nEvent: B\r\n\r\n") == read(b"Event: A\r\n\r\nEvent: B\r\n\r\n")


def test_the_greeting_is_no_header() -> None:
    parser = Parser()
    found = parser.feed(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\n")
    assert parser.greeting == "Asterisk Call Manager/11.0.0"
    assert [item.response for item in found] == ["Success"]


def test_another_greeting_is_none() -> None:
    parser = Parser()
    assert parser.feed(b"220 mail.") == [] and parser.greeting is None
    assert parser.feed(b"example.org ESMTP\r\n") == [] and parser.greeting == ""


def test_a_commands_output_is_its_lines() -> None:
    (message,) = read(
        b"Response: Success\r\nActionID: x\r\nMessage: Command output follows\r\n"
        b"Output: System uptime: 3 minutes\r\nOutput: \r\nOutput:   indented: yes\r\n\r\n"
    )
    assert message.output == ["System uptime: 3 minutes", "", "  indented: yes"]


def test_the_older_raw_output_swallows_nothing_behind_it() -> None:
    """Whoever can forge the line `Response: Follows` must not have the rest of the session taken for output."""
    raw = b"Response: Follows\r\nPrivilege: Command\r\nActionID: x\r\nno colon\na: b\n--END COMMAND--\r\n\r\n"
    first, second = read(raw + b"Event: Next\r\n\r\n")
    assert first.response == "Follows" and first.output == [] and second.event == "Next"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"A:b", ("A", "b")),
        (b"A: b", ("A", "b")),
        (b"A:  b ", ("A", " b ")),
        (b"A: b: c", ("A", "b: c")),
        (b"A:", ("A", "")),
        (b"Exten : 1", ("Exten", "1")),
        (b"no colon at all", ("", "no colon at all")),
        (b"A: one\ntwo\rthree", ("A", "one\ntwo\rthree")),  # only CR LF ends a line
        (b"A: \xff\xfe", ("A", "\ufffd\ufffd")),
        (b"A: \0\x1b[2J", ("A", "\0\x1b[2J")),
    ],
)
def test_lines(line: bytes, header: tuple[str, str]) -> None:
    (message,) = read(b"Event: X\r\n" + line + b"\r\n\r\n")
    assert message.headers == (("Event", "X"), header)


def test_names_have_no_case_and_the_first_counts() -> None:
    (message,) = read(b"Event: X\r\nActionID: first\r\nactionid: second\r\n\r\n")
    assert message.action_id == message.get("ACTIONID") == "first"
    assert message.all("ActionID") == ["first", "second"]


def test_no_password_is_shown() -> None:
    secrets = ("Password", "PasswordDigest", "OauthSecret", "RefreshToken", "Md5Cred", "Secret", "Key")
    message = Message((("Event", "AuthList"), ("Username", "mobile"), *((name, "hunter2") for name in secrets)))
    assert "hunter2" not in repr(message) and "mobile" in repr([message])
    assert message.get("Password") == "hunter2"


# --- what strangers can do ---


def test_a_forged_caller_of_a_real_call_makes_events_and_nothing_else() -> None:
    """A SIP caller whose number holds CR LF: no response, no ActionID, and `Channel` is still Asterisk's."""
    found = read(FORGED)
    assert [item.event for item in found].count("FullyBooted") == 4, "one is Asterisk's, three are forged"
    assert sum(bool(item.response) for item in found) == 1, "the login"
    assert not any(item.action_id for item in found)
    for event in ("Newchannel", "Hangup"):
        assert [item.get("Channel") for item in found if item.event == event] == ["PJSIP/t1-00000001"]


@pytest.mark.parametrize("sender", ["\r\nResponse: x", "\r\nEvent: y", "\r\nActionID: 1"])
def test_a_forged_line_does_not_change_what_a_message_is(sender: str) -> None:
    (message,) = read(f"Event: DongleNewSMS\r\nDevice: d\r\nFrom: {sender}\r\nMessageLine0: x\r\n\r\n".encode())
    assert (message.event, message.response, message.get("Device")) == ("DongleNewSMS", "", "d")


def test_a_message_that_begins_otherwise_is_neither_event_nor_response() -> None:
    (message,) = read(b"LineCount: 1\r\nEvent: X\r\nResponse: Success\r\n\r\n")
    assert (message.event, message.response) == ("", "")
    assert (Message(()).event, Message(()).response, Message(()).action_id) == ("", "", "")


# --- bytes ---


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def in_pieces(pieces: list[bytes]) -> list[Message]:
    parser = Parser()
    return [message for piece in pieces for message in parser.feed(piece)]


@given(st.lists(st.integers(0, len(DONGLE)), max_size=30))
def test_however_a_session_is_cut_it_reads_the_same(cuts: list[int]) -> None:
    assert in_pieces(split(DONGLE, cuts)) == read(DONGLE)


def test_octet_by_octet() -> None:
    assert in_pieces([bytes([octet]) for octet in FORGED]) == read(FORGED)


TOKENS = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b": ", b"Event: X", b"Response: Success", b"\xff\0", b"y" * ami.LINE_LIMIT, b"z"]
)


@given(st.lists(TOKENS, max_size=25).map(b"".join), st.lists(st.integers(0), max_size=8))
def test_garbage_reads_the_same_however_it_is_cut_and_never_fails(data: bytes, cuts: list[int]) -> None:
    assert in_pieces(split(data, cuts)) == read(data)


@pytest.mark.parametrize("length", [ami.LINE_LIMIT - 3, ami.LINE_LIMIT - 2])
def test_a_line_too_long_is_left_out_and_the_message_says_so(length: int) -> None:
    data = b"Event: X\r\nA: " + b"x" * length + b"\r\nB: c\r\n\r\nEvent: Y\r\n\r\n"
    first, second = read(data)
    too_long = length + 3 > ami.LINE_LIMIT
    assert first.cut is too_long and (first.get("A") == "") is too_long and first.get("B") == "c"
    assert not second.cut
    assert in_pieces([data[:10], data[10 : 10 + ami.LINE_LIMIT], data[10 + ami.LINE_LIMIT :]]) == [first, second]


def test_the_end_of_a_line_too_long_may_come_in_two() -> None:
    """Between CR and LF, with what is before thrown away already."""
    pieces = [b"Event: X\r\nA: " + b"x" * (2 * ami.LINE_LIMIT) + b"\r", b"\nB: c\r\n\r\n"]
    (message,) = in_pieces(pieces)
    assert message == Message((("Event", "X"), ("B", "c")), cut=True)


def held(parser: Parser) -> int:
    return len(parser._buffer) + sum(len(name) + len(value) for name, value in parser._headers)


@pytest.mark.parametrize(
    "chunk", [b"x" * 60_000, b"A: b\r\n" * 10_000, b"\r\n" + b"A" * 50_000 + b"\r\n", b"\r" * 60_000]
)
def test_it_holds_a_bounded_number_of_octets(chunk: bytes) -> None:
    parser = Parser()
    parser.feed(b"Event: X\r\n")
    for _ in range(200):
        parser.feed(chunk)
        assert held(parser) < ami.LINE_LIMIT + ami.MESSAGE_LIMIT + 2
        assert len(parser._headers) <= ami.MESSAGE_LIMIT // ami.LINE_COST + 1


def test_a_message_too_large_is_cut_and_the_next_is_whole() -> None:
    first, second = read(b"Event: X\r\n" + b"Output: line\r\n" * 10_000 + b"\r\nEvent: Y\r\n\r\n")
    assert first.cut and first.event == "X" and 2000 < len(first.output) < 10_000
    assert second == Message((("Event", "Y"),))


# --- versions and classes ---


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("20.8.1", (20, 8, 1)),
        ("certified/18.9-cert5", (18, 9)),
        ("certified-20.7-cert3", (20, 7)),
        ("GIT-18-6ba5e2f", (18,)),
        ("GIT-master-1234", ()),
        ("", ()),
        ("9" * 50, (999999999,)),
    ],
)
def test_version(text: str, numbers: tuple[int, ...]) -> None:
    assert ami.version(text) == numbers


def test_the_account_may_use_each_action_that_we_use() -> None:
    for action, classes in ami.PRIVILEGES.items():
        if classes and action != "Command":
            assert set(classes) & set(ami.WRITE), action
    assert "command" not in ami.WRITE and set(ami.WRITE_DRIVERS) == {*ami.WRITE, "command"}


def test_the_account_has_no_class_that_no_action_needs() -> None:
    for left_out in ami.WRITE:
        rest = set(ami.WRITE) - {left_out}
        needing = [name for name, classes in ami.PRIVILEGES.items() if classes and not set(classes) & rest]
        assert set(needing) - {"Command"}, left_out


def test_each_action_of_the_source_has_its_classes_noted() -> None:
    sources = (CAPTURES.parents[2] / "src/homeline").rglob("*.py")
    used = {name for path in sources for name in ACTION.findall(path.read_text())}
    assert {"Login", "Getvar", "CoreShowChannels", "PJSIPShowEndpoint"} <= used
    assert used <= set(ami.PRIVILEGES)


def test_the_documentation_has_each_action_with_its_class() -> None:
    text = (CAPTURES.parents[2] / "docs/asterisk.md").read_text()
    section = text.partition("## What Homeline asks of Asterisk")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| write \| (.*) \|$", section, re.MULTILINE)
    listed = {action: kind for kind, cell in rows for action in re.findall(r"`([A-Z]\w+)`", cell)}
    wanted = {action: classes for action, classes in ami.PRIVILEGES.items() if not action.startswith("Quectel")}
    assert {action for action, classes in wanted.items() if classes} == set(listed)
    assert all(kind in wanted[action] for action, kind in listed.items())
    assert {kind for kind, _ in rows} == set(ami.WRITE_DRIVERS)
    assert set(re.findall(r"^\| `(\w+)` \| read \|", section, re.MULTILINE)) == set(ami.READ)
    assert all(f"`{action}`" in section for action in wanted)
