"""Mails as strangers and programs write them: who, whether a person, which tokens, which text."""

from __future__ import annotations

import email
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import replies
from homeline.mailbox import mime, question
from homeline.mailbox.question import Question
from hostile import HOSTILE

KEY = bytes(32)
TOKEN = replies.token(KEY, "me", 7)
TO = f"line+{TOKEN}@home.example"
ASKED = Question("me", "imap", "line@home.example", ("me@example.org",), KEY)


def mail(text: str = "Yes", **headers: str) -> bytes:
    lines = {"From": "Me <me@example.org>", "To": TO, "Message-ID": "<1@x>", "Subject": "Re: SMS", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
    return (head + "\r\n").encode() + text.encode("utf-8", "surrogatepass")


def parsed(content: bytes) -> Message:
    return email.message_from_bytes(content)


def found(content: bytes) -> dict[str, object] | None:
    return question.found(ASKED, "1", content[:65536], lambda: content)


def test_an_answer() -> None:
    assert found(mail()) == {
        "id": "1",
        "token": TOKEN,
        "sender": "me@example.org",
        "message_id": "<1@x>",
        "automatic": False,
        "text": "Yes",
        "trouble": "",
    }


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("me@example.org", "me@example.org"),
        ('"Me, myself" <ME@Example.ORG>', "me@example.org"),
        ("=?utf-8?Q?M=C3=BC?= <me@example.org>", "me@example.org"),
        ("me@example.org, eve@example.org", ""),
        ("me@example.org\r\nFrom: eve@example.org", ""),
        ('"me@example.org" <eve@example.org>', "eve@example.org"),
        ("<me@example.org> <eve@example.org>", ""),
        ("me@example.org (comment) eve@example.org", ""),
        ("Me", ""),
        ("", ""),
    ],
)
def test_the_sender_is_one_address_or_none(value: str, address: str) -> None:
    assert mime.sender(parsed(mail(From=value))) == address


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; x=y"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"List_Id": "<list.example.org>"},
        {"X_Autoreply": "yes"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@example.org"},
        {"From": "no-reply@example.org"},
        {"X_Failed_Recipients": "x@y"},
        {"Content_Type": "multipart/report; report-type=delivery-status; boundary=x"},
    ],
)
def test_what_a_program_wrote_is_known(headers: dict[str, str]) -> None:
    assert mime.automatic(parsed(mail(**headers)))
    answer = found(mail(**headers))
    assert answer is not None
    assert answer["text"] == ""


@pytest.mark.parametrize("headers", [{}, {"Auto_Submitted": "no"}, {"Precedence": "first-class"}])
def test_what_a_person_wrote_too(headers: dict[str, str]) -> None:
    assert not mime.automatic(parsed(mail(**headers)))


@pytest.mark.parametrize(
    "headers",
    [
        {"To": "x@y", "Cc": TO},
        {"To": "x@y", "Delivered_To": TO},
        {"To": "x@y", "X_Original_To": TO},
        {"To": "undisclosed-recipients:;", "Subject": f"Re: SMS [#{TOKEN}]"},
        {"To": "x@y", "Subject": f"=?utf-8?B?{__import__('base64').b64encode(f'Aw: [#{TOKEN}]'.encode()).decode()}?="},
        {"To": f"a@b, {TO},\r\n c@d"},
        {"To": f"line+8-aaaaaaaaaaaaaaaa@home.example, {TO}"},  # a forged one before it
    ],
)
def test_where_a_token_may_stand(headers: dict[str, str]) -> None:
    answer = found(mail(**headers))
    assert answer is not None
    assert (answer["token"], answer["text"]) == (TOKEN, "Yes")


def test_a_mail_without_a_token_is_none_of_our_business() -> None:
    assert found(mail(To="line@home.example")) is None
    assert found(b"") is None


def test_the_text_is_not_read_of_what_is_refused() -> None:
    def whole() -> bytes:
        raise AssertionError

    for content in (mail(From="eve@example.org"), mail(To="line+7-aaaaaaaaaaaaaaaa@home.example")):
        answer = question.found(ASKED, "1", content, whole)
        assert answer is not None
        assert answer["text"] == ""


def test_parts() -> None:
    both = EmailMessage()
    both["From"], both["To"] = "me@example.org", TO
    both.set_content("Plain\n")
    both.add_alternative("<p>Rich</p>", subtype="html")
    both.add_attachment(b"x" * 100, maintype="image", subtype="png", filename="a.png")
    assert mime.text(parsed(bytes(both))) == "Plain"
    rich = EmailMessage()
    rich.set_content("<p>Only <b>rich</b></p>", subtype="html")
    assert mime.text(parsed(bytes(rich))) == "Only rich"
    attached = EmailMessage()
    attached.set_content("<p>Rich</p>", subtype="html")
    attached.add_attachment("not this", filename="a.txt")
    assert mime.text(parsed(bytes(attached))) == "Rich"


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15"])
@pytest.mark.parametrize("coding", ["base64", "quoted-printable"])
def test_charsets(charset: str, coding: str) -> None:
    made = EmailMessage()
    made.set_content("Grüße", charset=charset, cte=coding)
    assert mime.text(parsed(bytes(made))) == "Grüße"


@pytest.mark.parametrize(
    "charset", ["rot13", "hex", "zlib", "unicode_escape", "punycode", "idna", "../x", "nothing", ""]
)
def test_charsets_that_are_none(charset: str) -> None:
    content = mail("Yes \\u0041", Content_Type=f'text/plain; charset="{charset}"')
    assert mime.text(parsed(content)) == "Yes \\u0041"


def test_flowed_text_is_one_line_again() -> None:
    content = mail(
        "This is one \r\nparagraph.\r\n\r\n> quoted \r\n> too\r\nAnd \r\nanother.\r\n-- \r\nMe",
        Content_Type="text/plain; format=flowed",
    )
    assert mime.text(parsed(content)) == "This is one paragraph.\n\nAnd another."
    japanese = mail("一 \r\n二", Content_Type="text/plain; charset=utf-8; format=flowed; delsp=yes")
    assert mime.text(parsed(japanese)) == "一二"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(text: str) -> None:
    answer = found(mail(text, Content_Type="text/plain; charset=utf-8"))
    assert answer is not None
    assert answer["trouble"] == ""
    for name in ("From", "Subject", "Message-ID", "Content-Type", "Auto-Submitted", "To"):
        question.found(ASKED, "1", f"{name}: {text}\r\nTo: {TO}\r\n\r\n".encode("utf-8", "surrogatepass"), lambda: b"")


def nested(depth: int) -> str:
    return "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth))


@pytest.mark.parametrize(
    "content",
    [
        mail().replace(b"Re: SMS\r\n", b"Re: SMS\r\n" + nested(3000).encode()),
        mail("x" * 262144),
        mail("\r\n" * 130000),
        mail("> " * 130000),
        mail("<div>" * 50000, Content_Type="text/html"),
        mail("<" * 200000, Content_Type="text/html"),
        mail("<!--" * 50000, Content_Type="text/html"),
        mail("--b\r\n\r\n" * 30000, Content_Type="multipart/mixed; boundary=b"),
        mail("=" * 262144, Content_Transfer_Encoding="quoted-printable"),
        mail("A" * 262144, Content_Transfer_Encoding="base64"),
        mail("begin 644 x\r\n" + "M" * 200000, Content_Transfer_Encoding="x-uuencode"),
        mail(Subject="=?utf-8?B?" * 6000),
        mail(From="<" * 60000),
        mail(From='"' * 60000),
        mail(From="(" * 60000),
        mail(Content_Type="text/plain; " + "a=b; " * 10000),
        mail(Content_Type="text/plain; charset*0*=" + "%" * 50000),
        mail(Content_Type="multipart/mixed; boundary*=''" + "%41" * 10000),
    ],
    ids=lambda content: repr(content[-20:]),
)
def test_mails_made_to_hold_us_up(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, one way or the other, within the time for one mail."""
    monkeypatch.setattr(question, "PATIENCE", 5)
    answer = found(content)
    assert answer is None or isinstance(answer["text"], str)


def test_a_mail_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "PATIENCE", 1)

    def slow(_mail: Message) -> str:
        while True:
            pass

    monkeypatch.setattr(mime, "text", slow)
    answer = found(mail())
    assert answer is not None
    assert answer["trouble"] == "It could not be read in time."


@given(st.binary(max_size=500))
def test_any_octets(content: bytes) -> None:
    assert found(content) is None
    found(mail() + content)
    found(mail().replace(b"\r\n\r\n", b"\r\n" + content + b"\r\n\r\n"))
