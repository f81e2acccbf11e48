"""Mails: exactly our headers, whatever a stranger wrote, and the text as it came. Python's own parser is the judge."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homeline.config import Email
from homeline.errors import ConfigError
from homeline.model import Delivery, Direction, Event, EventKind, Message, MessageState
from homeline.service.channels import Invitation
from homeline.service.eventtext import LINE_LIMIT, body, moment, subject
from homeline.service.mailtext import check_addresses, compose
from wording_kit import noted

ACCOUNT = Email("me", ("me@example.org", "you@example.org"), "line@example.org")
DELIVERY = Delivery(12, 7, "all", "me", revision=0)
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Homeline-Event",
    "X-Homeline-Kind",
    "X-Homeline-Dongle",
    "X-Homeline-From",
    "X-Homeline-Time",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]
AT = 1_714_564_980  # 2024-05-01 12:03:00 UTC

# WSP push of an M-Notification.ind: transaction 1, version 1.0, from +1415, subject Hi, size 30000, expiry 2 days.
MMS = bytes.fromhex(
    "010601be8c829831008d908911802b313431352f545950453d504c4d4e00964869008a808e0275308805810302a30083687474703a2f2f7800"
)


def sms(text: str = "hello", peer: str = "+41791234567", **fields: object) -> Event:
    message = Message(7, Direction.IN, MessageState.RECEIVED, "home", "8941", peer, peer, text=text, at=AT + 5)
    message = replace(message, sent_at=AT, sent_offset=120)
    message = replace(message, **fields)  # type: ignore[arg-type]
    return Event(7, EventKind.MESSAGE, AT + 5, message.dongle, peer, text, message)


def parsed(event: Event, delivery: Delivery = DELIVERY) -> EmailMessage:
    mail = compose(ACCOUNT, noted(delivery, event, "5f3a"))
    assert b"\r" not in mail  # lines end as a sendmail expects them
    assert max(map(len, mail.split(b"\n"))) <= 998
    return cast(EmailMessage, message_from_bytes(mail, policy=policy.default))


def text_of(mail: EmailMessage) -> str:
    """The text above the details."""
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    if mail["Content-Transfer-Encoding"] == "base64":
        content = content.replace(b"\r\n", b"\n")
    return content.decode("utf-8").rpartition("\n\n-- \n")[0]


def test_a_plain_message_word_for_word() -> None:
    assert compose(ACCOUNT, noted(DELIVERY, sms(), "5f3a")).decode() == (
        "From: line@example.org\n"
        "To: me@example.org,\n you@example.org\n"
        "Subject: SMS from +41791234567, 2024-05-01 14:03:00 +02:00\n"
        "Date: Wed, 01 May 2024 14:03:00 +0200\n"
        "Message-ID: <7.all.me.0-5f3a@homeline>\n"
        "Auto-Submitted: auto-generated\n"
        "X-Homeline-Event: 7\n"
        "X-Homeline-Kind: message\n"
        "X-Homeline-Dongle: home\n"
        "X-Homeline-From: +41791234567\n"
        "X-Homeline-Time: 2024-05-01T14:03:00+02:00\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "hello\n"
        "\n"
        "-- \n"
        "Event: SMS 7\n"
        "From: +41791234567\n"
        "Dongle: home\n"
        "Time: 2024-05-01 14:03:00 +02:00\n"
        "Stored here: 2024-05-01 12:03:05 +00:00\n"
    )


HOSTILE = [
    "$(reboot); `id` | sh -c 'rm -rf /' && ${IFS}",
    "x\r\nBcc: all@example.org\r\n\r\nbody",
    "x\nBcc: all@example.org",
    "\r\n.\r\nMAIL FROM:<a@b>",
    "=?utf-8?B?eA==?= =?x?q?",
    "<script>alert(1)</script><img src=x onerror=y>",
    '{"a": "b", \\u0000}',
    "a\0b\x1b[2J\x07\x7f\x85",
    "line\u2028separator\u2029paragraph\x0b\x0c\x1c\x1d\x1e",
    "\u202eright to left\u2066\u200b\ufeff",
    "\ud800 half \udfff surrogate",
    "Grüße 你好 🎉👩‍👩‍👧",
    "-- \nFrom: Your Bank\n\n-- \n",
    " leading and trailing ",
    "\n",
    "",
    "\r",
    "a\rb",
    "x" * 10_000,
    "€" * 10_000,
    "a\n" * 5_000,
]


@given(st.text(max_size=300), st.text(max_size=300))
@example(HOSTILE[0], HOSTILE[1])
def test_no_text_changes_the_form_of_a_mail(text: str, peer: str) -> None:
    check(text, peer)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_and_senders_are_mere_text(text: str) -> None:
    check(text, "+41791234567")
    check("hello", text)
    event = sms("hello", text, peer_name=text, dongle=text, note=text)
    assert parsed(event).keys() == HEADERS
    assert text_of(parsed(event)) == "hello"


def check(text: str, peer: str) -> None:
    mail = parsed(sms(text, peer))
    assert mail.keys() == HEADERS
    assert not mail.defects
    assert not any(mail[name].defects for name in HEADERS if name != "X-Homeline-From")
    expected = text.encode("utf-8", "replace").decode()
    if mail["Content-Transfer-Encoding"] == "base64":
        # The end of a line is CRLF there, so a CR of the text in front of one is part of it.
        expected = f"{expected}\n".replace("\r\n", "\n")[:-1]
    assert text_of(mail) == expected
    shown = str(mail["X-Homeline-From"])
    assert shown.isprintable()
    assert len(shown) <= LINE_LIMIT
    if len(peer) <= LINE_LIMIT and peer.isprintable():
        assert shown.strip() == peer.strip()
    assert str(mail["Subject"]).startswith("SMS from ")
    assert mail["To"] == "me@example.org, you@example.org"


def test_long_text_that_is_plain_is_encoded_where_lines_would_be_too_long() -> None:
    assert parsed(sms("x" * 900))["Content-Transfer-Encoding"] == "7bit"
    assert parsed(sms("x" * 901))["Content-Transfer-Encoding"] == "base64"
    assert parsed(sms("tab\there"))["Content-Transfer-Encoding"] == "base64"
    assert parsed(sms("a\nFrom b"))["Content-Transfer-Encoding"] == "base64"


def test_a_message_id_is_one_deliverys_own() -> None:
    ids = {
        str(parsed(sms(), delivery)["Message-ID"])
        for delivery in (
            DELIVERY,
            replace(DELIVERY, id=99, attempts=5),  # the same thing again
            replace(DELIVERY, revision=1),
            replace(DELIVERY, rule="other"),
            replace(DELIVERY, channel="other"),
            replace(DELIVERY, event=8),
        )
    }
    assert len(ids) == 5
    assert compose(ACCOUNT, noted(DELIVERY, sms(), "other")) != compose(ACCOUNT, noted(DELIVERY, sms(), "5f3a"))


@pytest.mark.parametrize(
    ("sent_at", "offset", "date"),
    [
        (AT, 120, "Wed, 01 May 2024 14:03:00 +0200"),
        (AT, 0, "Wed, 01 May 2024 12:03:00 +0000"),
        (AT, None, "Wed, 01 May 2024 12:03:00 +0000"),
        (AT, -570, "Wed, 01 May 2024 02:33:00 -0930"),
        (AT, 345, "Wed, 01 May 2024 17:48:00 +0545"),
        (AT, 99999, "Wed, 01 May 2024 12:03:00 +0000"),  # nonsense: no such zone
        (0, -60, "Wed, 31 Dec 1969 23:00:00 -0100"),
        (None, None, "Wed, 01 May 2024 12:03:05 +0000"),  # when it was stored
        (-1, 0, "Wed, 01 May 2024 12:03:05 +0000"),
        (10**15, 0, "Wed, 01 May 2024 12:03:05 +0000"),
        (1_077_926_399, 60, "Sat, 28 Feb 2004 00:59:59 +0100"),
    ],
)
def test_the_date_is_the_service_centres(sent_at: int | None, offset: int | None, date: str) -> None:
    event = sms(sent_at=sent_at, sent_offset=offset)
    mail = parsed(event)
    assert str(mail["Date"]) == date
    assert parsedate_to_datetime(date).timestamp() == moment(event)[0]


@given(st.integers(-(2**63), 2**63), st.none() | st.integers(-(10**6), 10**6), st.integers(-(2**63), 2**63))
def test_any_time_makes_a_date(sent_at: int, offset: int | None, at: int) -> None:
    event = sms(sent_at=sent_at, sent_offset=offset, at=0)
    event.at = at
    assert parsed(event)["Date"].datetime is not None


@pytest.mark.parametrize(
    ("event", "line", "content"),
    [
        (sms("a [part 2 of 3 missing] c", state=MessageState.INCOMPLETE, parts_total=3, parts_have=2),
         "Incomplete SMS from +41791234567", "a [part 2 of 3 missing] c\n\n-- \n"),
        (sms("", data=bytes(range(40))), "Binary SMS from +41791234567",
         "Binary data of 40 bytes\nAs it came (hexadecimal):\n"
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n2021222324252627\n\n-- \n"),
        (sms("", note="MMS notice of 30 bytes", data=MMS, ports=(2948, 9200)), "MMS notice from +41791234567",
         "MMS notice from +1415 “Hi” of 30000 bytes kept 2 days\nAs it came (hexadecimal):\n0106"),
        (sms("", note="WAP push", data=b"\1\6\1\xae", ports=(2948, 9200)), "Binary SMS from +41791234567",
         "WAP push of application/vnd.wap.sic\n"),
        (sms(peer_name="Ann"), "SMS from Ann (+41791234567)", "hello\n"),
        (sms(peer=""), "SMS from an unknown sender", "hello\n"),
        (sms(message_class=0), "SMS from +41791234567", "\nClass: 0, to be shown at once\n"),
        (sms(ports=(2948, 9200)), "SMS from +41791234567", "\nPort: 2948\n"),
        (sms(peer_raw="0791234567"), "SMS from +41791234567", "\nSender as the network wrote it: 0791234567\n"),
        (Event(9, EventKind.ALERT, AT, "home", text="The SIM is full.",
               fields={"advice": "Delete something.", "severity": "warning"}),
         "Alert: The SIM is full.", "The SIM is full.\n\nDelete something.\n\n-- \nEvent: Alert 9\nDongle: home\n"),
        (Event(9, EventKind.USSD, AT, "home", "*100#", "Balance: 5 €", fields={"code": "*100#"}),
         "USSD answer to *100#", "Balance: 5 €\n"),
        (Event(9, EventKind.USSD, AT, "home", "", "Hello"), "USSD from the network", "Hello\n"),
        (Event(9, EventKind.REPORT, AT, "home", "+4179", "Delivered.", fields={"status": "delivered", "error": ""}),
         "SMS to +4179 delivered", "\nStatus: delivered\n"),
        (Event(9, EventKind.REPORT, AT, "home", "+4179", "hello", fields={"status": "failed", "error": "No route."}),
         "SMS to +4179 failed", "hello\n\n-- \nEvent: Delivery report 9\nTo: +4179\nDongle: home\n"),
        (Event(9, EventKind.CALL, AT, "home", "+4179", "Missed."), "Call from +4179", "Missed.\n"),
        (Event(9, EventKind.VOICEMAIL, AT, "home", "+4179"), "Voicemail from +4179", "\n\n-- \nEvent: Voicemail 9\n"),
    ],
)  # fmt: skip
def test_each_kind_of_event_is_called_by_its_name(event: Event, line: str, content: str) -> None:
    assert subject(event).startswith(line)
    assert content in body(event)
    assert parsed(event).keys() == HEADERS
    assert parsed(event)["X-Homeline-Kind"] == event.kind


def test_what_could_not_be_decoded_goes_out_as_hex_with_the_reason() -> None:
    event = sms("", "", error="user data is shorter than it says")
    event.fields["pdu"] = "0791" * 20
    assert subject(event).startswith("Undecodable SMS from an unknown sender")
    assert body(event).startswith(
        "This message could not be decoded: user data is shorter than it says\n"
        "As the network sent it (hexadecimal):\n" + "0791" * 16 + "\n" + "0791" * 4 + "\n\n-- \n"
    )
    assert "Pdu" not in body(event)


@pytest.mark.parametrize("peer", ["+41791234567", "x" * 400, "Grüße"])
def test_where_answers_go(peer: str) -> None:
    note = noted(DELIVERY, sms(peer=peer), "5f3a")
    plain = message_from_bytes(compose(ACCOUNT, note), policy=policy.default)
    assert "Reply-To" not in plain
    plus = message_from_bytes(
        compose(ACCOUNT, note, answers=Invitation("line+7-abcdefghijklmnop@example.org")), policy=policy.default
    )
    assert (plus["Reply-To"], plus["Subject"]) == ("line+7-abcdefghijklmnop@example.org", plain["Subject"])
    marked = message_from_bytes(
        compose(ACCOUNT, note, answers=Invitation("line@example.org", "[#7-abcdefghijklmnop]")), policy=policy.default
    )
    assert marked["Reply-To"] == "line@example.org"
    assert marked["Subject"].endswith(" [#7-abcdefghijklmnop]")
    assert not marked.defects


@pytest.mark.parametrize(
    "address",
    ["", "me", "@b", "a@", "a b@c", "a@b, c@d", "<a@b>", 'a"b@c', "a@b\nBcc: c@d", "ü@b", "a@b@c", "(a)@b", "a@b\0"],
)
@pytest.mark.parametrize("option", ["from", "to"])
def test_an_address_that_would_need_quoting_is_refused(address: str, option: str) -> None:
    account = replace(ACCOUNT, sender=address) if option == "from" else replace(ACCOUNT, to=("a@b", address))
    with pytest.raises(ConfigError) as caught:
        check_addresses(account)
    assert (caught.value.section, caught.value.option) == ("me", option)
    assert str(caught.value).isprintable()


def test_an_account_without_recipients_is_refused() -> None:
    with pytest.raises(ConfigError):
        check_addresses(replace(ACCOUNT, to=()))
    check_addresses(ACCOUNT)


def test_the_email_package_is_not_loaded() -> None:
    code = f"import sys; sys.path[:] = {sys.path!r}; import homeline.service.mailtext; print('email' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"False\n"
