"""The connection to a broker, against mosquitto itself: what it takes, refuses, forgets and leaves unanswered."""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from homeline.adapters import mqtt
from homeline.adapters.mqtt import BrokerError, Link
from homeline.adapters.mqtt_paho import paho
from homeline.config_channels import Mqtt
from homeline.paths import Paths
from homeline_lab.mosquitto import PROGRAM, Ear, Mosquitto, free_port

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

WILL = "homeline/test/status"


@dataclass
class Heard:
    """What a link handed on."""

    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, topic: str, payload: bytes, retained: bool) -> None:
        self.messages.append((topic, payload, retained))
        self.news.set()

    async def wait(self, count: int = 1) -> list[tuple[str, bytes, bool]]:
        async with asyncio.timeout(10):
            while len(self.messages) < count:
                self.news.clear()
                await self.news.wait()
        return self.messages


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "broker") as broker:
        yield broker


def account(broker: Mosquitto | int, **options: Any) -> Mqtt:
    port = broker if isinstance(broker, int) else broker.port
    return Mqtt("home", **{"host": "127.0.0.1", "port": port, "timeout": 10, **options})


def new_link(section: Mqtt, root: Path, heard: Callable[[str, bytes, bool], None] | None = None) -> Link:
    return Link(section, Paths(root), "homeline-test", WILL, heard or Heard())


@asynccontextmanager
async def linked(section: Mqtt, root: Path, heard: Heard | None = None) -> AsyncIterator[Link]:
    link = new_link(section, root, heard)
    await link.open()
    try:
        yield link
    finally:
        await link.close()


async def refusal(section: Mqtt, root: Path) -> BrokerError:
    link = new_link(section, root)
    with pytest.raises(BrokerError) as caught:
        await link.open()
    assert link.lost.done()
    await asyncio.wait_for(link.idle(), 10)
    return caught.value


# -- the ordinary ---------------------------------------------------------------------------------------------------


async def test_a_message_is_confirmed_when_the_broker_has_it(broker: Mosquitto, tmp_path: Path) -> None:
    async with Ear(broker.port) as ear, linked(account(broker), tmp_path) as link:
        await link.publish("a/b", "grüezi 🙂".encode())
        await link.publish("a/kept", b"1", retain=True)
        assert (await ear.wait("a/b")).text == "grüezi 🙂"
        assert await ear.kept() == {"a/kept": b"1"}


async def test_many_at_once_come_in_order_and_never_more_than_a_few_are_under_way(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with Ear(broker.port) as ear, linked(account(broker), tmp_path) as link:
        most = 0

        async def publish(number: int) -> None:
            nonlocal most
            await link.publish("n", str(number).encode())
            most = max(most, len(link._client._out_messages))

        await asyncio.gather(*(publish(number) for number in range(500)))
        await ear.wait("n", lambda payload: payload == b"499")
        assert [int(payload) for payload in ear.of("n")] == list(range(500))
        assert most <= mqtt.IN_FLIGHT


async def test_large_messages_go_both_ways(broker: Mosquitto, tmp_path: Path) -> None:
    heard = Heard()
    payload = os.urandom(300_000)
    async with linked(account(broker), tmp_path, heard) as link:
        assert await link.subscribe(["echo"]) == []
        await link.publish("echo", payload)
        assert await heard.wait() == [("echo", payload, False)]


async def test_who_comes_hears_what_is_retained_and_is_told_so(broker: Mosquitto, tmp_path: Path) -> None:
    heard = Heard()
    async with Ear(broker.port) as ear:
        ear.say("order", "old", retain=True)
        await ear.wait("order")
        async with linked(account(broker), tmp_path, heard) as link:
            await link.subscribe(["order"])
            await heard.wait()
            ear.say("order", "new", retain=True)
            assert await heard.wait(2) == [("order", b"old", True), ("order", b"new", False)]


async def test_the_will_is_published_when_we_vanish_and_not_when_we_leave(broker: Mosquitto, tmp_path: Path) -> None:
    async with Ear(broker.port) as ear:
        async with linked(account(broker), tmp_path) as link:
            await link.publish(WILL, b"online", retain=True)
        async with linked(account(broker), tmp_path) as link:
            await link.publish("mark", b"x")
            await ear.wait("mark")
            assert ear.of(WILL) == [b"online"]
            link.abort("a test")
            await ear.wait(WILL, lambda payload: payload == b"offline")
        assert (await ear.kept())[WILL] == b"offline"


async def test_a_client_with_our_name_takes_our_place(broker: Mosquitto, tmp_path: Path) -> None:
    async with linked(account(broker), tmp_path) as first:
        async with linked(account(broker), tmp_path) as second:
            assert await asyncio.wait_for(asyncio.shield(first.lost), 10) == "the broker closed the connection"
            await second.publish("a", b"b")
        with pytest.raises(BrokerError, match="closed the connection"):
            await first.publish("a", b"b")


# -- who may ----------------------------------------------------------------------------------------------------------


async def test_passwords(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker", users={"me": "secret ünd lang"}) as broker:
        right = account(broker, user="me", password="secret ünd lang")
        async with linked(right, tmp_path) as link:
            await link.publish("a", b"b")
        for wrong in (replace(right, password="other"), replace(right, user="you"), account(broker)):
            error = await refusal(wrong, tmp_path)
            assert error.owners
            assert "not let us in" in str(error) or "password was refused" in str(error)
            assert "other" not in str(error)


async def test_topics_that_we_may_not_hear_are_named(tmp_path: Path) -> None:
    acl = ["topic write a/#", "topic read a/b"]
    async with Mosquitto(tmp_path / "broker", acl=acl) as broker, linked(account(broker), tmp_path) as link:
        refused = await link.subscribe(["a/b", "secret/#"])
    assert set(refused) <= {"secret/#"}  # mosquitto grants what it then never sends


# -- TLS --------------------------------------------------------------------------------------------------------------


@dataclass
class Papers:
    """Certificates of an authority of our own, in files below `etc/ssl` of a root."""

    root: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    def file(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.root / "etc/ssl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return f"/etc/ssl/{name}"

    def pair(self, name: str, **options: Any) -> tuple[str, str]:
        cert = self.ca.issue_cert(name, **options)
        return self.file(f"{name}.pem", *cert.cert_chain_pems), self.file(f"{name}.key", cert.private_key_pem)

    def server(self, name: str = "127.0.0.1", **options: Any) -> tuple[Path, Path]:
        cert, key = self.pair(name, **options)
        return self.root / cert.lstrip("/"), self.root / key.lstrip("/")

    @property
    def trust(self) -> str:
        return self.file("ca.pem", self.ca.cert_pem)


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


async def test_tls_with_large_messages(tmp_path: Path, papers: Papers) -> None:
    heard = Heard()
    async with Mosquitto(tmp_path / "broker", tls=papers.server()) as broker:
        section = account(broker, tls=True, ca_file=papers.trust)
        async with linked(section, tmp_path, heard) as link:
            await link.subscribe(["echo"])
            payload = os.urandom(200_000)
            for number in range(5):
                await link.publish("echo", bytes([number]) + payload)
            assert [got[1][0] for got in await heard.wait(5)] == [0, 1, 2, 3, 4]
            await asyncio.gather(*(link.publish("echo", b"small") for _ in range(100)))
            await heard.wait(105)


async def test_tls_that_is_not_to_be_trusted(tmp_path: Path, papers: Papers) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    others = Papers(tmp_path / "others")
    cases = {
        "unable to get local issuer": others.server(),
        "certificate has expired": papers.server(not_after=yesterday),
        "mismatch|not valid for": papers.server("example.org"),
    }
    for words, pair in cases.items():
        async with Mosquitto(tmp_path / f"broker{len(words)}", tls=pair) as broker:
            section = account(broker, tls=True, ca_file=papers.trust)
            error = await refusal(section, tmp_path)
            assert error.owners
            assert any(word in str(error) for word in words.split("|")), str(error)
            async with linked(replace(section, tls_verify=False), tmp_path) as link:
                await link.publish("a", b"b")


async def test_tls_by_the_brokers_name(tmp_path: Path, papers: Papers) -> None:
    async with Mosquitto(tmp_path / "broker", tls=papers.server("localhost")) as broker:
        async with linked(account(broker, host="localhost", tls=True, ca_file=papers.trust), tmp_path) as link:
            await link.publish("a", b"b")
        assert (await refusal(account(broker, tls=True, ca_file=papers.trust), tmp_path)).owners


async def test_client_certificates(tmp_path: Path, papers: Papers) -> None:
    trust = papers.trust
    async with Mosquitto(tmp_path / "broker", tls=papers.server(), client_ca=tmp_path / trust.lstrip("/")) as broker:
        section = account(broker, tls=True, ca_file=trust)
        cert, key = papers.pair("router@example.org")
        async with linked(replace(section, cert_file=cert, key_file=key), tmp_path) as link:
            await link.publish("a", b"b")
        await refusal(section, tmp_path)  # without one


async def test_files_that_cannot_be_read_are_named(tmp_path: Path, papers: Papers) -> None:
    section = account(free_port(), tls=True, ca_file="/etc/ssl/none.pem")
    error = await refusal(section, tmp_path)
    assert error.owners and "ca_file cannot be used: No such file" in str(error)
    rubbish = papers.file("rubbish.pem")
    error = await refusal(replace(section, ca_file=papers.trust, cert_file=rubbish), tmp_path)
    assert error.owners and str(error).startswith("cert_file cannot be used")


async def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path, papers: Papers) -> None:
    cert, key = papers.pair("router")
    plain = tmp_path / key.lstrip("/")
    locked = tmp_path / "etc/ssl/locked.key"
    command = ("openssl", "rsa", "-aes128", "-passout", "pass:sesame", "-in", str(plain), "-out", str(locked))
    if subprocess.run(command, capture_output=True, timeout=20, check=False).returncode != 0:
        command = ("openssl", "ec", "-aes128", "-passout", "pass:sesame", "-in", str(plain), "-out", str(locked))
        subprocess.run(command, capture_output=True, timeout=20, check=True)
    section = account(free_port(), tls=True, cert_file=cert, key_file="/etc/ssl/locked.key", ca_file=papers.trust)
    error = await refusal(section, tmp_path)
    assert error.owners and "cert_file cannot be used" in str(error)


async def test_plain_to_tls_and_tls_to_plain(tmp_path: Path, papers: Papers, broker: Mosquitto) -> None:
    async with Mosquitto(tmp_path / "secure", tls=papers.server()) as secure:
        error = await refusal(account(secure), tmp_path)
        assert "closed the connection" in str(error)
    error = await refusal(account(broker, tls=True, ca_file=papers.trust), tmp_path)
    assert str(error).startswith(f"127.0.0.1:{broker.port}: ")


# -- when it does not work --------------------------------------------------------------------------------------------


async def test_nobody_listens(tmp_path: Path) -> None:
    error = await refusal(account(free_port()), tmp_path)
    assert "Connection refused" in str(error) and not error.owners


async def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    error = await refusal(account(1883, host="broker.invalid"), tmp_path)
    assert str(error).startswith("broker.invalid:1883: ") and not error.owners


async def test_a_name_server_that_stays_silent_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    import threading

    answer = threading.Event()

    def silent(*_: object, **__: object) -> list[Any]:
        loop.call_soon_threadsafe(asked.set)
        answer.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    monkeypatch.setattr(mqtt, "CONNECT_TIMEOUT", 0.3)
    link = new_link(account(1883, host="broker.example"), tmp_path)
    opening = asyncio.ensure_future(link.open())
    await asyncio.wait_for(asked.wait(), 10)
    with pytest.raises(BrokerError, match=r"no answer within 0\.3 s"):
        await opening
    waiting = asyncio.ensure_future(link.idle())
    await asyncio.sleep(0)
    assert not waiting.done()  # its thread is still there
    answer.set()
    await asyncio.wait_for(waiting, 10)


async def test_a_broker_that_takes_the_connection_and_says_nothing(
    tmp_path: Path, papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain it is waited for CONNACK; with TLS the handshake hangs in the thread, and is cut."""
    monkeypatch.setattr(mqtt, "CONNECT_TIMEOUT", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        for section in (account(port), account(port, tls=True, ca_file=papers.trust, keepalive=3600)):
            error = await refusal(section, tmp_path)  # and its thread ends
            assert "no answer within 0.5 s" in str(error)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
        (b"\x20\x02\x00\x03", "not available now"),
        (b"\x20\x02\x00\x05", "does not let us in"),
        (b"\x20\x02\x00\x01", "closed the connection|does not speak MQTT 3.1.1"),
        (b"\x20\x03\x00\x00\x00", ""),
        (b"\xff" * 64, ""),
        (b"", "closed the connection"),
    ],
)
async def test_what_is_no_greeting_is_refused(tmp_path: Path, greeting: bytes, words: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        error = await refusal(account(server.sockets[0].getsockname()[1]), tmp_path)
    assert not words or any(word in str(error) for word in words.split("|")), str(error)


async def test_a_broker_that_falls_silent_is_given_up(broker: Mosquitto, tmp_path: Path) -> None:
    """By the message that it does not confirm, long before the keep-alive."""
    async with linked(account(broker, timeout=1), tmp_path) as link:
        broker.freeze()
        with pytest.raises(BrokerError, match="did not confirm within 1 s"):
            await link.publish("a", b"b")
        assert link.lost.result() == "the broker did not confirm within 1 s"
        broker.thaw()


async def test_a_half_open_connection_is_found_by_the_keep_alive(broker: Mosquitto, tmp_path: Path) -> None:
    async with linked(account(broker, keepalive=1), tmp_path) as link:
        await asyncio.sleep(2.5)
        assert not link.lost.done()  # its pings are answered
        broker.freeze()
        assert await asyncio.wait_for(asyncio.shield(link.lost), 20) == "the broker does not answer any more"
        broker.thaw()


async def test_the_loop_goes_on_while_a_broker_is_slow(broker: Mosquitto, tmp_path: Path) -> None:
    """A message that the socket does not take at once waits without holding anybody up."""
    async with linked(account(broker), tmp_path) as link:
        broker.freeze()
        sending = asyncio.gather(*(link.publish("big", bytes(4_000_000)) for _ in range(3)))
        for _ in range(50):  # the loop turns while the socket takes no more
            await asyncio.sleep(0)
        assert not sending.done()
        broker.thaw()
        await asyncio.wait_for(sending, 20)


async def test_the_broker_ends(broker: Mosquitto, tmp_path: Path) -> None:
    link = new_link(account(broker), tmp_path)
    await link.open()
    await broker.stop(kill=True)
    assert await asyncio.wait_for(asyncio.shield(link.lost), 10)
    with pytest.raises(BrokerError, match=f"127.0.0.1:{broker.port}"):
        await link.publish("a", b"b")
    await link.close()


async def test_what_waits_for_the_broker_ends_with_the_connection(broker: Mosquitto, tmp_path: Path) -> None:
    link = new_link(account(broker), tmp_path)
    await link.open()
    broker.freeze()
    waiting = [asyncio.ensure_future(link.publish("a", b"b")) for _ in range(mqtt.IN_FLIGHT + 5)]
    await asyncio.sleep(0.05)
    link.abort("a test")
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {str(result) for result in results} == {f"127.0.0.1:{broker.port}: a test"}
    broker.thaw()


async def test_a_giant_packet_is_not_collected(broker: Mosquitto, tmp_path: Path) -> None:
    """Whoever may publish must not fill our memory: 16 MB are announced and hardly any of it comes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00" + b"\x30\xff\xff\xff\x07" + b"\x00\x01a" + bytes(1000))
        await writer.drain()
        await reader.read()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        link = new_link(account(server.sockets[0].getsockname()[1]), tmp_path)
        await link.open()
        words = await asyncio.wait_for(asyncio.shield(link.lost), 10)
        assert words == "it sent a packet of 16777215 octets"
        await link.close()


async def test_a_link_that_is_given_up_leaves_no_socket(broker: Mosquitto, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        link = new_link(account(broker), tmp_path)
        opening = asyncio.ensure_future(link.open())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await asyncio.wait_for(link.idle(), 10)
        async with linked(account(broker), tmp_path):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 5  # each round would leave one, or two


# -- paho itself ------------------------------------------------------------------------------------------------------

LIGHT = """
import sys
from homeline.adapters import mqtt
heavy = {"ssl", "_ssl", "hashlib", "_hashlib", "uuid", "socks", "http", "email", "urllib.request"} & set(sys.modules)
assert not heavy, heavy
import hashlib, uuid, urllib.request
assert hashlib.sha256(b"").hexdigest() and uuid.uuid4() and urllib.request.urlopen
from homeline.adapters.mqtt_paho import paho
import ssl
assert paho(True).ssl is ssl
"""


def test_paho_without_what_is_not_needed() -> None:
    program = "from homeline.footprint import import_asyncio_without_ssl as light; light()\n" + LIGHT
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, env=environment)


def test_tls_of_paho_is_the_real_one() -> None:
    assert paho(True).ssl is ssl
