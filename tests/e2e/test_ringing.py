"""Calls to a dongle that Homeline drives itself, with a real daemon and without Asterisk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from e2e.kit import Home, living, parsed

CALLER = "+41791112233"
RULE = """
config rule 'calls'
	list events 'call'
	list channels 'owner'
"""


async def rung(home: Home, number: str) -> None:
    """Somebody calls, lets it ring and gives up."""
    started = len(home.events.of("call.started"))
    home.dongle.network.ring(number)
    await home.events.wait_for("call.started", started + 1)
    home.dongle.network.hang_up()


@pytest.mark.parametrize("model", ["e1750", "ec25", "sim7600", "generic"])
async def test_a_missed_call_is_mailed_like_a_message(tmp_path: Path, model: str) -> None:
    async with living(tmp_path, model, extra=RULE) as home:
        await home.dongle.wait(lambda: home.dongle.count("+CLIP") > 0)  # it may have been asked for before we look
        home.dongle.modem.calls.ring_interval = 0.2
        await rung(home, CALLER)
        missed = await home.events.wait("call.missed")
        assert (missed["peer"], missed["dongle"], missed["state"]) == (CALLER, "stick", "missed")
        await home.events.wait("delivery.done")
        (mail,) = map(parsed, home.mail.mails)
        assert mail["Subject"].startswith(f"Missed call from {CALLER}, ")
        assert (mail["X-Homeline-Kind"], mail["X-Homeline-From"]) == ("call", CALLER)
        await rung(home, "")
        await home.events.wait_for("call.missed", 2)
        page = await home.call("list_calls", limit=1)
        assert ("peer" in page["calls"][0], page["more"], page["missed"]) == (False, True, 2)
        assert (await home.status())["state"] == "ready"


async def test_a_new_password_is_shown_once_and_in_force(tmp_path: Path) -> None:
    extra = "\nconfig phone 'desk'\n\toption number '11'\n"
    async with living(tmp_path, extra=extra) as home:
        first = await home.call("new_phone_password", phone="desk")
        assert (first["phone"], first["username"], len(first["password"])) == ("desk", "desk", 20)
        second = await home.call("new_phone_password", phone="desk")
        secret = (tmp_path / "etc/config/homeline_secret").read_text()
        assert second["password"] in secret
        assert first["password"] not in secret
        shown = await home.call("get_config")
        assert shown["config"]["phone"]["desk"]["password"] == "set"
        assert not (tmp_path / "var/run/homeline/commit-secrets").exists()
        assert all(word not in home.log for word in (first["password"], second["password"]))


async def fetched(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: router\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_the_account_can_be_fetched_once(tmp_path: Path) -> None:
    extra = "\nconfig phone 'desk'\n\toption number '11'\n"
    async with living(tmp_path, extra=extra) as home:
        reply = await home.call("new_phone_password", phone="desk", provision=True)
        port, path = reply["provisioning"]["port"], f"/{reply['provisioning']['token']}"
        assert (await fetched(port, "/")).startswith("HTTP/1.1 404 ")
        assert reply["password"] in await fetched(port, path)
        with pytest.raises(OSError):
            await fetched(port, path)
        first = (await home.call("new_phone_password", phone="desk", provision=True))["provisioning"]
        second = (await home.call("new_phone_password", phone="desk", provision=True))["provisioning"]
        with pytest.raises(OSError):
            await fetched(first["port"], f"/{first['token']}")
        assert "<config" in await fetched(second["port"], f"/{second['token']}")
        assert reply["password"] not in home.log
        assert second["token"] not in home.log
