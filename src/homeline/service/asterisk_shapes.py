"""How Asterisk's state looks on the bus (docs/ubus.md), as `shapes` has it: what is empty or unknown is left out."""

from __future__ import annotations

from typing import Any

from homeline.protocol.ami_state import Channel, Contact
from homeline.protocol.blobmsg import Int64
from homeline.service.asterisk_view import PhoneState, Snapshot, TrunkState

Table = dict[str, Any]


def _filled(table: Table) -> Table:
    return {key: value for key, value in table.items() if value not in ("", None, [])}


def asterisk(item: Snapshot) -> Table:
    """The table `asterisk` of `status`."""
    return {
        "running": item.running,
        "trunks": [trunk(found) for found in item.trunks],
        "phones": [phone(found) for found in item.phones],
        "channels": [channel(found) for found in item.channels],
    } | _filled(
        {
            "version": item.version,
            "since": Int64(item.since) if item.since else None,
            "missing_modules": list(item.missing),
        }
    )


def trunk(item: TrunkState) -> Table:
    """A trunk, with the first of its contacts that answers, or else the first."""
    best = next((found for found in item.contacts if found.state == "reachable"), None)
    best = best or (item.contacts[0] if item.contacts else None)
    return {"name": item.name, "state": item.state, "calls": item.calls} | _filled(
        {
            "registration": item.registration,
            "contact": best.address if best else "",
            "rtt_ms": best.rtt_ms if best else None,
        }
    )


def phone(item: PhoneState) -> Table:
    contacts = [contact(found) for found in item.contacts]
    return {"name": item.name, "state": item.state, "calls": item.calls, "contacts": contacts}


def contact(item: Contact) -> Table:
    """One device that is registered with a phone's account."""
    return {"state": item.state} | _filled(
        {"address": item.address, "user_agent": item.user_agent, "rtt_ms": item.rtt_ms}
    )


def channel(item: Channel) -> Table:
    """One leg of a call; legs of one call have the same `call`."""
    return {"channel": item.name, "call": item.call, "state": item.state, "seconds": item.seconds} | _filled(
        {"device": item.device, "number": item.number, "name": item.caller_name, "other": item.other}
    )
