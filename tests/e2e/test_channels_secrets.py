"""Secrets in every option that has one, and peers that say again what they were sent: nobody else sees any."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from e2e.channels_kit import ANN
from e2e.kit import Home, living
from homeline.adapters.mail import find_program
from homeline.errors import DeliveryError
from homeline_lab.mosquitto import PROGRAM, Mosquitto
from homeline_lab.web import Heard, Reply, WebServer

SECRET = {
    "token": "tk-Zebra1Quokka",
    "url": "path-Zebra2Quokka",
    "query": "query-Zebra3Quokka",
    "header": "header-Zebra4Quokka",
    "bearer": "bearer-Zebra5Quokka",
    "key": "key-Zebra6Quokka",
    "telegram": "AAbot-Zebra7Quokka_0123456789",
    "mqtt": "mqtt-Zebra8Quokka",
    "mail": "mail-Zebra9Quokka",
    "imap": "imap-Zebra0Quokka",
}
MARK = "Quokka"  # in all of them
SECTIONS = """
config webhook 'hook'
	option allow_local '1'
	option timeout '3'

config webhook 'ntfy'
	option preset 'gotify'
	option url '{web}/push'
	option allow_local '1'
	option timeout '3'

config telegram 'bot'
	list chats '1001'
	option replies '1'
	option api '{web}'
	option allow_local '1'
	option timeout '5'

config mqtt 'broker'
	option host '127.0.0.1'
	option port '{broker}'
	option user 'ann'

config mqtt 'noise'
	option host '127.0.0.1'
	option port '{noise}'
	option user 'ann'

config email 'work'
	list to 'work@home.lab'
	option from 'homeline@router.lab'
	option host '127.0.0.1'
	option port '{smtp}'
	option tls 'tls'
	option tls_verify '0'
	option user 'ann'

config mailbox 'answers'
	option host '127.0.0.1'
	option port '{imap}'
	option tls 'none'
	option user 'ann'
	option address 'line@home.lab'
	list senders 'owner@home.lab'
	option every '1'

config rule 'all'
	list events 'message'
	list channels 'hook'
	list channels 'ntfy'
	list channels 'bot'
	list channels 'broker'
	list channels 'work'
"""
SECRETS = """
config webhook 'hook'
	option secret_url '{{web}}/{url}/hook?key={query}'
	option token '{token}'
	option signing_key '{key}'
	list secret_headers 'X-Key: {header}'
	list secret_headers 'Authorization: Bearer {bearer}'

config webhook 'ntfy'
	option token '{token}'

config telegram 'bot'
	option token '123456:{telegram}'

config mqtt 'broker'
	option password '{mqtt}'

config mqtt 'noise'
	option password '{mqtt}'

config email 'work'
	option password '{mail}'

config mailbox 'answers'
	option password '{imap}'
"""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HIDDEN = (
    MARK,
    *(encoded(f"\0ann\0{SECRET[name]}") for name in ("mail", "imap")),
    encoded(SECRET["mail"]),
)


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
    """An SMTP or IMAP server that refuses whoever logs in, in the words that it was given."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        writer.write(b"220 noise ESMTP\r\n" if kind == "smtp" else b"* OK noise\r\n")
        while line := (await reader.readline()).decode("latin-1").strip():
            word, _, rest = line.partition(" ")
            if kind == "smtp":
                greeting = word.upper() == "EHLO"
                answer = "250-noise\r\n250 AUTH PLAIN LOGIN" if greeting else f"535 5.7.8 refused: {line} {rest}"
            elif "CAPABILITY" in rest.upper():
                answer = f"* CAPABILITY IMAP4rev1\r\n{word} OK done"
            else:
                answer = f"{word} NO refused: {line}"
            writer.write(f"{answer}\r\n".encode("latin-1"))
    writer.close()


@asynccontextmanager
async def listening(kind: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda r, w: echoing(r, w, kind), "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Echo:
    """Answers each request with what it was, as another kind of refusal each time."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}

    def __call__(self, heard: Heard) -> Reply:
        turn = self.count[heard.path] = self.count.get(heard.path, 0) + 1
        words = (word for value in (heard.path, *heard.headers.values()) for word in re.split("[/?=& ]", value))
        said = (
            " ".join((heard.path, heard.path.replace("/", " "), *heard.headers.values(), *words)).encode() + heard.body
        )
        if "bot" in heard.path:
            body = json.dumps({"ok": False, "error_code": 400 + turn, "description": said.decode()}).encode()
            return (Reply(401, body), Reply(400, body), Reply(500, said), Reply(200, body), Reply(raw=said))[turn % 5]
        away = (("Location", f"https://elsewhere.example{heard.path}"),)
        return (Reply(401, said), Reply(500, said), Reply(302, said, away), Reply(raw=said), Reply(422, said))[turn % 5]


class Watch:
    """The command lines and environments of all programs, looked at again and again."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    async def run(self) -> None:
        while True:
            for path in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.seen.add((path / name).read_bytes())
            await asyncio.sleep(0.05)


async def shown(home: Home) -> str:
    """All that anybody may look at."""
    calls = ("status", "get_config", "list_deliveries", "list_alerts", "list_fields", "list_messages")
    answers = [json.dumps(await home.call(method)) for method in calls]
    mails = [mail.content.decode("utf-8", "replace") for mail in home.mail.mails]
    return "\n".join([home.log, repr(home.events.heard), *answers, *mails])


@pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")
async def test_no_secret_is_seen_whatever_the_peers_say(tmp_path: Path) -> None:
    try:
        find_program("msmtp")
    except DeliveryError:
        pytest.skip("msmtp is not installed")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    watch = Watch()
    watching = asyncio.ensure_future(watch.run())
    async with (
        WebServer(Echo()) as web,
        Mosquitto(tmp_path / "locked", users={"ann": "another"}) as broker,
        listening("smtp", tls) as smtp,
        listening("imap") as imap,
        listening("smtp") as noise,
    ):
        ports = {"web": web.url, "broker": broker.port, "smtp": smtp, "imap": imap, "noise": noise}
        secrets = SECRETS.format(**SECRET).format(**ports)
        extra = SECTIONS.format(**ports)
        async with living(tmp_path, extra=extra, secret=secrets, level="debug", quick=True) as home:
            home.dongle.deliver("hello", ANN)
            said = [await home.call("test_rule", rule="all") for _ in range(5)]
            await home.logged("ERROR mailbox answers: User name or password was refused")
            await home.logged("ERROR mqtt broker")
            text = await shown(home) + repr(said)
            for words in ("status 401: ***", "status 422: ***", "redirects", "535 5.7.8 refused", "/bot***", "LOGIN"):
                assert words in text  # or they have not said what they were sent
            for each in HIDDEN:
                assert each not in text, text[max(0, text.index(each) - 300) : text.index(each) + 60]
    watching.cancel()
    for each in HIDDEN:
        assert not [line for line in watch.seen if each.encode() in line]
