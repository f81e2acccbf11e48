"""Why something was forwarded or not (`explain_rule`), and a sample through a rule's channels (`test_rule`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from homeline.adapters.store import Store
from homeline.config import Rule
from homeline.core import rules
from homeline.core.rules import Finding
from homeline.errors import DeliveryError, InvalidArgument, NotFound, TimedOut
from homeline.model import Delivery, Event
from homeline.service.context import Context
from homeline.service.deliveries import Dispatcher
from homeline.service.wording import Wording

Table = dict[str, Any]

SAMPLE_PEER = "Homeline"
SAMPLE_TEXT = "This is a test of the rule '{rule}'. If you can read it, forwarding works."
SHOWN = 4000  # characters of a text: a reply has to hold those of all rules
OVERRIDES = ("subject", "template", "codes")  # options of a rule that may not be saved yet


class Explainer:
    """Questions about rules. Nothing is stored."""

    def __init__(self, context: Context, dispatcher: Dispatcher) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self._wording = Wording(lambda: context.config, lambda: context.database.instance)

    async def explain(self, args: Table) -> Table:
        """What each rule and automatic answer (or one) says of a stored event, or of one made up of arguments.

        With one of `OVERRIDES` there is a `preview`: what would be said by a rule that had them. Raises
        InvalidArgument, NotFound, StoreError.
        """
        from homeline.service.samples import ARGUMENTS, sample  # only when somebody asks

        config, name = self._context.config, args.get("rule", "")
        now = args.get("time") or self._context.clock()
        if "event" in args:
            if set(args) & ARGUMENTS:
                raise InvalidArgument("either 'event' or what an event is made of")
            event = await self._context.database(_stored, args["event"])
        else:
            event = await sample(args, config, now)
        shown = [self._explained(rule, rules.explain(rule, event, now), event) for rule in self._rules(name)]
        if not name or not shown:
            shown += self._answers(name, event, now)
        if name and not shown:
            raise NotFound(f"There is no rule '{name[:40]}'.")
        preview = {"preview": self._preview(args, event)} if set(args) & set(OVERRIDES) else {}
        return {"rules": shown, **preview}

    def _rules(self, name: str) -> list[Rule]:
        return [rule for rule in self._context.config.rules if name in ("", rule.name)]

    def _answers(self, name: str, event: Event, now: int) -> list[Table]:
        config = self._context.config
        sections = [section for section in config.auto_replies if name in ("", section.name)]
        if not sections:
            return []
        from homeline.core import answering  # only where somebody is answered

        found = ((section, answering.explain(section, config, event, now)) for section in sections)
        return [self._explained(answering.as_rule(section), findings, event) for section, findings in found]

    def _explained(self, rule: Rule, findings: Sequence[Finding], event: Event) -> Table:
        shown = {
            "rule": rule.name,
            "matches": all(finding.matched for finding in findings),
            "criteria": [{"criterion": f.criterion, "matched": f.matched, "words": f.words} for f in findings],
            "channels": list(rule.channels),
        }
        return shown | (self._said(rule, event) if shown["matches"] else {})

    def _said(self, rule: Rule, event: Event) -> Table:
        """What goes out by a rule. Raises ValueError for a template that is none."""
        note = self._wording.by_rule(rule, Delivery(0, event.id, rule.name, ""), event)
        text = note.text if len(note.text) <= SHOWN else note.text[: SHOWN - 1] + "…"
        return {"subject": note.subject, "text": text} | ({"code": note.code} if note.code else {})

    def _preview(self, args: Table, event: Event) -> Table:
        """The same by a rule that has what the arguments say, or in `error` why that cannot be."""
        if args.get("codes", "") not in ("", "first", "text", "redact"):
            raise InvalidArgument("codes: must be one of first, text, redact")
        given = {name: args[name] for name in OVERRIDES if name in args and (args[name] or name != "codes")}
        rule = next(iter(self._rules(args["rule"]) if args.get("rule") else ()), Rule("preview"))
        try:
            return self._said(replace(rule, **given), event)
        except ValueError as error:
            return {"error": str(error)}

    async def test(self, name: str) -> Table:
        """Send a sample through each channel of a rule; what came of each. Raises NotFound."""
        from homeline.service.samples import sample

        rule = next(iter(self._rules(name) if name else ()), None)
        if rule is None:
            raise NotFound(f"There is no rule '{name[:40]}'.")
        now = self._context.clock()
        event = await sample({"from": SAMPLE_PEER, "text": SAMPLE_TEXT.format(rule=name)}, self._context.config, now)
        results = []
        for channel in rule.channels:
            try:
                await self._dispatcher.test(channel, Delivery(0, 0, rule.name, channel, created_at=now), event)
            except (DeliveryError, NotFound, TimedOut) as error:
                results.append({"channel": channel, "ok": False, "error": str(error)})
            else:
                results.append({"channel": channel, "ok": True})
        return {"rule": name, "results": results}

    def fields(self) -> Table:
        """What templates may have in them."""
        from homeline.protocol.template import FIELDS, FILTERS  # only when somebody asks

        return {"fields": [{"name": name, "words": words} for name, words in FIELDS.items()], "filters": list(FILTERS)}


def _stored(store: Store, number: int) -> Event:
    """The event as channels get it: one that could not be decoded with what the network sent. Raises NotFound."""
    event = store.get_event(number)
    if event.message is not None and event.message.error:
        event.fields["pdu"] = "".join(part.pdu for part in store.get_message(number)[1])
    return event
