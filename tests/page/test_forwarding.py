"""The forwarding page: rules, channels with their secrets, and what is done regularly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from homeline_lab.uci import Uci
from page.kit import WIDTHS, Page, paged

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnn"


async def open_page(page: Page, user: str = "root") -> None:
    await page.log_in(user, "forwarding")
    await page.find(".hl-why")


async def tab(page: Page, name: str) -> None:
    await page.click(f"#cbi-homeline > .cbi-tabmenu li[data-tab='{name}'] > a, .cbi-tabmenu li[data-tab='{name}'] > a")


async def dialogue_tab(page: Page, name: str) -> None:
    await page.click(f".modal li[data-tab='{name}'] > a")


async def add(page: Page, where: str, name: str, kind: str = "") -> None:
    """A new section, by its name."""
    await tab(page, where)
    if kind:
        await page.js(
            "const select = document.querySelector(arguments[0]); select.value = arguments[1]",
            f"[data-tab='{where}'] .hl-add select",
            kind,
        )
    await page.type(f"#hl-new-{where}", name)
    await page.click(f"[data-tab='{where}'] .cbi-button-add")
    await page.find(".modal .cbi-map")


async def edit(page: Page, where: str, name: str) -> None:
    await tab(page, where)
    await page.click(f"tr[data-sid='{name}'] .cbi-button-edit")
    await page.find(".modal .cbi-map")


async def enter(page: Page, option: str, *values: str) -> None:
    """Type into a field of the dialogue; each value of a list with Enter."""
    selector = f".modal [data-name='{option}'] input:not([type=hidden]):not([aria-hidden])"
    for value in values:
        await page.type(selector, value)
        await page.press(
            Keys.ENTER
            if await page.js("return !!arguments[0].closest('.cbi-dynlist')", await page.find(selector))
            else Keys.TAB
        )


async def choose(page: Page, option: str, *values: str) -> None:
    """Choose in a list, or in a list of several, of the stand-in or of LuCI's own library."""
    await page.js(
        """const field = document.querySelector(`.modal [data-name="${arguments[0]}"]`), wanted = arguments[1];
           const select = field.querySelector('select'), unfolded = field.querySelector('.cbi-dropdown > ul');
           if (select) {
               select.value = wanted[0];
               select.dispatchEvent(new Event('change', { bubbles: true }));
           }
           else if (unfolded)
               L.dom.callClassMethod(field.querySelector('.cbi-dropdown'), 'setValue', wanted);
           else
               field.querySelectorAll('input[type=checkbox]').forEach((box) => {
                   if (box.checked != wanted.includes(box.value)) box.click();
               });""",
        option,
        list(values),
    )


async def save(page: Page) -> None:
    """Save the dialogue, which is then gone."""
    await page.click(".modal .cbi-button-positive")
    await page.until("return !document.body.classList.contains('modal-overlay-active')")


async def refused(page: Page, words: str) -> None:
    """Save, and read at the field why not."""
    await page.click(".modal .cbi-button-positive")
    await page.shows(words, ".modal")


async def apply(page: Page) -> None:
    await page.js("window.before = true")
    await page.click(".cbi-page-actions .cbi-button-apply")
    await page.until("return !window.before", seconds=30)
    await page.find(".hl-why")


async def in_force(home: Any, check: Any) -> dict[str, Any]:
    """The configuration of the daemon, as soon as it is so."""
    async with asyncio.timeout(10):
        while True:
            found = (await home.call("get_config"))["config"]
            if check(found):
                return dict(found)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_channel_and_a_rule_are_made(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await open_page(page)
        await page.shows("Messages, Alerts, Delivery reports", "tr[data-sid='everything']")
        assert await page.wide() <= 0
        await add(page, "channel", "bot", "telegram")
        await enter(page, "chats", "12345")
        await enter(page, "token", TOKEN)
        await save(page)
        await page.shows("12345", "tr[data-sid='bot']")
        await page.shows("not in force", "tr[data-sid='bot']")
        await add(page, "rule", "bank")
        await choose(page, "events", "message", "code")
        await enter(page, "senders", "079 111 22 33", "My Bank")
        await dialogue_tab(page, "how")
        await choose(page, "channels", "bot", "owner")
        await save(page)
        await page.shows("+41791112233, My Bank", "tr[data-sid='bank']")
        await apply(page)
        found = await in_force(home, lambda config: "bank" in config["rule"] and "bot" in config["telegram"])
        assert found["rule"]["bank"]["senders"] == ["+41791112233", "My Bank"]
        assert sorted(found["rule"]["bank"]["channels"]) == ["bot", "owner"]
        assert found["telegram"]["bot"]["token"] == "set"
        await page.shows("not used yet", "tr[data-sid='bank']")
        assert TOKEN in Uci(home.root).text("homeline_secret")
        assert TOKEN not in Uci(home.root).text("homeline")
