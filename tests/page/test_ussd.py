"""USSD: a dialogue with the network, what is asked before it, and what strangers cannot do with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from e2e.kit import Home
from homeline_lab.network import UssdMenu
from page.kit import WIDTHS, Page, paged
from page.test_hostile import MARKUP, foreign

ANSWER = ".hl-thread .hl-in:last-child"
CODE = "#homeline-code"
BALANCE = """
config balance 'prepaid'
	option dongle 'stick'
	option code '*100#'
	option pattern 'Balance: ([0-9.]+)'
	option unit 'CHF'
	option limit '20'
"""


async def said(page: Page) -> list[str]:
    """All that was asked and answered, the oldest first."""
    return list(await page.js("return Array.from(document.querySelectorAll('.hl-text')).map((node) => node.innerText)"))


async def asked(home: Home) -> list[str]:
    """The codes that went to the network and were answered, the newest first."""
    return [each["code"] for each in (await home.call("list_ussd"))["ussd"]]


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_code_and_its_answer(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (_home, page):
        await page.log_in(page="ussd")
        await page.shows("Nothing was asked")
        assert await page.wide() <= 0
        await page.type(CODE, " *10 0# ")
        await page.press(Keys.ENTER)
        await page.shows("Balance: 12.50 CHF", ANSWER)
        assert await said(page) == ["*100#", "Balance: 12.50 CHF"]
        assert await page.js("return document.querySelector('#homeline-code').value") == ""
        await page.type(CODE, "*101#")
        await page.click(".hl-compose button", "Send")
        await page.shows("gültig bis 31.12.", ANSWER)
        await page.click(".hl-recent button", "*100#")
        await page.until("return document.querySelectorAll('.hl-text').length == 6")
        assert await page.js("return document.querySelectorAll('.hl-recent button').length") == 2
        assert await page.wide() <= 0


@pytest.mark.parametrize("width", WIDTHS)
async def test_menus_are_gone_through(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in(page="ussd")
        await page.type(CODE, "*123#")
        await page.press(Keys.ENTER)
        await page.shows("The network waits for an answer", ANSWER)
        await page.shows("Answer", ".hl-compose label")
        assert await page.count(".hl-recent button") == 0  # a code would be an answer to the menu
        await page.click(f"{ANSWER} button", "2 Data")
        await page.shows("1 Day", ANSWER)
        await page.go("overview")
        await page.go("ussd")  # the menu is still open
        await page.shows("1 Day", ANSWER)
        await page.type(CODE, "2")
        await page.press(Keys.ENTER)
        await page.shows("Month pass bought", ANSWER)
        await page.shows("Code", ".hl-compose label")
        await page.find(".hl-recent button", "*123#")
        assert await page.count(".hl-thread button") == 0
        assert await asked(home) == ["2", "2", "*123#"]


async def test_a_menu_is_ended(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="ussd")
        await page.type(CODE, "*123#")
        await page.press(Keys.ENTER)
        await page.click(".hl-compose button", "End the menu")
        await page.gone("The network waits for an answer")
        await page.gone("End the menu")
        assert (await home.call("list_ussd"))["open"] == []
        await page.type(CODE, "*123#")
        await page.press(Keys.ENTER)
        await page.shows("The network waits for an answer", ANSWER)
        assert (await home.call("list_ussd"))["open"] == ["stick"]
        await home.call("cancel_ussd")  # by somebody else
        await page.gone("The network waits for an answer")


async def test_what_takes_long_is_waited_for(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.dongle.network.ussd_delay = 16.0  # longer than a call may be held: it becomes a job
        await page.log_in(page="ussd")
        await page.type(CODE, "*100#")
        await page.press(Keys.ENTER)
        await page.shows("Waiting for the network", ANSWER)
        await page.type(CODE, "*101#")
        await page.press(Keys.ENTER)  # one after the other
        await page.shows("Balance: 12.50 CHF", ANSWER, seconds=30)
        assert await asked(home) == ["*100#"]
        assert await page.js("return document.querySelector('#homeline-code').value") == "*101#"


async def test_what_the_network_refuses_is_told(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="ussd")
        await page.type(CODE, "*999#")
        await page.press(Keys.ENTER)
        await page.until("return document.querySelector('.hl-thread [data-key=error], .hl-thread .hl-in .hl-text')")
        await page.type(CODE, "*100#")
        await page.press(Keys.ENTER)
        await page.shows("Balance: 12.50 CHF", ANSWER)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("**21*+41791112233#", "reaches +41791112233"),
        ("**61*0791112233**20#", "reaches 0791112233"),
        ("*67#", "diverts calls to the number that the network had before"),
        ("##002#", "ends a diversion"),
        ("#62#", "ends a diversion"),
        ("*33*0000#", "bars calls"),
        ("**03*330*1111*2222*2222#", "bars calls"),
        ("**04*1234*4321*4321#", "changes or unlocks a PIN"),
        ("**05*12345678*1234*1234#", "changes or unlocks a PIN"),
        ("**592*1#", "changes a service of the SIM"),
    ],
)
async def test_what_changes_something_is_asked_first(
    tmp_path: Path, chromium: webdriver.Chrome, code: str, words: str
) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.dongle.network.ussd[code] = "done"
        await page.log_in(page="ussd")
        await page.type(CODE, code)
        await page.press(Keys.ENTER)
        await page.shows(f"Send {code}?", ".modal")
        await page.shows(words, ".modal")
        await page.click(".modal button", "Cancel")
        assert await asked(home) == []
        await page.type(CODE, code)
        await page.press(Keys.ENTER)
        await page.click(".modal button", "Send")
        await page.shows("done", ANSWER)
        assert await asked(home) == [code]


async def test_what_only_asks_is_sent_at_once(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    codes = ["*#21#", "*#67#", "*#004**11#", "*211#", "*2100*1#"]
    async with paged(tmp_path, chromium) as (home, page):
        home.dongle.network.ussd |= dict.fromkeys(codes, "Not active")
        await page.log_in(page="ussd")
        for number, code in enumerate(codes):
            await page.type(CODE, code)
            await page.press(Keys.ENTER)
            await page.until("return document.querySelectorAll('.hl-in .hl-text').length == arguments[0]", number + 1)
        assert await asked(home) == codes[::-1]


async def test_balances_are_shown(tmp_path: Path, chromium: webdriver.Chrome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")  # the daemon's, too
    noon = (12 * 3600 - int(time.time())) % 86400
    async with paged(tmp_path, chromium, extra=BALANCE, quick=True, start=False) as (home, page):
        home.set_clock(noon - 3600)
        await home.run()
        await page.log_in(page="ussd")
        await page.shows("not read yet", "[data-key='balance prepaid']")
        home.set_clock(noon + 5)
        await home.call("status")
        await page.shows("12.50 CHF", "[data-key='balance prepaid']", seconds=40)
        await page.shows("Low", "[data-key='balance prepaid']")
        await page.shows("Balance: 12.50 CHF", ANSWER)


async def test_answers_of_strangers_are_text(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        texts = [f"1 {text}"[:150].replace('"', "'") for text in MARKUP]
        for number, text in enumerate(texts):
            home.dongle.network.ussd[f"*{700 + number}#"] = UssdMenu(text, {"1": text})
            await home.call("send_ussd", code=f"*{700 + number}#")
            if number + 1 < len(texts):
                await home.call("cancel_ussd")
        await page.log_in(page="ussd")
        await page.shows(texts[-1], ANSWER)
        assert await foreign(page) == []
        assert (await said(page))[1::2] == texts
        await page.click(f"{ANSWER} button", texts[-1][:20])
        await page.gone("The network waits for an answer")
        assert await foreign(page) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everyone(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    async with paged(tmp_path, chromium, width, dark=dark) as (_home, page):
        await page.log_in(page="ussd")
        await page.find(CODE)
        await page.tab_to(CODE)
        await page.press("*123#", Keys.ENTER)
        await page.shows("The network waits for an answer", ANSWER)
        assert await page.audit() == []
        await page.js("document.body.focus()")
        await page.tab_to("[data-key='choice 1 Balance']")
        await page.press(Keys.ENTER)
        await page.shows("12.50 CHF", ANSWER)
        await page.type(CODE, "##002#")
        await page.press(Keys.ENTER)
        await page.shows("ends a diversion", ".modal")
        assert await page.audit() == []


async def test_who_may_only_read_sends_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await home.call("send_ussd", code="*123#")
        await page.log_in("guest", "ussd")
        await page.shows("1 Balance", ".hl-thread")
        assert await page.count("#view button") == 0
        assert await page.count("#view input") == 0


async def test_a_service_that_is_away_is_told(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="ussd")
        await home.router.stop()
        await page.shows("The service homeline is not running.")
        await page.type(CODE, "*100#")
        await page.press(Keys.ENTER)
        await page.shows("The service homeline is not running.", ANSWER)
        await home.run()
        await page.gone("The service homeline is not running.", "[role=alert]")
