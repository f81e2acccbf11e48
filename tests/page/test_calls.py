"""The calls: the log, voicemail to hear and to keep, calling back, and calls that go on."""

from __future__ import annotations

import array
import base64
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from asterisk_kit import asterisk_programs
from e2e.calls_kit import CallHome, calling, phone, uci
from e2e.kit import Home
from homeline.adapters.store import Store
from homeline.model import Call, CallDirection, CallState
from homeline.paths import Paths
from homeline_lab.asterisk import Asterisk
from homeline_lab.pages.host import PageHost
from page.kit import WIDTHS, Page, paged
from page.test_hostile import MARKUP, foreign

__all__ = ["asterisk_programs"]

CAPTURES = Path(__file__).parents[1] / "captures/asterisk"
ANN, BOB = "+41791112233", "+41794445566"
GRANDMA = "+41791234567"
CALL = ".hl-call"
FILE = "voicemail-1795435125-5f3a09c1"


def a_call(state: str = "answered", peer: str = ANN, **more: Any) -> Call:
    """A call through the dongle, which came in unless it says otherwise."""
    began = more.pop("started_at", int(time.time()) - 60)
    given: dict[str, Any] = {"dongle": "stick", "line": "home", "peer_raw": peer, "ended_at": began + 42} | more
    direction = CallDirection(given.pop("direction", "in"))
    return Call(0, direction, CallState(state), "", peer=peer, started_at=began, **given)


def a_message(suffix: str = ".wav", **more: Any) -> Call:
    return a_call("voicemail", unread=True, recording=FILE + suffix, recording_seconds=2, recording_size=2465, **more)


def logged(root: Path, calls: Iterable[Call]) -> list[int]:
    """A database with these calls, the oldest first, before the daemon begins; their ids."""
    paths = Paths(root)
    paths.state.mkdir(parents=True, mode=0o700, exist_ok=True)
    store = Store.open(paths.state / "homeline.db")
    ids = []
    for number, call in enumerate(calls):
        call.uid = f"1800000000.{number}"
        event = store.add_call(call, call.ended_at, "", lambda _: ())
        assert event is not None
        ids.append(event.id)
    store.close()
    return ids


def recorded(root: Path, capture: str = "voicemail.WAV") -> Path:
    """A recording on flash."""
    folder = root / "etc/homeline/voicemail"
    folder.mkdir(parents=True)
    return shutil.copy(CAPTURES / capture, folder / (FILE + Path(capture).suffix.lower()))


async def shown(page: Page) -> list[str]:
    """Who called or was called, the newest first."""
    return list(await page.js("return Array.from(document.querySelectorAll('.hl-name')).map((node) => node.innerText)"))


async def until_shown(page: Page, count: int) -> list[str]:
    await page.until("return document.querySelectorAll('.hl-name').length == arguments[0]", count)
    return await shown(page)


async def choose(page: Page, selector: str, words: str) -> None:
    """An entry of a selection."""
    node = await page.find(selector)
    await page.run(lambda: Select(node).select_by_visible_text(words))


async def unseen(home: Home) -> tuple[int, int]:
    status = await home.call("status")
    return status["missed"], status["voicemail"]


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_log(tmp_path: Path, chromium: webdriver.Chrome, width: int) -> None:
    logged(
        tmp_path,
        [
            a_call("answered", peer_name="Ann", through="desk", answered_at=int(time.time()) - 30),
            a_call("missed", "", unread=True, cause=16),
            a_call("failed", BOB, direction="out", through="desk", reason="busy", cause=17),
            a_call("refused", "+390612345678", direction="out", through="desk", reason="no outbound section allows it"),
            a_call("answered", "12", direction="internal", through="desk", dongle="", line=""),
        ],
    )
    async with paged(tmp_path, chromium, width) as (_home, page):
        await page.log_in(page="calls")
        assert await until_shown(page, 5) == ["12", "+390612345678", BOB, "Withheld number", "Ann"]
        for number, words in enumerate(("Answered", "Not allowed", "Not answered", "Missed new", "Answered")):
            await page.shows(words, f"{CALL}[data-key='call {5 - number}']")
        assert await page.count(f"{CALL}.hl-unread") == 1
        assert await page.wide() <= 0
        await page.click("[data-key='call 4'] summary")
        await page.shows("no outbound section allows it", "[data-key='call 4'] details")
        await page.shows("0:12", "[data-key='call 1']")
        await page.shows("+41791112233", "[data-key='call 1']")
        assert await page.wide() <= 0
        await page.click("[data-key='call 3'] a", "Messages")
        await page.shows(BOB, ".hl-main h3")


async def test_filters(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    logged(
        tmp_path,
        [
            a_call("answered", ANN),
            a_call("missed", BOB, unread=True),
            a_call("missed", ANN),
            a_call("failed", BOB, direction="out"),
            a_call("answered", "11", direction="internal", dongle="", line=""),
        ],
    )
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        await until_shown(page, 5)
        await choose(page, "#view select[aria-label=Direction]", "made")
        assert await until_shown(page, 1) == [BOB]
        await choose(page, "#view select[aria-label=Direction]", "between phones")
        await page.until("return document.querySelector('.hl-name').innerText == '11'")
        await choose(page, "#view select[aria-label=Direction]", "in and out")
        await choose(page, "#view select[aria-label=State]", "Missed")
        assert await until_shown(page, 2) == [ANN, BOB]
        await page.type("#view input[type=search]", "079 444 55 66")
        assert await until_shown(page, 1) == [BOB]
        await choose(page, "#view select[aria-label=State]", "every state")
        assert await until_shown(page, 2) == [BOB, BOB]
        await page.type("#view input[type=search]", "+41790000000")
        await page.shows("Nothing was found.")
        await page.click(".hl-tile", "missed, not seen")
        assert await until_shown(page, 1) == [BOB]
        assert await page.js("return document.querySelector('#homeline-unread').checked")
        await page.click("#homeline-unread")
        assert await until_shown(page, 2) == [ANN, BOB]


async def test_pages_are_turned(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    ids = logged(tmp_path, [a_call(peer=f"+4179{number:07d}") for number in range(1000)])
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="calls")
        await until_shown(page, 30)
        await page.click(".hl-calls button", "Show older ones")
        assert await until_shown(page, 60) == [f"+4179{number:07d}" for number in range(999, 939, -1)]
        await home.call("delete_messages", ids=[ids[-1]])  # by somebody else
        await page.until("return document.querySelector('.hl-name').innerText == '+41790000998'")
        assert len(await shown(page)) in (59, 60)


async def test_what_was_missed_is_looked_at_and_deleted(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    ids = logged(tmp_path, [a_call("missed", unread=True) for _ in range(4)])
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="calls")
        await page.shows("4", ".hl-tile")
        await page.click(f"[data-key='call {ids[0]}'] summary")
        await page.click(f"[data-key='call {ids[0]}'] button", "Mark as read")
        await page.shows("3 missed", ".hl-tile")
        await page.click("#view button", "Choose")
        await page.click(f"[data-key='call {ids[1]}'] > input")
        await page.shows("1 chosen", ".hl-bar")
        await page.click(".hl-bar button", "Mark as read")
        await page.shows("2 missed", ".hl-tile")
        assert await unseen(home) == (2, 0)
        await page.click("#view button", "Choose")
        await page.click(".hl-bar button", "All that are shown")
        await page.shows("4 chosen", ".hl-bar")
        await page.click(f"[data-key='call {ids[3]}'] > input")
        await page.click(".hl-bar button", "Delete…")
        await page.shows("These 3 calls are deleted", ".modal")
        await page.click(".modal button", "Delete")
        await until_shown(page, 1)
        assert [call["id"] for call in (await home.call("list_calls"))["calls"]] == [ids[3]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("capture", ["voicemail.WAV", "voicemail.gsm"])
async def test_voicemail_is_played(tmp_path: Path, chromium: webdriver.Chrome, capture: str, width: int) -> None:
    recorded(tmp_path, capture)
    logged(tmp_path, [a_message(Path(capture).suffix.lower(), peer_name="Grandma")])
    async with paged(tmp_path, chromium, width) as (home, page):
        await page.log_in(page="calls")
        await page.shows("Voicemail new", CALL)
        await page.click(f"{CALL} button", "Play")
        await page.shows("Voicemail of Grandma", ".hl-player")
        length = "return document.querySelector('audio').duration"
        assert 1.4 < await page.until(length) < 1.6
        await page.until("return document.querySelector('audio').ended")
        await page.gone("new", CALL)
        assert await unseen(home) == (0, 0)
        assert await page.audit() == []
        assert await page.wide() <= 0
        await page.click(".hl-player button", "Close")
        assert await page.count("audio") == 0


async def test_voicemail_is_kept(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    file, folder = recorded(tmp_path), tmp_path / "downloads"
    logged(tmp_path, [a_message()])
    async with paged(tmp_path, chromium) as (_home, page):
        where = {"behavior": "allow", "downloadPath": str(folder)}
        await page.run(page.driver.execute_cdp_cmd, "Page.setDownloadBehavior", where)
        await page.log_in(page="calls")
        await page.click(f"{CALL} button", "Download")
        kept = folder / file.name
        end = time.monotonic() + 10
        while not kept.exists() and time.monotonic() < end:  # nothing tells of a file
            await page.run(time.sleep, 0.05)
        assert kept.read_bytes() == file.read_bytes()


async def test_a_recording_that_is_gone_or_elsewhere(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    logged(tmp_path, [a_message()])
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in(page="calls")
        await page.click(f"{CALL} button", "Play")
        await page.shows("The recording is not there any more.", "#maincontent")
        elsewhere = "\nconfig sip 'sip'\n\toption voicemail_folder '/mnt/usb/homeline/spoken'\n"
        home.events.heard.clear()
        home.router.configure(home.configuration(elsewhere))
        await home.events.wait("config.applied")
        await page.go("calls")
        await page.click(f"{CALL} button", "Play")
        await page.shows("Recordings in /mnt/usb/homeline/spoken cannot be read from here.", "#maincontent")
        assert await unseen(home) == (0, 1)
        for words in await page.run(page.driver.get_log, "browser"):  # the browser's own of 404 and 403
            assert "cgi-download" in words["message"]


async def test_files_beside_the_recordings_cannot_be_had(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    folder = recorded(tmp_path).parent
    (folder / "voicemail-x.txt").write_text("x")
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        asked = """const found = [];
            return L.require('fs').then((fs) => Promise.all(arguments[0].map((path) =>
                fs.read_direct(path, 'text').then(() => found.push(path), () => undefined)))).then(() => found)"""
        paths = ["/etc/homeline/homeline.db", "/etc/config/homeline_secret"]
        place = "/etc/homeline/voicemail"
        paths += [f"{place}/{FILE}.wav", f"{place}/voicemail-x.txt", f"{place}/../homeline.db", place]
        paths += [f"{place}/voicemail-/../../homeline.db", f"{place}/voicemail-1/../../../config/homeline_secret"]
        assert await page.js(asked, paths) == [f"{place}/{FILE}.wav"]
        await page.run(page.driver.get_log, "browser")  # the browser's own of 403 and 404


async def test_strangers_names_and_reasons_are_text(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    logged(
        tmp_path,
        [
            a_call("missed", text, peer_name=text, reason=text, through=text, line=text, dialled=text, dongle=text)
            for text in MARKUP
        ],
    )
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        assert await until_shown(page, len(MARKUP)) == list(MARKUP)[::-1]
        await page.js("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        assert await foreign(page) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
async def test_it_can_be_used_by_everyone(tmp_path: Path, chromium: webdriver.Chrome, width: int, dark: bool) -> None:
    ids = logged(tmp_path, [a_call("missed", unread=True), a_message(), a_call("refused", BOB, direction="out")])
    async with paged(tmp_path, chromium, width, dark=dark) as (_home, page):
        await page.log_in(page="calls")
        await until_shown(page, 3)
        assert await page.audit() == []
        await page.tab_to(f"[data-key='call {ids[0]}'] summary")
        await page.press(Keys.ENTER)
        await page.shows("Ended", f"[data-key='call {ids[0]}']")
        assert await page.audit() == []
        await page.tab_to(f"[data-key='call {ids[0]}'] [data-key=read]")
        await page.press(Keys.ENTER)
        await page.shows("0 missed", ".hl-tile")
        await page.click("#view button", "Choose")
        assert await page.audit() == []


async def test_who_may_only_read_changes_nothing(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    recorded(tmp_path)
    logged(tmp_path, [a_call("missed", unread=True), a_message()])
    async with paged(tmp_path, chromium) as (home, page):
        await page.log_in("guest", "calls")
        await page.click(f"{CALL} button", "Play")
        await page.shows("Voicemail of", ".hl-player")
        await page.js("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        words = await page.js("return Array.from(document.querySelectorAll('#view button')).map((b) => b.innerText)")
        assert {word for word in words if "missed" not in word and "voicemail" not in word} == {
            "Play", "Download", "Close",
        }  # fmt: skip
        assert await unseen(home) == (1, 1)


# -- with Asterisk ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def paged_calls(root: Path, driver: webdriver.Chrome) -> AsyncIterator[tuple[CallHome, Page]]:
    """A house with phones and Asterisk, and a browser before its pages."""
    async with (
        calling(root, "phones", "line", "outbound", line=uci(ring=["desk"])) as home,
        PageHost(home.router) as host,
    ):
        page = Page(driver, host)
        await page.prepare(1280)
        yield home, page
        assert await page.complaints() == []
        await page.run(driver.get, "about:blank")


@pytest.mark.usefixtures("asterisk_programs")
async def test_a_call_is_missed_called_back_and_hung_up(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged_calls(tmp_path, chromium) as (home, page), phone(home, "desk") as desk:
        await page.log_in(page="calls")
        await page.shows("No calls have come or gone yet.")
        call = await home.calls.gsm_call(GRANDMA, name="Grandma")
        await desk.incoming()
        await call.hang_up()
        await page.shows("Missed new", CALL)
        await page.click(f"{CALL} button", "Call…")
        await page.shows("This phone rings first.", ".modal")
        assert await page.js("return document.querySelector('#homeline-phone').value") == "desk"
        await page.press(Keys.ENTER)
        at_desk = await desk.incoming()
        await at_desk.answer()
        far = await home.calls.gsm_incoming()
        assert far.to == GRANDMA
        await far.answer()
        await page.until("return !document.body.classList.contains('modal-overlay-active')")
        await page.shows("speaking", ".hl-notices")
        await page.click(".hl-notices button", "Hang up")
        await at_desk.ended()
        await far.ended()
        await page.until("return !document.querySelector('.hl-notices li')")
        assert await until_shown(page, 2) == [GRANDMA, "Grandma"]


@pytest.mark.usefixtures("asterisk_programs")
async def test_calls_that_cannot_be_made_are_told(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    async with paged_calls(tmp_path, chromium) as (home, page), phone(home, "desk") as desk:
        await page.log_in(page="calls")
        await page.click("#view button", "Call a number…")
        await page.type("#homeline-number", "call me")
        await page.press(Keys.ENTER)
        await page.shows("This is no number that can be called.", "#maincontent")
        await page.type("#homeline-number", "044 111 22 33")
        await page.press(Keys.ENTER)
        await (await desk.incoming()).refuse(486)
        await page.shows("The phone cannot be reached or is busy", "#maincontent")
        await choose(page, "#homeline-phone", "mobile (not reachable)")
        await page.click(".modal button", "Call")
        await page.until("return document.querySelectorAll('.alert-message').length == 3")
        assert home.gsm == []


MODULES = "[modules]\nautoload=yes\n"
DECODE = """
return L.require('homeline.sound').then((sound) => {
    const octets = Uint8Array.from(atob(arguments[0]), (each) => each.charCodeAt(0));
    return Array.from(sound.decode(octets));
});
"""


@pytest.mark.usefixtures("asterisk_programs")
async def test_recordings_sound_as_asterisk_has_them(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """Raw GSM to the bit as Asterisk decodes it. In a WAV container, which Asterisk itself reads with mistakes in every
    other frame, to the bit as what Asterisk made it of."""
    dice = random.Random(4)
    frames = b"".join(bytes([0xD0 | dice.randrange(16)]) + dice.randbytes(32) for _ in range(200))
    raw = (CAPTURES / "voicemail.gsm").read_bytes()
    folder = tmp_path / "files"
    folder.mkdir()
    async with Asterisk(tmp_path / "asterisk", name="sounds", files={"modules.conf": MODULES}) as asterisk:
        for name, content in {"spoken": raw, "noise": frames}.items():
            (folder / f"{name}.gsm").write_bytes(content)
            for kind in ("sln", "WAV"):
                said = await asterisk.cli(f"file convert {folder / name}.gsm {folder / name}.{kind}")
                assert "Converted" in said, said
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        for name in ("spoken", "noise"):
            wanted = array.array("h", (folder / f"{name}.sln").read_bytes()).tolist()
            for kind in ("gsm", "WAV"):
                content = (folder / f"{name}.{kind}").read_bytes()
                found = await page.js(DECODE, base64.b64encode(content).decode())
                assert found == wanted[: len(found)]
                assert len(wanted) - len(found) < 320  # an odd frame has no room in a WAV container


async def test_what_is_no_recording_is_silence_or_noise(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    dice = random.Random(5)
    header = (CAPTURES / "voicemail.WAV").read_bytes()[:60]
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        for content in (b"", b"RIFF", header[:30], header, header + b"\xff" * 64, b"RIFF" + b"\xff" * 5000, b"x" * 32):
            found = await page.js(DECODE, base64.b64encode(content).decode())
            assert len(found) <= 160 * (len(content) // 32)
        found = await page.js(DECODE, base64.b64encode(header + dice.randbytes(6500)).decode())
        assert len(found) == 200 * 160


PLAYABLE = """
return L.require('homeline.sound').then((sound) => {
    const octets = Uint8Array.from(atob(arguments[0]), (each) => each.charCodeAt(0));
    return sound.playable(new Blob([ octets ])).then((made) => [ made.type, made.size ]);
});
"""


async def test_what_twilio_recorded_is_played_as_it_is(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    gsm = (CAPTURES / "voicemail.gsm").read_bytes()
    async with paged(tmp_path, chromium) as (_home, page):
        await page.log_in(page="calls")
        for content in (b"\xff\xfb\x90\x00" + b"sound" * 100, b"ID3\x04\x00" + b"sound" * 100):
            assert await page.js(PLAYABLE, base64.b64encode(content).decode()) == ["audio/mpeg", len(content)]
        for content in (gsm, (CAPTURES / "voicemail.WAV").read_bytes(), b"", b"\xff"):
            assert (await page.js(PLAYABLE, base64.b64encode(content).decode()))[0] == "audio/wav"
