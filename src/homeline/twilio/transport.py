"""How requests reach Twilio: `http.client` with deadlines and retries, in the shape that Twilio's library wants.

Retried is what cannot do harm twice. A request that makes something (`once`) is repeated only if Twilio has surely not
taken it: it said 429, or no connection came about. Else it is `Lost`, and who asked looks whether it was made.
Source of the limits: www.twilio.com/docs/usage/rest-api-best-practices (429, exponential back-off).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from homeline.twilio.trouble import Lost, Trouble, shown

TOTAL = 300.0  # seconds for everything that one process asks
EXCHANGE = 30.0  # seconds of silence in one exchange; twice that in all
TRIES = 5
LONGEST_WAIT = 60.0  # seconds that `Retry-After` is believed
LARGEST = 4 << 20  # octets of an answer
_CHUNK = 65536
_OURS = ".twilio.com"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the library reads of an answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    @property
    def content(self) -> str:
        return self.text

    @property
    def ok(self) -> bool:
        return self.status_code < 400


class Transport:
    """One process's connections, kept open from request to request. Not for several threads.

    `bases` sends a product's requests ("api", "voice", "serverless-upload", …; "" is every one) to a server of the lab.
    """

    is_async = False

    def __init__(
        self,
        bases: Mapping[str, str] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bases = dict(bases or {})
        self._sleep, self._clock = sleep, clock
        self._end = clock() + TOTAL
        self._open: dict[tuple[str, str], http.client.HTTPConnection] = {}
        self._once = False

    @contextlib.contextmanager
    def once(self) -> Iterator[None]:
        """Requests within make something: they are never repeated where that could make it twice."""
        self._once = True
        try:
            yield
        finally:
            self._once = False

    def wait(self, seconds: float) -> None:
        """Waits. Trouble where that would outlast the whole process's deadline."""
        if self._clock() + seconds > self._end:
            raise Trouble(f"Twilio was not ready within {TOTAL:g} s. Run it again: it goes on where it ended.")
        self._sleep(seconds)

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_unused: Any,
    ) -> Reply:
        """One request and its answer, whatever that says; an answer of 429 or 5xx only after some tries.

        Raises Trouble where there is none, Lost where the request may have been carried out.
        """
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        body = data if isinstance(data, bytes) else urlencode(data, doseq=True).encode() if data else None
        place = self._place(uri, params)
        repeatable = method != "POST" or not self._once
        for tried in range(1, TRIES + 1):
            outcome = self._attempt(place, method, body, sent, repeatable)
            if isinstance(outcome, Lost):
                raise outcome
            if isinstance(outcome, Reply) and outcome.status_code != 429 and outcome.status_code < 500:
                break
            if tried < TRIES:
                self.wait(_pause(outcome, tried))
        if isinstance(outcome, Trouble):
            raise outcome
        return outcome

    def _attempt(
        self, place: tuple[str, str, str], method: str, body: bytes | None, headers: dict[str, str], repeatable: bool
    ) -> Reply | Trouble:
        """An answer, or why there is none; Lost where it cannot be asked for again."""
        try:
            reply = self._exchange(place, method, body, headers)
        except _Unsent as error:
            return Trouble(f"Twilio cannot be reached: {error}.")
        except (OSError, http.client.HTTPException) as error:
            return (Trouble if repeatable else Lost)(f"The connection to Twilio broke ({_words(error)}).")
        if reply.status_code >= 500 and not repeatable:
            return Lost(f"Twilio failed (HTTP {reply.status_code}).", status=reply.status_code)
        return reply

    def _place(self, uri: str, params: Mapping[str, Any] | None) -> tuple[str, str, str]:
        """Scheme, host and path of a request. Trouble for an address that is not Twilio's, whoever gave it."""
        url = urlsplit(uri)
        query = "&".join(part for part in (url.query, urlencode(params, doseq=True) if params else "") if part)
        path = (url.path or "/") + (f"?{query}" if query else "")
        if url.scheme != "https" or not url.netloc.endswith(_OURS) or "@" in url.netloc:
            raise Trouble(f"An answer leads away from Twilio, to '{shown(url.netloc)}'.")
        product = url.netloc.partition(".")[0]
        if base := self._bases.get(product) or self._bases.get(""):
            lab = urlsplit(base)
            return lab.scheme, lab.netloc, path
        return "https", url.netloc, path

    def _exchange(self, place: tuple[str, str, str], method: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        scheme, host, path = place
        limit = min(EXCHANGE, self._end - self._clock())
        if limit <= 0:
            raise Trouble(f"Twilio took longer than {TOTAL:g} s. Run it again: it goes on where it ended.")
        connection = self._connection(scheme, host, limit)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = self._content(answer)
        except BaseException:
            self._open.pop((scheme, host), None)
            connection.close()
            raise
        if answer.will_close:
            self._open.pop((scheme, host), None)
        return Reply(answer.status, content.decode("utf-8", "replace"), dict(answer.headers.items()))

    def _connection(self, scheme: str, host: str, limit: float) -> http.client.HTTPConnection:
        """The connection to a host, made if there is none. _Unsent where that fails."""
        if found := self._open.get((scheme, host)):
            if found.sock is not None:
                found.sock.settimeout(limit)
                return found
            found.close()
        made = (
            http.client.HTTPSConnection(host, timeout=limit, context=ssl.create_default_context())
            if scheme == "https"
            else http.client.HTTPConnection(host, timeout=limit)
        )
        try:
            made.connect()
        except OSError as error:
            raise _Unsent(_words(error)) from None
        self._open[scheme, host] = made
        return made

    def _content(self, answer: http.client.HTTPResponse) -> bytes:
        end = self._clock() + 2 * EXCHANGE
        content = bytearray()
        while chunk := answer.read1(_CHUNK):
            content += chunk
            if len(content) > LARGEST:
                raise Trouble("Twilio's answer is longer than any that it gives.")
            if self._clock() > end:
                raise TimeoutError("its answer does not end")
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        answer.read()  # tells it that it is at its end, so that the connection is free
        return bytes(content)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()


class _Unsent(Exception):
    """No connection came about."""


def _pause(outcome: Reply | Trouble, tried: int) -> float:
    """Seconds to wait: what `Retry-After` says (RFC 9110 10.2.3, as a number), else ever longer."""
    headers = outcome.headers if isinstance(outcome, Reply) else {}
    said = {name.lower(): value for name, value in headers.items()}.get("retry-after", "").strip()
    if said.isascii() and said.isdigit() and len(said) < 10:
        return min(float(said), LONGEST_WAIT)
    return 2.0 ** (tried - 1)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {shown(error.verify_message)}"
    return shown(getattr(error, "strerror", None) or error) or type(error).__name__
