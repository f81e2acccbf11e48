"""Which messages get an automatic answer (`config auto_reply`), as far as that can be told from the message alone.

An answer costs money and may be answered by a machine, so this refuses whatever does not look like a person's message
from a telephone. Limits and roaming are looked at when the answer goes out (`service.channels.auto_reply`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from homeline.config import Config, Rule
from homeline.config_automatic import AutoReply
from homeline.config_channels import Sms
from homeline.core import numbers, onetime, rules
from homeline.core.joining import same_number
from homeline.core.rules import Finding
from homeline.core.times import CLOCK_SET
from homeline.model import Event, EventKind, Message, MessageState, Wanted

OLD = 86400  # seconds: nobody waits for an answer to an older message
FLASH = 0  # message class (3GPP TS 23.038 4)

# What machines write. A word too many here costs one answer that a person does not get.
_AUTOMATIC = re.compile(
    r"no-?reply|\bautomatic(?:ally)?\b|\bauto-?(?:reply|response|mated)|do not reply|don't reply|out of office"
    r"|automatische|nicht antworten|keine antwort|abwesenheit|réponse automatique|ne pas répondre|respuesta autom"
    r"|no responda|no contest|risposta autom|non rispondere|resposta autom|não responda|unsubscribe|opt[ -]out"
    r"|(?:reply|text|send) stop\b|stop (?:an|to|al?|au) \d|\(auto\)|автоматическ|не отвечайте|自动回复|勿回复|自動返信",
    re.IGNORECASE,
)
_LOOKED_AT = 2000  # characters


def as_rule(section: AutoReply) -> Rule:
    """The section's criteria and text as a rule whose only channel is the section itself."""
    return Rule(
        section.name,
        section.enabled,
        (EventKind.MESSAGE,),
        section.dongles,
        section.senders,
        section.not_senders,
        (section.name,),
        patterns=section.patterns,
        not_patterns=section.not_patterns,
        times=section.times,
        codes="text",
        template=section.text,
    )


def match(config: Config, event: Event, now: int) -> list[Wanted]:
    """The answers that `event` gets."""
    if event.kind is not EventKind.MESSAGE or refusal(event, now, own_numbers(config)):
        return []
    return rules.match([as_rule(section) for section in config.auto_replies], event, now)


def explain(section: AutoReply, config: Config, event: Event, now: int) -> list[Finding]:
    """What each criterion says of `event`, as `rules.explain`; the last one is whether such a message is answered."""
    words = refusal(event, now, own_numbers(config))
    found = Finding("answer", not words, words or "such a message is answered, within the limits")
    return [*rules.explain(as_rule(section), event, now), found]


def own_numbers(config: Config) -> list[str]:
    """Numbers of ours, and those to which we send SMS by ourselves: to answer them would make a circle."""
    dongles = [dongle.number for dongle in config.dongles if dongle.number]
    return dongles + [number for account in config.accounts if isinstance(account, Sms) for number in account.to]


def refusal(event: Event, now: int, own: Iterable[str]) -> str:
    """Why a message gets no answer; "" if it may have one."""
    message = event.message
    if message is None:
        return "it is no message"
    if not numbers.is_e164(event.peer):
        return "its sender is no telephone number that could be answered"
    if any(number and same_number(event.peer, number) for number in own):
        return "its sender is one of our own numbers"
    if message.state not in (MessageState.RECEIVED, MessageState.INCOMPLETE) or _special(message):
        return "it is no ordinary text message"
    if now >= CLOCK_SET and message.sent_at is not None and now - message.sent_at > OLD:
        return "it is more than a day old"
    if onetime.find(event.text) or _AUTOMATIC.search(event.text[:_LOOKED_AT]):
        return "it looks as if a machine wrote it"
    return ""


def _special(message: Message) -> bool:
    return bool(
        message.error or message.data or message.note or message.ports is not None or message.message_class == FLASH
    )
