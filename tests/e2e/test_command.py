"""The command `homeline` as a process, against the real daemon."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.kit import Home, living

SENDER = "+41791112233"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    async with living(tmp_path_factory.mktemp("home")) as house:
        await house.warm_up()
        yield house


async def command(root: Path, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, output and complaints of `homeline WORDS --root ROOT`."""
    arguments = ["-m", "homeline", *words, "--root", str(root)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(process.communicate(stdin), 30)
    assert process.returncode is not None
    assert "Traceback" not in errors.decode()
    return process.returncode, out.decode(), errors.decode()


async def test_status(home: Home) -> None:
    code, out, _ = await command(home.root, "status")
    assert code == 0
    for words in ("Dongle stick", "ready", "Lab Mobile", "-79 dBm", "everything", "email owner"):
        assert words in out
    code, out, _ = await command(home.root, "status", "--json")
    assert (code, json.loads(out)["dongles"][0]["state"]) == (0, "ready")
    code, _, errors = await command(home.root, "status", "none")
    assert code == 1
    assert "not found" in errors


async def test_inbox(home: Home) -> None:
    home.dongle.deliver("first line\n\x1b[31msecond", SENDER)
    message = await home.events.wait("message.received")
    code, out, _ = await command(home.root, "inbox")
    assert code == 0
    assert "first line⏎<001B>[31msecond" in out
    assert "\x1b" not in out
    code, out, _ = await command(home.root, "inbox", "--json", "--unread", "-n", "1", "--peer", "079 111 22 33")
    assert (code, [m["id"] for m in json.loads(out)["messages"]]) == (0, [message["id"]])
    code, out, _ = await command(home.root, "inbox", "--id", str(message["id"]))
    assert code == 0
    assert "0791" in out
    assert (await command(home.root, "inbox", "--id", "999"))[0] == 1
    assert (await command(home.root, "inbox", "-n", "0"))[0] == 1
    assert (await command(home.root, "inbox", "-n", "many"))[0] == 2


async def test_twilio_without_an_account(home: Home) -> None:
    for what in ("plan", "apply", "destroy", "status"):
        code, out, errors = await command(home.root, "twilio", what)
        assert (code, errors) == (1, "")
        assert "It failed: twilio.account_sid is not set" in out
    code, out, _ = await command(home.root, "twilio", "plan", "--json", "--account-wide")
    assert (code, json.loads(out)["steps"]) == (1, [])
    assert (await command(home.root, "twilio"))[0] == (await command(home.root, "twilio", "undo"))[0] == 2


async def test_send(home: Home) -> None:
    code, out, _ = await command(home.root, "send", SENDER, "hello", "--wait", "10")
    assert code == 0
    assert "sent" in out or "delivered" in out
    code, out, _ = await command(home.root, "send", SENDER, "-", "--json", stdin="Grüezi\nmitenand".encode())
    assert code == 0
    sent = (await home.call("get_message", id=json.loads(out)["id"]))["message"]
    assert sent["text"] == "Grüezi\nmitenand"
    home.dongle.faults.refuse("+CMGS", "+CMS ERROR: 1")
    code, out, _ = await command(home.root, "send", SENDER, "refused")
    assert code == 1
    assert "failed" in out
    code, _, errors = await command(home.root, "send", "nobody", "hello")
    assert code == 1
    assert "argument" in errors


async def test_ussd(home: Home) -> None:
    code, out, _ = await command(home.root, "ussd", "*123#")
    assert code == 0
    assert out.startswith("1 Balance\n2 Data")
    assert (await command(home.root, "ussd", "cancel"))[0] == 0
    assert (await command(home.root, "ussd", "cancel"))[0] == 1
    code, out, _ = await command(home.root, "ussd", "*100#", "--json")
    assert (code, json.loads(out)["text"]) == (0, "Balance: 12.50 CHF")


async def test_explain(home: Home) -> None:
    code, out, _ = await command(home.root, "explain", "--from", SENDER, "--text", "Your code is 482913")
    assert code == 0
    assert "everything: matches, goes to owner" in out
    assert f"  | Code 482913: SMS from {SENDER}" in out
    code, out, _ = await command(home.root, "explain", "--kind", "ussd", "--rule", "everything")
    assert "everything: does not match" in out
    assert "  ! events: it is of kind ussd" in out
    assert "    enabled: the rule is in use" in out
    code, out, _ = await command(home.root, "explain", "--kind", "alert", "--key", "sim.stick", "--state", "critical")
    assert "everything: matches, goes to owner" in out
    code, out, _ = await command(home.root, "explain", "--json", "--text", "x", "--template", "{text}{text}")
    assert json.loads(out)["preview"]["text"] == "xx"
    assert (await command(home.root, "explain", "999"))[0] == 1


async def test_test(home: Home) -> None:
    code, out, _ = await command(home.root, "test", "everything")
    assert (code, out.splitlines()[1].split()) == (0, ["owner", "ok"])
    home.mail.replies["RCPT"] = "550 5.1.1 no such user"
    code, out, _ = await command(home.root, "test", "everything")
    home.mail.replies.clear()
    assert (code, out.splitlines()[1].split()[:2]) == (1, ["owner", "FAILED"])
    assert (await command(home.root, "test", "nothing"))[0] == 1


async def test_deliveries_and_alerts(home: Home) -> None:
    home.mail.replies["RCPT"] = "550 5.1.1 no such user"
    home.dongle.deliver("nobody takes it", SENDER)
    message = await home.events.wait("message.received", lambda m: m["text"] == "nobody takes it")
    failed = await home.events.wait("delivery.failed", lambda d: d["event"] == message["id"])
    alert = await home.events.wait("alert.raised", lambda a: a["key"] == "delivery.owner")
    home.mail.replies.clear()
    code, out, _ = await command(home.root, "deliveries", "--event", str(message["id"]), "--state", "failed")
    assert (code, out.splitlines()[1].split()[:5]) == (
        0,
        [str(failed["id"]), str(message["id"]), "everything", "owner", "failed"],
    )
    code, out, _ = await command(home.root, "alerts")
    assert code == 0
    assert "delivery.owner\n" in out
    assert (await command(home.root, "alerts", "--acknowledge", str(alert["id"])))[0] == 0
    assert "delivery.owner, acknowledged" in (await command(home.root, "alerts"))[1]
    code, out, _ = await command(home.root, "deliveries", "--retry", str(failed["id"]))
    assert (code, out) == (0, "Tried now: 1\n")
    await home.events.wait("delivery.done", lambda d: d["id"] == failed["id"])
    await home.events.wait("alert.cleared", lambda a: a["id"] == alert["id"])
    assert "delivery.owner, cleared 2" in (await command(home.root, "alerts", "--all"))[1]
    assert (await command(home.root, "alerts", "--acknowledge", "999"))[0] == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_watch(home: Home, options: list[str]) -> None:
    arguments = ["-m", "homeline", "watch", *options, "--root", str(home.root)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    listening = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:  # until its client listens: nothing tells of that
        watchers = [o for o in home.router.bus.objects.values() if "homeline.*" in o.patterns]
        listening.set() if len(watchers) > 1 else loop.call_later(0.02, look)

    look()
    await asyncio.wait_for(listening.wait(), 10)
    home.dongle.deliver(f"watched {options}", SENDER)
    line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
    if options:
        heard = json.loads(line)
        assert (heard["event"], heard["data"]["text"]) == ("homeline.message.received", f"watched {options}")
    else:
        assert "message.received" in line
        assert "watched []" in line
    process.send_signal(2)
    assert await asyncio.wait_for(process.wait(), 10) == 130


async def test_doctor(home: Home) -> None:
    code, out, _ = await command(home.root, "doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(out)}
    assert findings["bus"]["state"] == findings["service"]["state"] == findings["dongle stick"]["state"] == "ok"
    assert findings["database"]["state"] == findings["clock"]["state"] == "ok"
    assert code == (1 if any(finding["state"] == "bad" for finding in findings.values()) else 0)
    code, out, _ = await command(home.root, "doctor")
    assert "ready on" in out


async def test_without_a_service(tmp_path: Path) -> None:
    async with living(tmp_path, start=False) as home:
        code, _, errors = await command(home.root, "status")
        assert code == 3
        assert "service" in errors or "no object" in errors
        code, out, _ = await command(home.root, "doctor", "--json")
        assert code == 1
        assert {f["check"]: f["state"] for f in json.loads(out)}["service"] == "bad"
        await home.router.bus.stop()
        code, _, errors = await command(home.root, "status")
        assert code in (3, 4)
        assert "ubusd" in errors


async def test_without_a_root(tmp_path: Path) -> None:
    for code, _, errors in await asyncio.gather(
        *(command(tmp_path, *words) for words in (["status"], ["ussd", "*100#"], ["send", SENDER, "x"]))
    ):
        assert code in (3, 4)
        assert errors.startswith("homeline: ")
