"""`homeline-lab screenshots FOLDER`: a picture of each page of LuCI, of a house with something to show.

Clock, zone, texts and numbers are always the same, so that a picture changes where a page did. With
`LUCI=/path/to/a/luci/checkout` the pages are on LuCI's own library and theme.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from homeline.errors import HomelineError
from homeline_lab.pages import sample_data
from homeline_lab.pages.browser import chromium
from homeline_lab.pages.host import LOGINS, SHIPPED, PageHost
from homeline_lab.pages.png import reduced
from homeline_lab.pages.sample import SampleHouse, sample_house
from homeline_lab.pages.sample_daemon import ZONE

PLACE = "/cgi-bin/luci/admin/services/homeline"
MENU = SHIPPED / "root/usr/share/luci/menu.d/luci-app-homeline.json"
WIDE, NARROW = 1280, 390
TALLEST = {WIDE: 1500, NARROW: 1000}  # pixels: what is longer is cut
LEAST = 560
WAIT, STEP = 15.0, 0.05  # seconds
STILL = "*, ::before, ::after { animation: none !important; transition: none !important }"
CLOCK = """
    const Real = Date, ahead = %d;
    window.Date = class extends Real {
        constructor(...given) { given.length ? super(...given) : super(Real.now() + ahead) }
        static now() { return Real.now() + ahead }
    };
"""  # milliseconds

SEEN = """
return Array.from(document.querySelectorAll('#view, #modal_overlay'))
    .some((node) => node.innerText.includes(arguments[0]));
"""

# Nothing moves or has the focus, the lab's folder and addresses are those of a house, and seconds are always the same.
DRESS = """
const [ still, root, done ] = arguments, texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);

document.head.append(Object.assign(document.createElement('style'), { textContent: still }));
document.activeElement.blur();

while (texts.nextNode()) {
    const node = texts.currentNode;

    node.data = node.data.replaceAll(root, '').replaceAll('127.0.0.1', 'ntfy.example.org')
        .replace(/127\\.1\\d\\d\\.\\d+\\.\\d+/g, '192.168.1.23')
        .replace(/(:[0-5]\\d):[0-5]\\d\\b/, '$1:07').replace(/ \\d+s$/, ' 12s');
}

requestAnimationFrame(() => requestAnimationFrame(done));
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its file's name, the page, what must be seen on it, what is clicked before (selectors), its size."""

    name: str
    page: str
    sees: str = ""
    clicks: tuple[str, ...] = ()
    width: int = WIDE
    height: int = LEAST  # where the page needs no more


SHOTS = (
    Shot("overview", "overview", "Balance"),
    Shot("overview-phone", "overview", "Balance", width=NARROW, height=844),
    Shot("messages", f"messages#peer={sample_data.LENA.replace('+', '%2B')}", "She says yes", height=840),
    Shot(
        "messages-phone",
        f"messages#peer={sample_data.LENA.replace('+', '%2B')}",
        "She says yes",
        width=NARROW,
        height=844,
    ),
    Shot("rules", "forwarding", "everything"),
    Shot(
        "rule",
        "forwarding",
        "+41791112233, ",
        ("tr[data-sid='family'] .cbi-button-edit", ".modal li[data-tab='how'] > a"),
        height=800,
    ),
    Shot("channels", "forwarding", "503", ("li[data-tab='channel'] > a",)),
    Shot("lines", "lines", "Phones", ("li[data-tab='phone'] > a",)),
    Shot("settings", "settings", "Country", height=640),
    Shot("wizard", "wizard", "Country"),
)
NEVER_THE_SAME = {"log"}


def further() -> list[Shot]:
    """The pages of the menu that have no picture above: as they open."""
    prefix = "admin/services/homeline/"
    pages = [place.removeprefix(prefix) for place in json.loads(MENU.read_text()) if place.startswith(prefix)]
    shown = {shot.page.partition("#")[0] for shot in SHOTS}
    return [Shot(page, page, height=640) for page in pages if page not in shown | NEVER_THE_SAME]


class Camera:
    """A browser before a host's pages. All of it waits, so it is for a thread of its own."""

    def __init__(self, driver: webdriver.Chrome, url: str, house: SampleHouse) -> None:
        self.driver, self._url, self._root = driver, url, house.root
        self._command("Emulation.setTimezoneOverride", timezoneId=ZONE)
        self._command("Emulation.setLocaleOverride", locale="en_GB")
        self._command("Page.addScriptToEvaluateOnNewDocument", source=CLOCK % (house.ahead * 1000))

    def log_in(self) -> None:
        self.driver.get(f"{self._url}{PLACE}/overview")
        for name, value in (("luci_username", "root"), ("luci_password", LOGINS["root"].password)):
            field = self.driver.find_element(By.NAME, name)
            field.clear()
            field.send_keys(value)
        self.driver.find_element(By.CSS_SELECTOR, "form button").click()
        self._until("return !!document.querySelector('#view .hl-page')")

    def take(self, shot: Shot) -> bytes:
        """A PNG. Raises HomelineError where the page does not become what it should."""
        self._size(shot.width, shot.height)
        self.driver.get("about:blank")  # else an address that differs in its end only is not loaded anew
        self.driver.get(f"{self._url}{PLACE}/{shot.page}")
        self._until("return !!document.querySelector('#view .hl-page')")
        for selector in shot.clicks:
            self._until(
                "const node = document.querySelector(arguments[0]); node && node.click(); return !!node", selector
            )
        self._until(SEEN, shot.sees)
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        self._size(shot.width, min(height, TALLEST[shot.width]))
        self._command("Page.bringToFront")
        self.driver.execute_async_script(DRESS, STILL, str(self._root))
        return base64.b64decode(self._command("Page.captureScreenshot", format="png")["data"])

    def _size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "screenWidth": width, "screenHeight": height}
        self._command("Emulation.setDeviceMetricsOverride", **metrics, deviceScaleFactor=1, mobile=False)

    def _command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)

    def _until(self, script: str, *arguments: str) -> None:
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                if self.driver.execute_script(script, *arguments):
                    return
            except WebDriverException:
                pass  # the page is being made anew
            time.sleep(STEP)
        raise HomelineError(f"{self.driver.current_url}: not so within {WAIT:.0f} s: {script} {arguments}")


def take_all(house: SampleHouse, url: str, profile: Path, folder: Path, names: Sequence[str]) -> None:
    """Each picture, or those of these names, into `folder`."""
    with chromium(profile, "--font-render-hinting=none", "--hide-scrollbars") as driver:
        camera = Camera(driver, url, house)
        camera.log_in()
        for shot in (*SHOTS, *further()):
            if names and shot.name not in names:
                continue
            picture = reduced(driver, camera.take(shot))
            target = folder / f"luci-{shot.name}.png"
            target.write_bytes(picture)
            print(f"{target}  {len(picture) / 1000:.0f} kB")


async def visit(folder: Path, names: Sequence[str]) -> None:
    """A house of its own for it, which is gone at the end."""
    luci = os.environ.get("LUCI")
    with tempfile.TemporaryDirectory(prefix="homeline-pictures-") as root:
        async with (
            sample_house(Path(root)) as house,
            PageHost(house.router, luci=Path(luci) if luci else None) as pages,
        ):
            await asyncio.to_thread(take_all, house, pages.url, Path(root) / "chromium", folder, names)


def main(arguments: Sequence[str]) -> int:
    """0; 1 where there is no browser, or a page does not become what it should."""
    parser = argparse.ArgumentParser(prog="homeline-lab screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="only these pictures, such as overview")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(visit(given.folder, given.names))
    except HomelineError as error:
        print(f"screenshots: {error}")
        return 1
    return 0
