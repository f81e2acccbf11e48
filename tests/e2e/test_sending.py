"""Sending over the real daemon, the network's answers and reports, USSD."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from e2e.kit import living
from homeline.errors import BusError
from homeline_lab.network import Outcome, UssdMenu

TO, BAD = "+41791234567", "+41790000404"
LONG = "Grüezi mitenand, 你好 🙂 " * 20


async def test_a_message_that_is_waited_for_and_its_report(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.dongle.network.outcome = Outcome(delay=0.2)
        sent = await home.call("send_message", to="079 123 45 67", text="hello", wait=10)
        assert sent["state"] == "sent"
        delivered = await home.events.wait("message.delivered")
        assert (delivered["id"], delivered["peer"], delivered["peer_raw"]) == (sent["id"], TO, "079 123 45 67")
        home.dongle.network.outcome = Outcome(status=0x41)
        await home.call("send_message", to=TO, text="hello", wait=10)
        await home.events.wait("message.failed")
        reports, count = [], 2
        while len(reports) < 2:  # among them or after them comes the mail of the alert
            mails = list(await home.mail.wait_for(count))
            reports, count = [m.content for m in mails if b"X-Homeline-Kind: report" in m.content], len(mails) + 1
        delivered_mail, failed_mail = sorted(reports, key=lambda content: b"Status: failed" in content)
        assert b"Status: delivered" in delivered_mail
        assert b"Status: failed" in failed_mail


async def test_long_texts_and_flash(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        sent = await home.call("send_message", to=TO, text=LONG, wait=10, report=False)
        assert sent["state"] == "sent"
        preview = await home.call("preview_message", text=LONG)
        assert preview["encoding"] == "ucs2"
        assert len(home.dongle.sent) == preview["parts"] > 5
        home.dongle.sent.clear()
        own = home.dongle.sim
        assert own is not None
        await home.call("send_message", to=own.number, text=LONG, wait=10)  # comes back as it went
        message = await home.events.wait("message.received")
        assert message["text"] == LONG
        home.dongle.sent.clear()
        await home.call("send_message", to=TO, text="at once", flash=True, wait=10)
        assert home.dongle.sent[0].submission.dcs & 0x13 == 0x10


async def test_a_bad_number_does_not_block_the_queue(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.dongle.network.outcomes[BAD] = Outcome(refuse=1)  # unassigned number
        bad = await home.call("send_message", to=BAD, text="hello")
        good = await home.call("send_message", to=TO, text="hello", wait=10, report=False)
        assert good["state"] == "sent"
        failed = await home.events.wait("message.failed")
        assert failed["id"] == bad["id"]
        assert "unassigned" in failed["error"].lower()
        await home.events.wait("alert.raised", lambda a: a["key"] == f"message.{bad['id']}.failed")
        home.dongle.network.outcomes.clear()
        assert (await home.call("resend_message", id=bad["id"]))["state"] == "queued"
        await home.events.wait("message.sent", lambda m: m["id"] == bad["id"])
        await home.events.wait("alert.cleared", lambda a: a["key"] == f"message.{bad['id']}.failed")
        with pytest.raises(BusError) as refused:
            await home.call("resend_message", id=bad["id"])
        assert refused.value.status == 2


async def test_a_refusal_that_passes_is_tried_again(tmp_path: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        home.dongle.faults.refuse("+CMGS", "+CMS ERROR: 42")  # congestion
        sent = await home.call("send_message", to=TO, text="hello", report=False)
        await home.dongle.wait(lambda: home.dongle.count("+CMGS") > 0)
        await home.call("send_message", to=TO, text="another", report=False, wait=10)  # is not delayed by it
        assert (await home.call("get_message", id=sent["id"]))["message"]["state"] == "queued"
        home.set_clock(60)
        await home.call("send_message", to=TO, text="a third", report=False, wait=10)  # makes it look at the clock
        await home.events.wait("message.sent", lambda m: m["id"] == sent["id"])


async def test_a_lost_answer_is_unknown_until_the_report_tells(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        home.dongle.network.outcome = Outcome(delay=1.5)
        home.dongle.faults.vanish("+CMGS", octets=1, back_as="ttyUSB1", seconds=0.1)
        sent = await home.call("send_message", to=TO, text="hello", wait=10)
        assert sent["state"] == "unknown"
        assert len(home.dongle.sent) == 1
        delivered = await home.events.wait("message.delivered")
        assert delivered["id"] == sent["id"]
        assert len(home.dongle.sent) == 1


async def test_the_rate_of_a_dongle_is_kept(tmp_path: Path) -> None:
    async with living(tmp_path, dongle_options={"rate": "3"}) as home:
        for number in range(5):
            last = await home.call("send_message", to=TO, text=f"{number}", report=False)
        await home.events.wait_for("message.sent", 3)
        began = time.monotonic()
        assert (await home.call("get_message", id=last["id"]))["message"]["state"] == "queued"
        reply = await home.call("send_message", to=TO, text="waits its turn", wait=1)
        assert reply["state"] == "queued"
        assert time.monotonic() - began >= 1
        assert len(home.dongle.sent) == 3


@pytest.mark.parametrize("to", ["", "nobody", "+41 79 abc", "$(reboot)", "1" * 60])
async def test_what_is_no_number_is_refused(tmp_path: Path, to: str) -> None:
    async with living(tmp_path) as home:
        with pytest.raises(BusError) as refused:
            await home.call("send_message", to=to, text="hello")
        assert refused.value.status == 2
        assert await home.messages("out") == []


@pytest.mark.parametrize("model", ["e1750", "ec25", "sim7600", "generic"])
async def test_a_ussd_menu(tmp_path: Path, model: str) -> None:
    async with living(tmp_path, model, quick=True) as home:
        await home.warm_up()
        assert await home.call("send_ussd", code="*100#") == {"text": "Balance: 12.50 CHF", "more": False}
        menu = await home.call("send_ussd", code="*123#")
        assert menu == {"text": "1 Balance\n2 Data", "more": True}
        assert await home.call("send_ussd", code="1") == {"text": "12.50 CHF", "more": False}
        await home.call("send_ussd", code="*123#")
        assert await home.call("cancel_ussd") == {}
        with pytest.raises(BusError) as none:
            await home.call("cancel_ussd")
        assert none.value.status == 5
        await home.events.wait_for("ussd.received", 4)
        history = (await home.call("list_ussd"))["ussd"]
        assert [item["code"] for item in history] == ["*123#", "1", "*123#", "*100#"]
        assert "not support" in (await home.call("send_ussd", code="*999#"))["text"]
        for wrong in ("", "*1\n00#", "1" * 200):
            with pytest.raises(BusError) as refused:
                await home.call("send_ussd", code=wrong)
            assert refused.value.status == 2


async def test_ussd_that_takes_long_and_ussd_that_nobody_asked_for(tmp_path: Path) -> None:
    async with living(tmp_path, "generic") as home:
        await home.warm_up()
        home.dongle.network.ussd_delay = 14.3
        pending = await home.call("send_ussd", code="*100#")
        assert pending["pending"] is True
        assert (await home.call("get_job", job=pending["job"]))["state"] == "pending"
        with pytest.raises(BusError) as busy:
            await home.call("send_ussd", code="*100#")
        assert busy.value.status == 8
        told = await home.events.wait("ussd.received")
        assert told["text"] == "Balance: 12.50 CHF"
        job = await home.call("get_job", job=pending["job"])
        assert (job["state"], job["result"]["text"]) == ("done", "Balance: 12.50 CHF")
        home.dongle.say('+CUSD: 0,"Your plan ends today",15')
        await home.events.wait("ussd.received", lambda u: u["text"] == "Your plan ends today" and u["code"] == "")


async def test_a_menu_may_be_hostile(tmp_path: Path) -> None:
    async with living(tmp_path, "generic") as home:
        await home.warm_up()
        text = "<b>$(reboot)</b> `id` '; DROP TABLE"
        home.dongle.network.ussd["*66#"] = UssdMenu(text, {})
        assert (await home.call("send_ussd", code="*66#"))["text"] == text


@pytest.mark.parametrize("ends", ["sent", "unknown"])
async def test_settings_that_change_while_the_modem_has_a_message(tmp_path: Path, ends: str) -> None:
    """Its answer is waited for, but not for long; whatever happens, nothing is sent twice or stays `sending`."""
    async with living(tmp_path) as home:
        await home.warm_up()
        if ends == "sent":
            home.dongle.faults.latency["+CMGS"] = 0.7
        else:
            home.dongle.faults.lose_answer("+CMGS")
        sent = await home.call("send_message", to=TO, text="hello", report=False)
        await home.dongle.wait(lambda: any("AT+CMGS" in str(entry) for entry in home.dongle.log))
        home.router.uci.set("homeline", "stick", "rate", "30")
        home.router.uci.commit("homeline")
        await home.events.wait("config.applied")
        name = "message.sent" if ends == "sent" else "message.failed"
        told = await home.events.wait(name, lambda m: m["id"] == sent["id"])
        assert told["state"] == ends
        assert len(home.dongle.sent) == 1
        home.dongle.faults.clear()
        await home.events.wait("dongle.changed", lambda d: d["state"] == "ready")
        again = await home.call("send_message", to=TO, text="another", wait=10)
        assert again["state"] in ("sent", "delivered")
        assert len(home.dongle.sent) == 2
