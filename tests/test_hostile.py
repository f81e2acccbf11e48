"""The same hostile texts through every codec and every exit: each keeps them as mere text, or refuses with words."""

from __future__ import annotations

import email
import email.policy
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from homeline import config, tables
from homeline.adapters.mail import msmtp_settings
from homeline.config import Email
from homeline.errors import ConfigError, EncodeError, RenderError
from homeline.model import Call, CallDirection, CallState, Delivery, Direction, Event, EventKind, Message, MessageState
from homeline.paths import Paths
from homeline.protocol import asterisk_conf, blobmsg, commands, commands_sms, pdu, uci, ussd
from homeline.protocol.pdu import Content
from homeline.protocol.ussd import Dialect
from homeline.render.conf import Section
from homeline.render.template import sections
from homeline.service import mailtext, shapes
from homeline.service.logs import OneLine
from hostile import HOSTILE
from wording_kit import noted

ACCOUNT = Email("owner", to=("owner@example.org",), sender="homeline@example.org", host="mail.example.org", port=25)
each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def shown(text: str) -> str:
    """What UTF-8 can hold of a text."""
    return text.encode("utf-8", "replace").decode()


def event(text: str, sender: str = "+41791112233") -> Event:
    message = Message(
        7, Direction.IN, MessageState.RECEIVED, "stick", "sim", sender, sender, text=text, at=1_700_000_000
    )
    return Event(7, EventKind.MESSAGE, 1_700_000_000, "stick", sender, text, message)


def call(text: str) -> dict[str, Any]:
    """A call whose network says this of everything."""
    item = Call(7, CallDirection.IN, CallState.MISSED, "u", "stick", "home", text, text, text, text, started_at=5)
    return shapes.call(item)


@each
def test_a_pdu_holds_it_and_its_at_command_is_hexadecimal(text: str) -> None:
    whole = text[:4000]
    content = Content(whole, concat_reference=7)
    if text == HOSTILE["surrogates"]:
        with pytest.raises(EncodeError, match="half a surrogate"):
            pdu.encode_submit("+41791112233", content)
        return
    parts = pdu.encode_submit("+41791112233", content)
    decoded = [pdu.decode(part.pdu) for part in parts]
    assert "".join(part.text for part in parts) == whole
    assert "".join(item.user.text for item in decoded if isinstance(item, pdu.Submit)) == whole
    for part in parts:
        command = commands_sms.send_pdu(part.pdu, len(part.pdu) // 2 - 1)
        assert set(command.payload) <= set(b"0123456789ABCDEF\x1a")
        assert command.line.removeprefix("AT+CMGS=").isdigit()


def test_a_text_too_long_for_255_parts_is_refused() -> None:
    with pytest.raises(EncodeError, match="255"):
        pdu.encode_submit("+41791112233", Content(HOSTILE["long"], concat_reference=7))


@each
def test_no_number_made_of_it_reaches_a_pdu(text: str) -> None:
    with pytest.raises(EncodeError):
        pdu.encode_submit(text, Content("hello"))


@each
def test_ussd_codes_keep_to_their_quotes(text: str) -> None:
    for dialect in Dialect:
        try:
            line = commands.ussd(*ussd.encode(text, dialect)).line
        except EncodeError:
            continue
        assert line.startswith('AT+CUSD=1,"')
        assert line.count('"') == 2
        assert line.isprintable()


@each
def test_uci_reads_what_it_writes(text: str) -> None:
    section = uci.Section("rule", "x", options={"text": text, "items": [text, "y"]})
    try:
        written = uci.dump([section])
    except EncodeError:
        assert "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text) or len(text) > 1000
        return
    (read,) = uci.parse(written)
    assert (read.type, read.name, read.options) == ("rule", "x", {"text": text, "items": [text, "y"]})


@each
def test_a_file_of_asterisks_holds_it_or_it_is_refused(text: str) -> None:
    try:
        written = sections("pjsip.conf", [Section("phone", [("password", text)])])
    except RenderError as error:
        assert str(error).startswith("[phone] password: ") and (text == " " or text not in str(error))
        return
    (section,) = asterisk_conf.parse(written, "pjsip.conf").sections
    assert [(entry.name, entry.value) for entry in section.entries] == [("password", text)]


@each
def test_a_configuration_with_it_is_refused_or_holds_it(text: str) -> None:
    for option in ("host", "user", "command", "from", "to", "ca_file"):
        try:
            options: dict[str, str | list[str]] = {"to": "a@b", "from": "c@d", "host": "h", option: text}
            read = config.read(uci.dump([uci.Section("email", "x", options=options)]))
        except EncodeError:
            continue
        for account in read.emails:
            assert text in (account.host, account.user, account.command, account.sender, account.ca_file, *account.to)
        for problem in read.problems:
            assert problem.text.isprintable()
            assert len(problem.text) < 300


@each
def test_blobmsg_holds_it(text: str) -> None:
    table = {"text": text, "list": [text]}
    read = blobmsg.decode(blobmsg.encode(table))
    if "\x00" in text or text == HOSTILE["surrogates"]:
        text = "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert read == {"text": text, "list": [text]}


@each
def test_msmtp_gets_one_line_or_a_refusal(text: str, tmp_path: Path) -> None:
    account = Email("x", to=("a@b",), sender="c@d", host="h", port=25, tls="none", user="ann", password=text)
    try:
        settings = msmtp_settings(account, Paths(tmp_path)).decode()
    except ConfigError as refused:
        assert not text.strip() or text not in str(refused)
        return
    lines = settings.split("\n")
    assert lines[-2] == f'password "{text}"'
    assert len(lines) == 11


@each
def test_a_mail_has_it_in_its_body_and_nowhere_else(text: str) -> None:
    octets = mailtext.compose(ACCOUNT, noted(Delivery(1, 7, "r", "owner"), event(text)))
    reference = mailtext.compose(ACCOUNT, noted(Delivery(1, 7, "r", "owner"), event("hello")))
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    plain = email.message_from_bytes(reference, policy=email.policy.default)
    wanted = [(k, v) for k, v in plain.items() if k != "Content-Transfer-Encoding"]
    assert [(k, v) for k, v in mail.items() if k != "Content-Transfer-Encoding"] == wanted
    assert not mail.defects
    assert not mail.is_multipart()
    content = mail.get_content().replace("\r\n", "\n")
    assert content.startswith(shown(text).replace("\r\n", "\n"))
    assert all(len(line) < 999 and b"\r" not in line for line in octets.split(b"\n"))


@each
def test_a_sender_stays_in_its_headers(text: str) -> None:
    octets = mailtext.compose(ACCOUNT, noted(Delivery(1, 7, "r", "owner"), event("hello", text)))
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    names = [name for name in mail if not name.startswith("X-")]
    assert names == sorted(set(names), key=names.index)
    assert (mail["To"], mail["From"]) == ("owner@example.org", "homeline@example.org")
    assert "Bcc" not in mail
    assert all(len(line) < 999 for line in octets.split(b"\n"))


@each
def test_a_log_line_is_one_line(text: str) -> None:
    record = logging.LogRecord("homeline", logging.INFO, "", 0, "Message %d from %s", (7, text), None)
    line = OneLine("%(levelname)s %(message)s").format(record)
    assert line.startswith("INFO Message 7 from ")
    assert line.isprintable()


@each
def test_a_terminal_shows_it_as_text(text: str) -> None:
    table = shapes.message(event(text, text).message)  # type: ignore[arg-type]
    for shown_text in (
        tables.inbox({"messages": [table], "more": False, "unread": 0}),
        tables.one_message({"message": table, "parts": [], "deliveries": []}),
        tables.event("homeline.message.received", table),
        tables.calls({"calls": [call(text)], "more": False}),
        tables.event("homeline.call.missed", call(text)),
        tables.ussd({"text": text, "more": False}),
        tables.status({"dongles": [], "problems": [{"where": text, "text": text, "advice": text}]}),
    ):
        assert all(line.replace("\u200c", "").replace("\u200d", "").isprintable() for line in shown_text.split("\n"))


@each
def test_the_bus_holds_a_callers_name(text: str) -> None:
    read = blobmsg.decode(blobmsg.encode(call(text)))
    assert set(read) == set(call("x" if text else text))
    assert read["dialled"] == (shown(text).replace("\x00", "\ufffd") if "\ud800" not in text else read["dialled"])


@each
def test_json_holds_it(text: str) -> None:
    assert json.loads(json.dumps(shapes.message(event(text).message)))["text"] == text  # type: ignore[arg-type]
