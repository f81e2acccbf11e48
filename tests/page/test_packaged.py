"""The pages as the package brings them, without comments and blanks: the same pages."""

from __future__ import annotations

import sys
from pathlib import Path

from selenium import webdriver

from homeline_lab.packages import making
from page.kit import paged

sys.path.insert(0, str(making.RECIPES))
import names
import slim

LARGEST = 150_000  # octets of all that a router keeps for the pages


async def test_they_work_and_are_small(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    htdocs = tmp_path / "slim"
    slim.main(making.REPOSITORY / "htdocs", htdocs)
    sizes = {path.name: path.stat().st_size for path in htdocs.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= LARGEST, sizes
    async with paged(tmp_path, chromium, host={"htdocs": htdocs}) as (home, page):
        home.dongle.deliver("hello", "+41791112233")
        await home.events.wait("message.received")
        await page.log_in()
        await page.shows("Ready", "[data-key='dongle stick']")
        await page.go("messages")
        await page.click("[data-key='peer +41791112233'] button")
        await page.shows("hello", ".hl-thread")
        await page.go("forwarding")
        await page.shows("everything")
        for view in sorted((making.REPOSITORY / "htdocs/luci-static/resources/view/homeline").glob("*.js")):
            await page.go(view.stem)


async def test_no_name_that_becomes_short_is_one_of_the_browser(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """Such a name may mean the browser's in one place of a script, and the script's own in another."""
    found = set()
    for path in (making.REPOSITORY / "htdocs").rglob("*.js"):
        signs = [sign for kind, sign in slim.tokens(path.read_text()) if kind not in ("comment", "space")]
        found |= {old for old, _new in names.renamed(signs)}
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in()
        assert await page.js("return arguments[0].filter((name) => name in window)", sorted(found)) == []
