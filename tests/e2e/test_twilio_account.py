"""The account at Twilio as its owner sets it up: the command, the real daemon, root's helper, and Twilio's double."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import twilio_openapi
from e2e.kit import Home, living
from e2e.test_command import command
from e2e.test_webhook_twilio import answered, free_port, webhook
from homeline.protocol import uci
from homeline_lab.twilio_api import Request, Twilio
from homeline_lab.twilio_api_server import Fault, Server
from hostile import HOSTILE
from twilio_kit import ACCOUNT, DOMAIN, KEY, OWN, SECRET
from webhook.kit import CALL, PUBLIC, TOKEN, request, status

NUMBER, ANN = "+41445556677", "+41791112233"
OLD = "https://old.example/answer"
EXTRA = f"""{OWN}	option caller_id '{NUMBER}'
{{more}}

config phone 'anna'
	option where 'twilio'

config trunk 'cloud'
	option type 'twilio'

config outbound 'swiss'
	option via 'cloud'
	list countries 'CH'
"""
SECRETS = f"""
config twilio 'twilio'
	option api_secret '{SECRET}'
	option auth_token '{TOKEN}'
"""


@pytest.fixture
def server() -> Iterator[Server]:
    check = twilio_openapi.check if twilio_openapi.there() else None
    with Server(Twilio(ACCOUNT, KEY, SECRET, check)).running() as running:
        yield running
        assert not running.wrong, running.wrong


@asynccontextmanager
async def house(root: Path, base: str, more: str = "", secrets: str = SECRETS) -> AsyncIterator[Home]:
    root.mkdir(exist_ok=True)
    (root / "twilio").write_text(base)
    async with living(root, extra=EXTRA.format(more=more), secret=secrets, quick=True) as home:
        yield home


async def twilio(home: Home, *words: str, expected: int = 0) -> str:
    """What `homeline twilio WORDS` prints. No secret is in it, nor in the log."""
    code, out, errors = await command(home.root, "twilio", *words)
    assert (code, errors) == (expected, ""), out + errors
    for secret in secrets_of(home):
        assert secret not in out + home.log
    return out


def secrets_of(home: Home) -> set[str]:
    sections = uci.parse((home.router.paths.etc_config / "homeline_secret").read_text())
    return {str(value) for section in sections for value in section.options.values()}


def section(home: Home, name: str) -> dict[str, object]:
    found = uci.parse((home.router.paths.etc_config / "homeline").read_text())
    return next(dict(each.options) for each in found if each.name == name)


async def test_from_an_empty_account_and_back(tmp_path: Path, server: Server) -> None:
    server.twilio.dialing = {"CH": "001"}
    async with house(tmp_path / "home", server.url) as home:
        before = (home.router.paths.etc_config / "homeline").read_text()
        planned = await twilio(home, "plan")
        assert f"{DOMAIN}.sip.twilio.com" in planned and "to create" in planned and "--account-wide" in planned
        assert {asked.method for asked in server.asked} == {"GET"}
        assert (home.router.paths.etc_config / "homeline").read_text() == before

        assert "created" in await twilio(home, "apply")
        cloud, made = section(home, "cloud"), section(home, "twilio")["made"]
        assert (cloud["host"], cloud["mode"]) == (f"{DOMAIN}.sip.twilio.com", "registered")
        (domain,) = server.twilio.of("sip_domain")
        assert isinstance(made, list) and f"sip_domain={domain.sid}" in made
        told = {each.fields["username"]: each.fields["password"] for each in server.twilio.of("credential")}
        assert set(told) == {"anna", "router"} and set(map(str, told.values())) <= secrets_of(home)
        assert "create" not in await twilio(home, "plan")
        assert f"{DOMAIN}.sip.twilio.com" in await twilio(home, "status")
        assert server.twilio.dialing["CH"] == "001"

        await twilio(home, "apply", "--account-wide")
        assert server.twilio.dialing["CH"] == "101"
        assert "dialing:CH=001" in list(section(home, "twilio")["made"])  # type: ignore[call-overload]
        await twilio(home, "destroy", "--account-wide")
        assert server.twilio.dialing["CH"] == "001" and not server.twilio.resources
        assert "made" not in section(home, "twilio")


async def test_over_the_bus(tmp_path: Path, server: Server) -> None:
    async with house(tmp_path / "home", server.url) as home:
        for method in ("twilio_plan", "twilio_apply", "twilio_status", "twilio_destroy"):
            reply = await home.call(method)
            if reply.get("pending"):
                async with asyncio.timeout(60):
                    while (job := await home.call("get_job", job=reply["job"]))["state"] == "running":
                        await asyncio.sleep(0.1)
                reply = job["result"]
            assert reply["steps"] and "error" not in reply
            assert not any(secret in json.dumps(reply) for secret in secrets_of(home))


async def test_wrong_keys_and_no_network(tmp_path: Path, server: Server) -> None:
    wrong = SECRETS.replace(SECRET, "w" * 30)
    async with house(tmp_path / "home", server.url, secrets=wrong) as home:
        out = await twilio(home, "plan", expected=1)
        assert "api_key" in out and "errors/20003" in out
        (tmp_path / "home/twilio").write_text(f"http://127.0.0.1:{free_port()}")
        await home.killed()
        await home.run()
        assert "cannot be reached" in await twilio(home, "apply", expected=1)
        assert not server.twilio.resources


class Stuck:
    """From some changing request on Twilio says nothing, until it is released."""

    def __init__(self, server: Server, after: int) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        self._server, self._after = server, after
        server.asked.clear()
        server.choose = self._choose

    def _choose(self, _count: int, _asked: Request) -> Fault | None:
        if len([each for each in self._server.asked if each.method == "POST"]) <= self._after:
            return None
        self.reached.set()
        assert self.released.wait(60)
        return Fault.LOST

    def release(self) -> None:
        self._server.choose = lambda _count, _asked: None
        self.released.set()


def children(pid: int) -> list[Path]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        Path(f"/proc/{child}") for child in found if b"homeline.twilio" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.timeout(180)
async def test_the_daemon_is_killed_while_it_applies(tmp_path: Path, server: Server) -> None:
    """In the midst of a request, with a number taken over: what there was is kept, and the next run converges."""
    more = f"\toption routing 'webhook'\n\toption webhook '1'\n\toption public_url '{PUBLIC}'\n\tlist adopt '{NUMBER}'"
    async with house(tmp_path / "home", server.url, more) as home:
        for after in (0, 3, 6):
            server.twilio.add("number", phone_number=NUMBER, friendly_name="office", voice_url=OLD)
            stuck = Stuck(server, after)
            running = asyncio.ensure_future(home.call("twilio_apply", timeout=60))
            assert await asyncio.to_thread(stuck.reached.wait, 60)
            assert home.router.daemon
            (child,) = children(home.router.daemon.pid)
            await home.killed()
            running.cancel()
            async with asyncio.timeout(30):
                while child.exists():  # it ends by itself, as nobody waits for it
                    await asyncio.sleep(0.05)
            stuck.release()
            await home.run()
            await twilio(home, "apply")
            (number,) = server.twilio.of("number")
            assert number.fields["voice_url"] == f"{PUBLIC}/voice"
            assert len(server.twilio.of("credential_list")) == len(server.twilio.of("sip_domain")) == 1
            await twilio(home, "destroy")
            assert number.fields["voice_url"] == OLD and len(server.twilio.resources) == 1
            server.twilio.resources.clear()


async def test_what_strangers_wrote_into_the_account(tmp_path: Path, server: Server) -> None:
    """Names of things that others made, refusals, and addresses, as a plan and an error show them."""
    nasty = HOSTILE["html"] + "\x1b[31m\x9b2J\u202e" + SECRET
    server.twilio.add("number", phone_number=NUMBER, friendly_name=nasty, voice_url="https://a.b/\x1b]0;x\x07<b>")
    server.twilio.add("trunk", friendly_name=nasty, domain_name="office.pstn.twilio.com")
    domain = server.twilio.add("sip_domain", domain_name="office.sip.twilio.com", friendly_name=nasty)
    server.twilio.check = None
    more = f"\toption routing 'webhook'\n\toption webhook '1'\n\toption public_url '{PUBLIC}'\n"
    more += f"\tlist adopt '{NUMBER}'\n\tlist adopt '{domain}'"
    async with house(tmp_path / "home", server.url, more) as home:
        out = await twilio(home, "plan")
        assert "office.sip.twilio.com" in out
        for reply in (out, await twilio(home, "plan", "--json"), home.log):
            assert not set("\x1b\x9b\x07\u202e") & set(reply)


async def test_a_call_to_a_number_that_was_handed_over(tmp_path: Path, server: Server) -> None:
    port = free_port()
    more = f"\toption routing 'webhook'\n\toption webhook '1'\n\toption public_url '{PUBLIC}'\n"
    more += f"\toption port '{port}'\n\toption voicemail '1'\n\tlist adopt '{NUMBER}'"
    server.twilio.add("number", phone_number=NUMBER, friendly_name="office", voice_url=OLD)
    async with house(tmp_path / "home", server.url, more) as home:
        await twilio(home, "apply")
        (number,) = server.twilio.of("number")
        assert number.fields["voice_url"] == f"{PUBLIC}/voice"
        kept = base64.urlsafe_b64encode(OLD.encode()).decode().rstrip("=")
        assert any(str(line).endswith(f".voice_url={kept}") for line in list(section(home, "twilio")["made"]))  # type: ignore[call-overload]
        async with webhook(home):
            voice = request("/voice", {"CallSid": CALL, "From": ANN, "To": NUMBER, "CallStatus": "ringing"})
            reply = await answered(port, voice)
            assert status(reply) == 200 and b"sip:anna@" in reply and f"{PUBLIC}/voicemail".encode() in reply
            ended = request("/voicemail", {"CallSid": CALL, "From": ANN, "To": NUMBER, "DialCallStatus": "no-answer"})
            assert b"<Record" in await answered(port, ended)
            forged = voice.replace(b"X-Twilio-Signature: ", b"X-Twilio-Signature: A")
            assert status(await answered(port, forged)) == 403
