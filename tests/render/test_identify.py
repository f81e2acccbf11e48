"""Who is who: a real Asterisk with our pjsip.conf, and peers, phones and strangers that try to be somebody.

The dial plan here only says whose call it is. Addresses are loopback's, of which those for peers are allowed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline.render.conf import value
from homeline_lab.asterisk import Asterisk, own_address
from homeline_lab.sip_peer import Account, Address, Peer, Phone, Provider
from homeline_lab.sip_raw import Stranger, request
from render.kit import SECRETS, SIP
from render.live import asterisk, house

__all__ = ["asterisk_programs"]
pytestmark = pytest.mark.usefixtures("asterisk_programs")

WHOSE = "exten => _[!-~]!,1,Log(NOTICE,{name} calls ${{EXTEN}})\n same => n,Hangup(19)\nexten => h,1,NoOp()\n"
CALLS_IN = Account("carrier.example", "Is-carried-10")
REGISTRAR = Account("41441112233", "Registers-8")
NOMAD = Account("nomad-7", "Wonders-12")
UCI = {
    "carrier": "config trunk 'carrier'\n\toption mode 'peer'\n\toption host '{host}'\n\tlist allowed '{host}'\n"
    "\toption username 'house'\n\toption inbound_username 'carrier.example'\n",
    "voip": "config trunk 'voip'\n\toption host '{host}'\n\toption username '41441112233'\n",
    "nomad": "config trunk 'nomad'\n\toption mode 'peer'\n\toption host '{host}'\n"
    "\toption username 'house'\n\toption inbound_username 'nomad-7'\n",
    "kitchen": "config phone 'kitchen'\n\tlist allow_from '{host}'\n\tlist codecs 'alaw'\n",
}
PASSWORD = value(SECRETS.split("config phone 'kitchen'")[1].split("'")[1])  # as the peer's files have to have it


@asynccontextmanager
async def home(root: Path, host: str, *sections: str) -> AsyncIterator[tuple[Asterisk, str]]:
    """The house with these trunks and phones, whose only place is `host`."""
    address = own_address()
    rendered, _ = house(
        root, address, SIP + "".join(f"\n{UCI[name].format(host=host)}" for name in sections), host=host
    )
    plan = "".join(
        f"[{context}]\n{WHOSE.format(name=context)}"
        for context in rendered.objects["context"]
        if context.startswith(("homeline-trunk-", "homeline-phone-"))
    )
    files = {name: text for name, text in rendered.files.items() if name != "extensions.conf"}
    async with asterisk(root, rendered, {"homeline/extensions.conf": plan}) as running:
        assert set(files) <= {path.name for path in (root / "etc/asterisk/homeline").iterdir()}
        yield running, address


def said(running: Asterisk) -> list[str]:
    """Whose calls there were."""
    return [line.split(": ", 1)[1] for line in running.log.splitlines() if " calls " in line and "NOTICE[" in line]


async def called(peer: Peer, number: str = "123") -> int:
    """Calls the house; the cause with which it ended (19 is our dial plan's)."""
    return (await (await peer.call(number)).ended()).cause


async def test_a_peer_is_known_by_its_address_and_its_password(tmp_path: Path) -> None:
    host = own_address()
    async with home(tmp_path / "house", host, "carrier") as (running, address):
        async with Peer(tmp_path / "good", Address(address), name="good", address=host, account=CALLS_IN) as good:
            assert await called(good) == 19
            assert said(running) == ["homeline-trunk-carrier calls 123"]
        wrong = Account(CALLS_IN.username, "not-the-password")
        async with Peer(tmp_path / "wrong", Address(address), name="wrong", address=host, account=wrong) as bad:
            assert await called(bad) != 19
        async with Peer(tmp_path / "away", Address(address), name="away", account=CALLS_IN) as elsewhere:
            assert await called(elsewhere) != 19
        assert said(running) == ["homeline-trunk-carrier calls 123"]
        assert "failed for" in running.log


async def test_a_name_in_from_is_nothing(tmp_path: Path) -> None:
    host = own_address()
    async with (
        home(tmp_path, host, "carrier", "voip", "nomad", "kitchen") as (running, address),
        Stranger(own_address()) as stranger,
    ):
        target = (address, 5060)
        for name in ("carrier", "voip", "nomad", "nomad-7", "kitchen", "carrier-in", "homeline", "anonymous"):
            packet = request("INVITE", "123", target, source=stranger.source, from_user=name)
            assert await stranger.ask(packet, target) == "INVITE 401", name
        packet = request("MESSAGE", "123", target, source=stranger.source, from_user="voip", body="hello")
        assert await stranger.ask(packet, target) == "MESSAGE 401"
        assert not said(running)


async def test_a_message_of_a_known_peer_starts_nothing(tmp_path: Path) -> None:
    """Asterisk would run the dial plan for a MESSAGE as for a call."""
    host = own_address()
    async with home(tmp_path, host, "voip") as (running, address), Stranger(host) as provider:
        target = (address, 5060)
        message = request("MESSAGE", "123", target, source=provider.source, body="hello")
        typed = message.replace(b"Content-Length", b"Content-Type: text/plain\r\nContent-Length", 1)
        assert await provider.ask(typed, target) == "MESSAGE 404"
        refer = request("REFER", "123", target, source=provider.source, headers=(("Refer-To", f"<sip:124@{address}>"),))
        assert (await provider.ask(refer, target)).split()[1][0] in "456"
        subscribe = request("SUBSCRIBE", "123", target, source=provider.source, headers=(("Event", "presence"),))
        assert (await provider.ask(subscribe, target)).split()[1][0] in "456"
        assert not said(running)
        assert await provider.ask(request("INVITE", "123", target, source=provider.source), target) == "INVITE 480"
        assert said(running) == ["homeline-trunk-voip calls 123"]


async def test_a_peer_without_an_address_is_known_by_its_password_alone(tmp_path: Path) -> None:
    host = own_address()
    async with home(tmp_path / "house", host, "nomad", "carrier") as (running, address):
        async with Peer(tmp_path / "good", Address(address), name="good", account=NOMAD) as good:
            assert await called(good) == 19
        async with Peer(tmp_path / "bad", Address(address), name="bad", account=Account("nomad-7", "guess")) as bad:
            assert await called(bad) != 19
        assert said(running) == ["homeline-trunk-nomad calls 123"]


async def test_a_registered_trunk_is_known_by_its_token_even_where_another_has_the_address(tmp_path: Path) -> None:
    host = own_address()
    async with AsyncExitStack() as stack:
        running, address = await stack.enter_async_context(home(tmp_path / "house", host, "carrier", "voip"))
        options = {"name": "voip", "address": host, "registrar": True, "asks": REGISTRAR}
        provider = await stack.enter_async_context(Provider(tmp_path / "voip", Address(address), **options))
        await running.cli("pjsip send register voip")
        await provider.has_registration()
        assert ";line=" in await provider.asterisk.cli("database show registrar")
        call = await provider.exchange.dial("PJSIP/home", number="+41791112233")
        assert (await call.ended()).cause == 19
        assert said(running) == [f"homeline-trunk-voip calls {REGISTRAR.username}"]


async def test_a_token_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """Somebody who has seen the token has no more than that."""
    host = own_address()
    async with AsyncExitStack() as stack:
        running, address = await stack.enter_async_context(home(tmp_path / "house", host, "voip"))
        options = {"name": "voip", "address": host, "registrar": True, "asks": REGISTRAR}
        provider = await stack.enter_async_context(Provider(tmp_path / "voip", Address(address), **options))
        await running.cli("pjsip send register voip")
        await provider.has_registration()
        token = (await provider.asterisk.cli("database show registrar")).split(";line=")[1][:7]
        stranger = await stack.enter_async_context(Stranger(own_address()))
        target = (address, 5060)
        packet = request("INVITE", "123", target, source=stranger.source)
        told = packet.replace(b"@" + f"{address}:5060".encode(), f"@{address}:5060;line={token}".encode(), 1)
        assert await stranger.ask(told, target) in ("INVITE 401", "INVITE 403")
        assert not said(running)


async def test_a_phone_is_let_in_from_its_networks_only(tmp_path: Path) -> None:
    host = own_address()
    async with home(tmp_path / "house", host, "kitchen") as (running, address):
        options = {"name": "kitchen", "password": PASSWORD}
        async with Phone(tmp_path / "in", Address(address), address=host, **options) as phone:
            await phone.registered()
            assert await called(phone) == 19
            assert said(running) == ["homeline-phone-kitchen calls 123"]
        before = len(running.log)
        async with Phone(tmp_path / "out", Address(address), **options) as phone:
            await running.wait_log("failed for", after=before)
            assert phone.address not in await running.cli("database show registrar")
            assert host in await running.cli("database show registrar")
