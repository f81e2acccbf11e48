"""AMI for asyncio: actions with deadlines, lists, events, over one connection to Asterisk that comes back by itself.

`Ami.run` connects for ever. An action that is under way when the connection breaks fails with ConnectionLost; whether
Asterisk has carried it out is then unknown, so it is never repeated here. What is said by whom, and what of it may be
believed, is in `protocol.ami`: replies may, events are hints.

The account logs in by challenge and MD5: whatever else may listen on the port while Asterisk is down gets a digest of
its own challenge, and not the secret with which it could later have Asterisk place calls.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from homeline.adapters.ami_connection import Connection, Fields
from homeline.core import retry
from homeline.errors import ActionRefused, ConnectionLost, HomelineError, TimedOut
from homeline.protocol.ami import Message

__all__ = ["Ami"]

BACK_OFF = retry.Policy(first=0.5, longest=5.0)  # between attempts to connect; Asterisk takes longer to start
REFUSED_DELAY = 60.0  # s until a wrong secret is tried again: each attempt is a warning in Asterisk's log
SOUND = 5.0  # s after which a connection that ends is not a failure in a row
GREETING_DEADLINE = 5.0  # s to connect and hear Asterisk's first words
LOGIN_DEADLINE = 10.0  # s for each answer until we are logged in
BOOT_DEADLINE = 120.0  # s for Asterisk to load its modules
QUIET = 60.0  # s without a word from Asterisk after which it is asked whether it is there
PING_DEADLINE = 30.0  # s for the answer, which waits behind an action under way: a reload takes its time

log = logging.getLogger("homeline.ami")

Say = Callable[[str, str, str], None]
Stop = Callable[[], None]
KEY = "asterisk"
ACCOUNT_ADVICE = (
    "See that manager.conf includes homeline/manager.conf, where our account is, then: asterisk -rx 'manager reload'"
)
T = TypeVar("T")
Messages = list[Message]  # `Ami` has a method called list
Lines = list[str]


class _NotLoggedIn(HomelineError):
    """Asterisk refuses our account: trying soon again cannot help."""


class Ami:
    """A client of Asterisk's manager on loopback. `run` it for ever; the rest may be used at any time.

    `secret` is asked for at each login; while it is "" there is no account, and nothing is tried.
    `say(key, text, advice)` is told why there is no connection, and with an empty text that there is one.
    `port` may be set; it counts from the next attempt (`reconnect`).
    """

    def __init__(
        self,
        port: int,
        username: str,
        secret: Callable[[], str],
        *,
        host: str = "127.0.0.1",
        say: Say = lambda key, text, advice: None,
    ) -> None:
        self.port, self.host = port, host
        self.version = ""  # Asterisk's, as it says it; kept while it is away
        self.started = 0.0  # when Asterisk started, by time.monotonic(); kept while it is away
        self._username, self._secret, self._say = username, secret, say
        self._why = "Asterisk was not asked yet"
        self._attempt: Connection | None = None  # the connection that is made, or there
        self._connection: Connection | None = None  # while it is there
        self._up = asyncio.Event()
        self._kick = asyncio.Event()
        self._listeners: dict[str, list[Callable[[Message], None]]] = {}
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def connected(self) -> bool:
        """Whether we are logged in at an Asterisk that has loaded its modules."""
        return self._connection is not None

    async def wait_connected(self, timeout: float) -> None:
        """Raises TimedOut, which says why there is no connection. `timeout` in seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            raise TimedOut(f"not connected to Asterisk within {timeout:g} s: {self._why}") from None

    def reconnect(self) -> None:
        """Leave the connection, if there is one, and try at once: port or secret are others now."""
        self._kick.set()
        if self._attempt is not None:
            self._attempt.abort("the connection is made anew")

    def listen(self, event: str, handler: Callable[[Message], None]) -> Stop:
        """Have `handler` called for each event of that name, also after a reconnect, until what is returned is called.

        Events are hints that strangers can forge (`protocol.ami`).
        """
        handlers = self._listeners.setdefault(event.lower(), [])
        handlers.append(handler)
        return lambda: handlers.remove(handler)

    def on_state(self, handler: Callable[[bool], None]) -> Stop:
        """Have `handler(connected)` called at each change, until what is returned is called."""
        self._watchers.append(handler)
        return lambda: self._watchers.remove(handler)

    async def call(self, action: str, timeout: float = 5.0, **fields: str | Sequence[str]) -> Message:
        """Asterisk's response to an action. `timeout` in seconds.

        Raises ActionRefused with Asterisk's words, TimedOut, ConnectionLost, EncodeError (a line break in a value).
        """
        reply, _ = await self._request(action, timeout, fields, wants_list=False)
        return reply

    async def list(self, action: str, timeout: float = 10.0, **fields: str | Sequence[str]) -> Messages:
        """The events with which Asterisk answers an action, without the last; [] where it has nothing to list.

        Raises as `call` does, and ProtocolError for a list without end.
        """
        try:
            _, items = await self._request(action, timeout, fields, wants_list=True)
        except ActionRefused as error:
            if _says_none(str(error)):
                return []
            raise
        return items

    async def command(self, text: str, timeout: float = 10.0) -> Lines:
        """What a command of Asterisk's console prints. The account needs the class `command`. Raises as `call` does."""
        reply = await self.call("Command", timeout, Command=text)
        return reply.output

    async def _request(
        self, action: str, timeout: float, fields: dict[str, str | Sequence[str]], *, wants_list: bool
    ) -> tuple[Message, Messages]:
        if self._connection is None:
            raise ConnectionLost(f"{action}: {self._why}")
        return await _asked(self._connection, action, timeout, fields, wants_list)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started, delay = loop.time(), 0.0
            connection = self._attempt = Connection(self._dispatch)
            self._kick.clear()
            try:
                if self._secret():
                    await self._once(connection)
                else:  # knocking would only fill Asterisk's log
                    self._why, delay = "our account is not written yet", REFUSED_DELAY
            except _NotLoggedIn:
                delay = REFUSED_DELAY
            finally:
                self._left(connection)
            failures = 1 if loop.time() - started > SOUND else failures + 1
            await self._rest(delay or retry.pause(BACK_OFF, failures, random.random()))  # noqa: S311 - only jitter

    async def _rest(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._kick.wait()
        except TimeoutError:
            return

    async def _once(self, connection: Connection) -> None:
        """Connect, log in, and stay until the connection is lost. Says why it did not come to that."""
        try:
            await self._open(connection)
            await self._log_in(connection)
            await self._entered(connection, await self._booted(connection))
        except _NotLoggedIn as error:
            self._trouble(str(error), ACCOUNT_ADVICE)
            raise
        except (OSError, HomelineError) as error:
            self._trouble(*_words(self.port, error))
            return
        await self._keep(connection)
        if not self._kick.is_set():
            self._trouble(f"{connection.reason}.", "It is tried again every few seconds.")

    async def _open(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(GREETING_DEADLINE):
                await loop.create_connection(lambda: connection, self.host, self.port)
                greeting = await connection.greeted
        except TimeoutError:
            raise TimedOut(
                f"port {self.port} takes connections and says nothing: Asterisk hangs, or it is another program"
            ) from None
        if not greeting:
            raise ConnectionLost(connection.reason)

    async def _log_in(self, connection: Connection) -> None:
        # hashlib would load OpenSSL's libcrypto, some 4 MB on a router, for the same function.
        try:
            from _md5 import md5  # type: ignore[import-not-found]
        except ImportError:  # pragma: no cover - a Python that builds it under another name
            from hashlib import md5

        try:
            reply = await _asked(connection, "Challenge", LOGIN_DEADLINE, {"AuthType": "MD5"})
            key = md5((reply[0].get("Challenge") + self._secret()).encode()).hexdigest()  # noqa: S324 - AMI knows no other
            fields = {"AuthType": "MD5", "Username": self._username, "Key": key}
            await _asked(connection, "Login", LOGIN_DEADLINE, fields)
        except ActionRefused as error:
            raise _NotLoggedIn(f"Asterisk refuses the account '{self._username}': {error}") from None

    @staticmethod
    async def _booted(connection: Connection) -> int:
        """Wait for Asterisk to have all its modules; for how many seconds it has been running."""
        try:
            async with asyncio.timeout(BOOT_DEADLINE):
                message = await connection.booted
        except TimeoutError:
            raise TimedOut(
                "Asterisk has not finished loading its modules, or our account has no `read = system`"
            ) from None
        if message is None:
            raise ConnectionLost(connection.reason)
        uptime = message.get("Uptime")
        return int(uptime) if uptime.isdecimal() and len(uptime) < 10 else 0

    async def _entered(self, connection: Connection, uptime: int) -> None:
        reply, _ = await _asked(connection, "CoreSettings", LOGIN_DEADLINE, {})
        self.version = reply.get("AsteriskVersion")
        self.started = time.monotonic() - uptime
        self._connection = connection
        connection.lost.add_done_callback(lambda _: self._left(connection))
        self._say(KEY, "", "")
        self._why = ""
        log.info("Connected to Asterisk %s", self.version)
        self._up.set()
        self._tell(True)

    async def _keep(self, connection: Connection) -> None:
        """Wait until the connection is lost, and ask for a sign of life where there is none."""
        loop = asyncio.get_running_loop()
        while not connection.lost.done():
            await asyncio.wait([connection.lost], timeout=max(connection.heard + QUIET - loop.time(), 0.0))
            if connection.lost.done() or loop.time() < connection.heard + QUIET:
                continue
            try:
                await _asked(connection, "Ping", PING_DEADLINE, {})
            except TimedOut:
                connection.abort(f"Asterisk has not answered for {QUIET + PING_DEADLINE:g} s")
            except HomelineError:
                continue

    def _left(self, connection: Connection) -> None:
        connection.abort(connection.reason)
        if self._connection is connection:
            self._connection = None
            self._why = connection.reason
            self._up.clear()
            self._tell(False)

    def _trouble(self, text: str, advice: str) -> None:
        self._why = text.rstrip(".")
        self._say(KEY, text, advice)

    def _tell(self, connected: bool) -> None:
        for watcher in [*self._watchers]:
            _guarded(watcher, connected)

    def _dispatch(self, message: Message) -> None:
        for handler in [*self._listeners.get(message.event.lower(), ())]:
            _guarded(handler, message)


def _guarded(handler: Callable[[T], None], argument: T) -> None:
    """A defect of one listener must not take the connection from the others."""
    try:
        handler(argument)
    except Exception:
        log.exception("A listener of Asterisk's events failed")


async def _asked(
    connection: Connection, action: str, timeout: float, fields: Fields, wants_list: bool = False
) -> tuple[Message, Messages]:
    """One action with its deadline, and Asterisk's refusal as an error."""
    try:
        async with asyncio.timeout(timeout):
            reply, items = await connection.request(action, fields, wants_list)
    except TimeoutError:
        raise TimedOut(f"{action}: no answer from Asterisk within {timeout:g} s") from None
    if reply.response.lower() == "error":
        raise ActionRefused(f"{action}: {'; '.join(reply.output) or reply.get('Message') or 'refused without a word'}")
    return reply, items


def _says_none(error: str) -> bool:
    """Whether a list was refused because there is nothing to list ("No Contacts found")."""
    words = error.partition(": ")[2].strip().rstrip(".").lower()
    return words.startswith("no ") and words.endswith(" found")


def _words(port: int, error: Exception) -> tuple[str, str]:
    """Why there is no connection, and what would help."""
    if isinstance(error, ConnectionRefusedError):
        return (
            f"Nobody listens at port {port}: Asterisk is not running, or its manager is off.",
            "Start it: /etc/init.d/asterisk start; manager.conf needs `enabled = yes` in [general].",
        )
    return f"{error}.", "The log of Asterisk may have more; it is tried again every few seconds."
