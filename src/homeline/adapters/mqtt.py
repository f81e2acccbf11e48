"""One connection to an MQTT broker (MQTT 3.1.1, OASIS), over paho-mqtt. Used once: who wants another makes another.

Lookup, connect and TLS handshake happen in a thread of their own, because paho's `reconnect()` holds its caller for as
long as a broker or name server stays silent. From then on our loop watches the socket. Nothing is queued in paho: no
more than `IN_FLIGHT` messages are under way, and whoever publishes waits for the broker's word (PUBACK).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from homeline.adapters.mqtt_paho import new_client
from homeline.config_channels import Mqtt
from homeline.core.mqtt import OFFLINE
from homeline.errors import HomelineError
from homeline.paths import Paths

CONNECT_TIMEOUT = 30.0  # seconds until the broker has said that we are connected
CLOSE_TIMEOUT = 1.0  # seconds for the good-bye
IN_FLIGHT = 20  # messages that are not confirmed yet
PACKET_LIMIT = 1024 * 1024  # octets of what the broker sends us: commands are far smaller, memory is short
QOS = 1  # at least once
REFUSED = 0x80  # a granted QoS from here on means no (3.9.3)

# CONNACK return codes (3.2.2.3), and the reason codes of MQTT 5 into which paho-mqtt 2 turns them.
_REFUSALS = {
    1: "the broker does not speak MQTT 3.1.1",
    132: "the broker does not speak MQTT 3.1.1",
    2: "the broker does not take the client id",
    133: "the broker does not take the client id",
    3: "the broker is not available now",
    136: "the broker is not available now",
    4: "user name or password was refused",
    134: "user name or password was refused",
    5: "the broker does not let us in",
    135: "the broker does not let us in",
}
_PASSING = (3, 136)
_PING_LOST = (16, 141)  # MQTT_ERR_KEEPALIVE, and what paho-mqtt 2 turns it into

OnMessage = Callable[[str, bytes, bool], None]  # topic, payload, whether it was retained


class BrokerError(HomelineError):
    """The broker cannot be used now. `owners`: only the owner can mend it, so it is tried again less often."""

    def __init__(self, message: str, owners: bool = False) -> None:
        super().__init__(message)
        self.owners = owners


class Link:
    """`await open()`, then `publish` and `subscribe` until `lost` is done, which has the reason in words."""

    def __init__(self, account: Mqtt, paths: Paths, client_id: str, will: str, on_message: OnMessage) -> None:
        """`will` is the topic that gets `offline`, retained, when we vanish. `on_message` must not raise or wait."""
        self._account, self._paths, self._client_id, self._will = account, paths, client_id, will
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._attempt: asyncio.Future[Any] = self._loop.create_future()  # paho's client, or why there is none
        self._greeted: asyncio.Future[int] = self._loop.create_future()  # CONNACK's return code
        self._acks: dict[int, asyncio.Future[Any]] = {}  # by paho's message id
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._client: Any = None
        self._descriptor = -1  # of the socket that the loop watches
        self._handshaking: socket.socket | None = None  # set in the thread
        self._tick: asyncio.TimerHandle | None = None
        self._closed = "the broker closed the connection"  # what to say when paho has closed the socket

    # -- beginning ----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect. Raises BrokerError within CONNECT_TIMEOUT."""
        threading.Thread(target=self._connect, name="mqtt connect", daemon=True).start()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._adopt(await asyncio.shield(self._attempt))
                code = await self._greeted
        except TimeoutError:
            words = f"no answer within {CONNECT_TIMEOUT:g} s"
            self.abort(words)
            raise BrokerError(self._about(words)) from None
        except BaseException as error:
            self.abort("given up")
            if isinstance(error, Exception) and not isinstance(error, BrokerError):
                raise _translated(error, self._about) from None
            raise
        if code != 0:
            self.abort("refused")
            raise BrokerError(self._about(_REFUSALS.get(code, f"refused with code {code}")), code not in _PASSING)

    async def idle(self) -> None:
        """Until the thread has ended: a name server may hold it for longer than anybody waits."""
        await asyncio.wait([self._attempt])

    def _connect(self) -> None:
        """In the thread: connect, and hand the outcome over to the loop."""
        try:
            client = self._new_client()
            client.reconnect()
        except Exception as error:  # sockets, TLS, missing files, paho's own: the loop sorts them
            outcome: Any = error
        else:
            outcome = client
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._arrived, outcome)

    def _arrived(self, outcome: Any) -> None:
        given_up = self.lost.done()
        if given_up and not isinstance(outcome, Exception) and (sock := outcome.socket()) is not None:
            sock.close()
        if isinstance(outcome, Exception):
            self._attempt.set_exception(outcome)
            self._attempt.exception()  # nobody may be waiting for it any more, which is no defect
        else:
            self._attempt.set_result(outcome)

    def _new_client(self) -> Any:
        account = self._account
        client = new_client(account.tls, self._client_id)
        if account.tls:
            client.tls_set_context(_Watched(_tls_context(account, self._paths), self._remember))
        if account.user:
            client.username_pw_set(account.user, account.password or None)
        client.will_set(self._will, OFFLINE, qos=QOS, retain=True)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_publish, client.on_subscribe = self._published, self._subscribed
        client.on_message, client.on_socket_close = self._received, self._unwatch
        # As octets: for text Python would load its tables of international names.
        client.connect_async(account.host.encode("ascii"), account.remote_port, account.keepalive)
        return client

    def _remember(self, sock: socket.socket) -> None:
        self._handshaking = sock

    def _adopt(self, client: Any) -> None:
        """The thread is done with the client: watch its socket."""
        sock = client.socket()
        if sock is None:  # the first write failed
            raise BrokerError(self._about(self._closed))
        self._client, self._handshaking = client, None
        self._descriptor = sock.fileno()
        self._loop.add_reader(self._descriptor, self._readable)
        self._look_after()
        self._misc()

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        if self._client is None:
            return
        try:
            self._client.loop_read()
        except Exception as error:  # paho lets errors of TLS and malformed packets through
            self.abort(_words(error))
            return
        packet = getattr(self._client, "_in_packet", None) or {}  # paho has no bound of its own for what comes in
        if packet.get("remaining_length", 0) > PACKET_LIMIT:
            self.abort(f"it sent a packet of {packet['remaining_length']} octets")
            return
        self._look_after()
        pending = getattr(self._client and self._client.socket(), "pending", None)
        if pending is not None and pending():  # TLS has read more than paho took, and the socket will not tell
            self._loop.call_soon(self._readable)

    def _writable(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:
            self.abort(_words(error))
            return
        self._look_after()

    def _misc(self) -> None:
        """Keep-alive: paho sends a ping when it is due, and closes when none was answered."""
        try:
            self._client.loop_misc()
        except Exception as error:
            self.abort(_words(error))
            return
        self._look_after()
        if self._client is not None:
            self._tick = self._loop.call_later(self._account.keepalive / 4, self._misc)

    def _look_after(self) -> None:
        """After each call of paho: it may have closed the socket, or have left something to be written."""
        if self._client is None:
            return
        if self._client.socket() is None:
            self.abort(self._closed)
        elif self._client.want_write():
            self._loop.add_writer(self._descriptor, self._writable)
        else:
            self._loop.remove_writer(self._descriptor)

    def _unwatch(self, *_: Any) -> None:
        """paho is about to close the socket."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._descriptor = -1

    # -- what paho says -----------------------------------------------------------------------------------------------

    def _connected(self, _client: Any, _data: Any, _flags: Any, code: Any, *_: Any) -> None:
        if not self._greeted.done():
            self._greeted.set_result(_number(code))

    def _disconnected(self, _client: Any, _data: Any, *rest: Any) -> None:
        """`rest` is (code,) from paho 1.6, and (flags, code, properties) from 2.x."""
        if _number(rest[0] if len(rest) == 1 else rest[1]) in _PING_LOST:
            self._closed = "the broker does not answer any more"

    def _published(self, _client: Any, _data: Any, number: int, *_: Any) -> None:
        self._confirm(number, None)

    def _subscribed(self, _client: Any, _data: Any, number: int, granted: Sequence[Any], *_: Any) -> None:
        self._confirm(number, [_number(code) for code in granted])

    def _confirm(self, number: int, answer: Any) -> None:
        future = self._acks.get(number)
        if future is not None and not future.done():
            future.set_result(answer)

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no topic of ours
            return
        self._on_message(topic, bytes(message.payload), bool(message.retain))

    # -- using it -----------------------------------------------------------------------------------------------------

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when the broker has taken it. Raises BrokerError; a broker that stays silent loses us."""
        await self._ask(lambda client: client.publish(topic, payload, qos=QOS, retain=retain))

    async def subscribe(self, topics: Sequence[str]) -> list[str]:
        """The topics that the broker refused. Raises BrokerError."""
        granted = await self._ask(lambda client: client.subscribe([(topic, QOS) for topic in topics]))
        return [topic for topic, code in zip(topics, granted, strict=False) if code >= REFUSED]

    async def _ask(self, work: Callable[[Any], Any]) -> Any:
        """Do something that the broker confirms, and wait for that. `work` gives paho's (result, message id)."""
        timeout = self._account.timeout
        try:
            async with asyncio.timeout(timeout), self._slots:
                if self._client is None:
                    raise BrokerError(self.why)
                result, number = work(self._client)
                self._look_after()
                if self._client is None or result != 0:
                    raise BrokerError(self.why)
                future = self._acks[number] = self._loop.create_future()
                try:
                    return await future
                finally:
                    del self._acks[number]
        except TimeoutError:
            words = f"the broker did not confirm within {timeout} s"
            self.abort(words)
            raise BrokerError(self._about(words)) from None

    async def close(self) -> None:
        """Say good-bye, so that the will is not published, and close."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._client is not None:
                    self._client.disconnect()
                    self._look_after()
                    await asyncio.shield(self.lost)
        self.abort("closed")

    def abort(self, words: str) -> None:
        """Close at once. Whoever waits gets BrokerError with the first such words."""
        if self.lost.done():
            return
        self.lost.set_result(words)
        self._unwatch()
        if self._tick is not None:
            self._tick.cancel()
        client, self._client = self._client, None
        if client is not None and (sock := client.socket()) is not None:
            sock.close()
        if self._handshaking is not None:  # wakes the thread; not by the TLS socket's own method, which is not for this
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._handshaking, socket.SHUT_RDWR)
        for future in (self._greeted, *self._acks.values()):
            if not future.done():
                future.set_exception(BrokerError(self._about(words)))
                future.exception()  # nobody may be waiting for it any more, which is no defect

    @property
    def why(self) -> str:
        """Why it is lost, with the broker's name."""
        return self._about(self.lost.result() if self.lost.done() else "not connected")

    def _about(self, words: str) -> str:
        return f"{self._account.host}:{self._account.remote_port}: {words}"


def _number(code: Any) -> int:
    """A return code of paho 1.6 is a number, of 2.x an object with one."""
    return int(getattr(code, "value", code))


class _Watched:
    """An SSLContext as far as paho uses it; it shows each socket before the handshake, which can then be ended."""

    def __init__(self, context: Any, remember: Callable[[socket.socket], None]) -> None:
        self._context, self._remember = context, remember
        self.check_hostname = context.check_hostname

    def wrap_socket(self, *args: Any, **options: Any) -> Any:
        made = self._context.wrap_socket(*args, **options)
        self._remember(made)
        return made


def _tls_context(account: Mqtt, paths: Paths) -> Any:
    """In the thread: reading the system's certificates takes a while. Raises BrokerError."""
    ssl: Any = importlib.import_module("ssl")  # not every router has it, and who uses no TLS needs none
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not account.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif account.ca_file:
        _named("ca_file", lambda: context.load_verify_locations(str(paths.inside(account.ca_file))))
    else:
        context.load_default_certs()
    if account.cert_file:
        key = str(paths.inside(account.key_file)) if account.key_file else None
        # Without a password at hand OpenSSL would ask for one on a terminal.
        _named("cert_file", lambda: context.load_cert_chain(str(paths.inside(account.cert_file)), key, lambda: "-"))
    return context


def _named(option: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BrokerError(f"{option} cannot be used: {_words(error)}", owners=True) from None


def _translated(error: Exception, about: Callable[[str], str]) -> BrokerError:
    """What the thread ended with, as BrokerError: certificates and TLS are the owner's, an outage passes."""
    owners = type(error).__name__ in ("SSLCertVerificationError", "SSLError", "ModuleNotFoundError")
    return BrokerError(about(_words(error)), owners)


def _words(error: Exception) -> str:
    if isinstance(error, BrokerError):
        return str(error)
    if isinstance(error, socket.gaierror):
        again = error.errno == socket.EAI_AGAIN
        return "no name server answers" if again else "there is no such name"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ModuleNotFoundError):
        return "TLS needs the package python3-openssl"
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"its certificate is not trusted: {verify}"
    if reason := getattr(error, "reason", None):
        return f"TLS failed: {str(reason).replace('_', ' ').lower()}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"it does not speak MQTT ({type(error).__name__})"
