"""Messages as HTTP requests, through the whole daemon: whatever the server does, each is told, under one key."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import ssl
from pathlib import Path

import pytest
import trustme

from e2e.kit import Home, living
from homeline_lab.web import Heard, Reply, WebServer
from hostile import HOSTILE

SENDER = "+41791112233"
KEY = "a-key-that-signs"
EXTRA = """
config webhook 'hook'
	option url 'http://127.0.0.1:{port}/hook'
	option allow_local '1'
	option timeout '3'

config rule 'hooked'
	list events 'message'
	list channels 'hook'
"""
SECRET = f"""
config webhook 'hook'
	option signing_key '{KEY}'
	option token 'tk_s3cret'
"""


async def done(home: Home, count: int = 1) -> None:
    await home.events.wait_for("delivery.done", count, lambda d: d["channel"] == "hook")


def texts(server: WebServer) -> list[str]:
    return [json.loads(heard.body)["text"] for heard in server.heard]


def keys(server: WebServer) -> list[str]:
    return [heard.headers["idempotency-key"] for heard in server.heard]


def proven(heard: Heard) -> bool:
    """Whether the request is signed, as docs/webhook.md tells a receiver to see."""
    when, proof = (part.partition("=")[2] for part in heard.headers["x-homeline-signature"].split(","))
    wanted = hmac.new(KEY.encode(), when.encode() + b"." + heard.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, proof)


@pytest.mark.parametrize("name", ["html", "json", "header", "emoji", "template"])
async def test_a_message_reaches_the_server(tmp_path: Path, name: str) -> None:
    async with WebServer() as server, living(tmp_path, extra=EXTRA.format(port=server.port), secret=SECRET) as home:
        home.dongle.deliver(HOSTILE[name], SENDER)
        (heard,) = await server.wait_for(1)
        document = json.loads(heard.body)
        assert (document["text"], document["from"], document["dongle"]) == (HOSTILE[name], SENDER, "stick")
        assert document["id"] == heard.headers["idempotency-key"]
        assert proven(heard)
        assert heard.headers["authorization"] == "Bearer tk_s3cret"
        await done(home)
        shown = f"{home.log} {home.events.heard} {await home.call('status')} {await home.call('get_config')}"
        assert "tk_s3cret" not in shown
        assert KEY not in shown


async def test_a_server_with_tls_and_an_authority_of_the_owners(tmp_path: Path) -> None:
    """The name comes from the system's resolver; what is not to be trusted gets nothing."""
    context, ca = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    ca.issue_cert("localhost").configure_cert(context)
    secured = EXTRA.replace("http://127.0.0.1", "https://localhost")
    own = secured.replace("\toption timeout", "\toption ca_file '/etc/homeline/house.pem'\n\toption timeout")
    async with WebServer(tls=context) as server, living(tmp_path, extra=secured.format(port=server.port)) as home:
        home.dongle.deliver("hello", SENDER)
        await home.logged("is tried again")
        assert "from an authority that is not trusted" in (await home.problems())["channel hook"]
        assert server.heard == []
        ca.cert_pem.write_to_path(tmp_path / "etc/homeline/house.pem")
        home.router.configure(
            home.configuration().replace(secured.format(port=server.port), own.format(port=server.port))
        )
        await done(home)
        assert texts(server) == ["hello"]
        assert server.heard[0].headers["host"] == f"localhost:{server.port}"


async def test_killed_when_the_server_has_it_and_we_do_not_know_that(tmp_path: Path) -> None:
    async with WebServer() as server, living(tmp_path, extra=EXTRA.format(port=server.port)) as home:
        server.on_request = lambda _heard: home.kill()  # before the server answers
        home.dongle.deliver("hello", SENDER)
        await server.wait_for(1)
        server.on_request = None
        await home.ended()
        await home.run()
        await server.wait_for(2)
        await done(home)
        assert texts(server) == ["hello", "hello"]
        assert len(set(keys(server))) == 1
        assert server.heard[0].body == server.heard[1].body


async def test_killed_before_the_server_takes_it(tmp_path: Path) -> None:
    async with (
        WebServer(lambda _heard: Reply(503)) as server,
        living(tmp_path, extra=EXTRA.format(port=server.port)) as home,
    ):
        home.dongle.deliver("hello", SENDER)
        await home.logged("is tried again")
        await home.killed()
        server.answer = lambda _heard: Reply(200)
        before = len(server.heard)
        await home.run()
        await done(home)
        assert len(server.heard) == before + 1
        assert len(set(keys(server))) == 1


@pytest.mark.timeout(120)
async def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Every text arrives, under one key each, whatever the server does meanwhile."""
    dice = random.Random(5)
    wanted: set[str] = set()

    def moody(_heard: Heard) -> Reply:
        return Reply(dice.choice((200, 200, 200, 503)))

    async with WebServer(moody) as server, living(tmp_path, extra=EXTRA.format(port=server.port)) as home:
        for trial in range(6):
            for number in range(8):
                wanted.add(f"message {trial}.{number}")
                home.dongle.deliver(f"message {trial}.{number}", SENDER)
            await server.wait_for(len(server.heard) + dice.randrange(1, 8))
            await home.killed()
            home.dongle.replug()
            await home.run()
        server.answer = lambda _heard: Reply(200)
        await server.until(lambda: set(texts(server)) == wanted, 60)
        by_key = dict(zip(keys(server), texts(server), strict=True))
        assert sorted(by_key.values()) == sorted(wanted)  # one key for each text
        while True:
            seen = len(home.events.of("delivery.done"))
            if not (await home.call("list_deliveries", channel="hook", state="pending"))["deliveries"]:
                break
            await home.events.wait_for("delivery.done", seen + 1)


async def test_a_server_that_is_silent_delays_nothing_else(tmp_path: Path) -> None:
    """Mails go on; so does the webhook when the server is itself again, with what waited."""
    async with (
        WebServer(lambda _heard: Reply(silent=True)) as server,
        living(tmp_path, extra=EXTRA.format(port=server.port)) as home,
    ):
        for number in range(3):
            home.dongle.deliver(f"message {number}", SENDER)
        await home.mail.wait_for(3)
        server.answer = lambda _heard: Reply(200)
        await done(home, 3)
        assert set(texts(server)) == {f"message {number}" for number in range(3)}


async def test_a_refusal_for_good_raises_an_alert(tmp_path: Path) -> None:
    async with (
        WebServer(lambda _heard: Reply(422, b"no such field")) as server,
        living(tmp_path, extra=EXTRA.format(port=server.port)) as home,
    ):
        home.dongle.deliver("hello", SENDER)
        alert = await home.events.wait("alert.raised", lambda a: a["key"] == "delivery.hook")
        assert "127.0.0.1 answered with status 422: no such field" in alert["text"]
        assert len(server.heard) == 1


async def test_the_router_itself_is_not_asked_unless_allowed(tmp_path: Path) -> None:
    extra = EXTRA.replace("allow_local '1'", "allow_local '0'")
    async with WebServer() as server, living(tmp_path, extra=extra.format(port=server.port)) as home:
        home.dongle.deliver("hello", SENDER)
        await home.logged("is tried again")
        assert "allow_local" in (await home.problems())["channel hook"]
        assert server.heard == []
