"""The assistant: from a fresh installation to the first forwarded message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from e2e.kit import Home
from homeline_lab.dongle import Dongle
from homeline_lab.house import OWNER
from homeline_lab.sim import Sim
from homeline_lab.telegram import TOKEN
from homeline_lab.uci import Uci
from page.kit import WIDTHS, Page, paged

FRESH = (Path(__file__).parents[2] / "files/etc/config/homeline").read_text()
SWITCHED_ON = "config homeline 'main'\n\toption enabled '1'\n\toption country 'CH'\n\nconfig dongle 'stick'\n"


async def choose(page: Page, selector: str, value: str) -> None:
    await page.find(selector)
    await page.js(
        """const select = document.querySelector(arguments[0]);
           select.value = arguments[1];
           select.dispatchEvent(new Event('change', { bubbles: true }));""",
        selector,
        value,
    )


async def enter(page: Page, option: str, value: str, key: str = Keys.TAB) -> None:
    await page.type(f"[data-name='{option}'] input:not([type=hidden]):not([aria-hidden])", value)
    await page.press(key)


async def applied(page: Page, selector: str = ".hl-next") -> None:
    """A button that applies, after which the page is loaded anew."""
    await page.js("window.before = true")
    await page.click(selector)
    await page.until("return !window.before", seconds=30)
    await page.loaded()


async def step(page: Page, words: str) -> None:
    await page.shows(words, "[aria-current=step]")


async def fill_in_mail(home: Home, page: Page) -> None:
    await choose(page, "select[aria-label=Channel]", "email")
    await enter(page, "to", OWNER, Keys.ENTER)
    await enter(page, "from", "homeline@router.lab")
    await enter(page, "host", "127.0.0.1")
    await enter(page, "port", str(home.mail.port))
    await choose(page, "[data-name='tls'] select", "none")


@pytest.mark.parametrize("width", WIDTHS)
async def test_from_nothing_to_a_forwarded_message(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width, start=False, sim=Sim(pin="1234")) as (home, page):
        home.router.configure(FRESH, "")
        await page.log_in()
        await page.shows("The service homeline is not running.")
        await page.click("#view a", "Set up Homeline")
        await page.loaded()
        await step(page, "Switch on")
        assert await page.wide() <= 0
        assert await page.audit() == []
        await page.click(".hl-next")  # without a country
        await page.find(".alert-message", "Country")
        await choose(page, "[data-name='country'] select", "CH")
        await applied(page)
        await home.run("locked")  # as procd does now
        await step(page, "Dongle and SIM")
        await page.shows("The SIM asks for its PIN.")
        assert await page.audit() == []
        await enter(page, "pin", "1234")
        await applied(page, ".hl-save")
        await page.shows("Ready")
        await page.shows("+41790000001")
        assert "1234" not in Uci(home.root).text("homeline")
        await page.click(".hl-next")
        await step(page, "Channel")
        await fill_in_mail(home, page)
        assert await page.audit() == []
        await applied(page)
        await step(page, "Test")
        await page.go("wizard")  # a step survives that the page is loaded again
        await step(page, "Test")
        await page.click(".hl-test")
        await home.mail.wait_for(1)
        await page.find(".modal .hl-results")
        await page.click(".modal button", "Close")
        await page.click(".hl-next")
        await step(page, "Calls")
        assert await page.audit() == []
        assert await page.wide() <= 0
        await page.click(".hl-next")
        await page.until("return location.pathname.endsWith('/overview')")
        await page.loaded()
        await page.shows("Ready")
        assert not await page.count("#view a[href$='wizard']")
        home.dongle.deliver("hello", "+41791112233")
        await home.mail.wait_for(2)


async def test_of_two_modems_one_is_chosen(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with (
        paged(tmp_path, chromium, start=False) as (home, page),
        Dongle("e1750", tmp_path, "ttyUSB8", usb_path="1-2"),
    ):
        home.router.configure(SWITCHED_ON, "")
        await home.run("")
        await page.log_in(page="wizard")
        await page.js("sessionStorage.setItem('homeline-wizard', '{\"step\":1}')")
        await page.go("wizard")
        await page.shows("Several modems are there")
        await page.shows("/dev/ttyUSB8")
        field = await page.find("[id='cbid.homeline.stick.usb_path']")
        await page.js("L.dom.callClassMethod(arguments[0], 'setValue', '1-1')", field)
        await applied(page, ".hl-save")
        await page.shows("Ready")
        assert "usb_path '1-1'" in Uci(home.root).text("homeline")


async def test_another_channel_takes_the_place_of_the_first(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, start=False) as (home, page):
        home.router.configure(SWITCHED_ON, "")
        await home.run()
        await page.log_in(page="wizard")
        await page.js("sessionStorage.setItem('homeline-wizard', '{\"step\":2}')")
        await page.go("wizard")
        await page.click(".hl-next")  # without a choice
        await page.find(".alert-message", "Choose a channel first.")
        await choose(page, "select[aria-label=Channel]", "telegram")
        await page.find("[data-name='token']")
        await page.click(".hl-next")  # with nothing filled in
        await page.find(".hl-error", "This is needed.")
        await enter(page, "chats", "12345", Keys.ENTER)
        await enter(page, "token", TOKEN)
        await applied(page)
        await step(page, "Test")
        assert TOKEN in Uci(home.root).text("homeline_secret")
        await page.click("#view button", "Back")
        await step(page, "Channel")
        await fill_in_mail(home, page)
        await applied(page)
        async with asyncio.timeout(10):
            while (found := (await home.call("get_config"))["config"])["telegram"]:
                await asyncio.sleep(0.05)
        assert [list(rule["channels"]) for rule in found["rule"].values()] == [["my_email"]]
        assert list(found["email"]) == ["my_email"]
        assert TOKEN not in Uci(home.root).text("homeline_secret")
        await page.click(".hl-test")
        await home.mail.wait_for(1)


async def test_a_trunk_can_be_added_at_the_end(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, start=False) as (home, page):
        home.router.configure(f"{SWITCHED_ON}\nconfig email 'owner'\n\tlist to '{OWNER}'\n", "")
        await page.log_in(page="wizard")
        await page.js('sessionStorage.setItem(\'homeline-wizard\', \'{"step":4,"channel":"owner"}\')')
        await page.go("wizard")
        await page.click(".hl-trunk")
        await page.find("[data-name='host']")
        assert await page.audit() == []
        await page.click("#view button", "Back")  # what was not saved is gone
        await step(page, "Test")
        await page.click(".hl-next")
        await page.click(".hl-trunk")
        await page.click(".hl-save")  # with nothing filled in
        await page.find(".hl-error", "This is needed.")
        await enter(page, "host", "home.pstn.twilio.com")
        await enter(page, "username", "home41")
        await enter(page, "password", "correct horse")
        await choose(page, "[data-name='type'] select", "twilio")
        await applied(page, ".hl-save")
        await page.shows("The trunk provider is set up.")
        (trunk,) = [section for section in Uci(home.root).sections("homeline") if section.type == "trunk"]
        assert trunk.name == "provider"
        assert trunk.options == {"type": "twilio", "host": "home.pstn.twilio.com", "username": "home41"}
        assert Uci(home.root).section("homeline", "sip").options == {"enabled": "1"}
        assert "correct horse" in Uci(home.root).text("homeline_secret")


async def test_what_stands_in_the_browser_is_not_trusted(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """Neither a step that cannot be yet, nor words that are none of ours."""
    async with paged(tmp_path, chromium, start=False) as (home, page):
        home.router.configure(FRESH, "")
        await page.log_in(page="wizard")
        for words in ('{"step":3,"channel":"owner"}', '{"step":"x"}', '{"step":-1}', "no JSON", "null", "[]"):
            await page.js("sessionStorage.setItem('homeline-wizard', arguments[0])", words)
            await page.go("wizard")
            await step(page, "Switch on")


async def test_who_only_looks_is_told_so(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await page.log_in("guest", "wizard")
        await page.shows("You may look at everything and change nothing.")
        assert not await page.count("#view button")
