"""Why something was forwarded or not (`explain_rule`), and a sample through a rule's channels (`test_rule`)."""

from __future__ import annotations

from typing import Any

from homeline.adapters.store import Store
from homeline.config import Rule
from homeline.core import rules
from homeline.errors import DeliveryError, InvalidArgument, NotFound, TimedOut
from homeline.model import Delivery, Direction, Event, EventKind, Message, MessageState
from homeline.service import eventtext, numbering
from homeline.service.context import Context
from homeline.service.deliveries import Dispatcher

Table = dict[str, Any]

SAMPLE_PEER = "Homeline"
SAMPLE_TEXT = "This is a test of the rule '{rule}'. If you can read it, forwarding works."


class Explainer:
    """Questions about rules. Nothing is stored."""

    def __init__(self, context: Context, dispatcher: Dispatcher) -> None:
        self._context = context
        self._dispatcher = dispatcher

    async def explain(self, args: Table) -> Table:
        """What each rule (or one) says of a stored event, or of one made up of `from`, `text`, `dongle` and `time`."""
        chosen = [self._rule(args["rule"])] if args.get("rule") else list(self._context.config.rules)
        now = args.get("time") or self._context.clock()
        if "event" in args:
            if set(args) & {"from", "text", "dongle"}:
                raise InvalidArgument("either 'event' or 'from', 'text' and 'dongle'")
            event = await self._context.database(Store.get_event, args["event"])
        else:
            event = await self._sample(args.get("from", ""), args.get("text", ""), args.get("dongle", ""), now)
        return {"rules": [self._explained(rule, event, now) for rule in chosen]}

    def _explained(self, rule: Rule, event: Event, now: int) -> Table:
        findings = rules.explain(rule, event, now)
        shown = {
            "rule": rule.name,
            "matches": all(finding.matched for finding in findings),
            "criteria": [{"criterion": f.criterion, "matched": f.matched, "words": f.words} for f in findings],
            "channels": list(rule.channels),
        }
        if shown["matches"]:
            shown |= {"subject": eventtext.subject(event), "text": eventtext.body(event)}
        return shown

    async def test(self, name: str) -> Table:
        """Send a sample through each channel of a rule; what came of each."""
        rule = self._rule(name)
        now = self._context.clock()
        event = await self._sample(SAMPLE_PEER, SAMPLE_TEXT.format(rule=name), "", now)
        results = []
        for channel in rule.channels:
            try:
                await self._dispatcher.test(channel, Delivery(0, 0, rule.name, channel, created_at=now), event)
            except (DeliveryError, NotFound, TimedOut) as error:
                results.append({"channel": channel, "ok": False, "error": str(error)})
            else:
                results.append({"channel": channel, "ok": True})
        return {"rule": name, "results": results}

    def _rule(self, name: str) -> Rule:
        rule = next((rule for rule in self._context.config.rules if rule.name == name), None)
        if rule is None:
            raise NotFound(f"There is no rule '{name[:40]}'.")
        return rule

    async def _sample(self, sender: str, text: str, dongle: str, now: int) -> Event:
        peer = await numbering.peer(sender, self._context.config.main.country)
        message = Message(0, Direction.IN, MessageState.RECEIVED, dongle, "", peer, sender, text=text, at=now)
        return Event(0, EventKind.MESSAGE, now, dongle, peer, text, message)
