"""HTTP/1.1 as far as the webhook needs it (RFC 9112): a request's head and form, and a reply. Octets in, values out.

What is ambiguous is refused, so that a proxy in front and this cannot understand one request differently: a length
that is given twice, a transfer coding, blanks before a colon, folded lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

LONGEST_HEAD = 16384  # octets, up to its empty line
LONGEST_BODY = 65536  # octets; Twilio's requests have some 2,000, a transcription 10,000
MOST_FIELDS = 100  # header fields
MOST_PARAMETERS = 200

_REQUEST = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([^\x00\r\n]*)")
_FORM = "application/x-www-form-urlencoded"

_PHRASES = {
    100: "Continue",
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Refused(Exception):
    """A request that is not taken, with the status that says why. The connection ends with it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. Names of header fields are in lower case."""

    method: str
    path: str
    query: str  # as it came, without the `?`
    headers: dict[str, str] = field(repr=False)
    keep: bool  # the connection may have another request

    @property
    def length(self) -> int:
        """Octets of the body."""
        return int(self.headers.get("content-length", "0"))

    @property
    def awaits(self) -> bool:
        """Whether the client wants to be told to go on (RFC 9110 10.1.1)."""
        return self.headers.get("expect", "").lower() == "100-continue"


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered; `headers` are whole lines."""

    status: int
    body: str = ""
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[str, ...] = ()

    def octets(self, *, keep: bool) -> bytes:
        body = self.body.encode("utf-8", "replace")
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Error')}", *self.headers]
        if self.status != 204:  # RFC 9110 8.6
            lines += [f"Content-Length: {len(body)}"]
        if body:
            lines += [f"Content-Type: {self.kind}"]
        lines += ["Cache-Control: no-store", f"Connection: {'keep-alive' if keep else 'close'}"]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii") + body


def head(octets: bytes) -> Head:
    """The head of a request, its empty line included. Raises Refused."""
    first, *lines = octets.rstrip(b"\r\n").split(b"\r\n")
    found = _REQUEST.fullmatch(first)
    if found is None:
        raise Refused(400, "This is no request of HTTP/1.1.")
    headers = _fields(lines)
    path, _, query = found[2].decode("ascii").partition("?")
    connection = headers.get("connection", "").lower()
    keep = connection == "keep-alive" if found[3] == b"0" else connection != "close"
    made = Head(found[1].decode("ascii"), path, query.partition("#")[0], headers, keep)
    _check_body(made)
    return made


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MOST_FIELDS:
        raise Refused(431, "There are too many header fields.")
    headers: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Refused(400, "A header field cannot be read.")
        name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1").strip(" \t")
        if name in headers and name in ("content-length", "transfer-encoding", "x-twilio-signature", "host"):
            raise Refused(400, f"{name} is there twice.")
        headers[name] = value
    return headers


def _check_body(made: Head) -> None:
    if "transfer-encoding" in made.headers:
        raise Refused(501, "A body needs its length.")
    length = made.headers.get("content-length")
    if length is None:
        if made.method == "POST":
            raise Refused(411, "A body needs its length.")
    elif not re.fullmatch("[0-9]{1,18}", length):
        raise Refused(400, "The length of the body cannot be read.")
    elif int(length) > LONGEST_BODY:
        raise Refused(413, "The body is too large.")


def form(made: Head, body: bytes) -> list[tuple[str, str]]:
    """The parameters of a body, in order. Raises Refused."""
    if made.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(415, f"Only {_FORM} is understood.")
    return parameters(body.decode("latin-1"))


def parameters(text: str) -> list[tuple[str, str]]:
    """Those of a form or query, decoded as UTF-8. Raises Refused."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Refused(400, "There are too many parameters.") from None
