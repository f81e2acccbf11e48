"""Holds the files that an owner wrote for Asterisk against what Homeline promises: no call by strangers.

Homeline leaves what is written by hand as it is. Where that lets a stranger to a dongle, a limit in our own dial plan
is of no use; so it is said with file and line, and Homeline's own calls stay closed until the owner has dealt with it,
or has accepted it in `sip.accepted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from homeline.config_options import Config
from homeline.core import audit_dialplan, audit_sip, audit_system
from homeline.core.audit_files import Files, Finding

__all__ = ["Finding", "audit", "closed"]

MAX_FINDINGS = 50  # a status reply has to hold them
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def audit(files: Mapping[str, str], config: Config) -> list[Finding]:
    """What is wrong in the owner's `files` (names below /etc/asterisk, without our folder), the worst first.

    Findings that the owner accepts are left out.
    """
    read = Files(files)
    plan = audit_dialplan.Dialplan(read)
    found = [
        *audit_sip.audit(read, plan),
        *audit_dialplan.audit(plan, read),
        *audit_system.audit(read, plan, config),
    ]
    found += [
        Finding(name, 0, name, f"Asterisk drops this file whole: {reason}", "put the line right")
        for name, reason in read.broken.items()
        if name in audit_system.READ
    ]
    open_ones = _one_a_place(finding for finding in found if finding.key not in config.sip.accepted)
    return sorted(open_ones, key=lambda item: (_ORDER[item.severity], item.file, item.line, item.text))[:MAX_FINDINGS]


def _one_a_place(findings: Iterable[Finding]) -> Iterable[Finding]:
    """The findings, those of one place joined: where something stands is what a problem is known by."""
    places: dict[str, Finding] = {}
    for item in findings:
        first = places.get(item.where)
        if first is None:
            places[item.where] = item
        elif item.text not in first.text:
            places[item.where] = replace(
                first,
                text=f"{first.text}; and {item.text}",
                advice=f"{first.advice}; {item.advice}",
                severity=min(first.severity, item.severity, key=_ORDER.__getitem__),
                closes=first.closes or item.closes,
                fences=first.fences or item.fences,
            )
    return places.values()


def closed(findings: list[Finding]) -> str:
    """Why no call may go out, for `Facts.closed`; "" where nothing stands against it."""
    closing = [finding for finding in findings if finding.closes]
    if not closing:
        return ""
    more = f" and {len(closing) - 1} more" if len(closing) > 1 else ""
    return f"{closing[0].where}{more}: see the problems"


def fence(findings: list[Finding], files: Mapping[str, str]) -> tuple[str, ...] | None:
    """For `Facts.fence`: None where no endpoint of the owner's lets strangers in."""
    if not any(finding.fences for finding in findings):
        return None
    return audit_sip.own_networks(Files(files))
