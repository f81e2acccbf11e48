"""The pages of settings and of the log."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from homeline import config_types
from homeline_lab.uci import Uci
from page.kit import WIDTHS, Page, paged, stubbed
from page.test_hostile import MARKUP, foreign

GENERAL = "#cbi-homeline-main"
COUNTRIES = re.findall("..", config_types._COUNTRIES)


async def tab(page: Page, name: str) -> None:
    await page.click(f".cbi-tabmenu li[data-tab='{name}'] > a")


async def field(page: Page, place: str, option: str, value: str) -> None:
    """Type into a field, or choose in it."""
    await page.js(
        """const select = document.querySelector(`${arguments[0]} [data-name="${arguments[1]}"] select`);
           if (select) {
               select.value = arguments[2];
               select.dispatchEvent(new Event('change', { bubbles: true }));
           }""",
        place,
        option,
        value,
    )
    if not await page.count(f"{place} [data-name='{option}'] select"):
        await page.type(f"{place} [data-name='{option}'] input:not([type=hidden]):not([aria-hidden])", value)
        await page.press(Keys.TAB)


async def save_dialogue(page: Page) -> None:
    await page.js("window.shown = document.querySelector('#view .cbi-map').lastElementChild")
    await page.click(".modal .cbi-button-positive")
    await page.until("return !window.shown.isConnected && !document.body.classList.contains('modal-overlay-active')")


async def apply(page: Page) -> None:
    await page.js("window.before = true")
    await page.click(".cbi-page-actions .cbi-button-apply")
    await page.until("return !window.before", seconds=30)
    await page.loaded()


async def in_force(home: Any, check: Any) -> dict[str, Any]:
    """The configuration of the daemon, as soon as it is so."""
    async with asyncio.timeout(10):
        while True:
            found = (await home.call("get_config"))["config"]
            if check(found):
                return dict(found)
            await asyncio.sleep(0.05)


# --- the service ---


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_service_is_set_up(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in(page="settings")
        await page.find(f"{GENERAL} [data-name='country'] select")
        assert await page.wide() <= 0
        assert await page.audit() == []
        await field(page, GENERAL, "country", "DE")
        await field(page, GENERAL, "retention_days", "90")
        await field(page, GENERAL, "log_level", "debug")
        await page.click(f"{GENERAL} [data-name='log_text'] input[type=checkbox]")
        await apply(page)
        found = await in_force(home, lambda config: config["main"]["retention_days"] == 90)
        assert found["main"]["country"] == "DE"
        assert found["main"]["log_level"] == "debug"
        assert found["main"]["log_text"] is True
        assert found["main"]["enabled"] is True


async def test_mistakes_are_said_and_nothing_is_saved(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        before = Uci(home.root).text("homeline")
        await page.log_in(page="settings")
        await field(page, GENERAL, "database", "/tmp/homeline.db")
        await page.shows("Enter a file below /etc/homeline", f"{GENERAL} [data-name='database']")
        await field(page, GENERAL, "join_timeout", "5")
        await page.shows("Enter a number from 10 to 604800.", f"{GENERAL} [data-name='join_timeout']")
        await page.click(".cbi-page-actions .cbi-button-apply")
        await page.shows("Enter a number from 10 to 604800.", "#modal_overlay")
        assert Uci(home.root).text("homeline") == before
        for words in await page.complaints():  # LuCI rejects its own promise as well
            assert "Wait for parts" in words


async def test_the_countries_are_those_of_the_service(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await page.log_in(page="settings")
        await page.find(f"{GENERAL} [data-name='country'] select")
        shown = await page.js(
            """return Array.from(document.querySelectorAll(`${arguments[0]} [data-name='country'] option`))
                .map((option) => option.value)""",
            GENERAL,
        )
        assert sorted(shown) == ["", *sorted(COUNTRIES)]
        assert await page.js(
            "return document.querySelector(`${arguments[0]} [data-name='country'] select`).value == 'CH'", GENERAL
        )


# --- dongles ---


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_dongle_is_made_with_its_pin(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in(page="settings")
        await tab(page, "dongle")
        await page.shows("Ready", "tr[data-sid='stick']")
        await page.type("#hl-new-dongle", "spare")
        await page.click("[data-tab='dongle'] .cbi-button-add")
        await page.find(".modal .cbi-map")
        await field(page, ".modal", "imei", "123")
        await page.shows("Enter the 15 digits of the IMEI.", ".modal [data-name='imei']")
        await field(page, ".modal", "imei", "356938035643809")
        await field(page, ".modal", "number", "079 111 22 33")
        await field(page, ".modal", "pin", "4711")
        await save_dialogue(page)
        await page.shows("Not in force", "tr[data-sid='spare']")
        await apply(page)
        found = await in_force(home, lambda config: "spare" in config["dongle"])
        assert found["dongle"]["spare"]["imei"] == "356938035643809"
        assert found["dongle"]["spare"]["number"] == "+41791112233"
        assert found["dongle"]["spare"]["pin"] == "set"
        assert "4711" in Uci(home.root).text("homeline_secret")
        assert "4711" not in Uci(home.root).text("homeline")
        await tab(page, "dongle")
        await page.shows("Not plugged in", "tr[data-sid='spare']")
        await page.click("tr[data-sid='spare'] .cbi-button-remove")
        await page.until("return !document.querySelector(\"tr[data-sid='spare']\")")
        await apply(page)
        await in_force(home, lambda config: "spare" not in config["dongle"])
        assert "4711" not in Uci(home.root).text("homeline_secret")


async def test_only_a_pin_is_a_change_too(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """A section without any value has nothing that LuCI could list as changed."""
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="settings")
        await tab(page, "dongle")
        await page.click("tr[data-sid='stick'] .cbi-button-edit")
        await page.find(".modal .cbi-map")
        await field(page, ".modal", "pin", "4711")
        await save_dialogue(page)
        await apply(page)
        found = await in_force(home, lambda config: config["dongle"]["stick"].get("pin") == "set")
        assert found["dongle"]["stick"]["enabled"] is True


async def test_fields_offer_what_is_plugged_in(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        (port,) = (await home.call("list_ports"))["ports"]
        await page.log_in(page="settings")
        await tab(page, "dongle")
        await page.click("tr[data-sid='stick'] .cbi-button-edit")
        await page.find(".modal .cbi-map")
        offered = await page.js(
            """return Object.fromEntries([ 'imei', 'usb_path', 'port' ].map((name) => [ name,
                   Array.from(document.querySelectorAll(`.modal [data-name="${name}"] :is(option, li[data-value])`))
                       .map((each) => each.value || each.dataset.value).filter((value) => value && value != '-') ]))"""
        )
        assert port["usb_path"] in offered["usb_path"]
        assert port["port"] in offered["port"]
        assert (await home.status())["imei"] in offered["imei"]


async def test_asterisks_options_show_with_its_driver(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await page.log_in(page="settings")
        await tab(page, "dongle")
        await page.click("tr[data-sid='stick'] .cbi-button-edit")
        await page.find(".modal .cbi-map")
        await page.click(".modal li[data-tab='more'] > a")
        await page.find(".modal [data-name='baudrate']")
        await field(page, ".modal", "driver", "chan_dongle")
        await page.find(".modal [data-name='audio']")
        assert not await page.js("return document.querySelector(\".modal [data-name='baudrate']\").checkVisibility()")
        await page.click(".modal .cbi-button-positive")
        await page.find(".modal [data-name='imei'] .hl-error", "This is needed.")


async def test_who_only_looks_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await page.log_in("guest", "settings")
        await page.find(f"{GENERAL} [data-name='country'] select")
        inputs = f"Array.from(document.querySelectorAll('{GENERAL} :is(input:not([type=hidden]), select)'))"
        assert await page.js(f"return {inputs}.every((each) => each.disabled)")
        assert await page.js("return document.querySelector('#hl-new-dongle').disabled")
        await page.go("log")
        await page.find("#view tr")


async def test_without_the_service_it_can_be_set_up_all_the_same(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, start=False) as (home, page):
        await page.log_in(page="settings")
        await field(page, GENERAL, "retention_days", "7")
        await apply(page)
        assert "retention_days '7'" in Uci(home.root).text("homeline")
        await page.go("log")
        await page.shows("The service homeline is not running.")


@pytest.mark.parametrize("words", MARKUP[:4])
async def test_what_strangers_say_is_text(tmp_path: Path, chromium: webdriver.Chrome, words: str) -> None:
    dongle = {"name": "stick", "state": words, "reason": words, "manufacturer": words, "model": words, "imei": words}
    port = {"port": words, "usb_path": words, "manufacturer": words, "product": words, "holder": words}
    replies: dict[str, Any] = {
        "status": {"time": 1_795_000_000, "enabled": True, "dongles": [dongle], "problems": []},
        "list_ports": {"ports": [port]},
        "get_config": {"config": {}, "problems": [{"where": "stick", "text": words}]},
        "list_log": {"lines": [{"id": 1, "at": 1_795_000_000, "level": words, "text": words}], "more": False},
    }
    async with stubbed(tmp_path, chromium, replies) as page:
        page.host.router.configure("config homeline 'main'\n\nconfig dongle 'stick'\n")
        await page.log_in(page="settings")
        await tab(page, "dongle")
        await page.shows(" ".join(words.split()), "tr[data-sid='stick']")
        await page.click("tr[data-sid='stick'] .cbi-button-edit")
        await page.find(".modal .cbi-map")
        assert await foreign(page) == []
        await page.go("log")
        await page.shows(" ".join(words.split()))
        assert await foreign(page) == []


# --- the log ---


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_log_is_shown_as_it_grows(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        lines = (await home.call("list_log", limit=500))["lines"]
        await page.log_in(page="log")
        await page.shows(lines[0]["text"])
        assert await page.wide() <= 0
        assert await page.audit() == []
        newest = lines[0]["id"]
        home.dongle.deliver("hello", "+41791112233")
        await home.events.wait("message.received")
        await page.until("return +document.querySelector('#view tr').dataset.key > arguments[0]", newest)


async def test_levels_and_older_lines(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    lines = [
        {"id": number, "at": 1_795_000_000, "level": "info", "text": f"line {number}"} for number in range(300, 250, -1)
    ]
    async with stubbed(tmp_path, chromium, {"list_log": {"lines": lines, "more": True}}) as page:
        await page.log_in(page="log")
        await page.until("return document.querySelectorAll('#view tr').length == 50")
        await page.click("#view button", "Older")
    house = tmp_path / "house"
    house.mkdir()
    async with paged(house, chromium, level="debug") as (home, page):
        await page.log_in(page="log")
        await page.find("#view tr")
        await page.js(
            """const select = document.querySelector('#view select');
               select.value = 'error';
               select.dispatchEvent(new Event('change'));"""
        )
        loud = (await home.call("list_log", level="error", limit=50))["lines"]
        await page.until("return document.querySelectorAll('#view tr').length == arguments[0]", len(loud))
        if not loud:
            await page.shows("Nothing yet.")
