"""Numbers at Twilio that the owner handed over: what is changed of them, and how they were before. Pure.

Each number has addresses for calls, for their ends and for texts. One that Homeline takes is kept as it was, and set
again once it is not wanted here any more, unless somebody has changed it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from homeline.twilio.kinds import Found
from homeline.twilio.memory import LONGEST_VALUE

GROUPS = {  # what goes together, by the field with the address
    "voice_url": ("voice_url", "voice_method"),
    "status_callback": ("status_callback", "status_callback_method"),
    "sms_url": ("sms_url", "sms_method"),
}
_PATHS = {"voice_url": "/voice", "status_callback": "/status", "sms_url": "/sms"}  # with which addresses of ours end
_INSTEAD = {  # what Twilio goes by instead of an address, where a number has it
    "voice_application_sid": ("voice_url", "an application answers its calls"),
    "sms_application_sid": ("sms_url", "an application takes its texts"),
    "trunk_sid": ("voice_url", "its calls go to an Elastic SIP trunk"),
}
Values = dict[tuple[str, str], str]  # by the number's SID and the field


def taken(found: Found, wanted: Mapping[str, str], places: Sequence[str], before: Values) -> None:
    """Adds to `before` what a number has and loses to `wanted`. `places`: how addresses begin that lead to us.

    ValueError for an address that is too long to be kept.
    """
    for url, fields in GROUPS.items():
        if url in wanted and found.fields[url] != wanted[url] and not _is_ours(found, url, places, before):
            if len(found.fields[url].encode()) > LONGEST_VALUE:
                raise ValueError(f"its {url} is longer than can be kept until it is set again")
            before.update({(found.sid, name): found.fields[name] for name in fields})


def returned(found: Found, wanted: Iterable[str], places: Sequence[str], before: Values) -> dict[str, tuple[str, str]]:
    """What a number gets back, as changes: all that is ours and not `wanted` any more."""
    changes = {}
    for url, fields in GROUPS.items():
        if url in wanted or not _is_ours(found, url, places, before):
            continue
        for name in fields:
            old = before.get((found.sid, name), "" if name == url else found.fields[name])
            if old != found.fields[name]:
                changes[name] = (found.fields[name], old)
    return changes


def _is_ours(found: Found, url: str, places: Sequence[str], before: Values) -> bool:
    """Whether an address is one that we set, also where it leads to a place that we have left since."""
    address = found.fields[url]
    return address.startswith(tuple(places)) or ((found.sid, url) in before and address.endswith(_PATHS[url]))


def instead(found: Found, wanted: Iterable[str], trunks: Iterable[str]) -> Iterator[str]:
    """Why what is set at a number does not count. `trunks`: SIDs of ours."""
    for name, (url, words) in _INSTEAD.items():
        if url in wanted and found.fields[name] and found.fields[name] not in trunks:
            yield f"{words} ({found.fields[name]}): take it away in Twilio's console"
