"""What is to be done so that the account has what it should. Pure.

First what is missing is made and what differs is changed, in the order of dependence; then what is ours and of no more
use is removed, in the reverse order. So calls find a way at every moment in between, and an end anywhere does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from homeline.core.twilio_addresses import HOME
from homeline.twilio import functions, numbers
from homeline.twilio.kinds import BY_NAME, RANK, Found, Value, text
from homeline.twilio.memory import Memory
from homeline.twilio.owned import Owned
from homeline.twilio.shapes import Do, Step
from homeline.twilio.survey import Survey
from homeline.twilio.wanted import Item, Ref

Changes = dict[str, tuple[str, str]]
_HIDDEN = ("…", "…")
_LATER = "(known when it is made)"
_GIVEN_UP = ("region", "deployment")  # they go with what they belong to
_WHOLE = "it counts for the whole account, so it is changed with --account-wide only"


@dataclass(frozen=True, slots=True)
class Action:
    """One step, with what it takes to carry it out."""

    step: Step
    item: Item | None = None
    found: Found | None = None

    @property
    def does(self) -> bool:
        return self.step.action not in (Do.KEEP, Do.REPORT)


@dataclass(slots=True)
class Plan:
    """`here`: items that are there already, by their keys. `mistakes`: why nothing may be done at all.

    `memory`: what must be remembered before anything is done, as it cannot be seen any more afterwards.
    """

    actions: list[Action] = field(default_factory=list)
    here: dict[str, Found] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # for people
    mistakes: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

    @property
    def empty(self) -> bool:
        return not any(action.does for action in self.actions)


@dataclass(frozen=True, slots=True)
class Ways:
    """What else decides: how a password is known again, whether what is account-wide may be changed, our addresses."""

    digest: Callable[[str, str], str]  # of a credential's SID and its password
    account_wide: bool = False
    places: tuple[str, ...] = ()  # how addresses begin that lead to us


def planned(items: Sequence[Item], survey: Survey, owned: Owned, countries: Sequence[str], ways: Ways) -> Plan:
    """The plan. Without items and countries it is that of taking everything away."""
    plan = Plan(memory=owned.memory.copied())
    for item in items:
        action = _region(item, survey, plan) if item.kind == "region" else _one(item, survey, owned, ways, plan)
        if action:
            plan.actions.append(action)
    plan.actions += _instead(items, survey, owned, plan)
    plan.actions += _dialing(survey, plan.memory, countries, ways)
    plan.actions += _leftovers(survey, owned, ways, plan)
    return plan


def resolved(value: Value | Ref, here: Mapping[str, Found]) -> str | None:
    """A field's value; None where it is not known yet."""
    if not isinstance(value, Ref):
        return text(value)
    found = here.get(value.key)
    if found is None:
        return None
    return value.make(found.sid if value.field == "sid" else found.fields[value.field])


def chain_of(item: Item, here: Mapping[str, Found]) -> tuple[str, ...] | None:
    """SIDs of the parents of an item; None where they are not known yet."""
    if not item.parent:
        return ()
    parent = here.get(item.parent)
    return (*parent.chain, parent.sid) if parent else None


def _one(item: Item, survey: Survey, owned: Owned, ways: Ways, plan: Plan) -> Action | None:
    found = _match(item, survey, owned, plan)
    shown = plan.names[item.key] = plan.names[item.name.key] if isinstance(item.name, Ref) else item.name
    if found is None:
        if item.adopted:
            plan.mistakes.append(f"twilio.adopt: the account has no {BY_NAME[item.kind].words} '{shown}'")
            return None
        return Action(Step(Do.CREATE, item.kind, shown, changes=_values(item, plan)), item)
    if not (item.parent or item.adopted or owned.ours(found) or owned.adopted(found)):
        plan.mistakes.append(
            f"The {BY_NAME[item.kind].words} '{found.name}' is there and was not made by Homeline: add it to"
            " twilio.adopt if it may be changed, or set another twilio.domain or trunk_domain"
        )
        return None
    plan.here[item.key] = found
    changes = _changes(item, found, owned, ways, plan)
    action = Do.CHANGE if changes else Do.KEEP
    return Action(Step(action, item.kind, shown, found.sid, changes), item, found)


def _match(item: Item, survey: Survey, owned: Owned, plan: Plan) -> Found | None:
    """What there is for an item: rather what is remembered than what only has the name."""
    chain, name = chain_of(item, plan.here), resolved(item.name, plan.here)
    if chain is None or name is None:
        return None
    same = [each for each in survey.found if (each.kind, each.chain, each.name) == (item.kind, chain, name)]
    remembered = [each for each in same if (each.kind, each.sid) in owned.memory.things]
    return next(iter([*remembered, *same]), None)


def _values(item: Item, plan: Plan) -> Changes:
    """What a new thing will have."""
    values = {name: ("", _shown(item, resolved(value, plan.here))) for name, value in item.fields.items()}
    shown = {name: pair for name, pair in values.items() if pair[1]}
    return shown | ({BY_NAME[item.kind].secret: _HIDDEN} if item.secret else {})


def _shown(item: Item, value: str | None) -> str:
    if value is None:
        return _LATER
    return functions.digest(value) if item.kind == "deployment" else value


def _changes(item: Item, found: Found, owned: Owned, ways: Ways, plan: Plan) -> Changes:
    changes: Changes = {}
    kept = BY_NAME[item.kind].label if owned.adopted(found) else ""  # its owner's name for it
    for name, value in item.fields.items():
        if name == kept:
            continue
        new, old = _shown(item, resolved(value, plan.here)), found.fields.get(name, "")
        if new != old:
            changes[name] = (old, new)
    if item.secret and owned.memory.passwords.get(found.sid) != ways.digest(found.sid, item.secret):
        changes[BY_NAME[item.kind].secret] = _HIDDEN
    if item.kind == "number":
        changes |= _number_changes(item, found, ways, plan)
    return changes


def _number_changes(item: Item, found: Found, ways: Ways, plan: Plan) -> Changes:
    """What a number gets back of what it had; what it loses is remembered."""
    wanted = {name: _shown(item, resolved(value, plan.here)) for name, value in item.fields.items()}
    if wanted:
        plan.memory.things.add((found.kind, found.sid))
    try:
        numbers.taken(found, wanted, ways.places, plan.memory.before)
    except ValueError as error:
        plan.mistakes.append(f"The phone number '{found.name}' cannot be changed: {error}")
    return numbers.returned(found, wanted, ways.places, plan.memory.before)


def _instead(items: Sequence[Item], survey: Survey, owned: Owned, plan: Plan) -> Iterator[Action]:
    """Numbers for which something else counts than what is set here."""
    trunks = {found.sid for found in survey.found if found.kind == "trunk" and owned.ours(found)}
    for item in items:
        if item.kind == "number" and (found := plan.here.get(item.key)):
            for why in numbers.instead(found, item.fields, trunks):
                yield Action(Step(Do.REPORT, "number", found.name, found.sid, why=why), item)


def _region(item: Item, survey: Survey, plan: Plan) -> Action | None:
    """In which region a domain is in force. Without a word of ours that is HOME."""
    domain, wanted = str(item.name), str(item.fields["voice_region"])
    now = survey.routes.get(domain)
    there = plan.here.get(item.parent)
    if now == wanted or (not now and wanted == HOME):
        return Action(Step(Do.KEEP, item.kind, domain), item)
    if now is None:
        why = f"this key may not say that {wanted} is in force: press 'Re-route' at the domain in Twilio's console"
        return Action(Step(Do.REPORT, item.kind, domain, why=why), item)
    if now and there is None:
        plan.mistakes.append(
            f"The domain '{domain}' is in force in the region {now}: set twilio.region to it, or another twilio.domain"
        )
        return None
    return Action(Step(Do.CHANGE, item.kind, domain, changes={"voice_region": (now, wanted)}), item)


def _dialing(survey: Survey, memory: Memory, countries: Sequence[str], ways: Ways) -> Iterator[Action]:
    """Countries to which calls must be allowed, and those that were allowed by us and need not be any more."""
    before = dict(memory.dialing)
    for country in dict.fromkeys([*countries, *before]):
        now = survey.dialing.flags.get(country)
        if now is None:
            if country in countries:
                why = (
                    "whether calls there are allowed is not told to this key: see Voice, Geo permissions in the console"
                )
                yield Action(Step(Do.REPORT, "dialing", country, why=why))
            continue
        new = f"1{now[1:]}" if country in countries else before[country]
        changes = {"flags": (now, new)}
        if now == new:
            if country in countries:
                yield Action(Step(Do.KEEP, "dialing", country))
            else:
                del memory.dialing[country]  # as it was
        elif ways.account_wide:
            memory.dialing.setdefault(country, now)
            yield Action(Step(Do.CHANGE, "dialing", country, changes=changes))
        else:
            yield Action(Step(Do.REPORT, "dialing", country, changes=changes, why=_WHOLE))


def _leftovers(survey: Survey, owned: Owned, ways: Ways, plan: Plan) -> Iterator[Action]:
    """What is ours and not wanted any more; and of what the owner handed over, that it stays."""
    used = {(found.kind, found.chain, found.sid) for found in plan.here.values()}
    tops = {found.sid: found for found in survey.found if not found.chain}
    idle = [
        each for each in survey.found if (each.kind, each.chain, each.sid) not in used and each.kind not in _GIVEN_UP
    ]
    gone = {found.sid for found in idle if _removable(found, owned, tops)}
    for found in sorted(idle, key=lambda each: (-RANK[each.kind], each.name)):
        if found.kind == "number":
            yield from _number(found, owned, ways)
        elif found.sid in gone and not gone & set(found.chain):  # what belongs to it goes with it
            yield Action(Step(Do.REMOVE, found.kind, found.name, found.sid), found=found)
        elif not found.chain and found.sid not in gone:
            yield Action(Step(Do.REPORT, found.kind, found.name, found.sid, why="it is not ours, so it stays as it is"))


def _removable(found: Found, owned: Owned, tops: Mapping[str, Found]) -> bool:
    """Whether it is ours: of itself, by what it belongs to, or because it maps a list of ours."""
    if found.kind == "number" or not found.chain:
        return found.kind != "number" and owned.ours(found)
    mapped = tops.get(found.sid)
    return owned.ours(found) or owned.ours(tops[found.chain[0]]) or (mapped is not None and owned.ours(mapped))


def _number(found: Found, owned: Owned, ways: Ways) -> Iterator[Action]:
    """A number that was handed over once: it is its owner's, as it was before."""
    changes = numbers.returned(found, (), ways.places, owned.memory.before)
    if changes and (found.kind, found.sid) in owned.memory.things:
        yield Action(Step(Do.CHANGE, found.kind, found.name, found.sid, changes), found=found)
