"""What a call and its house live through: a changed configuration, an Asterisk that dies, DNS that does not answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import TLS, calling, certificates, phone, talk, uci
from homeline_lab.asterisk import own_address

pytestmark = pytest.mark.usefixtures("asterisk_programs")

NUMBER = "+41441112233"


async def test_a_call_goes_on_over_a_change_of_everything_about_it(tmp_path: Path) -> None:
    line = uci(ring=["desk"])
    async with (
        calling(tmp_path, "phones", "line", "outbound", "peer", provider=own_address(), line=line) as home,
        phone(home, "desk") as desk,
    ):
        call = await desk.call(NUMBER)
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await home.changed(
            line=uci(ring=["mobile"], agc="4000"),
            outbound=uci(concurrent="3"),
            phone=uci(display="Somebody", devices="1"),
        )
        await talk(call, far)
        assert not call.over.is_set()
        second = await desk.call(NUMBER)
        await (await home.calls.gsm_incoming()).refuse(17)
        await second.ended()
        assert (await far.hang_up()).cause == 16
        assert (await call.ended()).cause == 16


async def test_after_an_asterisk_that_died_calls_go_on(tmp_path: Path) -> None:
    """It is started again, and knows the phone that was registered."""
    async with (
        calling(tmp_path, "phones", "line", "outbound", line=uci(ring=["desk"])) as home,
        phone(home, "desk") as desk,
    ):
        call = await desk.call(NUMBER)
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await written(home.root / "var/lib/asterisk/astdb.sqlite3", "/registrar/contact/desk")
        home.events.heard.clear()
        await home.pbx.kill()
        await home.follows()
        await home.calls.ready()
        await call.hang_up()
        call = await home.calls.gsm_call("+441632960000")
        far = await desk.incoming()
        await far.answer()
        await talk(call, far)
        await call.hang_up()


async def written(database: Path, key: str) -> None:
    """Until Asterisk's database has a key like this on disk, where it writes once a second."""
    async with asyncio.timeout(10):
        while True:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
                if opened.execute("SELECT 1 FROM astdb WHERE key LIKE ?", (f"{key}%",)).fetchone():
                    return
            await asyncio.sleep(0.05)


class SilentDns:
    """A name server that takes every question and answers none, and a command whose programs know no other.

    The machine's own name is told by another file, as a router's own is by itself: Asterisk asks for it at each start,
    whatever it is configured to do.
    """

    def __init__(self, folder: Path) -> None:
        self.address = own_address()
        self._conf, self._hosts = folder / "resolv.conf", folder / "hosts"
        self._conf.write_text(f"nameserver {self.address}\n")
        self._hosts.write_text("".join(f"{ip} localhost {socket.gethostname()}\n" for ip in ("127.0.0.1", "::1")))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def __enter__(self) -> SilentDns:
        self._socket.bind((self.address, 53))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def within(self) -> list[str]:
        mount = 'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/hosts && shift && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", mount, str(self._conf), str(self._hosts)]

    def asked(self) -> bytes:
        """What was asked until now."""
        found = b""
        while True:
            try:
                found += self._socket.recv(2048)
            except BlockingIOError:
                return found


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare: another /etc/resolv.conf"
)
async def test_dns_that_does_not_answer_holds_up_nothing(tmp_path: Path) -> None:
    """Neither a start nor a change nor a call, with trunks that are names."""
    house = own_address()
    certificates(tmp_path, house)
    gaps = {"outbound": uci(daily_minutes="0"), "secure": "1"}
    parts = ("phones", "line", "outbound", "twilio", "registered")
    with SilentDns(tmp_path) as dns:
        async with (
            asyncio.timeout(20),
            calling(
                tmp_path, *parts, sip=TLS + uci(external_address="home.lab.invalid"), address=house,
                within=dns.within, provider="sip.provider.invalid", **gaps
            ) as home,
            phone(home, "desk") as desk,
        ):  # fmt: skip
            assert b"provider" in dns.asked()
            for concurrent in "23":
                call = await desk.call(NUMBER)
                far = await home.calls.gsm_incoming()
                await far.answer()
                await talk(call, far)
                await home.changed(outbound=uci(concurrent=concurrent))
                await far.hang_up()
                await call.ended()
            assert any("sip.provider.invalid" in text for text in (await home.problems()).values())
