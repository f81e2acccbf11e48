"""A commit of UCI takes effect by itself, at once, touches only what changed, and never shows a secret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from e2e.kit import Home, living, parsed
from homeline_lab.sim import Sim

SENDER = "+41791112233"
PIN, PASSWORD = "93717465", "correct-horse-battery"
SECRETS = f"config dongle 'stick'\n\toption pin '{PIN}'\n\nconfig email 'second'\n\toption password '{PASSWORD}'\n"
WITH_LOGIN = """
config email 'second'
	list to 'second@home.lab'
	option from 'homeline@router.lab'
	option host '127.0.0.1'
	option port '{port}'
	option tls 'none'
	option user 'ann'

config rule 'also'
	list channels 'second'
"""


async def committed(home: Home, text: str) -> float:
    """Commit a configuration; how long it took (s) until it was in force."""
    before = len(home.events.of("config.applied"))
    began = time.monotonic()
    home.router.configure(text)
    await home.events.wait_for("config.applied", before + 1)
    return time.monotonic() - began


async def deliver(home: Home, text: str, sender: str = SENDER) -> dict[str, Any]:
    home.dongle.deliver(text, sender)
    return await home.events.wait("message.received", lambda m: m["text"] == text)


async def test_rules_accounts_and_the_service_itself(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        plain = home.configuration()
        took = [await committed(home, plain + "\tlist not_senders '+41790000000'\n")]
        message = await deliver(home, "not forwarded", "+41790000000")
        assert (await home.call("get_message", id=message["id"]))["deliveries"] == []
        await deliver(home, "forwarded")
        await home.mail.wait_for(1)

        took.append(await committed(home, plain.replace("owner@home.lab", "other@home.lab")))
        await deliver(home, "to another address")
        await home.mail.wait_for(2)
        assert [mail.recipients for mail in home.mail.mails] == [("owner@home.lab",), ("other@home.lab",)]

        assert home.dongle.plugged
        commands = home.dongle.count("E")
        took.append(await committed(home, plain.replace("option enabled '1'", "option enabled '0'")))
        await home.events.wait("dongle.changed", lambda d: d["state"] == "disabled")
        assert (await home.call("status"))["dongles"] == []
        assert (await home.call("status"))["enabled"] is False
        took.append(await committed(home, plain))
        await home.until_dongle("ready")
        assert home.dongle.count("E") > commands
        await deliver(home, "again")
        assert min(took) < 0.5


async def test_only_what_a_change_touches_is_begun_anew(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        commands = home.dongle.count()
        await committed(home, home.configuration().replace("owner@home.lab", "other@home.lab"))
        await committed(home, home.configuration())
        assert home.dongle.count() == commands
        modes = home.dongle.count("+CMGF")
        await committed(home, home.configuration().replace("dongle 'stick'", "dongle 'stick'\n\toption rate '30'"))
        await home.dongle.wait(lambda: home.dongle.count("+CMGF") > modes)
        await home.until_dongle("ready")
        await deliver(home, "hello")


async def test_a_mistake_in_one_section_leaves_the_rest_running(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        wrong = "\nconfig email 'wrong'\n\tlist to 'a@b'\n\toption from 'c@d'\n\toption port '77777'\n"
        await committed(home, home.configuration(wrong + "\nconfig nonsense 'x'\n"))
        problems = await home.problems()
        assert "65535" in problems["wrong.port"]
        assert "nonsense" in problems["x"]
        await deliver(home, "hello")
        await home.mail.wait_for(1)
        await committed(home, home.configuration(wrong.replace("77777", "25") + "\toption host 'h'\n"))
        assert "wrong.port" not in await home.problems()


async def test_a_dongle_section_that_is_wrong_and_put_right(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        await committed(home, home.configuration().replace("dongle 'stick'", "dongle 'stick'\n\toption imei '12'"))
        assert "stick.imei" in await home.problems()
        await home.events.wait("dongle.changed", lambda d: d["state"] == "disabled")
        assert (await home.call("status"))["dongles"] == []
        await committed(home, home.configuration())
        await home.until_dongle("ready")


async def test_no_secret_is_shown_anywhere(tmp_path: Path) -> None:
    """With a PIN, a mail password that the server refuses, and the log at its most talkative."""
    async with living(tmp_path, start=False, secret=SECRETS, level="debug", sim=Sim(pin=PIN)) as home:
        home.router.configure(home.configuration(WITH_LOGIN.format(port=home.mail.port)))
        await home.run()
        await deliver(home, "hello")
        await home.events.wait("delivery.done", lambda d: d["channel"] == "owner")
        result = await home.call("test_rule", rule="also")
        assert result["results"][0]["ok"] is False
        shown: list[object] = [result, home.events.heard]
        for method in ("status", "get_config", "list_deliveries", "list_alerts", "list_ports", "reload"):
            shown.append(await home.call(method))
        config = await home.call("get_config")
        assert config["config"]["dongle"]["stick"]["pin"] == "set"
        assert config["config"]["email"]["second"]["password"] == "set"
        everything = json.dumps(shown) + home.log + "".join(map(str, map(parsed, home.mail.mails)))
        assert PASSWORD not in everything
        assert PIN not in everything
        for pid in Path("/proc").glob("[0-9]*"):
            try:
                assert PASSWORD.encode() not in (pid / "cmdline").read_bytes()
            except OSError:
                continue
        for settings in tmp_path.glob("run/homeline/*.conf"):
            assert settings.stat().st_mode & 0o077 == 0


async def test_texts_and_numbers_are_in_the_log_only_where_the_owner_wants_them(tmp_path: Path) -> None:
    async with living(tmp_path, level="debug") as home:
        await deliver(home, "a private matter")
        await home.mail.wait_for(1)
        await home.call("send_message", to="+41791234567", text="another matter", wait=10)
        assert "private matter" not in home.log
        assert "another matter" not in home.log
        assert SENDER not in home.log
        assert "+41791234567" not in home.log
        assert "228010000000001" not in home.log
        await committed(home, home.configuration().replace("log_level", "log_text '1'\n\toption log_level"))
        await deliver(home, "a public matter\nERROR of two lines")
        assert f"from {SENDER}: a public matter<000A>ERROR of two lines" in home.log
