"""Dependencies that are true: what the installed modules import is what the recipes say, in each branch of OpenWrt.

The packages are installed in a root whose Python is that of the branch, split as OpenWrt splits it, byte code alone,
with nothing but what the dependencies bring (openwrt_kit.py). test_life.py runs the daemon in such a root.
"""

from __future__ import annotations

import ast
import functools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import mailbox_mails
from homeline import config, config_options
from homeline.core import asterisk_modules
from homeline.render import render
from homeline.service import channels
from homeline.telephony import Facts
from homeline_lab.packages import making, recipe
from homeline_lab.packages.branches import BRANCHES, Branch, branch
from openwrt_kit import REPOSITORY, built, closure, depends, facts, needs_root, router

SRC = REPOSITORY / "src"
ASTERISK = REPOSITORY.parent / "shared/data/openwrt/asterisk-packages.json"
OURS = ("homeline", "homeline-tools", "homeline-asterisk", "homeline-channels", "homeline-mqtt", "homeline-twilio")
sys.path.insert(0, str(making.RECIPES))
import pack  # noqa: E402 - it lies beside the recipes, as the SDK wants it

# What the lists of the branches' packages that are here do not have: a prefix of many, and what is in LuCI's own feed.
ELSEWHERE = ("asterisk", "luci-base", "luci-lua-runtime")

# What the core and the channels import of other packages, where it is told or known that they are there.
ASKED_FOR = {
    "homeline.config_calls",
    "homeline.config_checks_calls",
    "homeline.config_drivers",
    "homeline.telephony",
    "homeline.service.telephony",
    "homeline.service.voice",
    "homeline.service.ami_dongle",
    "homeline.service.committing",
    "homeline.service.phone_passwords",
    "homeline.service.sip_messages",
    "homeline.service.sip_sending",
    "homeline.service.originating",
    "homeline.client",
    "homeline.pdu_tool",
    "homeline.service.outside",
    "homeline.service.twilio",
    "homeline.twilio.shapes",
    "homeline.webhook.__main__",
}


@functools.cache
def modules(package: str) -> list[str]:
    """The modules that a package brings."""
    return [name for group in pack.groups(package, pack.find(SRC))[0] for name in group]


def imported(path: Path) -> set[str]:
    """Whatever a module imports, also in its functions, without what is for type checkers."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            if node.module.partition(".")[0] == "homeline":
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        waiting += ast.iter_child_nodes(node)
    return found - {"__future__"}


def test_every_module_is_in_one_package() -> None:
    brought = [name for package in OURS for name in modules(package)]
    assert sorted(brought) == sorted(set(brought))
    assert set(pack.find(SRC)) - {"homeline"} == set(brought)


def test_whatever_is_imported_later_is_brought_by_some_package() -> None:
    files = pack.find(SRC)
    brought = {name for package in OURS for name in modules(package)}
    for package in OURS:
        there = pack.groups(package, files)[1] | (ASKED_FOR if package in ("homeline", "homeline-channels") else set())
        for name in modules(package):
            assert imported(files[name]) & brought <= there, f"{name} of {package}"


def test_who_misses_a_channel_is_told_the_package_that_has_it() -> None:
    owners = {name: package for package in OURS for name in modules(package)}
    types = [*config_options.CHANNELS, "email"]
    found = {kind: owners[f"homeline.service.channels.{kind}"] for kind in types}
    assert {kind: package for kind, package in found.items() if package != "homeline"} == channels.PACKAGES


FIND = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        print(name)
"""
LOAD = """
import importlib, sys
from homeline.footprint import import_asyncio_without_ssl
import_asyncio_without_ssl()
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@needs_root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
@pytest.mark.parametrize("package", OURS)
async def test_what_is_imported_is_there(name: str, package: str) -> None:
    """Every module loads, and whatever its functions import later can be found."""
    async with router(name, package) as (root, opkg):
        wanted = {word.split()[0] for word in depends(built(branch(name)))[package]} | {package, "homeline"}
        for each in ("python3-phonenumbers", "python3-twilio", *OURS):
            if each in wanted or each == "python3-phonenumbers":
                await opkg.install(built(branch(name))[each])
        loaded = [each for each in modules(package) if not each.endswith("__main__")]
        assert await root.run("/usr/bin/python3", "-c", LOAD, *loaded) == ""
        files = pack.find(SRC)
        wanted = {
            found for each in modules(package) for found in imported(files[each]) if not found.startswith("homeline.")
        }
        assert await root.run("/usr/bin/python3", "-c", FIND, *sorted(wanted)) == ""


@needs_root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_the_renderer_runs_with_what_its_package_brings(name: str) -> None:
    async with router(name, "homeline-asterisk") as (root, opkg):
        for each in ("python3-phonenumbers", "homeline", "homeline-asterisk"):
            await opkg.install(built(branch(name))[each])
        asked = {"main": MAIN, "secrets": SECRETS, "facts": FACTS.to_json(), "owner": "/etc/asterisk"}
        (root.path / "tmp/asked").write_text(json.dumps(asked))
        answer = json.loads(await root.shell("python3 -m homeline.render </tmp/asked"))
        assert set(answer["files"]) >= {"pjsip.conf", "extensions.conf"}
        assert answer["files"] == dict(rendered().files)


@needs_root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_the_mailbox_is_read_with_what_its_package_brings(name: str) -> None:
    async with router(name, "homeline-channels") as (root, opkg):
        for each in ("python3-phonenumbers", "homeline", "homeline-channels"):
            await opkg.install(built(branch(name))[each])
        for folder in ("new", "cur"):
            (root.path / "tmp/mails" / folder).mkdir(parents=True)
        (root.path / "tmp/mails/new/1").write_bytes(
            mailbox_mails.mail("<p>Yes</p>").replace(b"text/plain", b"text/html")
        )
        asked = {
            "mailbox": "me",
            "type": "maildir",
            "path": "/tmp/mails",
            "address": mailbox_mails.ADDRESS,
            "senders": [mailbox_mails.OWNER],
            "key": mailbox_mails.KEY.hex(),
        }
        (root.path / "tmp/asked").write_text(json.dumps(asked))
        answer = json.loads(await root.shell("python3 -m homeline.mailbox </tmp/asked"))
        assert [mail["text"] for mail in answer["mails"]] == ["Yes"]
        (root.path / "tmp/asked").write_text(json.dumps({**asked, "type": "imap", "host": "127.0.0.1", "port": 1}))
        answer = json.loads(await root.shell("python3 -m homeline.mailbox </tmp/asked || true"))
        assert "connection failed" in answer["error"].lower()


def in_use() -> set[str]:
    """The modules of Twilio's library that are named to stay."""
    lines = (making.RECIPES / "python-twilio/in-use").read_text().splitlines()
    return {words[0] for line in lines if len(words := line.partition("#")[0].split()) == 1}


TWILIO = """
import pkgutil, twilio
names = [each.name for each in pkgutil.walk_packages(twilio.__path__, "twilio.")]
for name in names:
    __import__(name)
print(*names)
"""


@needs_root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_the_cut_library_loads_by_itself(name: str) -> None:
    """All of what is left of it, without requests and without aiohttp, which not every branch has."""
    async with router(name, "python3-twilio") as (root, opkg):
        await opkg.install(built(branch(name))["python3-twilio"])
        found = set((await root.run("/usr/bin/python3", "-c", TWILIO)).split())
        assert in_use() <= found
        assert not {"twilio.http.http_client", "twilio.http.async_http_client", "twilio.twiml", "twilio.jwt"} & found


@needs_root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_twilio_is_asked_with_what_its_package_brings(name: str) -> None:
    """As far as a router gets without the internet: the library is there, and so is TLS."""
    ours = ("homeline", "homeline-asterisk", "homeline-channels", "homeline-twilio")
    async with router(name, "homeline-twilio") as (root, opkg):
        for each in ("python3-phonenumbers", "python3-twilio", *ours):
            await opkg.install(built(branch(name))[each])
        secrets = "config twilio 'twilio'\n\toption api_secret '0123456789abcdef0123456789abcdef'\n"
        options = {"account_sid": f"AC{'0' * 32}", "api_key": f"SK{'0' * 32}"}
        main = "config twilio 'twilio'\n" + "".join(f"\toption {key} '{value}'\n" for key, value in options.items())
        asked = {"what": "plan", "main": main, "secrets": secrets, "base": "http://127.0.0.1:1"}
        (root.path / "tmp/asked").write_text(json.dumps(asked))
        answer = json.loads(await root.shell("python3 -m homeline.twilio </tmp/asked || true"))
        assert "cannot be reached" in answer["error"]["text"]
        assert await root.run("/usr/bin/python3", "-c", "from homeline.twilio import library; library.client") == ""


def test_the_cut_library_has_what_the_process_uses() -> None:
    from homeline.twilio import kinds

    assert {f"twilio.rest.{kind.where.partition(':')[0]}" for kind in kinds.KINDS if kind.where} <= in_use()


def unneeded(branch: Branch, package: str, wanted: Iterable[str]) -> set[str]:
    """Split packages of Python that a package depends on without importing anything of them."""
    known = facts(branch)["packages"]
    names = {found.partition(".")[0] for found in wanted}
    said = {each for each in depends(built(branch))[package] if each in known}
    beginnings = {
        name: {Path(path).name.partition(".")[0].lstrip("_") for path in known[name]["paths"]} for name in said
    }
    return {name for name, begun in beginnings.items() if not begun & {each.lstrip("_") for each in names}}


@pytest.mark.parametrize("each", BRANCHES, ids=lambda each: each.name)
def test_no_part_of_python_is_asked_for_in_vain(each: Branch) -> None:
    files = pack.find(SRC)
    for package in OURS:
        wanted = {found for name in modules(package) for found in imported(files[name])}
        assert unneeded(each, package, wanted) == set(), package


@pytest.mark.parametrize("each", BRANCHES, ids=lambda each: each.name)
def test_every_dependency_is_in_the_branch(each: Branch) -> None:
    known = facts(each)
    names = {*known["packages"], "python3-light"}
    for project in known["third_party"].values():
        names |= set((project or {}).get("packages", {}))
    asterisk: dict[str, Any] = json.loads(ASTERISK.read_text())[f"openwrt-{each.name}"]["packages"]
    ours = depends(built(each))
    for package, wanted in ours.items():
        for name in (word.split()[0] for word in wanted):
            assert name in {*names, *asterisk, *ours, *ELSEWHERE}, f"{package} depends on {name}"


# -- Asterisk's modules ------------------------------------------------------------------------------------------------

MAIN = """
config homeline 'main'
	option enabled '1'
	option country 'CH'

config sip 'sip'
	option enabled '1'
	list transports 'udp'
	list transports 'tls'

config dongle 'voice'
	option driver 'chan_dongle'
	option imei '356938035643817'

config phone 'anna'
	option number '10'

config line 'home'
	option dongle 'voice'
	list ring 'anna'
	option voicemail '1'

config outbound 'national'
	option via 'home'
	list countries 'CH'
	option daily_minutes '60'

config trunk 'provider'
	option type 'sip'
	option host 'sip.example.org'
	option username 'me'
	option mode 'registered'
"""
SECRETS = """
config phone 'anna'
	option password 'correct horse battery'

config trunk 'provider'
	option password 'correct horse battery'
"""
FACTS = Facts(addresses={"sip.example.org": ("192.0.2.1",)}, ami_secret="x" * 20)


def rendered() -> Any:
    read = config.read(MAIN, SECRETS)
    assert read.problems == ()
    return render(read, FACTS)


def test_calls_need_the_modules_that_the_package_brings() -> None:
    needed = {asterisk_modules.package(module) for module in rendered().needed}
    said = {name for name in depends(built(branch("24.10")))["homeline-asterisk"] if name.startswith("asterisk")}
    assert said == needed - {"asterisk-chan-dongle"}


def test_recipes_are_of_the_services_version() -> None:
    from homeline import __version__

    for path in making.recipes():
        if path.name.startswith("homeline"):
            text = (making.RECIPES / "homeline.mk").read_text()
            assert f"PKG_VERSION:={__version__}\n" in text
    assert recipe.source(making.RECIPES / "homeline") is None


def test_the_closure_has_what_the_packages_ask_for() -> None:
    on = branch("24.10")
    found = closure(["homeline-asterisk"], on, depends(built(on)))
    assert {"homeline", "python3-phonenumbers", "python3-jinja2", "python3-markupsafe", "python3-email"} <= found
    assert "python3-openssl" not in found
