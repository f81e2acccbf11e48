"""What the tests of the pages share: a lab router with the real daemon, the page host, and Chromium before it.

With `LUCI=/path/to/a/luci/checkout` the same tests run on the real client library of LuCI.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from e2e.kit import Home, living
from homeline.adapters.bus import Method, Request
from homeline.adapters.store import Store
from homeline.errors import NotFound
from homeline.model import ReceivedPart
from homeline.paths import Paths
from homeline.protocol.blobmsg import Table, Type
from homeline.protocol.ubus_arguments import Param
from homeline_lab.pages.browser import chromium
from homeline_lab.pages.host import LOGINS, PageHost
from homeline_lab.router import Router

HERE = Path(__file__).parent
WIDTHS = (1280, 390)
WAIT = 30.0  # seconds until a page must show what is waited for: CI is busy
PATIENCE = 60  # seconds that a script or a page may take at most
STEP = 0.03
PEER_ADDRESS = "/cgi-bin/cgi-exec"  # LuCI's own ui.js asks for it before it applies, and does without
SIM, SINCE = "8941010000000000001", 1_700_000_000  # of a filled database: its SIM, and when its first message came
PLACE = "/cgi-bin/luci/admin/services/homeline"

# What a stub lets itself be asked.
ANYTHING = {
    name: Param(Type.UNSPEC)
    for name in (
        "dongle",
        "hours",
        "all",
        "before",
        "limit",
        "text",
        "direction",
        "peer",
        "unread",
        "details",
        "level",
        "id",
        "ids",
        "dry_run",
        "sections",
        "restart",
    )
}

T = TypeVar("T")


@contextmanager
def chromium_of(folder: Path) -> Iterator[webdriver.Chrome]:
    """One browser, for many tests; skips where there is none."""
    try:
        with chromium(folder) as driver:
            driver.set_script_timeout(PATIENCE)
            driver.set_page_load_timeout(PATIENCE)
            watch = (HERE / "watch.js").read_text()
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
            yield driver
    except NotFound as error:
        pytest.skip(str(error))


class Page:
    """Chromium before the host's pages. Everything waits in a thread, so that the router goes on meanwhile."""

    def __init__(self, driver: webdriver.Chrome, host: PageHost) -> None:
        self.driver, self.host = driver, host

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(work, *arguments)

    async def prepare(self, width: int, dark: bool = False) -> None:
        """A window of that width, and nothing left of who was here before."""
        height = 900 if width > 600 else 800
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        metrics |= {"screenWidth": width, "screenHeight": height}  # what LuCI's theme asks for its mobile.css
        scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
        for command, arguments in (
            ("Emulation.setDeviceMetricsOverride", metrics),
            ("Emulation.setEmulatedMedia", scheme),
            ("Network.clearBrowserCookies", {}),
        ):
            await self.run(self.driver.execute_cdp_cmd, command, arguments)
        await self.run(self.driver.get_log, "browser")

    async def log_in(self, user: str = "root", page: str = "overview") -> None:
        """Through the login page, as a person does, to one of our pages."""
        await self.run(self.driver.get, f"{self.host.url}{PLACE}/{page}")
        await self.type("[name=luci_username]", user)
        await self.type("[name=luci_password]", LOGINS[user].password)
        await self.run(self.driver.get_log, "browser")  # the page asked for itself comes with status 403 before that
        await self.click("form button")
        await self.loaded()

    async def go(self, page: str) -> None:
        """To another page, by its address."""
        await self.run(self.driver.get, f"{self.host.url}{PLACE}/{page}")
        await self.loaded()

    async def loaded(self) -> None:
        await self.until("return !!document.querySelector('#view > * .hl-page, #view > .hl-page')")

    async def js(self, script: str, *arguments: Any) -> Any:
        return await self.run(self.driver.execute_script, script, *arguments)

    async def until(self, script: str, *arguments: Any, seconds: float = WAIT) -> Any:
        """What a script returns, as soon as that is true for it."""

        def wait() -> Any:
            end = time.monotonic() + seconds
            found: Any = None
            while time.monotonic() < end:
                try:
                    if found := self.driver.execute_script(script, *arguments):
                        return found
                except (StaleElementReferenceException, WebDriverException) as error:
                    found = error
                time.sleep(STEP)
            shown = self.driver.execute_script("return document.body.innerText")
            raise AssertionError(f"not so within {seconds} s: {script} {arguments} ({found})\n{shown}")

        return await self.run(wait)

    async def find(self, selector: str, text: str = "") -> WebElement:
        """The first element that is to be seen, with these words in it."""
        return await self.until(
            """return Array.from(document.querySelectorAll(arguments[0])).find((node) =>
                node.checkVisibility() &&
                [node.innerText ?? node.textContent, node.getAttribute('aria-label') || '']
                    .some((each) => each.includes(arguments[1])))""",
            selector,
            text,
        )

    async def click(self, selector: str, text: str = "") -> None:
        """With the mouse, where a person could."""

        def press(node: WebElement) -> None:
            self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", node)
            node.click()

        for attempt in range(5):  # a page that changes itself may put another node there in between
            try:
                return await self.run(press, await self.find(selector, text))
            except StaleElementReferenceException:
                if attempt == 4:
                    raise
        return None

    async def type(self, selector: str, text: str, *, clear: bool = True) -> None:
        node = await self.find(selector)
        if clear:
            await self.run(node.clear)
        await self.run(node.send_keys, text)

    async def press(self, *keys: str) -> None:
        """Keys, to whatever has the focus."""
        node = await self.run(lambda: self.driver.switch_to.active_element)
        await self.run(node.send_keys, *keys)

    async def tab_to(self, selector: str) -> None:
        """By the keyboard alone: Tab until the element has the focus."""
        for _ in range(80):
            if await self.js("return !!document.activeElement.closest(arguments[0])", selector):
                return
            await self.press(Keys.TAB)
        raise AssertionError(f"Tab does not reach {selector}")

    async def text(self, selector: str = "#view") -> str:
        """What is to be read in an element."""
        return str(await self.js("return document.querySelector(arguments[0]).innerText", selector))

    async def shows(self, text: str, selector: str = "#view", seconds: float = WAIT) -> None:
        await self.until(
            """const node = document.querySelector(arguments[0]);
               return node && node.innerText.replace(/\\s+/g, ' ').includes(arguments[1])""",
            selector,
            text,
            seconds=seconds,
        )

    async def gone(self, text: str, selector: str = "#view") -> None:
        await self.until(
            "const node = document.querySelector(arguments[0]); return !node || !node.innerText.includes(arguments[1])",
            selector,
            text,
        )

    async def count(self, selector: str) -> int:
        return len(await self.run(self.driver.find_elements, By.CSS_SELECTOR, selector))

    async def audit(self) -> list[str]:
        """What makes the page hard to use without a mouse or with weak eyes."""
        return list(await self.js((HERE / "audit.js").read_text()))

    async def complaints(self) -> list[str]:
        """What went wrong in the browser since the last look: errors, dialogues, requests that failed."""
        own = await self.js("const found = window.complaints || []; window.complaints = []; return found")
        logged = await self.run(self.driver.get_log, "browser")
        outside = await self.js(
            """return performance.getEntriesByType('resource').map((each) => each.name).filter((name) =>
                !name.startsWith(location.origin + '/') && !name.startsWith('data:'))"""
        )
        severe = [entry["message"] for entry in logged if entry["level"] in ("SEVERE", "WARNING")]
        severe = [words for words in severe if PEER_ADDRESS not in words]
        return [*own, *severe, *(f"asked for {name}" for name in outside)]

    async def content(self) -> None:
        """Fails where something went wrong in the browser, and says what."""
        if found := await self.complaints():
            raise AssertionError("\n".join(found))

    async def wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(await self.js("return document.documentElement.scrollWidth - window.innerWidth"))


def filled(root: Path, messages: int, peers: int) -> None:
    """A database with so many messages, of so many senders in turn, before the daemon begins."""
    state = Paths(root).state
    state.mkdir(parents=True, mode=0o700)
    store = Store.open(state / "homeline.db")
    for first in range(0, messages, 1000):
        store.receive([_part(number, peers) for number in range(first, first + 1000)], SINCE + first, lambda _: ())
    store.close()


def _part(number: int, peers: int) -> ReceivedPart:
    peer, sent = f"+4179{number % peers:07d}", SINCE + number
    return ReceivedPart("stick", SIM, f"0011{number:08X}", peer, peer, sent_at=sent, text=f"message {number}")


@asynccontextmanager
async def paged(
    root: Path,
    driver: webdriver.Chrome,
    width: int = 1280,
    *,
    dark: bool = False,
    host: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Home, Page]]:
    """A house with its daemon, and a browser before its pages. Nothing may have gone wrong in there at the end.

    `host` are the host's options, `options` those of the house.
    """
    luci = os.environ.get("LUCI")
    given = {"luci": Path(luci) if luci else None, **(host or {})}
    async with living(root, **options) as home, PageHost(home.router, **given) as served:
        page = Page(driver, served)
        await page.prepare(width, dark)
        yield home, page
        await page.content()
        await page.run(driver.get, "about:blank")


@asynccontextmanager
async def stubbed(
    root: Path, driver: webdriver.Chrome, replies: Mapping[str, Table], width: int = 1280
) -> AsyncIterator[Page]:
    """A browser before the pages of a router whose object `homeline` gives these replies, hard to bring about else."""
    luci = os.environ.get("LUCI")

    def method(reply: Table) -> Method:
        async def answer(_request: Request) -> Table:
            return reply

        return Method(answer, ANYTHING)

    async with Router(root) as router, PageHost(router, luci=Path(luci) if luci else None) as host:
        router.bus.add_local("homeline", {name: method(reply) for name, reply in replies.items()})
        page = Page(driver, host)
        await page.prepare(width)
        yield page
        await page.content()
        await page.run(driver.get, "about:blank")
