"""Hostile texts from hostile senders through the real daemon: inbox and mail have them as they are, no other place."""

from __future__ import annotations

from pathlib import Path

from e2e.kit import body, living, parsed
from hostile import HOSTILE, SENDERS


def sendable(name: str) -> str:
    """The longest one as long as a message may be."""
    return HOSTILE[name][:10_000]


async def test_each_text_arrives_and_is_mailed_as_it_is(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if name != "surrogates"]
    async with living(tmp_path, "ec25") as home:
        await home.warm_up()
        for number, name in enumerate(names):
            home.dongle.deliver(sendable(name), SENDERS[number % 2])
        received = await home.events.wait_for("message.received", len(names), timeout=30)
        mails = await home.mail.wait_for(len(names), timeout=30)
        inbox = {message["id"]: message for message in await home.messages()}
        texts = {name: sendable(name).replace("\x00", "\ufffd") for name in names}
        assert sorted(message["text"] for message in inbox.values()) == sorted(texts.values())
        for mail in map(parsed, mails):
            message = inbox[int(mail["X-Homeline-Event"])]
            assert body(mail).replace("\x00", "\ufffd") == message["text"].replace("\r\n", "\n")
            assert mail["To"] == "owner@home.lab"
            assert mail["From"] == "homeline@router.lab"
            assert mail["Bcc"] is None
            assert mail["Content-Type"] == 'text/plain; charset="utf-8"'
            assert mail["X-Homeline-From"] == message["peer"]
            assert all(mail_.recipients == ("owner@home.lab",) for mail_ in mails)
        assert len(received) == len(names)
        lines = home.log.splitlines()
        assert sum("received by stick" in line for line in lines) == len(names) + 1
        assert all(line.startswith(("INFO ", "WARNING ", "DEBUG ")) and line.isprintable() for line in lines)


async def test_each_sender_is_shown_as_it_is(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        for sender in SENDERS:
            home.dongle.deliver(f"from {sender}", sender)
        await home.events.wait_for("delivery.done", len(SENDERS))
        for mail in map(parsed, home.mail.mails):
            assert mail["To"] == "owner@home.lab"
            assert mail["Bcc"] is None
        for message in await home.messages():
            found = await home.call("list_messages", peer=message["peer"])
            assert message["id"] in [other["id"] for other in found["messages"]]
        peers = {message["peer_raw"] for message in await home.messages()}
        assert len(peers) == len(SENDERS)


async def test_each_text_can_be_sent(tmp_path: Path) -> None:
    async with living(tmp_path, dongle_options={"rate": "600", "report": "0"}) as home:
        for name in HOSTILE:
            text = sendable(name)
            if "\x00" in text:
                continue  # the bus has no way to say it
            sent = await home.call("send_message", to="+41791234567", text=text, wait=15)
            assert sent["state"] == "sent", name
        assert all(set(each.pdu) <= set("0123456789ABCDEF") for each in home.dongle.sent)
