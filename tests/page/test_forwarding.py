"""The forwarding page: rules, channels with their secrets, and what is done regularly."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from homeline import config
from homeline.config_options import CALLS, CHANNELS
from homeline.config_types import BOOLEAN, DRIVER_OPTION, NAME, Option, SectionType
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


async def pick(page: Page, selector: str, value: str) -> None:
    """Choose in a list of ours."""
    await page.js(
        """const select = document.querySelector(arguments[0]);
           select.value = arguments[1];
           select.dispatchEvent(new Event('change'))""",
        selector,
        value,
    )


async def add(page: Page, where: str, name: str, kind: str = "") -> None:
    """A new section, by its name."""
    await tab(page, where)
    if kind:
        await pick(page, f"[data-tab='{where}'] .hl-add select", kind)
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
    """Save the dialogue, which is then gone, and the lists below it are made anew."""
    await page.js("window.shown = document.querySelector('#view .cbi-map').lastElementChild")
    await page.click(".modal .cbi-button-positive")
    await page.until("return !window.shown.isConnected && !document.body.classList.contains('modal-overlay-active')")


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

TYPES = ("homeline", "dongle", "rule", "email", *CHANNELS, *CALLS)
TABLES = {kind.name: kind for kind in config.sections() if kind.name in TYPES}
ASKED = (
    "e164",
    "regex",
    "template",
    "times",
    "country",
    "value",
)  # what the form asks the service about, or lets be chosen
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
        "correct horse",
        "\u00fcber",
        "x" * 128,
        "x" * 129,
        "{text}",
        "{text",
        "(a+)+$",
        "(",
        "mon-fri",
        "",
    ),
    *(
        "356938035643809",
        "3569380356438",
        "35693803564380x",
        "1-1",
        "1-1.2.3",
        "1-",
        "1-1.",
        "1-1.1.1.1.1.1.1.1",
        "a-1",
    ),
    *("1234", "123", "12345678", "123456789", "12a4", "CH", "ch", "XX", "CHE"),
    *("/dev/ttyUSB2", "/dev/", "/dev/../etc/passwd", "/dev//tty", "dev/tty", "/dev/serial/by-id/x", "/dev/a b "),
    *("/etc/homeline/homeline.db", "/mnt/sda1/homeline/x.db", "/tmp/homeline.db", "/etc/homeline/", "/mnt/homeline/x"),
    *("rxgain=-3", "rxgain=", "RX=1", "a=b c", "a=b=c", "a_b=./:+=,-", "=1"),
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


UNSHOWN = {("homeline", "version")}  # what only the packages' upgrades write


def shape_of(option: Option) -> tuple[str, Any]:
    """What kind of field an option wants: of numbers with their limits, of choices with the words."""
    if option.kind is BOOLEAN:
        return "flag", None
    if option.kind is DRIVER_OPTION:
        return "text", None
    if found := re.match(r"(-?[0-9]+) to ([0-9]+)(?! digits)", option.kind.words):
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
        options = [option for option in kind.options if (name, option.name) not in UNSHOWN]
        assert sorted(rows) == sorted(option.name for option in options), name
        for option in options:
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
        await page.shows("Not in force", "tr[data-sid='bot']")
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
        await page.shows("Not used yet", "tr[data-sid='bank']")
        assert TOKEN in Uci(home.root).text("homeline_secret")
        assert TOKEN not in Uci(home.root).text("homeline")


async def test_mistakes_are_said_where_they_are_made(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        await page.type("#hl-new-rule", "everything")
        await page.shows("There is a section of this name already.", "[data-tab='rule'] .hl-add")
        await page.type("#hl-new-rule", "a b")
        await page.shows("A name has letters, digits and _", "[data-tab='rule'] .hl-add")
        await add(page, "rule", "bank")
        await enter(page, "patterns", "code (?=x)")
        await page.shows("cannot be used", ".modal [data-name='patterns']")
        await dialogue_tab(page, "when")
        await enter(page, "times", "mon-fry 08:00-18:00")
        await page.shows("has a day that is none of mon", ".modal [data-name='times']")
        times = await page.find(".modal [data-name='times'] .cbi-dynlist")
        await page.js("L.dom.callClassMethod(arguments[0], 'setValue', [])", times)
        await dialogue_tab(page, "how")
        await page.type(".modal [data-name='template'] textarea", "{text}\nfrom {nobody}")
        await page.press(Keys.TAB)
        await page.shows("nobody", ".modal [data-name='template'] .hl-error")
        await page.type(".modal [data-name='template'] textarea", "{text}")
        await choose(page, "channels", "owner")
        await page.click(".modal .cbi-button-positive")
        await page.find(".modal [data-name='patterns'] .hl-error", "cannot be used")  # on the tab that is shown then
        await page.shows("Rule: bank", ".modal")
        await page.click(".modal button", "Dismiss")
        await page.until("return !document.querySelector(\"tr[data-sid='bank']\")")
        await add(page, "channel", "other", "sms")
        await enter(page, "to", "12")
        await page.shows("This is no telephone number", ".modal [data-name='to']")
        await page.click(".modal .cbi-button-positive")
        await page.shows("SMS to other phones: other", ".modal")


async def test_what_is_needed_depends_on_the_rest(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await open_page(page)
        await add(page, "channel", "hook", "webhook")
        await refused(page, "This is needed.")
        await choose(page, "preset", "pushover")
        await enter(page, "target", "user-key")
        await refused(page, "This is needed.")
        await enter(page, "token", "app-token")
        await save(page)
        await page.shows("Pushover, user-key", "tr[data-sid='hook']")
        await apply(page)
        found = await in_force(home, lambda config: "hook" in config["webhook"])
        assert found["webhook"]["hook"]["token"] == "set"


# One whole section of each type, by what is typed or chosen: every option that goes together.
WHOLE: dict[str, dict[str, str | list[str]]] = {
    "mailbox": {
        **{"address": "me@example.org", "senders": ["me@example.org", "you@example.org"], "host": "127.0.0.1"},
        **{"user": "me", "password": "p w'\"<b>", "folder": "Home", "every": "7", "rate": "9", "dongle": "stick"},
    },
    "email": {
        **{"to": ["me@example.org"], "from": "a@example.org", "host": "127.0.0.1", "tls": "none", "port": "2525"},
        **{
            "user": "u",
            "password": "secret",
            "replies": "whole_mailbox",
            "timeout": "30",
            "ca_file": "/etc/ssl/ca.pem",
        },
    },
    "mqtt": {
        **{
            "host": "127.0.0.1",
            "port": "9",
            "user": "u",
            "password": "secret",
            "prefix": "house/line",
            "client_id": "r1",
        },
        **{"commands": ["send", "ussd"], "sms_to": ["+41*"], "sms_rate": "3", "ussd_codes": ["*100#"]},
        **{"keepalive": "30", "timeout": "9"},
    },
    "webhook": {
        **{"preset": "template", "url": "https://127.0.0.1:9/x", "body": "{text|json}\nand \\ so", "token": "t"},
        **{"content_type": "application/json", "method": "PUT", "headers": ["X-A: b"], "secret_headers": ["X-B: c"]},
        **{"signing_key": "key", "timeout": "9"},
    },
    "telegram": {"token": TOKEN, "chats": ["12345", "@channel"], "replies": "1", "rate": "5", "timeout": "9"},
    "sms": {"to": ["+41791112233"], "dongle": "stick", "daily": "7", "max_parts": "2"},
    "command": {"program": "tell.sh", "timeout": "9"},
    "schedule": {"action": "ussd", "dongle": "stick", "code": "*100#", "every": "40", "at": "04:30"},
    "balance": {
        **{
            "dongle": "stick",
            "code": "*100#",
            "pattern": "([0-9]+) CHF",
            "limit": "5.50",
            "unit": "CHF",
            "every": "30",
        },
        "at": "04:30",
    },
    "auto_reply": {
        **{"text": "I am away.\nCall {who}", "senders": ["+41*"], "not_senders": ["My Bank"], "patterns": ["hello"]},
        **{"not_patterns": ["bye"], "times": ["mon-fri 08:00-18:00"], "hours": "2", "daily": "3", "dongles": ["stick"]},
    },
}


async def fill(page: Page, kind: str, values: dict[str, str | list[str]]) -> None:
    """Each value at its field, on whichever tab it is."""
    rows = {row["name"]: row for row in (await rows_of(page))[kind]}
    tabs = await page.count(".modal .cbi-tabmenu li")
    for name, value in values.items():
        row = rows[name]
        if tabs:
            await dialogue_tab(page, row.get("tab", "main"))
        listed = [value] if isinstance(value, str) else value
        if row["widget"] in ("choice", "section"):
            await choose(page, name, *listed)
        elif row["widget"] == "flag":
            await page.click(f".modal [data-name='{name}'] input[type=checkbox]")
        elif row.get("lines"):
            await page.type(f".modal [data-name='{name}'] textarea", str(value))
        else:
            await enter(page, name, *listed)


async def test_a_whole_section_of_each_type(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await open_page(page)
        for kind, values in WHOLE.items():
            where = kind if kind in ("mailbox", "schedule", "balance", "auto_reply") else "channel"
            await add(page, where, f"whole_{kind}", kind if where == "channel" else "")
            await fill(page, kind, values)
            await save(page)
        await apply(page)
        found = await in_force(home, lambda config: "whole_auto_reply" in config["auto_reply"])
        rows = {kind: {row["name"]: row["widget"] for row in each} for kind, each in (await rows_of(page)).items()}
        for kind, values in WHOLE.items():
            got = found[kind][f"whole_{kind}"]
            for name, value in values.items():
                wanted: Any = value.replace("\n", "\\n") if isinstance(value, str) else value
                option = TABLES[kind].option(name)
                if option and option.secret:
                    wanted = "set"
                assert str(got[name]) == {"flag": "True"}.get(rows[kind][name], str(wanted)), f"{kind}.{name}"
        text = Uci(home.root).text("homeline_secret")
        for value in ("p w'\\''\"<b>", "X-B: c", TOKEN):
            assert value in text


async def test_secrets_are_written_and_never_read(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    bot = "config telegram 'bot'\n\tlist chats '12345'\n"
    secret = f"config telegram 'bot'\n\toption token '{TOKEN}'\n"
    async with paged(tmp_path, chromium, extra=bot, secret=secret) as (home, page):
        await open_page(page)
        await edit(page, "channel", "bot")
        field = await page.find(".modal [data-name='token'] input:not([aria-hidden])")
        assert await page.js("return [arguments[0].value, arguments[0].placeholder]", field) == [
            "",
            "set; empty keeps it",
        ]
        await save(page)
        assert Uci(home.root).changes("homeline") == []
        replaced = TOKEN.replace("A", "Z")
        await edit(page, "channel", "bot")
        await enter(page, "token", replaced)
        await save(page)
        await page.find("[data-indicator='uci-changes']")  # LuCI sees that there is something to apply
        assert replaced not in await page.js("return document.documentElement.outerHTML + document.body.innerText")
        await apply(page)
        assert replaced in Uci(home.root).text("homeline_secret")
        await in_force(home, lambda config: config["telegram"].get("bot", {}).get("token") == "set")
        await page.go("forwarding")  # the page may have asked between the two files
        await edit(page, "channel", "bot")
        await page.click(".modal .hl-clear")
        await refused(page, "This is needed.")
        await enter(page, "token", TOKEN)
        await save(page)
        await apply(page)
        assert TOKEN in Uci(home.root).text("homeline_secret")


async def test_a_secret_that_is_not_needed_can_be_deleted(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    secret = "config email 'owner'\n\toption password 'secret'\n"
    async with paged(tmp_path, chromium, secret=secret) as (home, page):
        await open_page(page)
        await edit(page, "channel", "owner")
        await page.click(".modal .hl-clear", "Delete this secret")
        await page.click(".modal .hl-clear", "Keep it after all")
        await page.click(".modal .hl-clear", "Delete this secret")
        await save(page)
        await apply(page)
        await in_force(home, lambda config: config["email"]["owner"]["password"] == "not set")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another page"])
async def test_what_is_reverted_takes_its_secrets_along(
    tmp_path: Path, chromium: webdriver.Chrome, elsewhere: bool
) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await open_page(page)
        await edit(page, "channel", "owner")
        await enter(page, "password", "secret")
        await save(page)
        if elsewhere:
            await page.go("overview")
        await page.js("window.before = true")
        await page.click("[data-indicator='uci-changes']")
        await page.click(".modal .cbi-button-reset")
        await page.until("return !window.before", seconds=30)
        await page.go("forwarding")
        await page.find(".hl-why")
        await edit(page, "channel", "owner")
        await dialogue_tab(page, "more")
        await enter(page, "timeout", "33")
        await save(page)
        await apply(page)
        found = await in_force(home, lambda config: config["email"]["owner"]["timeout"] == 33)
        assert found["email"]["owner"]["password"] == "not set"
        assert "secret" not in Uci(home.root).text("homeline_secret").replace("homeline_secret", "")


async def test_a_channel_goes_with_its_secrets_and_out_of_rules(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    extra = (
        "config command 'tell'\n\toption program 'tell.sh'\n"
        "config rule 'both'\n\tlist channels 'owner'\n\tlist channels 'tell'\n"
    )
    secret = "config email 'owner'\n\toption password 'secret'\n"
    async with paged(tmp_path, chromium, extra=extra, secret=secret) as (home, page):
        await open_page(page)
        await tab(page, "channel")
        await page.click("tr[data-sid='owner'] .cbi-button-remove")
        await page.shows("These rules use it: everything, both.", ".modal")
        await page.click(".modal .cbi-button-negative")
        await page.until("return !document.querySelector(\"tr[data-sid='owner']\")")
        await apply(page)
        found = await in_force(home, lambda config: "owner" not in config["email"])
        assert found["rule"]["both"]["channels"] == ["tell"]
        left = Uci(home.root).section("homeline", "everything").options
        assert left == {"events": ["message", "alert", "report"], "enabled": "0"}
        assert Uci(home.root).sections("homeline_secret") == []
        assert (await home.call("get_config"))["problems"] == []


async def test_what_waits_for_a_channel_that_is_gone_is_given_up(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        home.mail.replies["RCPT"] = "450 later"
        home.dongle.deliver("hello", "+41791112233")
        await home.events.wait("message.received")
        await open_page(page)
        await tab(page, "channel")
        await page.click("tr[data-sid='owner'] .cbi-button-remove")
        await page.click(".modal button", "Delete")
        await page.until("return !document.querySelector(\"tr[data-sid='owner']\")")
        await apply(page)
        await in_force(home, lambda config: "owner" not in config["email"])
        await page.go("overview")
        await page.shows("Not there", "[data-key='row owner']")
        await page.go("forwarding")
        await tab(page, "channel")
        await page.shows("1 delivery waits for owner, which is not in force.")
        await page.click("[data-channel='owner'] button")
        await page.click(".modal button", "Give up")
        await page.until("return !document.querySelector('[data-channel]')")
        assert (await home.call("list_deliveries", state="failed"))["deliveries"][0]["error"] == "Dropped by the owner."


async def test_rules_are_moved_by_keys(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    extra = "config rule 'second'\n\tlist channels 'owner'\n"
    async with paged(tmp_path, chromium, extra=extra) as (home, page):
        await open_page(page)
        await page.tab_to("[data-handle='second']")
        await page.press(Keys.ARROW_UP)
        await page.until("return document.querySelector('[data-tab=rule] tr[data-sid]').dataset.sid == 'second'")
        await page.until("return document.activeElement.dataset.handle == 'second'")
        await apply(page)
        await in_force(home, lambda config: list(config["rule"]) == ["second", "everything"])


async def test_a_rule_is_tested(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    extra = "config command 'tell'\n\toption program 'nothing.sh'\nconfig rule 'other'\n\tlist channels 'tell'\n"
    async with paged(tmp_path, chromium, extra=extra) as (home, page):
        await open_page(page)
        await page.click("tr[data-sid='everything'] .hl-test")
        await page.shows("✔ owner: took the test message", ".modal")
        assert len(home.mail.mails) == 1
        await page.click(".modal button", "Close")
        await page.click("tr[data-sid='other'] .hl-test")
        await page.shows("✘ tell:", ".modal")
        await page.shows("nothing.sh", ".modal")


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_is_explained_what_rules_do(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    extra = "config rule 'bank'\n\tlist senders 'My Bank'\n\tlist channels 'owner'\n\toption enabled '0'\n"
    async with paged(tmp_path, chromium, width, extra=extra) as (home, page):
        home.dongle.deliver("<img src=x onerror=alert(1)> hello", "+41791112233")
        await home.events.wait("message.received")
        await open_page(page)
        await page.click(".hl-why")
        await page.click(".modal .cbi-button-action", "Explain")
        await page.shows("everything → owner:", ".modal")
        await page.shows("✔ everything forwards it to owner", ".modal")
        await page.shows("✘ bank does nothing with it", ".modal")
        await page.shows("✘ Senders: ", ".modal")
        assert await page.wide() <= 0
        await page.click(".modal [data-rule='everything'] summary")
        await page.shows("<img src=x onerror=alert(1)> hello", ".modal [data-rule='everything']")
        await pick(page, "#hl-explain-which", "")
        await page.type("#hl-explain-from", "My Bank")
        await page.type("#hl-explain-text", "Your code is 482913")
        await page.click(".modal .cbi-button-action", "Explain")
        await page.shows("✔ Senders: ", ".modal [data-rule='bank']")
        await pick(page, "#hl-explain-kind", "call")
        await page.click(".modal .cbi-button-action", "Explain")
        await page.shows("✘ everything does nothing with it", ".modal")


async def test_the_preview_follows_what_is_typed(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        await add(page, "rule", "new")
        await dialogue_tab(page, "how")
        await page.shows("Your code is 482913", ".modal .hl-sample")
        await page.type(".modal [data-name='template'] textarea", "<b>{from}</b>\nsays {code}")
        await page.shows("<b>+41791112233</b> says 482913", ".modal .hl-sample")
        await choose(page, "codes", "redact")
        await page.gone("482913", ".modal .hl-sample")
        await page.type(".modal [data-name='template'] textarea", "{")
        await page.shows("column", ".modal .hl-answer")
        await page.click(".modal .hl-preview summary")
        await page.shows("{severity}", ".modal .hl-fields")


async def test_who_may_only_read_sees_all_and_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    secret = "config email 'owner'\n\toption password 'secret'\n"
    async with paged(tmp_path, chromium, secret=secret) as (_, page):
        await open_page(page, "guest")
        await page.shows("owner", "tr[data-sid='everything']")
        for selector in ("#hl-new-rule", ".hl-test", "tr[data-sid='everything'] .cbi-button-remove", "#hl-new-channel"):
            assert await page.js("return document.querySelector(arguments[0]).disabled", selector), selector
        await edit(page, "channel", "owner")
        assert await page.js("return document.querySelector('.modal .cbi-button-positive').disabled")
        fields = "Array.from(document.querySelectorAll('.modal input:not([type=hidden]), .modal select'))"
        assert await page.js(f"return {fields}.every((each) => each.disabled || each.ariaHidden)")
        assert await page.count(".modal .hl-clear") == 0
        await page.click(".modal button", "Dismiss")
        await tab(page, "rule")
        await page.click(".hl-why")
        await page.shows("Explain", ".modal")


async def test_without_the_service_the_page_still_configures(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (home, page):
        await open_page(page)
        await home.router.stop()
        await page.go("forwarding")
        await page.shows("Not in force", "tr[data-sid='everything']")
        await add(page, "rule", "new")
        await enter(page, "senders", "079 111 22 33")
        await dialogue_tab(page, "how")
        await choose(page, "channels", "owner")
        await save(page)
        await page.shows("079 111 22 33", "tr[data-sid='new']")
        await page.click(".hl-why")
        await page.shows("The service homeline is not running.", "#maincontent")


@pytest.mark.skipif("LUCI" in os.environ, reason="LuCI's own widgets are not ours to judge")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everybody(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    async with paged(tmp_path, chromium, width, dark=dark) as (_, page):
        await open_page(page)
        assert await page.audit() == []
        await edit(page, "rule", "everything")
        for name in ("what", "when", "how"):
            await dialogue_tab(page, name)
            assert await page.audit() == []
        await page.click(".modal button", "Dismiss")
        await edit(page, "channel", "owner")
        assert await page.audit() == []
        assert await page.wide() <= 0
