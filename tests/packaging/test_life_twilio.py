"""The package for Twilio on a router: its webhook is a process beside the service, and comes and goes with it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from e2e.test_webhook_twilio import SECRET, answered, extra, free_port, sms
from homeline_lab.packages.branches import branch
from openwrt_kit import built, needs_root
from router_kit import Router, living, older, status
from webhook.kit import TOKEN
from webhook.kit import status as http_status

pytestmark = [needs_root, pytest.mark.timeout(240)]
CORE = ("python3-phonenumbers", "homeline")
TWILIO = ("homeline-asterisk", "homeline-channels", "python3-twilio", "homeline-twilio")
WEBHOOK = "webhook"  # its instance of the service


def second(number: int) -> str:
    """Another message's SID."""
    return f"SM{number:032x}"


async def configure(router: Router, port: int) -> None:
    for name, text in (("homeline", extra(port)), ("homeline_secret", SECRET)):
        path = router.root.path / "etc/config" / name
        path.write_text(path.read_text() + text)
    await router.setup()


async def refused(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_the_webhook_comes_and_goes_with_its_package(name: str) -> None:
    """As the service's user, with what its package brings; a commit is a signal; it ends by itself each time."""
    packages, port, other = built(branch(name)), free_port(), free_port()
    async with living(name, "homeline-twilio") as r:
        procd = r.root.procd
        await r.install(packages, *CORE)
        await configure(r, port)
        assert not procd.running("homeline", WEBHOOK)  # it is wanted, and not installed
        without = r.root.files()
        assert await r.install(packages, *TWILIO) == ""
        await r.ready()
        assert http_status(await answered(port, sms("by Twilio"))) == 200
        assert b"by Twilio" in (await r.mail.wait_for(1))[0].content
        uid = r.root.ids("homeline")[0]
        assert uid != 0
        for field, value in (("Uid", [str(uid)] * 4), ("NoNewPrivs", ["1"]), ("Name", ["homeline"])):
            assert status(r.root, field, WEBHOOK).split() == value
        assert TOKEN not in Path(f"/proc/{procd.pid('homeline', WEBHOOK)}/cmdline").read_text()

        before = procd.pid("homeline"), procd.pid("homeline", WEBHOOK)
        await r.root.shell(f"uci set homeline.twilio.port={other}; uci commit homeline")
        assert http_status(await answered(other, sms("at another port", second(2)))) == 200
        assert (procd.pid("homeline"), procd.pid("homeline", WEBHOOK)) == before

        await r.root.shell("uci set homeline.twilio.webhook=0; uci commit homeline; /etc/init.d/homeline reload")
        assert not procd.running("homeline", WEBHOOK)
        assert await refused(other)
        await r.root.shell("uci set homeline.twilio.webhook=1; uci commit homeline; /etc/init.d/homeline reload")
        assert http_status(await answered(other, sms("once more", second(3)))) == 200
        assert procd.pid("homeline") == before[0]  # the service has gone on

        await r.manager.remove("homeline-twilio")
        await r.ready()
        assert not procd.running("homeline", WEBHOOK)
        assert await refused(other)
        problems = {each["where"]: each["advice"] for each in (await r.call("status"))["problems"]}
        assert "homeline-twilio" in problems["package homeline-twilio"]
        for package in reversed(TWILIO[:-1]):
            await r.manager.remove(package)
        await r.ready()
        assert procd.killed == 0
        left = {path for path in r.root.files().keys() - without.keys() if not path.startswith("/usr/lib/opkg/info")}
        assert left == set()
        assert await r.texts() == ["once more", "at another port", "by Twilio"]


async def test_an_upgrade_starts_the_webhook_anew(tmp_path: Path) -> None:
    on, port = branch("24.10"), free_port()
    async with living("24.10", "homeline-twilio") as r:
        await r.install(built(on, older(tmp_path)), *CORE, *TWILIO)
        await configure(r, port)
        assert http_status(await answered(port, sms("before"))) == 200
        assert await r.root.run("/usr/bin/homeline", "webhook", "--version") == "homeline 0.0.9\n"
        await r.install(built(on), *CORE, *TWILIO)
        await r.ready()
        assert http_status(await answered(port, sms("after", second(2)))) == 200
        version = await r.root.run("/usr/bin/homeline", "webhook", "--version")
        assert re.fullmatch(r"homeline [0-9.]+\n", version)
        assert version != "homeline 0.0.9\n"
        assert await r.texts() == ["after", "before"]
        assert r.root.procd.killed == 0
