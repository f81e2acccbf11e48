"""How long LuCI's page of messages takes from a reply with 50 messages to the frame that shows them, in Chromium."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from homeline.errors import NotFound
from homeline_lab.bench.measure import Figures
from homeline_lab.house import House
from homeline_lab.pages.browser import chromium
from homeline_lab.pages.host import LOGINS, PageHost

PLACE = "/cgi-bin/luci/admin/services/homeline/messages"
PAGE = 50
SLOWER = 6  # a cheap phone's processor beside this one, as Chromium's own tools take it

# Opens a conversation. Its reply is the last that came before its messages were in the document; they are on the screen
# when the frame after that was drawn.
OPEN = """
const [ place, count, done ] = arguments;
const shown = () => document.querySelectorAll('.hl-message').length;
const watch = new MutationObserver(() => {
    const there = performance.now();

    if (shown() != count)
        return;

    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
        const drawn = performance.now();
        const replies = performance.getEntriesByType('resource').filter((each) => each.name.includes('/ubus'));

        done(drawn - Math.max(...replies.map((each) => each.responseEnd).filter((end) => end && end <= there)));
    }));
});

performance.clearResourceTimings();
document.querySelectorAll('.hl-entry')[place].click();
watch.observe(document.querySelector('.hl-thread'), { childList: true, subtree: true });
"""


async def screen(house: House, folder: Path, rounds: int) -> Figures:
    """Medians in milliseconds, with the processor as it is and made slower; nothing where there is no Chromium."""
    async with PageHost(house.router) as host:
        try:
            return await asyncio.to_thread(_measured, host.url, folder, rounds)
        except NotFound:
            return {}


def _measured(url: str, folder: Path, rounds: int) -> Figures:
    with chromium(folder) as driver:
        driver.implicitly_wait(20)
        driver.get(url + PLACE)
        driver.find_element(By.NAME, "luci_password").send_keys(LOGINS["root"].password)
        driver.find_element(By.CSS_SELECTOR, "form button").click()
        driver.find_element(By.CSS_SELECTOR, "[data-key^='peer '] .hl-entry")
        own = _median(driver, rounds)
        driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        return {"screen_p50_ms": own, "screen_slow_p50_ms": _median(driver, rounds)}


def _median(driver: webdriver.Chrome, rounds: int) -> float:
    """Of the first conversations in turn; the list's first entry is all messages."""
    return statistics.median(float(driver.execute_async_script(OPEN, 1 + i % 20, PAGE)) for i in range(rounds))
