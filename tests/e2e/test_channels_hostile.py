"""A stranger's texts through all channels of one rule at once: each peer reads them as text, nothing else happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.channels_kit import ANN, BASE, CHANNELS, OWNER, SECTIONS, everywhere
from e2e.kit import body
from homeline_lab.mosquitto import PROGRAM
from hostile import HOSTILE, SENDERS

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

TEXTS = {name: text[:1500] for name, text in HOSTILE.items() if name != "surrogates"}


def squeezed(text: str) -> str:
    """Without what an SMS or a line of a chat may have in another form: control characters, blanks at the ends."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@pytest.mark.parametrize("own_words", ["", "\toption subject '{text}'\n\toption template '{text}'\n"])
async def test_each_text_is_mere_text_in_every_channel(tmp_path: Path, own_words: str) -> None:
    async with everywhere(tmp_path, more=own_words) as peers:
        home = peers.home
        for text in TEXTS.values():
            home.dongle.deliver(text, ANN)
        halves = home.dongle.network.encode("a\ue000b\ue001c", ANN)[0]
        home.dongle.network.deliver_pdus([halves.replace(b"\xe0\x00", b"\xd8\x00").replace(b"\xe0\x01", b"\xdc\x00")])
        wanted = sorted([*TEXTS.values(), "a\ufffdb\ufffdc"])
        await peers.done(len(wanted))
        for channel, documents in {"mqtt": peers.published(), "hook": peers.hooked(), "run": peers.run()}.items():
            assert sorted(document["text"] for document in documents) == wanted, channel
            assert all(document["from"] == ANN and document["kind"] == "message" for document in documents)
        for text in wanted:
            assert any(text.strip().replace("\0", "\ufffd") in chatted for chatted in peers.chatted()), text
        await home.events.wait_for("message.sent", len(wanted), timeout=30)
        texted = sorted(squeezed(text) for text in peers.texted())
        head = "" if own_words else f"{ANN}: "
        assert texted == sorted(squeezed(f"{head}{text}") or "(no text)" for text in wanted)
        mails = peers.mailed()
        assert sorted(body(mail) for mail in mails) == sorted(text.replace("\r\n", "\n") for text in wanted)
        assert {mail["To"] for mail in mails} == {"owner@home.lab"}
        assert {heard.topic for heard in peers.ear.heard} == {
            *(f"{BASE}/{rest}" for rest in ("status", "message/stick", "dongle/stick")),
        }
        assert {heard.path for heard in peers.web.heard} == {"/hook"}
        assert not list(tmp_path.glob("**/owned"))
        assert home.log.count("Traceback") == 0


async def test_each_sender_is_mere_text_in_every_channel(tmp_path: Path) -> None:
    async with everywhere(tmp_path) as peers:
        home = peers.home
        for number, sender in enumerate(SENDERS):
            home.dongle.deliver(f"text {number}", sender)
        await peers.done(len(SENDERS))
        senders = {message["peer"] for message in await home.messages()}
        for documents in (peers.published(), peers.hooked(), peers.run()):
            assert {document["from"] for document in documents} == senders
        await home.dongle.wait(lambda: len(home.dongle.sent) >= len(SENDERS))
        assert {each.recipient for each in home.dongle.sent} == {OWNER}
        assert home.log.count("Traceback") == 0
        assert len(CHANNELS) * len(SENDERS) == len(home.events.of("delivery.done"))


ORDERS = """	option client_id 'cottage'
	list commands 'mark_read'
	list commands 'send'
	list sms_to '+41791112*'
"""
# Each is refused in words, whatever command it is for.
NONSENSE = (
    *(b"[" * 8000, b"{" * 9000, b"\xff\xfe", b'"x"', b"null", b'{"id":5}', b'{"id":"../#"}', b'{"id":"+"}'),
    *(b'{"id":"a","ids":[%s]}' % number for number in (b"9" * 5000, b"1e400", b"NaN", b"-1,true")),
    *(b'{"id":"b","to":"\\ud800","text":"x"}', b'{"id":"c","to":"+41791112233","text":"\\ud800"}'),
)


async def test_what_is_no_order_is_refused_and_a_flood_of_orders_costs_little(tmp_path: Path) -> None:
    sections = SECTIONS.replace("\toption client_id 'cottage'\n", ORDERS)
    async with everywhere(tmp_path, sections=sections) as peers:
        home, ear = peers.home, peers.ear
        for payload in NONSENSE:
            ear.say(f"{BASE}/command/mark_read", payload)
        ear.say(f"{BASE}/command/mark_read", json.dumps({"id": "end", "dongle": "stick"}))
        await ear.wait(f"{BASE}/result/end")
        answers = [json.loads(heard.payload) for heard in ear.heard if "/result/" in heard.topic]
        assert [answer["id"] for answer in answers if answer["ok"]] == ["end"]
        assert not [answer for answer in answers if "defect" in answer.get("error", "")]
        before = home.log.count("\n")
        for number in range(900):
            ear.say(f"{BASE}/command/mark_read", json.dumps({"id": f"n{number}", "dongle": "stick"}))
        await ear.wait(f"{BASE}/command/mark_read", lambda payload: b'"n899"' in payload)
        home.dongle.deliver("beside it", ANN)
        await peers.done(1)
        answered = [heard for heard in ear.heard if heard.topic.startswith(f"{BASE}/result/n")]
        assert 0 < len(answered) <= 61
        assert home.log.count("\n") - before < 100
        assert home.log.count("commands are dropped") == 1
        await home.dongle.wait(lambda: bool(home.dongle.sent))
        assert {each.recipient for each in home.dongle.sent} == {OWNER}
