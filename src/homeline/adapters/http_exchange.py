"""One request and its answer, in the thread of `http.Client`: connect, TLS, send, receive, redirects.

Every step has what is left of the time. A server that sends a little now and then would renew a step's time for ever,
so whoever waits calls `stop`, which shuts the connection down; the thread then ends by itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from homeline.adapters import http_tls
from homeline.adapters.http_address import Url, parse
from homeline.errors import DeliveryError

if TYPE_CHECKING:
    from http.client import HTTPResponse

OWNERS_PAUSE = 300.0  # seconds; what only the owner can mend is not tried more often
LONGEST_PAUSE = 86400.0  # seconds that a server may ask us to wait
REDIRECTS = 3
_KEEP_METHOD = (307, 308)
_FOLLOW_GET = (301, 302, 303, 307, 308)
# After 20 s of silence, then every 10 s; after three of these the connection is dead.
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class Failure(StrEnum):
    """Why there is no answer."""

    DNS = "dns"  # the name has no address
    OWN = "own"  # the address is the router's own, which is not allowed
    CONNECT = "connect"  # nobody there, or refused
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken"  # the connection ended early, or what came is no HTTP
    REDIRECT = "redirect"  # the server sends us elsewhere, where we do not go


_OWNERS = (Failure.OWN, Failure.TLS, Failure.REDIRECT)


class HttpError(DeliveryError):
    """There is no answer. The words name the server's host and nothing else of the URL."""

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message, retry_after=OWNERS_PAUSE if failure in _OWNERS else None)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. URL, headers and body may hold secrets, so they are in no text.

    `headers` are ASCII without line ends; Host, Content-Length and Connection are added. `timeout` is for all of it.
    """

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float = 20.0  # seconds
    verify: bool = True
    ca_file: str = ""
    allow_local: bool = False
    most: int = 65536  # octets of the answer's body that are read


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. A body that is too long, or ended early, is there as far as it was read."""

    status: int
    body: bytes
    retry_after: float | None = None  # seconds, bounded


class Exchange:
    """Runs once. `outcome` blocks; `stop` may be called from any thread, at any time."""

    def __init__(self, request: Request, url: Url, addresses: Sequence[str], deadline: float) -> None:
        """`deadline` by time.monotonic."""
        self._request, self._url, self._addresses, self._deadline = request, url, addresses, deadline
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stopped = False
        self._step = ""  # what the server has not done, in words

    def stop(self) -> None:
        """End what blocks."""
        with self._lock:
            self._stopped = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own method, which would change what the thread works with.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def outcome(self) -> Answer | Exception:
        """The answer, or why there is none: HttpError, or whatever else by a defect."""
        from http.client import HTTPException

        try:
            return self._follow()
        except HttpError as error:
            return error
        except (OSError, HTTPException) as error:
            return self._no_answer(error)
        except Exception as error:
            return error
        finally:
            self._drop()

    def _no_answer(self, error: Exception) -> HttpError:
        host = self._url.host
        if self._stopped or isinstance(error, TimeoutError):
            return HttpError(f"{host} did not {self._step} within {self._request.timeout:g} s.", Failure.TIMEOUT)
        if isinstance(error, ConnectionError) or not isinstance(error, OSError):
            return HttpError(f"{host} ended the connection early, or does not speak HTTP.", Failure.BROKEN)
        return HttpError(f"The connection to {host} broke: {error.strerror or type(error).__name__}.", Failure.BROKEN)

    def _follow(self) -> Answer:
        url, seen = self._url, 0
        while True:
            answer, location = self._once(url)
            if answer.status not in _FOLLOW_GET or not location:
                return answer
            seen += 1
            if seen > REDIRECTS:
                raise HttpError(f"{url.host} redirects again and again.", Failure.REDIRECT)
            url = redirected(url, self._request.method, answer.status, location)

    def _once(self, url: Url) -> tuple[Answer, str]:
        """One request; its answer and the header Location."""
        plain = self._connect(url)
        connection = self._secured(plain, url) if url.secure else plain
        try:
            return self._talk(connection, url)
        finally:
            self._drop()

    # -- the connection -----------------------------------------------------------------------------------------------

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0 or self._stopped:
            raise TimeoutError
        return left

    def _hold(self, connection: socket.socket) -> None:
        """From now on `stop` ends this one."""
        with self._lock:
            self._socket = connection

    def _drop(self) -> None:
        with self._lock:
            connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _connect(self, url: Url) -> socket.socket:
        self._step = "accept a connection"
        failure: OSError = TimeoutError()
        for number, address in enumerate(self._addresses):
            try:
                connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
                self._hold(connection)
                _keep_alive(connection)
                connection.settimeout(self._left() / (len(self._addresses) - number))
                connection.connect((address, url.port))
                return connection
            except OSError as error:
                self._drop()
                failure = error
        if self._stopped or isinstance(failure, TimeoutError):
            raise failure
        words = failure.strerror or type(failure).__name__
        raise HttpError(f"{url.host} cannot be connected to: {words}.", Failure.CONNECT)

    def _secured(self, plain: socket.socket, url: Url) -> socket.socket:
        import ssl

        self._step = "secure the connection"
        try:
            context = http_tls.context(self._request.verify, self._request.ca_file)
        except OSError as error:
            words = "it cannot be read" if isinstance(error, ssl.SSLError) else error.strerror
            raise HttpError(f"The certificates to trust, {self._request.ca_file}: {words}.", Failure.TLS) from None
        connection = context.wrap_socket(plain, server_hostname=url.host, do_handshake_on_connect=False)
        self._hold(connection)
        connection.settimeout(self._left())
        try:
            connection.do_handshake()
        except (ssl.SSLError, ssl.CertificateError) as error:
            if self._stopped or isinstance(error, TimeoutError):
                raise TimeoutError from None
            raise HttpError(f"{url.host} is not trusted: {http_tls.words(error, context)}.", Failure.TLS) from None
        return connection

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def _talk(self, connection: socket.socket, url: Url) -> tuple[Answer, str]:
        from http.client import HTTPConnection

        request = self._request
        client = HTTPConnection(url.host, url.port)
        client.auto_open = 0  # the connection to the address that was checked, and no other
        client.sock = connection
        client.putrequest(request.method, url.path, skip_host=True)
        for name, value in (("Host", url.authority), *request.headers, ("Connection", "close")):
            client.putheader(name, value)
        if request.body or request.method != "GET":
            client.putheader("Content-Length", str(len(request.body)))
        self._step = "take the request"
        connection.settimeout(self._left())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it hung up
            client.endheaders(request.body)
        self._step = "answer"
        connection.settimeout(self._left())
        response = client.getresponse()
        with response:
            return self._read(response), response.headers.get("Location") or ""

    def _read(self, response: HTTPResponse) -> Answer:
        """The status counts as soon as it is there: a delivery whose answer breaks off afterwards was taken."""
        from http.client import HTTPException, IncompleteRead

        body = b""
        try:
            body = response.read(self._request.most)
        except IncompleteRead as error:
            body = error.partial
        except (OSError, HTTPException, ValueError):
            pass
        asked, date = response.headers.get("Retry-After"), response.headers.get("Date")
        return Answer(response.status, body, retry_after(asked, date, time.time()))


def _keep_alive(connection: socket.socket) -> None:
    """Let the kernel ask now and then whether the peer is there: routers on the way forget silent connections."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def redirected(url: Url, method: str, status: int, location: str) -> Url:
    """Where a redirect leads, if it stays on the host and loses neither request nor encryption. Raises HttpError."""
    from urllib.parse import urljoin

    def refused(reason: str) -> HttpError:
        return HttpError(f"{url.host} redirects ({status}) {reason}. Enter the final URL.", Failure.REDIRECT)

    if status not in _KEEP_METHOD and method != "GET":
        raise refused(f"in a way that would lose what a {method} sends")
    base = f"{'https' if url.secure else 'http'}://{url.authority}{url.path}"
    try:
        new = parse(urljoin(base, location))
    except ValueError:
        raise refused("to what is no address") from None
    if new.host != url.host:
        raise refused("to another host")
    if url.secure and not new.secure:
        raise refused("to a connection that is not secured")
    if new.port != url.port and not (new.secure and not url.secure and new.port == 443):
        raise refused("to another port")
    return new


def retry_after(value: str | None, date: str | None, now: float) -> float | None:
    """The seconds of a header Retry-After (RFC 9110 10.2.3), from 0 to LONGEST_PAUSE; None if it says nothing.

    A date is taken by the server's own clock, the header Date, where it tells: the router's may be wrong.
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value[:10]), int(LONGEST_PAUSE)))
    until = _moment(value)
    if until is None:
        return None
    begun = _moment(date or "")
    return min(max(until - (now if begun is None else begun), 0.0), LONGEST_PAUSE)


def _moment(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
