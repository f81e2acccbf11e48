"""The owner's own SIP and IAX accounts: who gets in without proving who he is, and how far he gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from homeline.config_types import is_address
from homeline.core.audit_dialplan import Dialplan
from homeline.core.audit_files import Files, Finding, is_on, place, shown
from homeline.core.twilio_addresses import NETWORKS
from homeline.protocol.asterisk_conf import Section

PJSIP, WIZARD, SIP, IAX = "pjsip.conf", "pjsip_wizard.conf", "sip.conf", "iax.conf"

_MIN_PASSWORD = 8  # characters; shorter ones are found by trying, which bots do without end
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(/([0-9]{1,3}|255\.[0-9.]{5,11}))?")
_PORT = re.compile(r"(?<=[0-9.]{7}):[0-9]{1,5}$")
_NARROW = 24  # prefix length of an IPv4 network that may be one company's


def audit(files: Files, plan: Dialplan) -> Iterator[Finding]:
    """Findings in the files of channel drivers that talk SIP or IAX."""
    yield from _pjsip(files, plan)
    yield from _wizard(files, plan)
    yield from _old_sip(files, plan)
    yield from _iax(files, plan)


def _pjsip(files: Files, plan: Dialplan) -> Iterator[Finding]:
    sections = files.sections(PJSIP)
    identifies = [section for section in sections if section.get("type").lower() == "identify"]
    for section in sections:
        kind = section.get("type").lower()
        if kind == "endpoint":
            yield from _endpoint(section, identifies, plan)
        elif kind == "auth":
            yield from _password(section, section.get("username"), "password")
        elif kind == "identify" and section.get("match_header"):
            yield _found(
                section,
                "match_header lets in whoever sends that header: each criterion of an identify is enough by itself",
                "remove match_header, and check the header in the dial plan",
                place(section, "match_header"),
                closes=plan.knows(_context_of(section, sections)),
            )
    for kind in ("global", "system"):
        yield from _second(sections, kind)


def _second(sections: list[Section], kind: str) -> Iterator[Finding]:
    for section in [section for section in sections if section.get("type").lower() == kind][1:]:
        yield _found(
            section,
            f"is a second section of type {kind}: Asterisk takes one of them and forgets the other",
            f"join them: [{shown(section.name)}] is enough once",
        )


def _context_of(identify: Section, sections: list[Section]) -> str:
    named = [section for section in sections if section.name == identify.get("endpoint")]
    return next((section.get("context") for section in named if section.get("context")), "default")


def _endpoint(section: Section, identifies: list[Section], plan: Dialplan) -> Iterator[Finding]:
    calls = section.get("context", "default")
    has_auth = bool(section.get("auth"))
    own = [identify for identify in identifies if identify.get("endpoint") == section.name]
    for context in dict.fromkeys((calls, section.get("message_context", calls))):
        if not has_auth and (who := _strangers(section, own)):
            yield _stranger(section, who, "auth = an auth section (and identify_by = ip for a trunk)", context, plan)
        else:
            yield from _leads_to(section, context, plan)


def _strangers(section: Section, identifies: list[Section]) -> str:
    """Who besides its owner can be this endpoint, which asks for no password; "" is nobody."""
    if section.name.lower() == "anonymous":
        return "everybody on the internet is this endpoint"
    by = section.get("identify_by", "username,ip").lower()
    if "username" in by:
        return f"whoever writes '{shown(section.name)}' into From is this endpoint, as no auth is set"
    for network in (
        part.strip() for identify in identifies for value in identify.all("match") for part in value.split(",")
    ):
        if _is_wide(network):
            return f"whoever is in {shown(network)} is this endpoint, as no auth is set"
        if any(network.startswith(known.rpartition(".")[0]) for found in NETWORKS.values() for known in found):
            return f"every customer of Twilio calls from {shown(network)} and is this endpoint, as no auth is set"
    return ""


def _is_wide(network: str) -> bool:
    address, _, length = network.partition("/")
    if not is_address(address):
        return False
    if is_address(length):  # a netmask in full
        return sum(int(part).bit_count() for part in length.split(".") if part.isdigit()) < _NARROW
    return length.isdigit() and int(length) < (48 if ":" in address else _NARROW)


def _wizard(files: Files, plan: Dialplan) -> Iterator[Finding]:
    for section in files.sections(WIZARD):
        if section.get("type").lower() != "wizard":
            continue
        context = section.get("endpoint/context", "default")
        if messages := section.get("endpoint/message_context"):
            yield from _leads_to(section, messages, plan)
        by = section.get("endpoint/identify_by", "username,ip").lower()
        if is_on(section, "accepts_auth") or section.get("endpoint/auth"):
            yield from _password(section, section.get("inbound_auth/username"), "inbound_auth/password")
            yield from _leads_to(section, context, plan)
        elif "username" in by:
            who = f"whoever writes '{shown(section.name)}' into From is this endpoint, as accepts_auth is off"
            yield _stranger(section, who, "endpoint/identify_by = ip, or accepts_auth = yes", context, plan)
        elif any("twilio.com" in host for host in section.all("remote_hosts")):
            who = "every customer of Twilio calls from its addresses and is this endpoint, as accepts_auth is off"
            yield _stranger(section, who, "a trunk of Homeline instead, which asks for the account", context, plan)
        else:
            yield from _leads_to(section, context, plan)


def _old_sip(files: Files, plan: Dialplan) -> Iterator[Finding]:
    """chan_sip, which Asterisk had up to version 20."""
    sections = files.sections(SIP)
    general = next((section for section in sections if section.name.lower() == "general"), None)
    if general is not None and is_on(general, "allowguest", default=True):
        context = general.get("context", "default")
        if plan.reach(context):
            yield _stranger(general, "allowguest is on, so everybody may call", "allowguest = no", context, plan)
    default = general.get("context", "default") if general else "default"
    yield from _peers(sections, ("friend", "peer", "user"), default, plan)


def _iax(files: Files, plan: Dialplan) -> Iterator[Finding]:
    yield from _peers(files.sections(IAX), ("friend", "user"), "default", plan)


def _peers(sections: list[Section], kinds: tuple[str, ...], default: str, plan: Dialplan) -> Iterator[Finding]:
    """Accounts of chan_sip and chan_iax2, which hold name, password and context in one section."""
    for section in sections:
        if section.get("type").lower() not in kinds:
            continue
        context = section.get("context", default)
        secrets = [name for name in ("secret", "md5secret", "inkeys", "dbsecret") if section.get(name)]
        if not secrets or "invite" in section.get("insecure").lower():
            if plan.reach(context):
                yield _stranger(section, "it asks for no password", "secret = a long password", context, plan)
            continue
        if secrets == ["secret"]:
            yield from _password(section, section.get("username", section.name), "secret")
        yield from _leads_to(section, context, plan)


def _password(section: Section, username: str, option: str) -> Iterator[Finding]:
    password = section.get(option)
    weak = len(password) < _MIN_PASSWORD or password.lower() in (username.lower(), section.name.lower())
    if password and weak:
        yield _found(
            section,
            f"{option} is short or the account's own name: programs that try passwords find it in hours",
            "take a random one of 16 characters or more",
            place(section, option),
        )


def _stranger(section: Section, who: str, advice: str, context: str, plan: Dialplan) -> Finding:
    """An account that lets strangers in. It closes where they get anywhere at all."""
    reach = plan.reach(context)
    far = f" and reach {reach}" if reach else f" and are in context {shown(context)}"
    anywhere = reach is not None or plan.knows(context)
    found = _found(section, f"strangers get in: {who}{far}", f"set {advice}", place(section, "type"), closes=anywhere)
    return replace(found, fences=anywhere and section.get("type").lower() in ("endpoint", "wizard"))


def own_networks(files: Files) -> tuple[str, ...]:
    """Addresses and networks that the owner's own trunks are known by, but for those wider than a company's."""
    matches = [value for section in files.sections(PJSIP) for value in section.all("match")]
    hosts = [value for section in files.sections(WIZARD) for value in section.all("remote_hosts")]
    found = (_PORT.sub("", part.strip()) for value in (*matches, *hosts) for part in value.split(","))
    return tuple(dict.fromkeys(part for part in found if _NETWORK.fullmatch(part) and _is_narrow(part)))


def _is_narrow(network: str) -> bool:
    return is_address(network.partition("/")[0]) and not _is_wide(network)


def _leads_to(section: Section, context: str, plan: Dialplan) -> Iterator[Finding]:
    """An account that has proved itself and gets around Homeline's rules."""
    if reach := plan.reach(context):
        text = f"its context {shown(context)} leads to {reach}, where no allow-list and no limit of Homeline holds"
        advice = "make it a `phone` or `trunk` of Homeline, or change its context"
        yield _found(section, text, advice, place(section, "context", "endpoint/context"), closes=True)


def _found(
    section: Section, text: str, advice: str, at: tuple[str, int] | None = None, *, closes: bool = False
) -> Finding:
    file, line = at or (section.file, section.line)
    return Finding(file, line, section.name, text, advice, "critical" if closes else "warning", closes)
