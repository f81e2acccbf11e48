"""`homeline doctor`: looks at everything that Homeline needs, from outside, and says what to do.

It works with the service running (then it asks it) and without (then it looks by itself).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from homeline import config, doctor_calls, tables
from homeline.adapters import commands, mail, owner, usb
from homeline.adapters.bus import Bus
from homeline.config import Config
from homeline.doctor_finding import BAD, OK, WARNING, Finding
from homeline.errors import BusError, DeliveryError, HomelineError
from homeline.paths import Paths
from homeline.service.channels import PACKAGES

Table = dict[str, Any]

MARKS = {OK: "  ok ", WARNING: "  !  ", BAD: " BAD "}
BUS_TIMEOUT = 5.0  # seconds
LEAST_FREE = 1024 * 1024  # octets on the flash
USER = "homeline"  # whom the init script lets the daemon be
GRAVE = ("dongle ", "database")  # where a problem of the service means that no message comes in
CLOCK_FLOOR = 1_700_000_000  # 2023-11: a clock before was never set


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if something is bad."""
    paths = Paths(options.root)
    status, bus = asyncio.run(_ask(paths))
    folder = _configuration_folder(paths)
    if _hidden(folder / config.MAIN_FILE):
        findings = [
            bus,
            Finding("configuration", BAD, "only root can read it and call the service", "Run this as root."),
        ]
    else:
        loaded = config.load(folder)
        service = _service(status, loaded) if status else _no_service(loaded, paths)
        calls = doctor_calls.look(paths, loaded, status, _daemon_user(paths))
        findings = [bus, *service, *_configuration(paths, loaded), *calls, *_system(paths)]
    if options.json:
        print(tables.as_json([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"[{MARKS[finding.state]}] {finding.check}: {tables.plain(finding.words)}")
            if finding.advice:
                print(f"        -> {tables.plain(finding.advice)}")
    return 1 if any(finding.state == BAD for finding in findings) else 0


async def _ask(paths: Paths) -> tuple[Table | None, Finding]:
    """The running service's status, and what was found of the bus."""
    async with Bus(paths.bus) as bus:
        try:
            await bus.wait_ready(BUS_TIMEOUT)
        except HomelineError as error:
            return None, Finding("bus", BAD, str(error), "Is ubusd running, and may this user open its socket?")
        try:
            status = await bus.call("homeline", "status", {}, BUS_TIMEOUT)
        except BusError as error:
            if error.status == 4:
                return None, Finding("bus", OK, "ubusd answers")
            return None, Finding("bus", BAD, str(error), "Look at the log: logread -e homeline")
        except HomelineError as error:
            return None, Finding("bus", BAD, str(error), "Look at the log: logread -e homeline")
    return status, Finding("bus", OK, "ubusd answers")


# -- the running service -------------------------------------------------------------------------------------------


def _service(status: Table, loaded: Config) -> Iterator[Finding]:
    yield Finding("service", OK, f"version {status['version']}, up {status['uptime']} s")
    for dongle in status["dongles"]:
        yield from _dongle(dongle)
    told = {problem.text for problem in loaded.problems}
    for problem in status["problems"]:
        if problem["text"] not in told:
            state = BAD if problem["where"].startswith(GRAVE) else WARNING
            yield Finding(problem["where"], state, problem["text"], problem.get("advice", ""))


def _no_service(loaded: Config, paths: Paths) -> Iterator[Finding]:
    start = "/etc/init.d/homeline start, then look at the log: logread -e homeline"
    if not loaded.main.enabled:
        start = f"uci set homeline.main.enabled=1; uci commit homeline; {start}"
    words = "is not on the bus" if os.geteuid() == 0 else "is not on the bus, or only root may call it"
    yield Finding("service", BAD, words, start)
    if paths.acl.parent.is_dir() and (trouble := _acl_trouble(paths.acl)):
        yield Finding("bus permission", BAD, trouble, "Install the package again, then: killall -HUP ubusd")
    yield from _packages(loaded)


def _packages(loaded: Config) -> Iterator[Finding]:
    """Packages without which a configured section does nothing; a running service says so itself."""
    for kind in config.sections():
        if not (package := PACKAGES.get(kind.name, "")):
            continue
        wanted = [section.name for section in getattr(loaded, kind.attribute) if isinstance(section, kind.build)]
        if wanted and find_spec(f"homeline.service.channels.{kind.name}") is None:
            words = f"is not installed, and needed by {kind.name} {', '.join(wanted)}"
            yield Finding(
                f"package {package}", BAD, words, f"opkg install {package} (from 25.12 on: apk add {package})"
            )


def _acl_trouble(path: Path) -> str:
    """What would keep ubusd from letting the daemon publish its object."""
    try:
        info = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if info.st_uid != 0 or info.st_mode & 0o022:
        return f"{path}: ubusd takes it only if it is root's and writable by no other"
    return ""


def _dongle(dongle: Table) -> Iterator[Finding]:
    name = f"dongle {dongle['name']}"
    if dongle["state"] == "ready":
        network = " ".join(str(dongle[key]) for key in ("operator", "technology") if dongle.get(key))
        signal = f", {dongle['signal_dbm']} dBm" if "signal_dbm" in dongle else ""
        yield Finding(name, OK, f"ready on {dongle.get('port', '?')}, {dongle['registration']} {network}{signal}")
        if dongle.get("signal_dbm", 0) < -105:
            yield Finding(
                f"{name} signal", WARNING, f"{dongle['signal_dbm']} dBm is weak", "Move it, or add an antenna."
            )
    used, size = dongle.get("storage_used"), dongle.get("storage_size")
    if size and used is not None:
        full = used * 10 >= size * 9
        advice = "Release or delete its messages, or set the dongle's storage to 'delete'." if full else ""
        yield Finding(f"{name} storage", WARNING if full else OK, f"{used} of {size} used", advice)


# -- what can be seen without it -----------------------------------------------------------------------------------


def _configuration_folder(paths: Paths) -> Path:
    """UCI's own files where we may read them; else the daemon's copy, which is older while the service is off."""
    return paths.etc_config if os.access(paths.etc_config / config.MAIN_FILE, os.R_OK) else paths.config


def _hidden(file: Path) -> bool:
    """Whether it is there and not for us."""
    try:
        return file.exists() and not os.access(file, os.R_OK)
    except PermissionError:
        return True


def _configuration(paths: Paths, loaded: Config) -> Iterator[Finding]:
    for problem in loaded.problems:
        unread = problem.where == f"/etc/config/{config.MAIN_FILE}"
        yield Finding(f"configuration {problem.where}", BAD if unread else WARNING, problem.text, problem.advice)
        if unread:  # nothing is known of what the owner wants
            yield _database(paths, loaded)
            return
    if not loaded.main.enabled:
        yield Finding("configuration", WARNING, "the service is not enabled")
    if not loaded.problems:
        yield Finding("configuration", OK, f"{len(loaded.dongles)} dongle(s), {len(loaded.rules)} rule(s)")
    if not loaded.dongles:
        advice = "uci set homeline.stick=dongle; uci commit homeline"
        yield Finding("configuration", WARNING, "no dongle is configured", advice)
    if not loaded.rules:
        advice = "Add a channel and a rule; without them messages only reach the inbox."
        yield Finding("forwarding", WARNING, "no rule is configured", advice)
    yield from _mail_commands(paths, loaded)
    yield from _commands(paths, loaded)
    yield _database(paths, loaded)


def _mail_commands(paths: Paths, loaded: Config) -> Iterator[Finding]:
    for account in loaded.emails:
        check = f"mail command of {account.name}"
        try:
            program = commands.allowed_command(paths.commands, account.command) if account.command else _msmtp()
        except DeliveryError as error:
            yield Finding(check, BAD, str(error), "Install msmtp, or put the named command right.")
        else:
            yield Finding(check, OK, program)


def _commands(paths: Paths, loaded: Config) -> Iterator[Finding]:
    for account in loaded.accounts:
        if not (name := getattr(account, "program", "")):
            continue
        check = f"command {account.name}"
        try:
            yield Finding(check, OK, commands.allowed_command(paths.commands, name))
        except DeliveryError as error:
            yield Finding(check, BAD, str(error), "Put the program there: root's, executable, writable by no other.")


def _msmtp() -> str:
    return mail.find_program("msmtp")


def _database(paths: Paths, loaded: Config) -> Finding:
    path = paths.inside(loaded.main.database)
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("database", BAD, f"{folder}: {error.strerror}", "The folder must be there and readable.")
    words = f"{path}, {free // 1024} kB free"
    if free < LEAST_FREE:
        return Finding("database", BAD, words, "Free some space, or move the database (homeline.main.database).")
    return Finding("database", OK, words)


def _system(paths: Paths) -> Iterator[Finding]:
    now = time.time()
    if now < CLOCK_FLOOR:
        yield Finding("clock", BAD, time.strftime("%Y-%m-%d", time.gmtime(now)), "Give the router a time server.")
    else:
        yield Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))
    found = usb.candidates(paths.sys, paths.dev)
    if not found:
        yield Finding(
            "ports",
            BAD,
            "no USB serial port is there",
            "Plug the dongle in. If it is: opkg install kmod-usb-serial-option usb-modeswitch",
        )
    for candidate in found:
        yield _port(candidate, paths)


def _daemon_user(paths: Paths) -> str:
    """The user whose rights matter; "" for our own, in the lab and for those who are not root."""
    return USER if paths.root == Path("/") and os.geteuid() == 0 else ""


def _port(candidate: usb.Candidate, paths: Paths) -> Finding:
    what = f"{candidate.manufacturer} {candidate.product}".strip() or "a USB serial port"
    words = f"{what} at {candidate.usb_path}, interface {candidate.interface}"
    if trouble := owner.permission(candidate.port, _daemon_user(paths)):
        return Finding(str(candidate.port), BAD, trouble, "The user homeline must be in the group that owns the port.")
    holder = owner.holder(candidate.port, paths.locks, paths.proc)
    if holder is None or "homeline" in holder.name or holder.pid == os.getpid():
        return Finding(str(candidate.port), OK, words)
    return Finding(str(candidate.port), WARNING, f"{words}, in use by {holder}", "If that is not Homeline, stop it.")
