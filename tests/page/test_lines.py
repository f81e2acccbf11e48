"""The page of lines: phones with their passwords, trunks, what may be called, and what Asterisk makes of it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from asterisk_kit import asterisk_programs
from e2e.calls_kit import PASSWORDS, calling, phone, uci
from homeline.service.phone_passwords import ALPHABET, LENGTH
from homeline_lab.pages.host import PageHost
from homeline_lab.uci import Uci
from hostile import HOSTILE
from page.house_state import replies
from page.kit import WIDTHS, Page, paged, stubbed
from page.test_forwarding import add, choose, dialogue_tab, edit, enter, fill, in_force, refused, rows_of, save, tab
from page.test_hostile import MARKUP, foreign

__all__ = ["asterisk_programs"]

DONGLE = {"driver": "chan_dongle", "imei": "354369047238739"}
PHONE = "config phone 'anna'\n\toption display 'Anna'\n\toption number '10'\n"
PASSWORD = "gLb7-tQz4-w9Xe"
PHONE_SECRET = f"config phone 'anna'\n\toption password '{PASSWORD}'\n"


async def open_page(page: Page, user: str = "root") -> None:
    await page.log_in(user, "lines")
    await page.find("#hl-new-line")
    assert await page.count("#hl-new-sip") == 0  # there is one of it


async def apply(page: Page) -> None:
    await page.js("window.before = true")
    await page.click(".cbi-page-actions .cbi-button-apply")
    await page.until("return !window.before", seconds=30)
    await page.until("return !!document.querySelector('#hl-new-line')")


# --- sections ---


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_phone_a_line_a_trunk_and_a_permission(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width, dongle_options=DONGLE, start=False) as (home, page):
        await home.run(state="")
        await open_page(page)
        await add(page, "phone", "anna")
        await enter(page, "number", "10")
        await enter(page, "password", PASSWORD)
        await save(page)
        await add(page, "trunk", "provider")
        await enter(page, "host", "sip.example.org")
        await enter(page, "username", "home41")
        await refused(page, "This is needed.")  # the password
        await enter(page, "password", "correct horse")
        await save(page)
        await add(page, "line", "home")
        await choose(page, "dongle", "stick")
        await enter(page, "ring", "anna")
        await page.click(".modal [data-name='voicemail'] input[type=checkbox]")
        await save(page)
        await add(page, "outbound", "swiss")
        await choose(page, "via", "home")
        await enter(page, "countries", "CH")
        await enter(page, "numbers", "112")
        await save(page)
        await page.shows("CH", "tr[data-sid='swiss']")
        assert await page.wide() <= 0
        await apply(page)
        found = await in_force(home, lambda config: "swiss" in config.get("outbound", {}))
        assert found["phone"]["anna"]["password"] == found["trunk"]["provider"]["password"] == "set"
        assert found["line"]["home"]["ring"] == ["anna"]
        assert found["outbound"]["swiss"]["numbers"] == ["112"]
        assert PASSWORD in Uci(home.root).text("homeline_secret")
        assert PASSWORD not in Uci(home.root).text("homeline")
        await page.shows("in force", "tr[data-sid='home']")


# One whole section of each type, by what is typed or chosen.
WHOLE: dict[str, dict[str, str | list[str]]] = {
    "trunk": {
        **{"type": "twilio", "mode": "byoc", "host": "home.sip.twilio.com", "username": "u", "password": "p w'\"<b>"},
        **{"caller_id": "+41441234567", "ring": ["anna"], "ring_timeout": "12", "max_calls": "3"},
        **{"inbound_username": "them", "inbound_password": "theirs", "allowed": ["192.0.2.0/24"], "trust_pai": "1"},
        **{"edges": ["frankfurt", "dublin"], "region": "ie1", "secure": "1", "transport": "tls", "port": "5071"},
        **{"realm": "sip.twilio.com", "from_user": "home", "from_domain": "example.org", "privacy": "1"},
        **{"dtmf": "info", "session_timers": "no", "qualify": "0", "expiry": "600"},
    },
    "line": {
        **{"dongle": "stick", "ring": ["anna", "whole_trunk/+41441234567"], "strategy": "turn", "ring_timeout": "9"},
        **{"voicemail": "1", "greeting": "hello", "longest_voicemail": "60", "withheld": "voicemail", "agc": "8000"},
    },
    "outbound": {
        **{"via": "whole_line", "countries": ["CH", "DE"], "prefixes": ["+4179"], "numbers": ["112"]},
        **{"daily_minutes": "7", "longest_call": "8", "concurrent": "2", "sources": ["whole_trunk"]},
    },
    "phone": {
        **{"display": "Büro", "number": "22", "password": PASSWORD, "outbound": ["whole_outbound"], "devices": "2"},
        **{"sms": "1", "sms_to": ["+41*"], "sms_rate": "5", "sms_dongle": "stick", "allow_from": ["192.168.7.0/24"]},
        **{"dtmf": "auto"},
    },
}  # fmt: skip
SIP: dict[str, str | list[str]] = {
    **{"transports": ["udp", "tls"], "external_address": "home.example.org", "local_networks": ["192.168.0.0/16"]},
    **{"certificate": "/etc/ssl/a.crt", "key": "/etc/ssl/a.key", "language": "de", "voicemail_quota": "20"},
    **{"voicemail_folder": "/mnt/sda1/homeline/voice", "voicemail_format": "gsm", "restart": "manual"},
    **{"bind": "192.168.1.1", "port": "5070", "tls_port": "5071", "rtp_start": "20000", "rtp_end": "20100"},
    **{"ami_port": "5039", "log_level": "warning", "accepted": ["pjsip.conf:6001"]},
}


def held(found: dict[str, Any], wanted: dict[str, str | list[str]], flags: set[str], secret: set[str]) -> None:
    for name, value in wanted.items():
        expected = "set" if name in secret else "True" if name in flags else str(value)
        assert str(found[name]) == expected, name


async def test_a_whole_section_of_each_type(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    options = {"dongle_options": DONGLE, "start": False, "extra": PHONE, "secret": PHONE_SECRET}
    async with paged(tmp_path, chromium, **options) as (home, page):
        await home.run(state="")
        await open_page(page)
        rows = await rows_of(page)
        for where, values in (("sip", SIP), ("twilio", {"account_sid": "AC" + "0a" * 16})):
            await edit(page, "sip", where)
            await fill(page, where, values)
            await save(page)
        for kind, values in WHOLE.items():
            await add(page, kind, f"whole_{kind}")
            await fill(page, kind, values)
            await save(page)
        await apply(page)
        found = await in_force(home, lambda config: "whole_phone" in config.get("phone", {}))
        for kind, values in {**WHOLE, "sip": SIP}.items():
            flags = {row["name"] for row in rows[kind] if row["widget"] == "flag"}
            secret = {row["name"] for row in rows[kind] if row.get("secret")}
            held(found["sip"] if kind == "sip" else found[kind][f"whole_{kind}"], values, flags, secret)
        assert found["twilio"]["account_sid"] == "AC" + "0a" * 16


async def test_the_order_of_codecs_counts(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, extra=PHONE, secret=PHONE_SECRET) as (home, page):
        await open_page(page)
        await edit(page, "phone", "anna")
        await dialogue_tab(page, "more")
        shown = await page.js(
            "return L.dom.callClassMethod(document.querySelector('.modal [data-name=codecs] .cbi-dynlist'), 'getValue')"
        )
        assert shown == ["opus", "g722", "alaw", "ulaw"]
        await page.js(
            """const list = document.querySelector('.modal [data-name=codecs] .cbi-dynlist');
               L.dom.callClassMethod(list, 'setValue', [ 'ulaw', 'g722' ])"""
        )
        await save(page)
        await apply(page)
        await in_force(home, lambda config: config["phone"]["anna"]["codecs"] == ["ulaw", "g722"])


async def test_values_that_the_service_judges(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        await add(page, "outbound", "out")
        await enter(page, "countries", "Switzerland")
        await page.shows("must be a country of ISO 3166", ".modal [data-name='countries']")
        await refused(page, "must be a country of ISO 3166")
        await page.shows("Permission: out", ".modal")


# --- passwords ---


async def make_password(page: Page, name: str) -> None:
    await tab(page, "phone")
    await page.click(f"tr[data-sid='{name}'] .hl-password")
    await page.shows("telephones that have it are cut off", ".modal")
    await page.click(".modal .cbi-button-action", "Make a password")
    await page.shows("The password is shown this once", ".modal", seconds=20)


async def fetched(url: str) -> tuple[str, str]:
    """Status line and body, as a telephone fetches them."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.decode().splitlines()[0], body.decode()


async def scanned(page: Page, folder: Path) -> str:
    """What a reader of QR codes sees on the screen."""
    if not shutil.which("zbarimg"):
        pytest.skip("zbarimg is not installed")
    code = await page.find(".hl-qr")
    picture = folder / "code.png"
    picture.write_bytes(await page.run(lambda: code.screenshot_as_png))
    process = await asyncio.create_subprocess_exec(
        *("zbarimg", "--quiet", "--raw", str(picture)), stdout=asyncio.subprocess.PIPE
    )
    read, _ = await process.communicate()
    return read.decode().strip()


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_password_is_shown_once_with_a_code(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    async with paged(tmp_path, chromium, width, extra=PHONE) as (home, page):
        await open_page(page)
        await make_password(page, "anna")
        words = await page.js(
            "return Array.from(document.querySelectorAll('.modal code')).map((node) => node.innerText)"
        )
        assert words[0] == "anna"
        assert len(words[1]) == LENGTH
        assert set(words[1]) <= set(ALPHABET)
        assert words[2] == "127.0.0.1"
        assert words[1] in Uci(home.root).text("homeline_secret")
        assert await page.wide() <= 0
        url = await scanned(page, tmp_path)
        assert url.startswith("http://127.0.0.1:")
        status, body = await fetched(url)
        assert status == "HTTP/1.1 200 OK"
        for part in (">anna<", f">{words[1]}<", "sip:127.0.0.1:5060;transport=udp"):
            assert part in body
        with pytest.raises(OSError):
            await fetched(url)
        await page.click(".modal button", "Close")
        assert words[1] not in await page.js("return document.querySelector('#view').innerHTML")


async def test_a_phone_gets_its_first_password(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """Its row and its fields say so without the page being loaded again."""
    async with paged(tmp_path, chromium, extra="config phone 'bert'\n") as (_, page):
        await open_page(page)
        await tab(page, "phone")
        await page.shows("password is not set", "tr[data-sid='bert']")
        assert "ubus" not in await page.js("return document.querySelector(\"tr[data-sid='bert']\").textContent")
        await make_password(page, "bert")
        assert "not set" not in await page.js("return document.querySelector(\"tr[data-sid='bert']\").textContent")
        await page.click(".modal button", "Close")
        await edit(page, "phone", "bert")
        await page.js(
            "document.querySelector(\".modal [data-name='password'] [placeholder='set; empty keeps it']\").focus()"
        )


async def test_a_phone_that_is_not_applied_has_no_password(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    extra = "config phone 'away'\n\toption where 'twilio'\n"
    async with paged(tmp_path, chromium, extra=extra) as (_, page):
        await open_page(page)
        await add(page, "phone", "anna")
        await save(page)
        await page.click("tr[data-sid='anna'] .hl-password")
        await page.click(".modal .cbi-button-action", "Make a password")
        await page.shows("Save and apply the phone first.", "#maincontent")
        await page.js("L.ui.hideModal()")
        assert await page.js("return document.querySelector(\"tr[data-sid='away'] .hl-password\").disabled")


async def test_codes_of_every_length(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium) as (_, page):
        await open_page(page)
        for length in (1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106):
            text = "".join(chr(33 + (7 * place + length) % 90) for place in range(length))
            await page.js(
                """return L.require('homeline.qr').then((qr) => {
                       document.querySelectorAll('.hl-qr').forEach((node) => node.remove());
                       document.querySelector('#view').prepend(qr.svg(arguments[0], 'code'));
                   })""",
                text,
            )
            assert await scanned(page, tmp_path) == text
        too_long = await page.js("return L.require('homeline.qr').then((qr) => qr.svg('x'.repeat(107), 'code'))")
        assert too_long is None


# --- Asterisk ---


@pytest.mark.usefixtures("asterisk_programs")
async def test_states_and_what_would_change(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with (
        calling(tmp_path, "phones", "line", "outbound", line=uci(ring=["desk"])) as home,
        PageHost(home.router) as host,
    ):
        page = Page(chromium, host)
        await page.prepare(1280)
        await open_page(page)
        cell = "tr[data-sid='desk'] [data-shows='state']"
        await page.shows("Not registered", cell)
        async with phone(home, "desk"):
            await page.shows("Registered", cell)
        before = (home.root / "etc/asterisk/homeline/pjsip.conf").read_text()
        await add(page, "phone", "attic")
        await enter(page, "number", "19")
        await enter(page, "password", PASSWORD)
        await save(page)
        await tab(page, "sip")
        await page.click(".hl-changes")
        await page.shows("pjsip.conf", ".modal", seconds=20)
        await page.shows("+[attic]", ".modal")
        shown = await page.js("return document.querySelector('.modal').innerText")
        assert PASSWORD not in shown
        assert not any(word in shown for word in PASSWORDS.values())
        assert (home.root / "etc/asterisk/homeline/pjsip.conf").read_text() == before
        await page.click(".modal button", "Close")
        assert await page.audit() == []
        assert await page.complaints() == []
        await page.run(chromium.get, "about:blank")


FOUND = {
    "where": "/etc/asterisk/pjsip.conf line 12 [6001]",
    "text": "anybody may call as 6001",
    "advice": "give it an auth section",
}


async def test_findings_are_accepted(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    told = replies()
    told["status"]["problems"] = [FOUND]
    async with stubbed(tmp_path, chromium, {**told, "get_config": {"config": {}, "problems": []}}) as page:
        await open_page(page)
        await tab(page, "sip")
        await page.shows("anybody may call as 6001", ".hl-findings")
        await page.click(".hl-findings button", "Accept")
        await page.shows("will be accepted", ".hl-findings")
        staged = "return L.require('uci').then((uci) => uci.changes()).then((changes) => JSON.stringify(changes))"
        assert "pjsip.conf:6001" in await page.js(staged)
        await page.click(".hl-findings button", "Do not accept")
        await page.gone("will be accepted", ".hl-findings")
        await page.until(f'{staged}.then((words) => words.endsWith(\'["remove","sip","accepted"]]}}\'))')


@pytest.mark.parametrize("words", [*MARKUP[:4], HOSTILE["html"]])
async def test_what_strangers_say_is_text(tmp_path: Path, chromium: webdriver.Chrome, words: str) -> None:
    told = replies(words)
    told["status"]["problems"] = [{**FOUND, "text": words, "advice": words}]
    difference = {"files": [{"name": words, "changed": True, "size": 1, "diff": f"a\nb\n+{words}\n-{words}"}]}
    config = {"config": {}, "problems": [{"where": "anna", "text": words}]}
    stubs = {**told, "get_config": config, "render_config": {**difference, "error": words, "problems": [FOUND]}}
    async with stubbed(tmp_path, chromium, stubs) as page:
        await open_page(page)
        await tab(page, "sip")
        await page.shows(words.split("\n")[0][:10], ".hl-findings")
        assert await foreign(page) == []
        await page.click(".hl-changes")
        await page.find(".modal .hl-diff")
        assert await foreign(page) == []


# --- who may what ---


async def test_who_may_only_read_sees_all_and_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, extra=PHONE, secret=PHONE_SECRET) as (_, page):
        await open_page(page, "guest")
        await tab(page, "phone")
        await page.shows("Anna", "tr[data-sid='anna']")
        for selector in (
            "#hl-new-line",
            "#hl-new-phone",
            "#hl-new-trunk",
            "#hl-new-outbound",
            ".hl-password",
            ".hl-changes",
        ):
            assert await page.js("return document.querySelector(arguments[0]).disabled", selector), selector
        await edit(page, "phone", "anna")
        assert await page.js("return document.querySelector('.modal .cbi-button-positive').disabled")
        assert await page.count(".modal .hl-clear") == 0


async def test_by_keys(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged(tmp_path, chromium, extra=PHONE) as (_, page):
        await open_page(page)
        await tab(page, "phone")
        await page.tab_to("tr[data-sid='anna'] .hl-password")
        await page.press(Keys.ENTER)
        await page.shows("A new password for anna?", ".modal")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everybody(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    async with paged(tmp_path, chromium, width, dark=dark, extra=PHONE) as (_, page):
        await open_page(page)
        for name in ("line", "phone", "trunk", "outbound", "sip"):
            await tab(page, name)
            assert await page.audit() == []
            assert await page.wide() <= 0
        await add(page, "trunk", "new")
        for name in ("main", "incoming", "more"):
            await dialogue_tab(page, name)
            assert await page.audit() == []
        await page.click(".modal button", "Dismiss")
        await make_password(page, "anna")
        assert await page.audit() == []
        assert len(await page.run(page.driver.find_elements, By.CSS_SELECTOR, ".modal summary")) == 3
