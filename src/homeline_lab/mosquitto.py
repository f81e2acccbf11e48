"""A real MQTT broker for the lab: Debian's mosquitto on loopback, and an ear at it.

The broker can be stopped and started again on its port, frozen (its sockets stay, and nothing answers), and made to
want TLS, certificates and passwords. The ear is paho-mqtt with its own thread: nothing of the service's code is in it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Mosquitto:
    """`async with Mosquitto(folder) as broker`: listens on `port` of 127.0.0.1.

    `tls` are the files of the certificate and its key; `client_ca` that of an authority whose certificates a client
    must have. `users` are passwords by name; with any, nobody else gets in. `acl` are lines of mosquitto's access list.
    What is retained outlives a restart. `lines` are further lines of its configuration.
    """

    folder: Path
    port: int = 0
    tls: tuple[Path, Path] | None = None
    client_ca: Path | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    acl: Iterable[str] = ()
    lines: Iterable[str] = ()
    started: bool = True

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.process: asyncio.subprocess.Process | None = None
        self._settings = self.folder / "mosquitto.conf"

    async def __aenter__(self) -> Mosquitto:
        if self.started:
            await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and wait until it listens. Its log is in `mosquitto.log`."""
        assert PROGRAM is not None, "mosquitto is not installed"
        self._write()
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = (PROGRAM, "-c", str(self._settings), "-v")
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        async with asyncio.timeout(10):
            while not _listens(self.port):
                assert self.process.returncode is None, self.log
                await asyncio.sleep(0.01)

    async def stop(self, kill: bool = False) -> None:
        """End it, with the connections cut where `kill` is true."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        await asyncio.wait_for(self.process.wait(), 10)

    def freeze(self) -> None:
        """Answer nothing any more, with all connections open; the system goes on to accept new ones."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {self.folder}/"]
        lines += ["user root", "allow_zero_length_clientid true", f"allow_anonymous {_word(not self.users)}"]
        if self.tls is not None:
            lines += [f"certfile {self.tls[0]}", f"keyfile {self.tls[1]}"]
        if self.client_ca is not None:
            lines += [f"cafile {self.client_ca}", "require_certificate true"]
        if self.users:
            lines.append(f"password_file {self._passwords()}")
        if self.acl:
            path = self.folder / "acl"
            path.write_text("".join(f"{line}\n" for line in self.acl))
            lines.append(f"acl_file {path}")
        self._settings.write_text("".join(f"{line}\n" for line in (*lines, *self.lines)))

    def _passwords(self) -> Path:
        path = self.folder / "passwords"
        path.write_text("".join(f"{name}:{password}\n" for name, password in self.users.items()))
        program = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
        subprocess.run([program, "-U", str(path)], check=True, timeout=20)
        return path


def _word(value: bool) -> str:
    return "true" if value else "false"


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a subscriber got it."""

    topic: str
    payload: bytes
    retained: bool

    @property
    def text(self) -> str:
        return self.payload.decode()


class Ear:
    """`async with Ear(port) as ear`: hears everything at a broker, and says what it is told to."""

    def __init__(self, port: int, user: str = "", password: str = "", context: Any = None, topic: str = "#") -> None:
        import paho.mqtt.client as paho

        version = getattr(paho, "CallbackAPIVersion", None)
        self._client = paho.Client(*(() if version is None else (version.VERSION2,)))
        if user:
            self._client.username_pw_set(user, password)
        if context is not None:
            self._client.tls_set_context(context)
        self._port, self._topic = port, topic
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message
        self.heard: list[Heard] = []

    async def __aenter__(self) -> Ear:
        self._client.connect_async("127.0.0.1", self._port, 60)
        self._client.reconnect_delay_set(0.1, 0.2)  # type: ignore[arg-type]  # seconds, which need not be whole
        self._client.loop_start()
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _connected(self, *_: object) -> None:
        self._client.subscribe(self._topic, 1)

    def _subscribed(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)

    def _message(self, _client: object, _data: object, message: Any) -> None:
        heard = Heard(message.topic, bytes(message.payload), bool(message.retain))
        self._loop.call_soon_threadsafe(self._hear, heard)

    def _hear(self, message: Heard) -> None:
        self.heard.append(message)
        self._news.set()

    async def wait(
        self, topic: str, where: Callable[[bytes], bool] = bool, count: int = 1, timeout: float = 10
    ) -> Heard:
        """The `count`th message, past or to come, of a topic (or of those below it: `topic/#`) with such a payload."""
        beginning = topic.removesuffix("#")

        def found() -> list[Heard]:
            below = topic != beginning
            hits = (each for each in self.heard if each.topic == topic or (below and each.topic.startswith(beginning)))
            return [each for each in hits if where(each.payload)]

        try:
            async with asyncio.timeout(timeout):
                while len(found()) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            heard = "".join(f"\n{each!r:.200}" for each in self.heard[-50:])
            raise AssertionError(f"{len(found())} of {count} at {topic} within {timeout} s; heard: {heard}") from None
        return found()[count - 1]

    def of(self, topic: str) -> list[bytes]:
        """The payloads that came on exactly this topic."""
        return [each.payload for each in self.heard if each.topic == topic]

    def say(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    async def kept(self) -> dict[str, bytes]:
        """What is retained at the broker now, by topic."""
        async with Ear(self._port, topic=self._topic) as other:
            other.say("ear/end", b"end")
            await other.wait("ear/end")
            return {each.topic: each.payload for each in other.heard if each.retained}
