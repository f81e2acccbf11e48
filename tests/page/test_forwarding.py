"""The forwarding page: rules, channels with their secrets, and what is done regularly."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from homeline import config
from homeline.config_options import CHANNELS
from homeline.config_types import BOOLEAN, NAME, Option, SectionType
from homeline_lab.uci import Uci
from page.kit import WIDTHS, Page, paged

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnn"


async def open_page(page: Page, user: str = "root") -> None:
    await page.log_in(user, "forwarding")
    await page.find(".hl-why")


async def tab(page: Page, name: str) -> None:
    await page.click(f"#cbi-homeline > .cbi-tabmenu li[data-tab='{name}'] > a, .cbi-tabmenu li[data-tab='{name}'] > a")


async def dialogue_tab(page: Page, name: str) -> None:
    await page.click(f".modal li[data-tab='{name}'] > a")


async def add(page: Page, where: str, name: str, kind: str = "") -> None:
    """A new section, by its name."""
    await tab(page, where)
    if kind:
        await page.js(
            "const select = document.querySelector(arguments[0]); select.value = arguments[1]",
            f"[data-tab='{where}'] .hl-add select",
            kind,
        )
    await page.type(f"#hl-new-{where}", name)
    await page.click(f"[data-tab='{where}'] .cbi-button-add")
    await page.find(".modal .cbi-map")


async def edit(page: Page, where: str, name: str) -> None:
    await tab(page, where)
    await page.click(f"tr[data-sid='{name}'] .cbi-button-edit")
    await page.find(".modal .cbi-map")


async def enter(page: Page, option: str, *values: str) -> None:
    """Type into a field of the dialogue; each value of a list with Enter."""
    selector = f".modal [data-name='{option}'] input:not([type=hidden]):not([aria-hidden])"
    for value in values:
        await page.type(selector, value)
        await page.press(
            Keys.ENTER
            if await page.js("return !!arguments[0].closest('.cbi-dynlist')", await page.find(selector))
            else Keys.TAB
        )


async def choose(page: Page, option: str, *values: str) -> None:
    """Choose in a list, or in a list of several, of the stand-in or of LuCI's own library."""
    await page.js(
        """const field = document.querySelector(`.modal [data-name="${arguments[0]}"]`), wanted = arguments[1];
           const select = field.querySelector('select'), unfolded = field.querySelector('.cbi-dropdown > ul');
           if (select) {
               select.value = wanted[0];
               select.dispatchEvent(new Event('change', { bubbles: true }));
           }
           else if (unfolded)
               L.dom.callClassMethod(field.querySelector('.cbi-dropdown'), 'setValue', wanted);
           else
               field.querySelectorAll('input[type=checkbox]').forEach((box) => {
                   if (box.checked != wanted.includes(box.value)) box.click();
               });""",
        option,
        list(values),
    )


async def save(page: Page) -> None:
    """Save the dialogue, which is then gone."""
    await page.click(".modal .cbi-button-positive")
    await page.until("return !document.body.classList.contains('modal-overlay-active')")


async def refused(page: Page, words: str) -> None:
    """Save, and read at the field why not."""
    await page.click(".modal .cbi-button-positive")
    await page.shows(words, ".modal")


async def apply(page: Page) -> None:
    await page.js("window.before = true")
    await page.click(".cbi-page-actions .cbi-button-apply")
    await page.until("return !window.before", seconds=30)
    await page.find(".hl-why")


async def in_force(home: Any, check: Any) -> dict[str, Any]:
    """The configuration of the daemon, as soon as it is so."""
    async with asyncio.timeout(10):
        while True:
            found = (await home.call("get_config"))["config"]
            if check(found):
                return dict(found)
            await asyncio.sleep(0.05)


# --- the forms against the service's own tables ---

TYPES = ("rule", "email", *CHANNELS)
TABLES = {kind.name: kind for kind in config.sections() if kind.name in TYPES}
ASKED = ("e164", "regex", "template", "times")  # what the form asks the service about
VALUES = (
    *(
        "0",
        "1",
        "5",
        "20",
        "65535",
        "65536",
        "-1",
        "1.5",
        "007",
        "1e3",
        "yes",
        "x" * 64,
        "x" * 65,
        "x" * 1025,
        "\u0665",
    ),
    *(
        "example.org",
        "a-b.example",
        "-a.example",
        "127.0.0.1",
        "256.1.1.1",
        "1.2.3",
        "::1",
        "fe80::1%br-lan",
        "exa mple",
    ),
    *(
        "me@example.org",
        "me@",
        "me@localhost",
        "a@b@c",
        "M\u00fcller@example.org",
        "me@example.org\n",
        "<me@example.org>",
    ),
    *("/etc/ssl/ca.pem", "/etc/homeline/x/y.pem", "/etc/passwd", "/etc/homeline/../passwd", "/etc/ssl/", "/etc/ssl//x"),
    *(
        "/mnt/sda1/homeline/mail",
        "/mnt/a/b/homeline/mail",
        "/etc/ssl/a b",
        "/etc/homeline/a ",
        "run.sh",
        "../run.sh",
        ".x",
    ),
    *("08:30", "24:00", "8:30", "23:59", "home/line", "a/b/c/d", "a/b/c/d/e", "#", "a//b", "*100#", "100", "*", "*1a#"),
    *(
        "https://example.org",
        "http://[::1]:80/x?y=z",
        "ftp://example.org",
        "https://user@example.org/",
        "https://",
        "//x",
    ),
    *(
        "X-A: b",
        "X-A:",
        "X A: b",
        "X-A: b\r\nc: d",
        "123456:" + "A" * 30,
        "12:" + "A" * 30,
        "12345",
        "-100123",
        "@home",
        "@a",
    ),
    *(
        "5.50",
        "5,50",
        "-3",
        "5.",
        "text/plain",
        "text/plain; charset=utf-8",
        "text",
        "My Bank",
        "a\u00a0b",
        "a\u200db",
        " a",
    ),
    *(
        "tab\there",
        "\u202egnp.exe",
        "caf\u00e9",
        "\u4f60\u597d",
        "\U0001f600",
        "{text}",
        "{text",
        "(a+)+$",
        "(",
        "mon-fri",
        "",
    ),
)


async def rows_of(page: Page) -> dict[str, list[dict[str, Any]]]:
    """The forms' rows, by type of section."""
    found = await page.js(
        """return L.require('homeline.options').then((options) =>
            Object.fromEntries(options.types.map((type) => [ type, options.rows(type) ])))"""
    )
    return dict(found)


def default_of(kind: SectionType, option: Option) -> str:
    """The default as UCI would have it; empty where there is none."""
    fields = {field.name: field.default for field in dataclasses.fields(kind.build)}
    value = fields[option.attribute]
    if isinstance(value, tuple):
        return " ".join(value)
    return {True: "1", False: "0"}[value] if isinstance(value, bool) else str(value or "")


def shape_of(option: Option) -> tuple[str, Any]:
    """What kind of field an option wants: of numbers with their limits, of choices with the words."""
    if option.kind is BOOLEAN:
        return "flag", None
    if found := re.match(r"(-?[0-9]+) to ([0-9]+)", option.kind.words):
        return "number", (int(found[1]), int(found[2]))
    words = re.findall(r"`([^`]*)`", option.kind.words)
    if re.fullmatch(r"`[^`]*`(, `[^`]*`)*", option.kind.words):
        return "choice", words
    return ("section", None) if option.kind is NAME else ("text", None)


async def test_every_option_is_in_the_forms_and_no_other(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        forms = await rows_of(page)
    assert set(forms) == set(TABLES)
    for name, kind in TABLES.items():
        rows = {row["name"]: row for row in forms[name]}
        assert sorted(rows) == sorted(option.name for option in kind.options), name
        for option in kind.options:
            row, where = rows[option.name], f"{name}.{option.name}"
            widget, more = shape_of(option)
            assert row["title"], where
            assert row["widget"] == widget, where
            assert bool(row.get("many")) == option.many, where
            assert bool(row.get("secret")) == option.secret, where
            assert str(row.get("byDefault") or "") == default_of(kind, option), where
            if option.required:
                assert row["needed"] is True, where
            if widget == "number":
                assert (row["low"], row["high"]) == more, where
            if widget == "choice":
                assert sorted(value[0] for value in row["values"]) == sorted(more), where


async def test_values_are_judged_as_the_service_judges_them(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        verdicts = await page.js(
            """const values = arguments[0];
               const parts = [ L.require('homeline.options'), L.require('homeline.checks') ];
               return Promise.all(parts).then(([ options, checks ]) =>
                   Object.fromEntries(options.types.map((type) => [ type, Object.fromEntries(options.rows(type)
                       .filter((row) => [ 'text', 'number' ].includes(row.widget))
                       .map((row) => [ row.name, values.map((value) => checks.quick(row, value)) ])) ])))""",
            list(VALUES),
        )
        forms = await rows_of(page)
    for name, rows in verdicts.items():
        asked = [row["name"] for row in forms[name] if row.get("check") in ASKED]
        for option, found in rows.items():
            for value, words in zip(VALUES, found, strict=True):
                error = config.check(name, option, value) if value else ""
                if option in asked:
                    assert not words or error, f"{name}.{option}: {value!r} is refused: {words}"
                elif value:
                    assert bool(words) == bool(error), f"{name}.{option}: {value!r}: {words} / {error}"


# --- rules and channels ---


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_channel_and_a_rule_are_made(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width) as (home, page):
        await open_page(page)
        await page.shows("Messages, Alerts, Delivery reports", "tr[data-sid='everything']")
        assert await page.wide() <= 0
        await add(page, "channel", "bot", "telegram")
        await enter(page, "chats", "12345")
        await enter(page, "token", TOKEN)
        await save(page)
        await page.shows("12345", "tr[data-sid='bot']")
        await page.shows("not in force", "tr[data-sid='bot']")
        await add(page, "rule", "bank")
        await choose(page, "events", "message", "code")
        await enter(page, "senders", "079 111 22 33", "My Bank")
        await dialogue_tab(page, "how")
        await choose(page, "channels", "bot", "owner")
        await save(page)
        await page.shows("+41791112233, My Bank", "tr[data-sid='bank']")
        await apply(page)
        found = await in_force(home, lambda config: "bank" in config["rule"] and "bot" in config["telegram"])
        assert found["rule"]["bank"]["senders"] == ["+41791112233", "My Bank"]
        assert sorted(found["rule"]["bank"]["channels"]) == ["bot", "owner"]
        assert found["telegram"]["bot"]["token"] == "set"
        await page.shows("not used yet", "tr[data-sid='bank']")
        assert TOKEN in Uci(home.root).text("homeline_secret")
        assert TOKEN not in Uci(home.root).text("homeline")
