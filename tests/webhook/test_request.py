"""Heads and forms of HTTP, those that two readers could understand differently among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.webhook.request import LONGEST_BODY, MOST_FIELDS, MOST_PARAMETERS, Refused, Reply, form, head, parameters

POST = b"POST /voice?a=1 HTTP/1.1\r\nHost: x\r\n"


def test_a_head() -> None:
    made = head(POST + b"Content-Length: 12\r\nX-Twilio-Signature:  abc= \r\n\r\n")
    assert (made.method, made.path, made.query, made.length, made.keep) == ("POST", "/voice", "a=1", 12, True)
    assert made.headers["x-twilio-signature"] == "abc="


@pytest.mark.parametrize(
    ("octets", "keep"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_whether_the_connection_stays(octets: bytes, keep: bool) -> None:
    assert head(octets).keep is keep


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),  # TLS
        (b"POST /voice\r\n\r\n", 400),
        (b"POST http://other/voice HTTP/1.1\r\n\r\n", 400),
        (b"POST /voice HTTP/2.0\r\n\r\n", 400),
        (b"POST /vo ice HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (POST + b"Content-Length : 3\r\n\r\n", 400),
        (POST + b"Folded: a\r\n b\r\nContent-Length: 3\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (POST + b"Content-Length: +3\r\n\r\n", 400),
        (POST + b"Content-Length: 0x3\r\n\r\n", 400),
        (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (POST + b"\r\n", 411),
        (POST + b"Content-Length: %d\r\n\r\n" % (LONGEST_BODY + 1), 413),
        (POST + b"Content-Length: 10485760\r\n\r\n", 413),
        (POST + b"A: b\r\n" * MOST_FIELDS + b"\r\n", 431),
        (POST + b"Bare: a\nb\r\nContent-Length: 3\r\n\r\n", 400),
        (POST + b"Nul: a\x00b\r\nContent-Length: 3\r\n\r\n", 400),
    ],
)
def test_refused_heads(octets: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        head(octets)
    assert refused.value.status == status


@given(st.binary(max_size=200))
def test_any_octets_are_a_head_or_refused(octets: bytes) -> None:
    for each in (octets, POST + octets + b"\r\n\r\n"):
        try:
            made = head(each)
        except Refused as refused:
            assert refused.status in (400, 411, 413, 431, 501)
        else:
            assert made.path.startswith("/") and 0 <= made.length <= LONGEST_BODY


def test_a_form() -> None:
    made = head(POST + b"Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n\r\n")
    assert form(made, b"Body=a%26b+c%C3%BC&To=%2B41&Empty=&To=2") == [
        ("Body", "a&b cü"),
        ("To", "+41"),
        ("Empty", ""),
        ("To", "2"),
    ]


def test_other_bodies_and_too_many_parameters() -> None:
    made = head(POST + b"Content-Length: 3\r\nContent-Type: application/json\r\n\r\n")
    with pytest.raises(Refused) as refused:
        form(made, b"{}")
    assert refused.value.status == 415
    with pytest.raises(Refused):
        parameters("&".join(["a=b"] * (MOST_PARAMETERS + 1)))


def test_replies() -> None:
    assert Reply(204).octets(keep=True) == (
        b"HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nConnection: keep-alive\r\n\r\n"
    )
    octets = Reply(200, "<ü>", "text/xml").octets(keep=False)
    assert b"Content-Length: 4\r\n" in octets
    assert octets.endswith(b"Connection: close\r\n\r\n<\xc3\xbc>")
