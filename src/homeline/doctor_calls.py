"""`homeline doctor`, where calls are wanted: Asterisk, its files, and who may do what."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeline.config import Config
from homeline.doctor_finding import BAD, OK, WARNING, Finding
from homeline.model import Driver
from homeline.paths import Paths
from homeline.service.packages import have_calls

Table = dict[str, Any]

RELOAD = "/etc/init.d/homeline reload"
START = "/etc/init.d/asterisk start, then look at the log: logread -e asterisk"
WELL = ("registered", "reachable", "unknown")  # states of a trunk; the last is that of one that is not asked
CONFIGURATIONS = {
    "pending_restart": "a part of it takes effect when Asterisk is started again",
    "waiting": "it waits for Asterisk",
    "refused": "it could not be made",
    "stuck": "Asterisk does not answer",
    "failed": "Asterisk does not take it",
    "rolled_back": "Asterisk does not take it, and the one before is in force",
}


def look(paths: Paths, loaded: Config, status: Table | None, user: str) -> Iterator[Finding]:
    """Nothing where no calls are wanted. `status` is the running service's, `user` who runs it; "" is not known."""
    if not (loaded.main.enabled and loaded.sip.enabled):
        return
    missing: list[Finding] = []
    if not have_calls(lambda where, text, advice: missing.append(Finding(where, BAD, text, advice))):
        yield from missing
        return
    yield from _running(paths, status)
    yield from _files(paths)
    if user:
        yield from _groups(loaded, user)


def _running(paths: Paths, status: Table | None) -> Iterator[Finding]:
    installed = any(paths.inside(path).exists() for path in ("/usr/sbin/asterisk", "/usr/lib/asterisk/modules"))
    shown = status.get("asterisk", {}) if status else {}
    if not shown.get("running"):
        if not installed:
            yield Finding("asterisk", BAD, "is not installed", "opkg install asterisk (from OpenWrt 25.12 on apk add)")
        elif status:
            yield Finding("asterisk", BAD, "does not run, or does not let the service in", START)
        return
    yield Finding("asterisk", OK, f"version {shown.get('version', '?')} runs")
    words = CONFIGURATIONS.get(shown.get("configuration", ""))
    if words:
        yield Finding("asterisk configuration", WARNING, words, "homeline render says more")
    for trunk in shown.get("trunks", ()):
        yield _trunk(trunk)


def _trunk(trunk: Table) -> Finding:
    check, state = f"trunk {trunk['name']}", trunk["state"]
    if state in WELL:
        return Finding(check, OK, state)
    advice = "Are its host, user name and password right, and is the internet there? logread -e asterisk says more."
    return Finding(check, WARNING, f"is {state}", advice)


def _files(paths: Paths) -> Iterator[Finding]:
    """Whether Asterisk's own files include ours."""
    if not paths.asterisk.is_dir():
        return
    try:
        ours = sorted(path.name for path in paths.rendered.glob("*.conf"))
    except OSError:
        ours = []
    lost = [name for name in ours if not _includes(paths.asterisk / name, name)]
    if not ours:
        yield Finding("asterisk files", WARNING, f"{paths.rendered} has none", f"Run: {RELOAD}")
    elif lost:
        yield Finding("asterisk files", BAD, f"Asterisk's own do not include ours: {', '.join(lost)}", f"Run: {RELOAD}")
    else:
        yield Finding("asterisk files", OK, f"{len(ours)} in {paths.rendered}")


def _includes(file: Path, name: str) -> bool:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip() in (f'#tryinclude "homeline/{name}"', f'#include "homeline/{name}"') for line in lines)


def _groups(loaded: Config, user: str) -> Iterator[Finding]:
    """Who must be in which group, as the init script sees to it."""
    wanted = [(user, "asterisk", "write Asterisk's files")]
    if any(dongle.driver is not Driver.SERIAL for dongle in loaded.dongles):
        wanted.append(("asterisk", "dialout", "open the dongles"))
    for name, group, what in wanted:
        if not _in_group(name, group):
            advice = f"Run: {RELOAD}, and then: /etc/init.d/{name} restart"
            yield Finding(f"group {group}", BAD, f"the user {name} is not in it, so it cannot {what}", advice)


def _in_group(name: str, group: str) -> bool:
    import grp

    try:
        return grp.getgrnam(group).gr_gid in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return False
