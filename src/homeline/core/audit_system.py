"""The rest of the owner's files: devices that would take our port, manager, HTTP, ARI, other ways into a context."""

from __future__ import annotations

from collections.abc import Iterator

from homeline.config_options import Config, Dongle
from homeline.core.audit_dialplan import Dialplan
from homeline.core.audit_files import Files, Finding, is_loopback, is_on, place, shown
from homeline.model import Driver
from homeline.protocol.asterisk_conf import Entry, Section

_DRIVERS = {"dongle.conf": Driver.CHAN_DONGLE, "quectel.conf": Driver.CHAN_QUECTEL}
_NO_DEVICE = ("general", "defaults")
_STRONG_CLASSES = ("system", "command", "originate", "config", "all", "agi")
_MIN_SECRET = 12
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - where Asterisk listens without bindaddr
_WELL_KNOWN = ("amp111", "mysecret", "secret5", "password", "asterisk", "admin", "secret", "changeme")
_READ_ELSEWHERE = ("pjsip.conf", "pjsip_wizard.conf", "sip.conf", "iax.conf", "extensions.conf", *_DRIVERS)
READ = (*_READ_ELSEWHERE, "manager.conf", "http.conf", "ari.conf", "asterisk.conf")  # files whose loss is worth saying
_TABLES = ("ps_endpoints", "ps_endpoint_id_ips", "extensions", "sippeers", "sipusers", "iaxpeers", "iaxusers")
_OBJECTS = ("endpoint", "auth", "identify")
LEADING = ("context", "dialout", "callback", "exitcontext", "message_context")  # options that send a call somewhere


def audit(files: Files, plan: Dialplan, config: Config) -> Iterator[Finding]:
    """Findings in everything but the dial plan and the accounts of SIP and IAX."""
    for name, driver in _DRIVERS.items():
        yield from _devices(files.sections(name), driver, config)
    yield from _manager(files)
    yield from _http(files)
    yield from _asterisk(files)
    yield from _other_ways(files, plan)
    yield from _unseen(files)
    yield from _dropped(files)
    yield from _elsewhere(files)


def _devices(sections: list[Section], driver: Driver, config: Config) -> Iterator[Finding]:
    """Hand-written devices of Asterisk's drivers that are, or may be, a dongle of Homeline's."""
    for section in sections:
        if section.name.lower() in _NO_DEVICE or is_on(section, "disable") or section.get("initstate") == "remove":
            continue
        for dongle in config.dongles:
            if dongle.enabled and (claim := _claim(section, dongle, driver)):
                yield Finding(
                    *place(section, "data", "audio", "imei"),
                    section.name,
                    f"{claim} of dongle '{dongle.name}': two cannot have one modem, and messages would be lost",
                    "remove the section; Homeline writes the devices that it needs",
                    "warning" if claim.startswith("may") else "critical",
                )
                break


def _claim(section: Section, dongle: Dongle, driver: Driver) -> str:
    """How a device gets in a dongle's way, "" where it does not. Its ports count before its imei, as in the driver."""
    if dongle.driver is driver and section.name == dongle.name:
        return "has the name"
    imei = section.get("imei")
    if imei and imei == dongle.imei:
        return "takes the modem"
    ours = {port for port in (dongle.port, dongle.data, dongle.audio) if port}
    theirs = {port for name in ("data", "audio") if (port := section.get(name))}
    if ours & theirs:
        return "takes the port"
    apart = ours if theirs else imei and dongle.imei
    return "" if apart else "may take the port"


def _manager(files: Files) -> Iterator[Finding]:
    sections = files.sections("manager.conf")
    general = next((section for section in sections if section.name.lower() == "general"), None)
    if general is None or not is_on(general, "enabled"):
        return
    outside = not is_loopback(general.get("bindaddr", _EVERYWHERE))
    if outside:
        yield Finding(
            *place(general, "bindaddr", "enabled"),
            general.name,
            "the manager listens beyond this router: whoever finds a password commands Asterisk",
            "set bindaddr = 127.0.0.1",
        )
    for section in sections:
        if section is general or not section.get("secret"):
            continue
        yield from _account(section, outside)


def _account(section: Section, outside: bool) -> Iterator[Finding]:
    secret = section.get("secret")
    classes = {word.strip().lower() for word in section.get("write").split(",")}
    strong = sorted(classes & set(_STRONG_CLASSES))
    barred = any(section.get(name) for name in ("permit", "deny", "acl"))
    weak = len(secret) < _MIN_SECRET or secret.lower() in (*_WELL_KNOWN, section.name.lower())
    if outside and strong and not barred:
        yield Finding(
            *place(section, "write"),
            section.name,
            f"may {', '.join(strong)} from anywhere: with its password a stranger makes calls and runs commands",
            "set deny = 0.0.0.0/0.0.0.0 and permit = 127.0.0.1/255.255.255.255",
            "critical",
            True,
        )
    if weak:
        yield Finding(
            *place(section, "secret"),
            section.name,
            "its secret is short or well known",
            "take a random one of 16 characters or more",
            "critical" if outside and strong else "warning",
            outside and bool(strong),
        )


def _http(files: Files) -> Iterator[Finding]:
    general = next((section for section in files.sections("http.conf") if section.name.lower() == "general"), None)
    if general is None or not is_on(general, "enabled") or is_loopback(general.get("bindaddr", _EVERYWHERE)):
        return
    users = [section for section in files.sections("ari.conf") if section.get("type").lower() == "user"]
    ari = next((section for section in files.sections("ari.conf") if section.name.lower() == "general"), None)
    if users and (ari is None or is_on(ari, "enabled", default=True)):
        for user in users:
            if not is_on(user, "read_only"):
                yield Finding(
                    *place(user, "type"),
                    user.name,
                    "may make calls through Asterisk's web server, which listens beyond this router",
                    "set bindaddr = 127.0.0.1 in http.conf, or read_only = yes here",
                    "critical",
                    True,
                )
    yield Finding(
        *place(general, "bindaddr", "enabled"),
        general.name,
        "Asterisk's web server listens beyond this router",
        "set bindaddr = 127.0.0.1",
    )


def _asterisk(files: Files) -> Iterator[Finding]:
    for section in files.sections("asterisk.conf"):
        if section.name.lower() == "options" and is_on(section, "live_dangerously"):
            yield Finding(
                *place(section, "live_dangerously"),
                section.name,
                "live_dangerously lets the manager and ARI run programs through dial plan functions",
                "remove it",
            )


def _other_ways(files: Files, plan: Dialplan) -> Iterator[Finding]:
    """Other channel drivers and applications whose calls lead to a dongle or into our contexts."""
    for name in sorted(files.texts):
        if not name.endswith(".conf") or name in _READ_ELSEWHERE or "/" in name:
            continue
        for section in files.sections(name):
            for entry in section.entries:
                if entry.name.lower() in LEADING and (reach := plan.reach(entry.value)):
                    yield Finding(
                        entry.file,
                        entry.line,
                        section.name,
                        f"its {entry.name} {shown(entry.value)} leads to {reach}, beside Homeline's rules",
                        "change it, or accept it once you are sure who gets there",
                        "critical",
                        True,
                    )


def _unseen(files: Files) -> Iterator[Finding]:
    """Parts of the files that matter which are somewhere else, or made by a program."""
    options = [section for section in files.sections("asterisk.conf") if section.name.lower() == "options"]
    runs = any(is_on(section, "execincludes") for section in options)
    for name in _READ_ELSEWHERE:
        for include in files.unseen(name):
            if include.kind == "exec" and not runs:
                continue
            yield Finding(
                include.file,
                include.line,
                name,
                f"#{include.kind} {shown(include.target)}: nobody looked at what is in there and whom it lets in",
                "put it into a file of its own in /etc/asterisk whose name ends in .conf",
                "critical",
                True,
            )


def _dropped(files: Files) -> Iterator[Finding]:
    """Files that Asterisk does without, and reports success: one that they include is missing."""
    for name in READ:
        for include in files.missing(name):
            text = f"#include {shown(include.target)} is not there or not to be read: Asterisk drops all of {name}"
            yield Finding(include.file, include.line, name, text, "write #tryinclude, or take the line out")


def _elsewhere(files: Files) -> Iterator[Finding]:
    """Accounts and dial plans that Asterisk takes from a database, or from a file of another name."""
    for section in files.sections("extconfig.conf"):
        for entry in section.entries:
            if section.name.lower() == "settings" and (entry.name in _TABLES or entry.name in _READ_ELSEWHERE):
                yield _from_elsewhere(entry, section)
    for section in files.sections("sorcery.conf"):
        for entry in section.entries:
            kind = entry.name.partition("/")[0]
            ordinary = entry.value.replace(" ", "").startswith("config,pjsip.conf")
            if section.name.startswith("res_pjsip") and kind in _OBJECTS and not ordinary:
                yield _from_elsewhere(entry, section)


def _from_elsewhere(entry: Entry, section: Section) -> Finding:
    return Finding(
        entry.file,
        entry.line,
        section.name,
        f"{shown(entry.name)} comes from {shown(entry.value)}: nobody looked at what is in there and whom it lets in",
        "accept it once you have looked yourself",
        "critical",
        True,
    )
