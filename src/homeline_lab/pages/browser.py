"""Debian's Chromium without a window, driven by selenium: for the tests of the pages and for their pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver

from homeline.errors import NotFound

PROGRAMS = ("chromium", "chromedriver")
PATIENCE = 20  # seconds that a page or a script may take
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # it may run as root, and the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--lang=en-GB",
    # a page may ask for any name of the outside: none is looked up
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def chromium(folder: Path, *arguments: str) -> Iterator[webdriver.Chrome]:
    """A browser with its profile in `folder`. Raises NotFound where there is none."""
    programs = [shutil.which(name) for name in PROGRAMS]
    if not all(programs):
        raise NotFound(f"{' and '.join(PROGRAMS)} are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for argument in (*ARGUMENTS, *arguments, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    try:
        driver.set_script_timeout(PATIENCE)
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()
