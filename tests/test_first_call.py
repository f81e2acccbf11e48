"""docs/first-call.md: its commands make a configuration that works, after those of the README."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from homeline import config
from homeline.config import Config
from homeline.core import asterisk_modules
from homeline.render import render
from homeline.telephony import Facts
from homeline_lab.uci import COMMANDS, Uci

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs/first-call.md"
PASSWORD = "gLb7-tQz4-w9Xe"


def section(page: Path, heading: str) -> str:
    """What stands below a heading."""
    _, found, rest = page.read_text().partition(f"\n{heading}\n")
    assert found
    return re.split(rf"^#{{1,{heading.count('#')}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


class Router:
    """A fresh installation's configuration, in which the lines of a page are typed."""

    def __init__(self, root: Path) -> None:
        self.uci = Uci(root)
        self.folder = root / "etc/config"
        self.folder.mkdir(parents=True)
        for name in config.FILES:
            shutil.copy(REPOSITORY / "files/etc/config" / name, self.folder / name)

    def types(self, text: str) -> None:
        for line in re.findall(r"^uci .*$", text, re.MULTILINE):
            command, *arguments = shlex.split(line, comments=True)[1:]
            COMMANDS[command][0](self.uci, arguments)

    def has_password(self) -> None:
        self.types(f"uci set homeline_secret.anna=phone\nuci set homeline_secret.anna.password={PASSWORD}\n")
        self.types("uci commit homeline_secret")

    @property
    def config(self) -> Config:
        return config.load(self.folder)


@pytest.fixture
def router(tmp_path: Path) -> Router:
    found = Router(tmp_path)
    found.types(section(REPOSITORY / "README.md", "### First steps"))
    found.types(section(PAGE, "## Ten lines"))
    return found


def test_until_the_phone_has_a_password_it_is_said_how_to_make_one(router: Router) -> None:
    first = router.config.problems[0]
    made = next(line for line in section(PAGE, "## Ten lines").splitlines() if line.startswith("ubus call"))
    assert first.where == "anna.password"
    assert {made.split()[3], "Password…"} <= set(re.findall(r"[^\s'()]+", first.text))
    assert {problem.where for problem in router.config.problems} == {"anna.password", "home.ring"}


def test_a_phone_a_line_and_numbers(router: Router) -> None:
    router.has_password()
    loaded = router.config
    assert loaded.problems == ()
    assert loaded.sip.enabled
    assert [(line.name, line.dongle, line.ring) for line in loaded.lines] == [("home", "stick", ("anna",))]
    assert [(item.via, item.countries, item.numbers) for item in loaded.outbounds] == [("home", ("CH",), ("112",))]
    assert "call" in loaded.rules[0].events


def test_the_packages_that_are_named_are_all_that_is_needed(router: Router) -> None:
    """And those of Asterisk's own modules are in OpenWrt's feeds."""
    router.has_password()
    rendered = render(router.config, Facts(ami_secret="0123456789abcdef0123456789abcdef"))
    needed = {asterisk_modules.package(module) for module in rendered.needed}
    recipe = (REPOSITORY / "package/homeline-asterisk/Makefile").read_text()
    brought = set(re.findall(r"\+(asterisk[a-z0-9-]*)", recipe))
    named = set(re.findall(r"\b(asterisk-[a-z0-9-]+)", PAGE.read_text()))
    assert needed <= brought | named
    table = REPOSITORY.parent / "shared/data/openwrt/asterisk-packages.json"
    if table.exists():
        for branch in json.loads(table.read_text()).values():
            assert named - {"asterisk-sounds", "asterisk-chan-dongle"} <= set(branch["packages"])


def test_a_phone_with_tls(router: Router) -> None:
    router.has_password()
    router.types(section(PAGE, "## Encryption"))
    loaded = router.config
    assert loaded.problems == ()
    assert loaded.phones[0].secure
    assert loaded.sip.transports == ("tls", "udp")
