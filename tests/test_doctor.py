"""`homeline doctor`: what it finds in good and in broken places, and whether the advice fits."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from homeline import config, doctor, doctor_calls
from homeline.adapters import owner
from homeline.paths import Paths
from homeline_lab import sysfs
from homeline_lab.models import MODELS
from homeline_lab.ubusd import Ubusd

Finding = dict[str, str]

GOOD = """
config homeline 'main'
	option enabled '1'
config dongle 'stick'
config email 'me'
	list to 'me@example.org'
	option from 'router@example.org'
	option command 'deliver'
config rule 'all'
	list events 'message'
	list channels 'me'
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A router with everything in place and the service off."""
    paths = Paths(tmp_path)
    for folder in (paths.etc_config, paths.commands, paths.acl.parent, paths.bus.parent, paths.dev):
        folder.mkdir(parents=True)
    (paths.etc_config / "homeline").write_text(GOOD)
    (paths.acl).write_text("{}")
    (paths.acl).chmod(0o644)
    (paths.commands / "deliver").write_text("#!/bin/sh\n")
    (paths.commands / "deliver").chmod(0o755)
    return paths


def look(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[Finding]]:
    monkeypatch.setattr(doctor, "BUS_TIMEOUT", 0.2)
    code = doctor.run(argparse.Namespace(root=paths.root, json=True))
    return code, json.loads(capsys.readouterr().out)


def of(findings: list[Finding], check: str) -> list[Finding]:
    return [finding for finding in findings if finding["check"] == check]


def test_no_bus(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    code, findings = look(paths, capsys, monkeypatch)
    assert code == 1
    (bus,) = of(findings, "bus")
    assert bus["state"] == "bad"
    assert "ubusd is not running" in bus["words"]


def test_a_service_that_is_on_and_absent(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    _, findings = look(paths, capsys, monkeypatch)
    (service,) = of(findings, "service")
    assert service["state"] == "bad"
    assert "enabled=1" not in service["advice"]
    assert "logread" in service["advice"]
    assert bool(of(findings, "bus permission")) is (os.geteuid() != 0)  # the file should be root's


def test_a_package_that_a_section_needs(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    extra = "config mqtt 'broker'\n\toption host 'broker.lan'\nconfig schedule 'alive'\n\toption enabled '0'\n"
    (paths.etc_config / "homeline").write_text(GOOD + extra)
    _, findings = look(paths, capsys, monkeypatch)
    assert not [finding for finding in findings if finding["check"].startswith("package ")]
    monkeypatch.setitem(sys.modules, "homeline.service.channels.mqtt", None)  # as where it is not installed
    code, findings = look(paths, capsys, monkeypatch)
    (missing,) = of(findings, "package homeline-mqtt")
    assert (code, missing["state"]) == (1, "bad")
    assert missing["words"] == "is not installed, and needed by mqtt broker"
    assert missing["advice"].startswith("opkg install homeline-mqtt")


def test_a_service_that_is_off(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    (paths.etc_config / "homeline").write_text(GOOD.replace("'1'", "'0'"))
    _, findings = look(paths, capsys, monkeypatch)
    assert "enabled=1; uci commit homeline" in of(findings, "service")[0]["advice"]
    assert "the service is not enabled" in [finding["words"] for finding in of(findings, "configuration")]


def test_what_is_committed_counts_not_the_copy_of_an_earlier_day(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    paths.config.mkdir(parents=True)
    (paths.config / "homeline").write_text(GOOD.replace("'1'", "'0'"))
    _, findings = look(paths, capsys, monkeypatch)
    assert [finding["words"] for finding in of(findings, "configuration")] == ["1 dongle(s), 1 rule(s)"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of root")
def test_a_bus_permission_that_ubusd_would_not_take(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    paths.acl.chmod(0o666)
    _, findings = look(paths, capsys, monkeypatch)
    assert "writable by no other" in of(findings, "bus permission")[0]["words"]
    paths.acl.unlink()
    _, findings = look(paths, capsys, monkeypatch)
    assert "No such file" in of(findings, "bus permission")[0]["words"]


def test_a_configuration_with_nothing_in_it(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    (paths.etc_config / "homeline").write_text("config homeline 'main'\n\toption enabled '1'\n")
    _, findings = look(paths, capsys, monkeypatch)
    advice = {finding["words"]: finding["advice"] for finding in findings}
    assert "=dongle" in advice["no dongle is configured"]
    assert "rule" in advice["no rule is configured"]


def test_a_mistake_in_the_configuration_and_a_missing_mail_program(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    (paths.etc_config / "homeline").write_text(GOOD.replace("stick'", "stick'\n\toption imei 'x'"))
    (paths.commands / "deliver").unlink()
    code, findings = look(paths, capsys, monkeypatch)
    assert code == 1
    assert any("imei" in finding["check"] for finding in findings)
    assert of(findings, "mail command of me")[0]["state"] == "bad"


def test_a_program_of_a_command_channel(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    section = "config command 'lamp'\n\toption program 'deliver'\n"
    (paths.etc_config / "homeline").write_text(GOOD + section)
    assert of(look(paths, capsys, monkeypatch)[1], "command lamp")[0]["state"] == "ok"
    (paths.commands / "deliver").chmod(0o777)
    assert of(look(paths, capsys, monkeypatch)[1], "command lamp")[0]["state"] == "bad"


def test_no_port_and_then_one(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    _, findings = look(paths, capsys, monkeypatch)
    assert of(findings, "ports")[0]["state"] == "bad"
    master, slave = os.openpty()
    try:
        model = MODELS["e1750"]
        sysfs.plug(paths.root, "1-1", model, "1", [sysfs.Tty("ttyUSB0", 0, os.ttyname(slave))])
        os.close(slave)
        _, findings = look(paths, capsys, monkeypatch)
    finally:
        os.close(master)
    (port,) = of(findings, str(paths.dev / "ttyUSB0"))
    assert port["state"] == "ok"
    assert "1-1" in port["words"]


def test_a_clock_that_was_never_set(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(time, "time", lambda: 100_000.0)
    _, findings = look(paths, capsys, monkeypatch)
    assert of(findings, "clock")[0] == {
        "check": "clock",
        "state": "bad",
        "words": "1970-01-02",
        "advice": "Give the router a time server.",
    }


async def test_the_bus_is_well_and_the_service_absent(paths: Paths) -> None:
    async with Ubusd(paths.bus):
        status, bus = await doctor._ask(paths)
    assert status is None
    assert bus.state == "ok"


def test_of_a_running_service(paths: Paths) -> None:
    loaded = config.load(paths.etc_config)
    status = {
        "version": "1",
        "uptime": 5,
        "dongles": [
            {"name": "a", "state": "ready", "registration": "home", "signal_dbm": -110, "port": "/dev/ttyUSB0"},
            {"name": "b", "state": "blocked", "registration": "unknown", "storage_used": 19, "storage_size": 20},
        ],
        "problems": [
            {"where": "dongle b", "text": "blocked", "advice": "Free it."},
            {"where": "clock", "text": "The clock is not set."},
        ],
    }
    found = [(finding.check, finding.state) for finding in doctor._service(status, loaded)]
    assert found == [
        ("service", "ok"),
        ("dongle a", "ok"),
        ("dongle a signal", "warning"),
        ("dongle b storage", "warning"),
        ("dongle b", "bad"),
        ("clock", "warning"),
    ]


def test_a_mistake_is_told_once(paths: Paths) -> None:
    (paths.etc_config / "homeline").write_text(GOOD.replace("stick'", "stick'\n\toption imei 'x'"))
    loaded = config.load(paths.etc_config)
    problems = [{"where": problem.where, "text": problem.text} for problem in loaded.problems]
    status = {"version": "1", "uptime": 5, "dongles": [], "problems": problems}
    assert problems
    assert [finding.check for finding in doctor._service(status, loaded)] == ["service"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root's right to change owners")
@pytest.mark.parametrize(
    ("uid", "mode", "allowed"),
    [(65534, 0o600, True), (65534, 0o060, False), (0, 0o660, False), (0, 0o666, True), (0, 0o640, False)],
)
def test_of_another_user_the_mode_decides(tmp_path: Path, uid: int, mode: int, *, allowed: bool) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    os.chown(port, uid, 0)
    port.chmod(mode)
    assert (owner.permission(port, "nobody") == "") is allowed
    assert "no-such-user" in owner.permission(port, "no-such-user")


def test_a_user_who_may_not_look_is_told_so(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "homeline")
    paths.config.mkdir(parents=True)
    (paths.config / "homeline").write_text(GOOD)
    code, findings = look(paths, capsys, monkeypatch)
    assert code == 1
    assert [finding["check"] for finding in findings] == ["bus", "configuration"]
    assert findings[1]["advice"] == "Run this as root."


CALLS = """
config sip 'sip'
	option enabled '1'
config dongle 'gsm'
	option driver 'chan_dongle'
	option imei '356938035643809'
"""
SERVICE: dict[str, Any] = {"version": "1", "uptime": 1, "dongles": [], "problems": []}


def asked(paths: Paths, **asterisk: Any) -> dict[str, Finding]:
    """What is found about calls while the service says this of Asterisk."""
    loaded = config.read(GOOD.replace("config dongle 'stick'", "") + CALLS)
    found = doctor_calls.look(paths, loaded, SERVICE | {"asterisk": asterisk}, "")
    return {finding.check: asdict(finding) for finding in found}


def test_nothing_is_said_of_asterisk_where_it_is_not_wanted(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    _, findings = look(paths, capsys, monkeypatch)
    assert not [finding for finding in findings if "asterisk" in finding["check"]]


def test_asterisk_that_is_not_installed_or_does_not_run(paths: Paths) -> None:
    found = asked(paths, running=False, configuration="waiting")["asterisk"]
    assert (found["state"], "opkg install asterisk" in found["advice"]) == ("bad", True)
    paths.inside("/usr/lib/asterisk/modules").mkdir(parents=True)
    found = asked(paths, running=False, configuration="waiting")["asterisk"]
    assert (found["state"], "/etc/init.d/asterisk start" in found["advice"]) == ("bad", True)


def test_asterisk_that_runs_and_its_trunks(paths: Paths) -> None:
    trunks = [{"name": "good", "state": "registered"}, {"name": "wrong", "state": "rejected"}]
    found = asked(paths, running=True, version="22.1", configuration="applied", trunks=trunks)
    assert {check: finding["state"] for check, finding in found.items()} == {
        "asterisk": "ok",
        "trunk good": "ok",
        "trunk wrong": "warning",
    }
    found = asked(paths, running=True, version="22.1", configuration="rolled_back", trunks=[])
    assert "the one before is in force" in found["asterisk configuration"]["words"]


def test_files_of_asterisk_that_do_not_include_ours(paths: Paths) -> None:
    paths.asterisk.mkdir(parents=True)
    state = {"running": True, "configuration": "applied"}
    assert "has none" in asked(paths, **state)["asterisk files"]["words"]
    paths.rendered.mkdir()
    for name in ("pjsip.conf", "rtp.conf"):
        (paths.rendered / name).touch()
        (paths.asterisk / name).write_text(f'[x]\n#tryinclude "homeline/{name}"\n')
    assert asked(paths, **state)["asterisk files"]["state"] == "ok"
    (paths.asterisk / "rtp.conf").write_text('; #tryinclude "homeline/rtp.conf"\n')
    found = asked(paths, **state)["asterisk files"]
    assert (found["state"], found["words"]) == ("bad", "Asterisk's own do not include ours: rtp.conf")
    assert "/etc/init.d/homeline reload" in found["advice"]


def test_users_that_lack_a_group(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = config.read("config homeline 'main'\n\toption enabled '1'\n" + CALLS)
    members = {("homeline", "asterisk"), ("asterisk", "dialout")}
    monkeypatch.setattr(doctor_calls, "_in_group", lambda name, group: (name, group) in members)
    assert not [f for f in doctor_calls.look(paths, loaded, None, "homeline") if f.check.startswith("group")]
    members.clear()
    found = [f for f in doctor_calls.look(paths, loaded, None, "homeline") if f.check.startswith("group")]
    assert [finding.check for finding in found] == ["group asterisk", "group dialout"]
    assert not doctor_calls._in_group("no-such-user", "dialout")


def test_of_a_file_that_cannot_be_read_nothing_else_is_said(paths: Paths, capsys: Any, monkeypatch: Any) -> None:
    (paths.etc_config / "homeline").write_text(GOOD + "\toption x 'y\n")
    code, findings = look(paths, capsys, monkeypatch)
    assert code == 1
    (broken,) = [finding for finding in findings if finding["check"].startswith("configuration")]
    assert broken["state"] == "bad" and "never closed" in broken["words"]
    assert not of(findings, "forwarding")
