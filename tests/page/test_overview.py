"""The overview: what it shows of a router, how it keeps up, and what its buttons do."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from homeline_lab.sim import Sim
from page.house_state import replies
from page.kit import WIDTHS, paged, stubbed

CARD = "[data-key='dongle stick']"


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_dongle_is_shown_and_followed(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in()
        for words in ("Ready", "Lab Mobile", "3G", "dBm", "+41790000001", "huawei E1750", "of 20"):
            await page.shows(words, CARD)
        assert await page.wide() <= 0
        card = await page.find(CARD)
        home.dongle.unplug()
        await page.shows("Not plugged in", CARD)
        await page.shows("It was unplugged.", CARD)
        await page.shows("Plug the dongle in again", CARD)
        home.dongle.plug("ttyUSB1")
        await page.shows("Ready", CARD)
        assert await page.run(card.is_displayed)  # the same node all the time: nothing flickered


async def test_a_pin_is_asked_for_and_entered(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, start=False) as (home, page):
        home.dongle.insert_sim(Sim(pin="4711"))
        await home.run("locked")
        await page.log_in()
        await page.shows("SIM locked", CARD)
        await page.shows("3 tries are left", CARD)
        await page.click(f"{CARD} button", "Enter PIN…")
        await page.shows("3 tries are left", ".modal")
        await page.type("#homeline-pin", "12")
        await page.press(Keys.ENTER)
        await page.shows("A PIN has four to eight digits.", ".modal")
        await page.type("#homeline-pin", "1234")
        await page.press(Keys.ENTER)
        await page.shows("It was refused.", "#maincontent")
        await page.shows("2 tries are left", CARD)
        await page.type("#homeline-pin", "4711")
        await page.click(".modal button", "Enter")
        await page.until("return !document.body.classList.contains('modal-overlay-active')")
        await page.shows("Ready", CARD)


async def test_reset_is_asked_about_first(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in()
        await page.click(f"{CARD} button", "Reset…")
        await page.click(".modal button", "Cancel")
        await page.click(f"{CARD} button", "Reset…")
        await page.click(".modal button", "Reset")
        await home.events.wait("dongle.changed", lambda status: status["reason"] == "reset")
        await page.shows("Ready", CARD)


async def test_alerts_are_acknowledged_and_archives_released(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, 390, start=False) as (home, page):
        (old,) = home.dongle.network.encode("See you on Sunday", "+41795556677")
        home.dongle.store([old.hex()])
        await home.run()
        await page.log_in()
        notice = "[data-key^='alert ']"
        await page.shows("Old messages were found on the SIM in stick", notice)
        await page.click(f"{notice} button", "Acknowledge")
        await page.shows("acknowledged", notice)
        await page.click(f"{notice} button", "Take them into the inbox…")
        await page.click("#homeline-forward")
        await page.click(".modal button", "Take them into the inbox")
        await page.shows("1 message was taken into the inbox.", "#maincontent")
        await page.shows("1 unread message")
        assert (await home.mail.wait_for(1))[0].recipients == ("owner@home.lab",)


async def test_a_service_that_is_away_is_told_and_comes_back(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in()
        await page.shows("Ready", CARD)
        await home.router.stop()
        # a call that was under way when it stopped is given up after 20 s (LuCI's rpctimeout)
        await page.shows("The service homeline is not running.", seconds=35)
        await home.run()
        await page.shows("Ready", CARD)


async def test_problems_and_what_to_do_are_shown(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    extra = "\nconfig rule 'typo'\n\tlist events 'mesage'\n\tlist channels 'owner'\n"
    async with paged(tmp_path, chromium, extra=extra) as (_home, page):
        await page.log_in()
        await page.shows("typo.events", "[data-key^='problem ']")
        await page.shows("the section is left out until this is put right", "[data-key^='problem ']")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everyone(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    async with paged(tmp_path, chromium, width, dark=dark) as (home, page):
        await page.log_in()
        await page.shows("Ready", CARD)
        assert await page.audit() == []
        home.dongle.unplug()
        await page.shows("Not plugged in", CARD)
        assert await page.audit() == []


async def test_who_may_only_read_sees_all_and_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in("guest")
        await page.shows("Ready", CARD)
        assert await page.count("#view button") == 0


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_full_house(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with stubbed(tmp_path, chromium, replies(), width) as page:
        await page.log_in()
        for place, words in {
            "[data-key='dongle home']": ("Roaming", "Swisscom", "4G LTE", "-97 dBm, weak", "18 of 20"),
            "[data-key='dongle spare']": ("SIM locked", "1 try is left", "Enter PIN…"),
            "[data-key='dongle strange']": ("dreaming", "asleep"),
            "[data-key='asterisk']": ("Asterisk did not take the new configuration", "endpoint desk is missing"),
            "[data-key='row Trunk byoc']": ("Reachable", "sip:54.172.60.0:5061", "1 now"),
            "[data-key='row Phone desk']": ("Registered", "Linphone, 192.168.1.20:5060"),
            "[data-key='row owner']": ("Works", "Delivered 10 min ago"),
            "[data-key='row broker']": ("Not connected", "chat not found", "3", "2"),
            "[data-key='row Balance prepaid']": ("Low", "3.20 EUR", "1 day ago"),
            "[data-key='row Message alive']": ("Waits", "it is roaming"),
            "[data-key='tiles']": ("3 unread messages", "1 missed call", "2 messages on the voicemail"),
            "[data-key='off']": ("Homeline is switched off.",),
        }.items():
            for each in words:
                await page.shows(each, place)
        lines = await page.js("return document.querySelectorAll('[data-key=\"dongle home\"] .hl-line').length")
        assert lines == 2  # a gap in the signal's history is a gap in its plot
        assert await page.wide() <= 0
        assert await page.audit() == []
