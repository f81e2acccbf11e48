"""The pages in the languages that there are: found by LuCI's lookup, plural forms, and room for longer words."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from homeline_lab.pages import words
from homeline_lab.uci import Uci
from page.kit import WIDTHS, Page, paged

VIEWS = ("overview", "messages", "ussd", "calls", "forwarding", "lines", "settings", "log", "wizard")
READY = {"de": "Bereit", "es": "Listo", "hi": "तैयार", "ru": "Готов", "zh-cn": "就绪"}
COUNTED = {
    "de": ["1 Teil fehlt", "2 Teile fehlen", "5 Teile fehlen"],
    "es": ["falta 1 parte", "faltan 2 partes", "faltan 5 partes"],
    "hi": ["1 भाग अनुपस्थित है", "2 भाग अनुपस्थित हैं", "5 भाग अनुपस्थित हैं"],
    "ru": ["недостаёт 1 части", "недостаёт 2 частей", "недостаёт 5 частей"],
    "zh-cn": ["缺少 1 个分段", "缺少 2 个分段", "缺少 5 个分段"],
}


def speak(root: Path, language: str) -> None:
    """What System → System → Language sets."""
    uci = Uci(root)
    uci.set("luci", "main", "lang", language.replace("-", "_"))
    uci.commit("luci")


async def counted(page: Page, number: int) -> str:
    script = "return N_(arguments[0], '%d part is missing', '%d parts are missing').format(arguments[0])"
    return str(await page.js(script, number))


@pytest.mark.parametrize("language", READY)
async def test_the_pages_speak_it(tmp_path: Path, chromium: webdriver.Chrome, language: str) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        speak(home.root, language)
        await page.log_in()
        await page.shows(READY[language], "[data-key='dongle stick']")
        assert [await counted(page, number) for number in (1, 2, 5)] == COUNTED[language]
        assert await page.js("return document.documentElement.lang") == language


@pytest.mark.parametrize("language", ["de", "ru"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_long_words_have_room(tmp_path: Path, chromium: webdriver.Chrome, language: str, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        speak(home.root, language)
        await page.log_in()
        for view in VIEWS:
            await page.go(view)
            assert await page.wide() <= 0, view


async def test_english_needs_no_translations(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in()
        await page.shows("Ready", "[data-key='dongle stick']")
        assert [await counted(page, number) for number in (1, 2)] == ["1 part is missing", "2 parts are missing"]


@pytest.mark.parametrize(
    ("setting", "accepted", "language"),
    [
        ("auto", "", "en"),
        ("auto", "de-CH,de;q=0.9,en;q=0.8", "de"),
        ("auto", "fr, es;q=0.5", "es"),
        ("auto", "zh-CN", "zh-cn"),
        ("auto", "en-GB,de", "en"),
        ("auto", "\x00;;,,-", "en"),
        ("zh_cn", "de", "zh-cn"),
        ("fr", "de", "fr"),
    ],
)
def test_which_language(setting: str, accepted: str, language: str) -> None:
    assert words.chosen(setting, accepted) == language


def test_a_language_that_there_is_not() -> None:
    assert words.script("../../etc/passwd") == b"window.TR={};"
