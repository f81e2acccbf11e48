"""What the account has of what is ours or is to be: everything that a plan compares with. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from homeline.core.twilio_addresses import HOME
from homeline.twilio import functions
from homeline.twilio.account import Account
from homeline.twilio.dialing import Dialing, allowed
from homeline.twilio.kinds import KINDS, Found, Kind
from homeline.twilio.owned import Owned
from homeline.twilio.trouble import Trouble
from homeline.twilio.wanted import FUNCTION_PATH, Item

_APART = ("region", "deployment")  # kinds that are no list of things


@dataclass(slots=True)
class Survey:
    """`routes`: regions of domains (`Account.routed`); `about`: the account (`Account.about`)."""

    found: list[Found] = field(default_factory=list)
    routes: dict[str, str | None] = field(default_factory=dict)
    dialing: Dialing = field(default_factory=Dialing)
    about: Mapping[str, str] = field(default_factory=dict)


def survey(account: Account, items: Sequence[Item], owned: Owned, countries: Sequence[str]) -> Survey:
    """Looks. Things of others are not looked into. Raises Trouble."""
    made = Survey(about=account.about())
    needed = {item.kind for item in items} | {kind for kind, _ in owned.memory.things}
    names = {(item.kind, item.name) for item in items}
    for kind in KINDS:
        if kind.parent or (kind.name == "number" and "number" not in needed):
            continue
        if kind.product == "serverless" and account.region != HOME:  # where this key is none
            continue
        for found in _listed(account, kind, kind.name in needed):
            if owned.ours(found) or owned.adopted(found) or (kind.name, found.name) in names:
                made.found.append(found)
                made.found += _children(account, found)
    domains = [item.name for item in items if item.kind == "region" and isinstance(item.name, str)]
    made.routes = {domain: account.routed(domain) for domain in domains}
    made.dialing = allowed(account, dict.fromkeys([*countries, *owned.memory.dialing]))
    return made


def _listed(account: Account, kind: Kind, needed: bool) -> list[Found]:
    """All of a kind; none of one that this key or account may not see, where nothing of it is needed."""
    try:
        return account.listed(kind)
    except Trouble as error:
        if needed or error.status not in (403, 404):
            raise
        return []


def _children(account: Account, parent: Found) -> Iterator[Found]:
    chain = (*parent.chain, parent.sid)
    for kind in KINDS:
        if kind.parent == parent.kind and kind.name not in _APART:
            for found in account.listed(kind, chain):
                yield found
                yield from _children(account, found)
    build = parent.fields.get("build_sid", "")
    if build and (code := functions.deployed(account, parent.chain[0], build, FUNCTION_PATH)):
        yield Found("deployment", build, FUNCTION_PATH, {"code": functions.digest(code)}, chain=chain)
