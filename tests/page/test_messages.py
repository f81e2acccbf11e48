"""The messages: reading, searching, paging, writing, and what can be done with each."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from e2e.kit import Home
from homeline.protocol import pdu
from homeline_lab.network import Outcome
from page.kit import WIDTHS, Page, filled, paged, stubbed

ANN, BOB = "+41791112233", "+41794445566"
MESSAGE = ".hl-message"


def entry(peer: str) -> str:
    return f"[data-key='peer {peer}'] button"


async def receive(home: Home, *messages: tuple[str, str]) -> None:
    """Texts with their senders, one after the other, each stored before the next."""
    for text, sender in messages:
        home.dongle.deliver(text, sender)
        await home.events.wait("message.received", lambda found, text=text: found["text"] == text)


def sent(home: Home) -> list[str]:
    """The texts that the network took."""
    return [pdu.decode(each.pdu).user.text for each in home.dongle.sent]


async def shown(page: Page) -> list[str]:
    """The texts that are on the screen, the oldest first."""
    return list(await page.js("return Array.from(document.querySelectorAll('.hl-text')).map((node) => node.innerText)"))


@pytest.mark.parametrize("width", WIDTHS)
async def test_conversations_are_read_like_in_a_messenger(
    tmp_path: Path, chromium: webdriver.Chrome, width: int
) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await receive(home, ("Are you there?", ANN), ("Hello", BOB), ("Call me", BOB))
        await page.log_in(page="messages")
        await page.shows("2", f"{entry(BOB)} .hl-badge")
        assert await page.wide() <= 0
        await page.click(entry(BOB))
        await page.until("return document.querySelectorAll('.hl-message.hl-new').length == 2")
        assert await shown(page) == ["Hello", "Call me"]
        if width < 600:
            await page.click(".hl-back")
        await page.until("return !document.querySelector(arguments[0])", f"{entry(BOB)} .hl-badge")
        assert (await home.call("status"))["unread"] == 1
        await receive(home, ("Are you there now?", ANN))
        await page.shows("Are you there now?", entry(ANN))
        await page.shows("2", f"{entry(ANN)} .hl-badge")
        await page.click(entry(ANN))
        await page.until("return document.querySelectorAll('.hl-message').length == 2")
        await receive(home, ("And now?", ANN))
        await page.shows("And now?", ".hl-thread")


async def test_the_address_names_the_conversation(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await receive(home, ("Hello", BOB), ("Hi", "My <b>Bank"))
        await page.log_in(page="messages")
        await page.click(entry(BOB))
        await page.shows("Hello", ".hl-thread")
        await page.click(".hl-entry", "My <b>Bank")
        await page.shows("Hi", ".hl-thread")
        await page.shows("This sender cannot be answered", ".hl-compose")
        await page.run(page.driver.back)
        await page.shows("Hello", ".hl-thread")
        await page.run(page.driver.refresh)
        await page.shows("Hello", ".hl-thread")


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_message_is_written(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in(page="messages")
        await page.shows("No messages have come or gone yet.")
        await page.click("button", "New message")
        await page.type("#homeline-to", "079 444 55 66")
        await page.shows("+41794445566 (CH)", "#homeline-to-words")
        await page.type("#homeline-text", "On my way")
        await page.shows("GSM-7 · 1 SMS · 151 characters left", "#homeline-count")
        await page.type("#homeline-text", "à bientôt 你好")
        await page.shows("UCS-2", "#homeline-count")
        await page.press(Keys.CONTROL, Keys.ENTER)
        await page.shows("Delivered", f"{MESSAGE}.hl-out")
        assert sent(home) == ["à bientôt 你好"]
        assert await page.js("return document.querySelector('#homeline-text').value") == ""
        if width > 600:
            await page.shows("You: à bientôt", entry(BOB))


async def test_one_that_failed_is_sent_again(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.dongle.network.outcomes[BOB] = Outcome(refuse=1)
        await page.log_in(page="messages")
        await page.click("button", "New message")
        await page.type("#homeline-to", BOB)
        await page.type("#homeline-text", "Hello?")
        await page.click("button", "Send")
        await page.shows("Not sent", f"{MESSAGE}.hl-out")
        await page.shows("unassigned number", MESSAGE)
        home.dongle.network.outcomes.clear()
        await page.click(f"{MESSAGE} button", "Send again")
        await page.shows("Delivered", MESSAGE)
        assert len(home.dongle.sent) == 1


async def test_what_cannot_be_sent_is_told(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="messages")
        await page.click("button", "New message")
        await page.type("#homeline-to", "my bank")
        await page.shows("This is no number that can be texted.", "#homeline-to-words")
        await page.type("#homeline-text", "Hello?")
        await page.click("button", "Send")
        await page.shows("The number or the text cannot be sent like this.", "#maincontent")
        assert await page.js("return document.querySelector('#homeline-text').value") == "Hello?"
        assert home.dongle.sent == []


async def test_details_show_parts_and_deliveries_and_try_again(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.mail.replies["RCPT"] = "550 no such user"
        await receive(home, ("Hello", BOB))
        await home.events.wait("delivery.failed")
        await page.log_in(page="messages")
        await page.click(entry(BOB))
        await page.shows("Forwarding failed", MESSAGE)
        await page.click(f"{MESSAGE} button", "Details")
        for words in ("+41794445566", "GSM-7", "everything", "owner", "Given up", "550 no such user"):
            await page.shows(words, ".modal")
        await page.click(".modal summary", "Raw PDU")
        raw = (await home.call("get_message", id=(await home.messages())[0]["id"]))["parts"][0]["pdu"]
        await page.shows(raw, ".modal")
        home.mail.replies.clear()
        await page.click(".modal button", "Try now")
        await home.events.wait("delivery.done")
        await page.click(".modal button", "Close")
        await page.shows("Forwarded", MESSAGE)


async def test_chosen_messages_are_deleted(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, 390) as (home, page):
        await receive(home, ("one", BOB), ("two", BOB), ("three", BOB))
        await page.log_in(page="messages")
        await page.click(entry(BOB))
        await page.until("return document.querySelectorAll('.hl-message').length == 3")
        await page.click(".hl-bar button", "Choose")
        for box in await page.js("return Array.from(document.querySelectorAll('.hl-message input')).slice(0, 2)"):
            await page.run(box.click)
        await page.shows("2 chosen", ".hl-main .hl-bar")
        await page.click(".hl-bar button", "Delete…")
        await page.shows("These 2 messages are deleted for good", ".modal")
        await page.click(".modal button", "Delete")
        await page.until("return document.querySelectorAll('.hl-message').length == 1")
        assert await shown(page) == ["three"]
        assert await home.texts() == ["three"]


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_conversation_is_deleted_as_it_was_seen(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await receive(home, ("one", BOB), ("two", BOB), ("hello", ANN))
        await page.log_in(page="messages")
        await page.click(entry(BOB))
        await page.until("return document.querySelectorAll('.hl-message').length == 2")
        await page.click(".hl-bar button", "Choose")
        await page.click(".hl-bar button", "Delete all…")
        await page.shows("All messages from and to +41794445566 are deleted for good", ".modal")
        assert await page.wide() <= 0
        await receive(home, ("three", BOB))
        await page.click(".modal button", "Delete")
        await page.until("return document.querySelector('.hl-messenger:not(.hl-opened)')")
        await page.shows("three", entry(BOB))
        assert sorted(await home.texts()) == ["hello", "three"]


async def test_what_waits_is_given_up(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.mail.replies["RCPT"] = "450 later"
        await receive(home, ("Hello", BOB))
        await page.log_in()
        await page.shows("450 later")
        await page.go("messages")
        await page.click(entry(BOB))
        await page.shows("Being forwarded", MESSAGE)
        await page.click(f"{MESSAGE} button", "Details")
        await page.click(".modal button", "Give up")
        await page.shows("Dropped by the owner.", ".modal")
        await page.click(".modal button", "Close")
        await page.shows("Forwarding failed", MESSAGE)


@pytest.mark.parametrize("width", WIDTHS)
async def test_search_and_filters(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await receive(home, ("Lunch on Sunday?", ANN), ("The weather is fine", ANN), ("Sunday it is", BOB))
        await home.call("send_message", to=ANN, text="Sunday is fine", wait=10)
        await page.log_in(page="messages")
        await page.type("[aria-label='Search conversations']", "weather")
        await page.until("return document.querySelectorAll('.hl-entry').length == 2")  # all messages, and Ann's
        await page.click(entry(ANN))
        await page.until("return document.querySelectorAll('.hl-message').length == 1")
        assert await shown(page) == ["The weather is fine"]
        if width < 600:
            await page.click(".hl-back")
        await page.type("[aria-label='Search conversations']", "sunday")
        await page.until("return document.querySelectorAll('.hl-entry').length == 3")
        await page.click(".hl-entry", "All messages")
        await page.until("return document.querySelectorAll('.hl-message').length == 3")
        await page.js(
            """const select = document.querySelector('[aria-label="Direction"]');
               select.value = 'out'; select.dispatchEvent(new Event('change'))"""
        )
        await page.until("return document.querySelectorAll('.hl-message').length == 1")
        assert await shown(page) == ["Sunday is fine"]


async def test_codes_flash_and_notices_are_shown_as_what_they_are(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.dongle.deliver("Low balance!", ANN, flash=True)
        await home.events.wait("message.received")
        await receive(home, ("Your code is 482913. Do not share it.", ANN))
        await page.log_in(page="messages")
        await page.click(entry(ANN))
        await page.shows("Flash", MESSAGE)
        await page.js("document.execCommand = (name) => { window.copied = document.activeElement.value; return true; }")
        await page.js("Object.defineProperty(window, 'isSecureContext', { value: false })")
        await page.click(f"{MESSAGE} button", "Copy 482913")
        await page.shows("Copied", ".hl-thread")
        assert await page.js("return window.copied") == "482913"


async def test_a_hundred_thousand_messages_are_paged(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    filled(tmp_path, 100_000, peers=700)
    async with paged(tmp_path, chromium, options={"retention_days": "0"}) as (home, page):
        await page.log_in(page="messages")
        await page.until("return document.querySelectorAll('.hl-entry').length == 31")
        await page.click(".hl-list button", "Show more")
        await page.until("return document.querySelectorAll('.hl-entry').length == 61")
        await page.click(entry((await home.call("list_conversations", limit=1))["conversations"][0]["peer"]))
        await page.until("return document.querySelectorAll('.hl-message').length == 50")
        newest = await shown(page)
        await page.click(".hl-thread button", "Show older ones")
        await page.until("return document.querySelectorAll('.hl-message').length == 100")
        assert (await shown(page))[50:] == newest


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everyone(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    async with paged(tmp_path, chromium, width, dark=dark) as (home, page):
        home.dongle.network.outcomes[BOB] = Outcome(refuse=1)
        await receive(home, ("Hello", BOB), ("Your code is 482913", ANN))
        await home.call("send_message", to=BOB, text="Hello?", wait=10)
        await page.log_in(page="messages")
        await page.shows("2", ".hl-side") if width > 600 else None
        assert await page.audit() == []
        await page.click(entry(BOB))
        await page.shows("Not sent", ".hl-thread")
        assert await page.audit() == []
        await page.click(f"{MESSAGE} button", "Details")
        await page.shows("Forwarding", ".modal")
        assert await page.audit() == []


async def test_by_keyboard_alone(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await receive(home, ("Hello", BOB))
        await page.log_in(page="messages")
        await page.find(entry(BOB))
        await page.tab_to(entry(BOB))
        await page.press(Keys.ENTER)
        await page.shows("Hello", ".hl-thread")
        await page.tab_to("#homeline-text")
        await page.press("Hi Bob")
        await page.press(Keys.CONTROL, Keys.ENTER)
        await page.shows("Delivered", f"{MESSAGE}.hl-out")
        assert sent(home) == ["Hi Bob"]


async def test_who_may_only_read_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await receive(home, ("Hello", BOB))
        await page.log_in("guest", "messages")
        await page.click(entry(BOB))
        await page.shows("Hello", ".hl-thread")
        for selector in ("textarea", ".cbi-button-add", ".cbi-button-action", ".cbi-button-negative", "[type=tel]"):
            assert await page.count(f"#view {selector}") == 0
        assert (await home.call("status"))["unread"] == 1


NOTICE = "MMS from +41794445566, 45 kB"
STATES = [
    ({"note": NOTICE, "port": 2948, "data": "0605040b8423f0"}, (NOTICE, "For port 2948", "0605040b8423f0")),
    ({"state": "incomplete", "parts": 3, "parts_missing": 1, "text": "one […]"}, ("1 part is missing", "one […]")),
    ({"state": "archived", "text": "old"}, ("Archive of the SIM", "old")),
    ({"state": "failed", "error": "octet 7: no such type"}, ("Cannot be read", "octet 7: no such type")),
    ({"direction": "out", "state": "unknown", "text": "sent?"}, ("May have been sent", "Send again")),
    ({"direction": "out", "state": "queued", "text": "soon"}, ("Waiting",)),
    ({"flash": True, "text": "now", "deliveries": {"pending": 1}}, ("Flash", "Being forwarded")),
]


async def test_each_state_is_shown_as_what_it_is(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    base = {
        "direction": "in",
        "state": "received",
        "unread": False,
        "parts": 1,
        "text": "",
        "peer": BOB,
        "at": 1_795_000_000,
    }
    messages = [{**base, "id": len(STATES) - place, **fields} for place, (fields, _) in enumerate(STATES)]
    replies = {
        "status": {"dongles": []},
        "list_conversations": {
            "conversations": [{"peer": BOB, "count": 7, "unread": 0, "last": messages[0]}],
            "more": False,
        },
        "list_messages": {"messages": messages, "more": False, "unread": 0},
    }
    async with stubbed(tmp_path, chromium, replies) as page:
        await page.log_in(page="messages")
        await page.click(entry(BOB))
        await page.until("return document.querySelectorAll('.hl-message').length == arguments[0]", len(STATES))
        for message, (_, words) in zip(messages, STATES, strict=True):
            for each in words:
                await page.shows(each, f"[data-key='message {message['id']}']")
        assert await page.audit() == []
