"""Carries a plan out, step by step, and remembers what it has made, so that an end anywhere can be gone on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from homeline.twilio import dialing, functions, numbers
from homeline.twilio.account import Account
from homeline.twilio.kinds import BY_NAME, Found, Value
from homeline.twilio.memory import Memory
from homeline.twilio.owned import Owned
from homeline.twilio.plan import Action, Plan, Ways, chain_of, resolved
from homeline.twilio.shapes import Do, Step
from homeline.twilio.wanted import FUNCTION_PATH, Item

Tell = Callable[[Step, int, int], None]  # a step that begins, how many were done, of how many


@dataclass(slots=True)
class Carrier:
    """`done`: steps as they were carried out; `doing`: the one that failed; `owned.memory`: what is made so far."""

    account: Account
    owned: Owned
    ways: Ways
    tell: Tell
    done: list[Step] = field(default_factory=list)
    doing: Step | None = None
    _here: dict[str, Found] = field(default_factory=dict)

    def carry(self, plan: Plan) -> None:
        """Raises Trouble at the first step that fails."""
        self._here = dict(plan.here)
        self.owned.memory = self._recalled(plan)
        work = [action for action in plan.actions if action.does]
        self.done += [action.step for action in plan.actions if not action.does]
        for count, action in enumerate(work):
            self.doing = action.step
            self.tell(action.step, count, len(work))
            self.done.append(self._act(action))
        self.doing = None

    def _recalled(self, plan: Plan) -> Memory:
        """What was made before and is still there, also where nobody had written it down."""
        before = plan.memory
        there = [*plan.here.values(), *(action.found for action in plan.actions if action.found)]
        things = {(found.kind, found.sid) for found in there}
        own = {(found.kind, found.sid) for found in there if not found.chain and self.owned.ours(found)}
        sids = {found.sid for found in there}
        passwords = {sid: value for sid, value in before.passwords.items() if sid in sids}
        kept = {(sid, name): value for (sid, name), value in before.before.items() if sid in sids}
        return Memory((before.things & things) | own, passwords, dict(before.dialing), kept)

    def _act(self, action: Action) -> Step:
        step = action.step
        if step.kind == "dialing":
            self._allow(step)
        elif step.kind == "region":
            self.account.changed(BY_NAME["region"], (), step.name, {"voice_region": step.changes["voice_region"][1]})
        elif step.kind == "deployment" and action.item:
            self._deploy(action.item)
        elif step.action is Do.CREATE and action.item:
            return self._make(action.item, step)
        elif step.action is Do.CHANGE and action.found:
            self._change(action.found, action.item, step)
        elif step.action is Do.REMOVE and action.found:
            self._remove(action.found)
        return step

    def _make(self, item: Item, step: Step) -> Step:
        kind, chain, name = BY_NAME[item.kind], chain_of(item, self._here), resolved(item.name, self._here)
        assert chain is not None and name is not None  # parents come first
        values: dict[str, Value] = {}
        for field_name, value in item.fields.items():
            if text := resolved(value, self._here):
                values[field_name] = text
        if item.secret:
            values[kind.secret] = item.secret
        found = self.account.made(kind, chain, name, values)
        self._here[item.key] = found
        if not item.parent or not self._parent_is_ours(item):
            self.owned.memory.things.add((found.kind, found.sid))
        if item.secret:
            self.owned.memory.passwords[found.sid] = self.ways.digest(found.sid, item.secret)
        return replace(step, sid=found.sid)

    def _parent_is_ours(self, item: Item) -> bool:
        """Whether it is known as ours by what it belongs to, so that it need not be remembered of itself."""
        parent = self._here[item.parent]
        top = parent.chain[0] if parent.chain else parent.sid
        return any(sid == top for _, sid in self.owned.memory.things)

    def _change(self, found: Found, item: Item | None, step: Step) -> None:
        kind = BY_NAME[found.kind]
        values: dict[str, Value] = {name: new for name, (_, new) in step.changes.items()}
        if item:
            wanted = {name: value for name, value in item.fields.items() if name in step.changes}
            values |= {name: resolved(value, self._here) or "" for name, value in wanted.items()}
            if kind.secret in step.changes:
                values[kind.secret] = item.secret
        self.account.changed(kind, found.chain, found.sid, values)
        if item and item.secret:
            self.owned.memory.passwords[found.sid] = self.ways.digest(found.sid, item.secret)
        if found.kind == "number":
            self._forget(found, item)

    def _forget(self, found: Found, item: Item | None) -> None:
        """What was given back of a number need not be remembered."""
        memory = self.owned.memory
        if item is None:
            memory.things.discard((found.kind, found.sid))
        for url, fields in numbers.GROUPS.items():
            if item is None or url not in item.fields:
                for name in fields:
                    memory.before.pop((found.sid, name), None)

    def _remove(self, found: Found) -> None:
        self.account.removed(BY_NAME[found.kind], found.chain, found.sid)
        self.owned.memory.things.discard((found.kind, found.sid))
        self.owned.memory.passwords.pop(found.sid, None)

    def _deploy(self, item: Item) -> None:
        code = resolved(item.fields["code"], self._here)
        assert code is not None
        environment = self._here[item.parent]
        function = self._here["function"].sid
        functions.deploy(self.account, environment.chain[0], environment.sid, function, FUNCTION_PATH, code)

    def _allow(self, step: Step) -> None:
        """What was before is in the plan's memory."""
        _, new = step.changes["flags"]
        dialing.allow(self.account, step.name, new)
        if new == self.owned.memory.dialing[step.name]:
            del self.owned.memory.dialing[step.name]
