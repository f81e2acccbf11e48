"""The built packages on a router: installed, set up, receiving, upgraded, kept by sysupgrade, removed."""

from __future__ import annotations

import asyncio
import os
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from homeline_lab.packages.branches import branch
from openwrt_kit import ASTERISK, DIALOUT, REPOSITORY, built, needs_root, router
from router_kit import limit, living, older, status

pytestmark = [needs_root, pytest.mark.timeout(180)]


@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_from_an_empty_router_to_the_first_forwarded_message(name: str) -> None:
    packages = built(branch(name))
    async with living(name) as r:
        words = await r.install(packages, "python3-phonenumbers", "homeline", "homeline-tools")
        assert words == ""
        assert not r.root.procd.running("homeline")  # disabled by default
        assert (r.root.path / "etc/rc.d/S90homeline").is_symlink()
        assert not list((r.root.path / "etc/uci-defaults").iterdir())
        await r.manager.again("homeline")  # a second time does no harm
        await r.setup()
        r.dongle.deliver("hello from home", "+41791234567")
        mail = (await r.mail.wait_for(1))[0]
        assert b"hello from home" in mail.content
        assert await r.texts() == ["hello from home"]
        uid, gid, groups = r.root.ids("homeline")
        assert status(r.root, "Uid").split() == [str(uid)] * 4
        assert uid != 0
        assert set(map(int, status(r.root, "Groups").split())) == {*groups}
        assert {DIALOUT, gid} == {*groups}
        assert status(r.root, "NoNewPrivs") == "1"
        assert status(r.root, "Name") == "homeline"
        assert limit(r.root, "Max core file size") == ["0", "0"]
        assert limit(r.root, "Max open files") == ["256", "256"]
        database = r.root.path / "etc/homeline/homeline.db"
        assert (database.stat().st_uid, database.stat().st_mode & 0o777) == (uid, 0o600)
        assert "hello from home" in await r.root.run("/usr/bin/homeline", "inbox")
        assert re.fullmatch(r"homeline [0-9.]+\n", await r.root.run("/usr/bin/homeline", "--version"))


async def test_a_commit_alone_takes_effect() -> None:
    async with living("24.10") as r:
        await r.install(built(branch("24.10")), "python3-phonenumbers", "homeline")
        await r.setup()
        pid = status(r.root, "Pid")
        async with r.bus() as bus:
            applied = asyncio.Event()
            bus.listen("homeline.config.applied", lambda _name, _data: applied.set())
            await bus.wait_ready(10)
            words = ("set homeline.second=rule", "add_list homeline.second.events=alert")
            words += ("add_list homeline.second.channels=me", "commit homeline")
            await r.root.shell("; ".join(f"uci {word}" for word in words))
            await asyncio.wait_for(applied.wait(), 10)
        assert status(r.root, "Pid") == pid
        assert "'second'" in str(await r.call("get_config"))


async def test_the_commands_that_are_not_installed_say_so() -> None:
    async with router("24.10", "homeline") as (root, opkg):
        packages = built(branch("24.10"))
        for name in ("python3-phonenumbers", "homeline"):
            await opkg.install(packages[name])
        code, words = await root.attempt("/usr/bin/homeline", "status")
        assert code == 3
        assert "homeline-tools" in words
        assert (await root.run("/usr/bin/homeline", "--version")).startswith("homeline ")


@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_an_upgrade_keeps_a_thousand_messages_and_the_configuration(name: str, tmp_path: Path) -> None:
    on = branch(name)
    names = ("python3-phonenumbers", "homeline", "homeline-tools")
    async with living(name) as r:
        await r.install(built(on, older(tmp_path)), *names)
        await r.setup()
        before = status(r.root, "Pid")
        for number in range(1000):
            r.dongle.deliver(f"message {number}", "+41791234567")
        await r.mail.wait_for(1000, 60)
        configured = (r.root.path / "etc/config/homeline").read_text()
        await r.install(built(on), *names)
        await r.ready()
        assert status(r.root, "Pid") != before
        assert (await r.call("status"))["version"] != "0.0.9"
        assert (r.root.path / "etc/config/homeline").read_text() == configured
        assert (r.root.path / f"etc/config/homeline{'-opkg' if on.manager == 'opkg' else '.apk-new'}").exists()
        assert r.root.procd.killed == 0  # the old service ended by itself, with everything stored
        conversation = (await r.call("list_conversations"))["conversations"][0]
        assert conversation["count"] == 1000
        r.dongle.deliver("after it", "+41791234567")
        await r.mail.wait_for(1001)
        assert (await r.texts())[0] == "after it"


# What an owner's data are, and what tells of him: opkg leaves changed conffiles too, and no package manager of
# OpenWrt's removes a user, whose number another could then get.
LEFT = {
    "/etc/config/homeline",
    "/etc/homeline/homeline.db",
    "/etc/group",
    "/etc/passwd",
    "/etc/shadow",
}


@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_removal_leaves_the_owners_data_and_nothing_else(name: str) -> None:
    async with living(name) as r:
        fresh = r.root.files()
        contents = {path: (r.root.path / path[1:]).read_bytes() for path in fresh if path.startswith("/etc/")}
        await r.install(built(branch(name)), "python3-phonenumbers", "homeline", "homeline-tools")
        await r.setup()
        r.dongle.deliver("hello", "+41791234567")
        await r.mail.wait_for(1)
        await r.manager.remove("homeline-tools")
        await r.manager.remove("homeline")
        await r.manager.remove("python3-phonenumbers")
        assert not r.root.procd.running("homeline")
        assert "homeline" not in r.names()
        after = r.root.files()
        changed = {path for path, content in contents.items() if (r.root.path / path[1:]).read_bytes() != content}
        left = {path for path in after.keys() - fresh.keys() if not path.startswith("/usr/lib/opkg/info/conffile")}
        assert left | changed == LEFT
        assert after["/etc/config/homeline"] == 0o600


ALL = (
    *("python3-phonenumbers", "homeline", "homeline-tools", "homeline-asterisk", "homeline-channels", "homeline-mqtt"),
    *("python3-twilio", "homeline-twilio"),
    *("luci-app-homeline", "luci-app-homeline-lua", "luci-i18n-homeline-de", "luci-i18n-homeline-zh-cn"),
)
OTHERS = {
    "etc/config/firewall": "\nconfig defaults\n\toption input 'REJECT'\n\n",  # as uci writes it
    "etc/config/luci": "config internal 'languages'\n",
    "etc/config/asterisk": "config asterisk 'general'\n\toption enabled '0'\n",
    "etc/asterisk/pjsip.conf": "; the owner's\n[global]\n",
    "etc/asterisk/rtp.conf": "[general]\nrtpstart=10000\n",
}
# Asterisk's init script, which is asked whether it is enabled and running, and told to start.
ASTERISK_INIT = """#!/bin/sh
case $1 in
enabled) [ -e /etc/rc.d/S99asterisk ] ;;
enable) ln -s ../init.d/asterisk /etc/rc.d/S99asterisk ;;
running) [ -e /tmp/asterisk-runs ] ;;
start) : >/tmp/asterisk-runs ;;
esac
"""


@pytest.mark.parametrize("name", ["24.10", "25.12"])
async def test_removal_of_everything_leaves_what_the_documentation_says(name: str) -> None:
    """With calls in use: what is Asterisk's, the firewall's and LuCI's is as it was, but for what is told there."""
    packages = built(branch(name))
    async with router(name, "homeline-twilio", "homeline-mqtt") as (root, manager):
        for path, text in OTHERS.items():
            root.write(path, text)
        root.write("etc/init.d/asterisk", ASTERISK_INIT, 0o755)
        for path, line in (
            ("passwd", f"asterisk:x:{ASTERISK}:{ASTERISK}::/:/bin/false\n"),
            ("group", f"asterisk:x:{ASTERISK}:\n"),
        ):
            root.write(f"etc/{path}", (root.path / "etc" / path).read_text() + line)
        fresh = root.files()
        contents = {path: (root.path / path[1:]).read_bytes() for path in fresh if path.startswith("/etc/")}
        for package in ALL:
            assert await manager.install(packages[package]) == ""
        await root.shell(
            "uci set homeline.main.enabled=1; uci set homeline.sip=sip; uci set homeline.sip.enabled=1;"
            "uci set homeline.twilio=twilio; uci set homeline.twilio.webhook=1;"
            "uci set homeline_secret.me=email; uci set homeline_secret.me.password=secret;"
            "uci commit homeline_secret; uci commit homeline; /etc/init.d/homeline start"
        )
        # As the daemon asks for Asterisk, were its modules there.
        await root.run("/bin/sh", "-c", "echo start >/var/run/homeline/restart-asterisk", user="homeline")
        await root.run("/etc/init.d/homeline", "reload")
        assert (root.path / "tmp/asterisk-runs").exists()
        assert root.procd.running("homeline", "webhook")
        for package in reversed(ALL):
            await manager.remove(package)
        assert not root.procd.running("homeline") and not root.procd.running("homeline", "webhook")
        after = root.files()
        changed = {path for path, content in contents.items() if (root.path / path[1:]).read_bytes() != content}
        left = {path for path in after.keys() - fresh.keys() if not path.startswith("/usr/lib/opkg/info/conffile")}
        assert left | changed == {
            *LEFT,
            "/etc/config/homeline_secret",
            "/etc/config/asterisk",
            "/etc/config/luci",
            "/etc/rc.d/S99asterisk",
        }
        assert "homeline" not in (root.path / "etc/config/asterisk").read_text()
        document = (REPOSITORY / "docs/install.md").read_text().partition("## Removal")[2]
        removed = [
            word.strip("'") for line in re.findall("opkg remove (.*)", document) for word in line.split("#")[0].split()
        ]
        assert all(any(fnmatch(package, pattern) for pattern in removed) for package in ALL)
        told = re.findall(r"`(/etc/[^`]*)`", document)
        for path in left | changed:
            assert any(path == each or (each.endswith("/") and path.startswith(each)) for each in told), path


async def test_sysupgrade_keeps_the_inbox() -> None:
    """A consistent copy goes into the archive, and the service of the new firmware takes it back."""
    packages = built(branch("24.10"))
    names = ("python3-phonenumbers", "homeline")
    async with living("24.10") as r:
        await r.install(packages, *names)
        await r.setup()
        r.dongle.deliver("kept", "+41791234567")
        await r.mail.wait_for(1)
        listed = await r.root.shell(
            """
            sysupgrade_init_conffiles=add_conffiles
            . /lib/upgrade/homeline.sh
            [ "$sysupgrade_init_conffiles" = "add_conffiles homeline_keep" ]
            { echo /etc/passwd; echo /etc/group; echo /etc/config/homeline; echo /etc/homeline/homeline.db; } >/tmp/list
            homeline_keep /tmp/list
            cat /tmp/list
            tar -czf /tmp/backup.tgz $(cat /tmp/list) 2>/dev/null # Debian's busybox has no -T
            """
        )
        assert listed.split()[-1] == "/etc/homeline/homeline.db.copy"
        assert "/etc/homeline/homeline.db" not in listed.split()
        saved = (r.root.path / "tmp/backup.tgz").read_bytes()
    async with living("24.10") as r:
        (r.root.path / "tmp/backup.tgz").write_bytes(saved)
        await r.root.run("tar", "-C", "/", "-xzf", "/tmp/backup.tgz")
        await r.install(packages, *names)  # the configuration says `enabled`: it starts
        await r.root.shell(f"uci set homeline.me.port={r.mail.port}; uci commit homeline")
        await r.ready()
        assert await r.texts() == ["kept"]
        state = r.root.path / "etc/homeline"
        assert state.stat().st_mode & 0o777 == 0o700
        assert sorted(path.name for path in state.iterdir() if path.suffix != ".db-wal") == [
            "commands.d",
            "homeline.db",
        ]


async def test_sysupgrade_takes_the_files_at_rest_while_the_service_is_stopped() -> None:
    async with router("24.10", "homeline") as (root, opkg):
        for name in ("python3-phonenumbers", "homeline"):
            await opkg.install(built(branch("24.10"))[name])
        hook = "sysupgrade_init_conffiles=; . /lib/upgrade/homeline.sh"
        keep = f"{hook}; : >/tmp/list; homeline_keep /tmp/list; cat /tmp/list"
        assert await root.shell(keep) == ""
        root.write("etc/homeline/homeline.db", "database")
        assert await root.shell(keep) == "/etc/homeline/homeline.db\n"
        await root.shell("uci set homeline.main.database=/mnt/disk/homeline.db; uci commit homeline")
        assert await root.shell(keep) == ""


async def test_a_tty_that_comes_is_the_groups() -> None:
    async with living("24.10") as r:
        await r.install(built(branch("24.10")), "python3-phonenumbers", "homeline")
        port = (r.root.path / "dev/ttyUSB0").resolve()
        os.chown(port, 0, 0)
        port.chmod(0o600)
        script = ". /etc/hotplug.d/tty/50-homeline"
        for _ in range(2):
            await r.root.run("/bin/sh", "-euc", script, environment={"ACTION": "add", "DEVNAME": "ttyUSB0"})
            assert (port.stat().st_gid, port.stat().st_mode & 0o777) == (DIALOUT, 0o660)
        await r.root.attempt("/bin/sh", "-uc", script, environment={"ACTION": "remove", "DEVNAME": "ttyUSB0"})
        await r.root.attempt("/bin/sh", "-uc", script, environment={"ACTION": "add", "DEVNAME": "../etc/passwd"})
        assert (r.root.path / "etc/passwd").stat().st_mode & 0o777 == 0o644


async def test_the_part_for_calls_comes_and_goes() -> None:
    """Its lines in Asterisk's files, its rules for the firewall and its folder go with it; the service goes on."""
    packages = built(branch("24.10"))
    async with router("24.10", "homeline-asterisk") as (root, opkg):
        owners = {name: f"; the owner's {name}\n[general]\n" for name in ("pjsip", "rtp", "extensions", "manager")}
        for name, text in owners.items():
            root.write(f"etc/asterisk/{name}.conf", text)
        root.write("etc/config/firewall", "config defaults\n\toption input 'REJECT'\n")
        accounts = (
            ("passwd", f"asterisk:x:{ASTERISK}:{ASTERISK}::/:/bin/false\n"),
            ("group", f"asterisk:x:{ASTERISK}:\n"),
        )
        for name, line in accounts:
            root.write(f"etc/{name}", (root.path / "etc" / name).read_text() + line)
        before = root.files()
        for package in ("python3-phonenumbers", "homeline", "homeline-asterisk"):
            await opkg.install(packages[package])
        rules = await root.shell("uci show firewall")
        assert rules.count(".enabled='0'") == 2
        assert rules.count(".src_ip='") == 2  # none without
        await root.shell(
            "uci set homeline.main.enabled=1; uci set homeline.sip=sip; uci set homeline.sip.enabled=1;"
            "uci commit homeline; /etc/init.d/homeline start"
        )
        assert '#tryinclude "homeline/pjsip.conf"' in (root.path / "etc/asterisk/pjsip.conf").read_text()
        assert DIALOUT in root.ids("asterisk")[2]
        assert ASTERISK in root.ids("homeline")[2]
        (root.path / "etc/asterisk/homeline/pjsip.conf").touch()
        await opkg.remove("homeline-asterisk")
        assert root.procd.running("homeline")
        for name, text in owners.items():
            assert (root.path / f"etc/asterisk/{name}.conf").read_text() == text
        assert "homeline" not in await root.shell("uci show firewall")
        await opkg.remove("homeline")
        left = {path for path in root.files().keys() - before.keys() if not path.startswith("/usr/lib")}
        assert {path for path in left if "asterisk" in path} == set()


async def test_the_pages_come_and_go() -> None:
    """What LuCI remembers of its menu goes with each; nothing of theirs stays."""
    packages = built(branch("24.10"))
    async with router("24.10", "homeline") as (root, opkg):
        for package in ("python3-phonenumbers", "homeline"):
            await opkg.install(packages[package])
        before = root.files()
        for change in (opkg.install(packages["luci-app-homeline"]), opkg.remove("luci-app-homeline")):
            root.write("tmp/luci-indexcache.1.json", "{}")
            assert await change == ""
            assert not (root.path / "tmp/luci-indexcache.1.json").exists()
        assert root.files() == before
