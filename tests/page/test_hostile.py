"""What strangers send is text on every page: it opens nothing, asks for nothing and makes no element."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from homeline_lab.network import Operator
from hostile import HOSTILE, SENDERS
from page.house_state import replies
from page.kit import Page, paged, stubbed

# What a browser may read as markup, in the places where a page may put it.
MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "'><iframe src=javascript:alert(4)>",
    "</textarea></title></style><b onmouseover=alert(5)>x",
    "javascript:alert(6)",
    "%h %s <a href='http://example.org/'>%d</a>",
    "&lt;img src=x onerror=alert(7)&gt;",
    "${alert(8)} {{alert(9)}} `alert(10)`",
)
ELEMENTS = "script, img, iframe, b, h1, style, object, embed, link, base, form, video, audio, math, template"


async def foreign(page: Page) -> list[str]:
    """Elements in the page's content that no page of ours makes, and attributes that run something."""
    return list(
        await page.js(
            """const found = Array.from(document.querySelectorAll(`:is(#view, .modal) :is(${arguments[0]})`));
               document.querySelectorAll('#view *, .modal *').forEach((node) => {
                   const runs = (each) => /^on|^(href|src|action)=javascript:/i.test(`${each.name}=${each.value}`);

                   if (Array.from(node.attributes).some(runs))
                       found.push(node);
               });
               return found.map((node) => node.outerHTML.slice(0, 200))""",
            ELEMENTS,
        )
    )


@pytest.mark.parametrize("width", [1280])
async def test_messages_of_strangers(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        texts = [*MARKUP, *(text[:600] for name, text in HOSTILE.items() if name not in ("surrogates", "nothing"))]
        for number, text in enumerate(texts):
            home.dongle.deliver(text, "+41791112233")
            await home.events.wait_for("message.received", number + 1)
        for text in MARKUP:
            home.dongle.deliver("hello", text[:11])
        await home.events.wait_for("message.received", len(texts) + len(MARKUP))
        await page.log_in(page="messages")
        await page.click("[data-key='peer +41791112233'] button")
        await page.until("return document.querySelectorAll('.hl-message').length == arguments[0]", len(texts))
        assert await foreign(page) == []
        read = await page.js("return Array.from(document.querySelectorAll('.hl-text')).map((node) => node.textContent)")
        assert read[: len(MARKUP)] == list(MARKUP)
        for number in range(len(MARKUP)):
            await page.js("document.querySelectorAll('[data-key=details]')[arguments[0]].click()", number)
            await page.shows("Raw PDU", ".modal")
            assert await foreign(page) == []
        await page.go("messages#all")
        await page.until("return document.querySelectorAll('.hl-message').length >= 30")
        assert await foreign(page) == []
        await page.go("overview")
        assert await foreign(page) == []


@pytest.mark.parametrize("text", MARKUP[:4])
async def test_modem_and_network_say_it(tmp_path: Path, chromium: webdriver.Chrome, text: str) -> None:
    async with paged(tmp_path, chromium, start=False) as (home, page):
        quotes = text.replace('"', "")  # an AT answer has its own
        home.dongle.network.operator = Operator(quotes, quotes)
        await home.run()
        await page.log_in()
        await page.until("return document.querySelector('.hl-signal').innerText.length > 5")
        assert await foreign(page) == []


async def test_errors_say_it(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.mail.replies["RCPT"] = "550 <img src=x onerror=alert(1)> no"
        home.dongle.deliver("hello", "+41791112233")
        await home.events.wait("delivery.failed")
        await page.log_in()
        await page.shows("<img src=x onerror=alert(1)>")
        assert await foreign(page) == []
        await page.go("messages#peer=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
        await page.shows("<img src=x onerror=alert(1)>")
        assert await foreign(page) == []


async def test_senders_that_are_names(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, 390) as (home, page):
        for number, sender in enumerate(SENDERS):
            home.dongle.deliver("hello", sender[:11])
            await home.events.wait_for("message.received", number + 1)
        await page.log_in(page="messages")
        await page.until("return document.querySelectorAll('.hl-entry').length == arguments[0]", len(SENDERS) + 1)
        assert await foreign(page) == []


@pytest.mark.parametrize("words", MARKUP)
async def test_everything_that_a_state_tells(tmp_path: Path, chromium: webdriver.Chrome, words: str) -> None:
    async with stubbed(tmp_path, chromium, replies(words)) as page:
        await page.log_in()
        await page.until("return document.querySelectorAll('.hl-card').length == 6")
        assert await foreign(page) == []
        assert (await page.js("return document.querySelector('#view').textContent")).count(words) > 40
