"""What the house of the pictures has lived through: texts, calls, and how it forwards them. All names are invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from homeline.adapters.store import Store
from homeline.adapters.store_base import Planner
from homeline.config import Rule
from homeline.core.rules import match
from homeline.model import Call, CallDirection, CallState, Event, ReceivedPart, Wanted
from homeline.protocol.pdu import preview
from homeline_lab.pages.sample_daemon import DONGLE
from homeline_lab.sim import Sim
from homeline_lab.tone import RATE

NOW = datetime(2026, 5, 12, 18, 41, 52, tzinfo=timezone(timedelta(hours=2)))  # a Tuesday, and soon 18:42
OWN = "+41790000001"
LENA, PAPA, DENTIST, POST, BANK, PARCEL = (
    *("+41795556677", "+41763334455", "+41441112233"),
    *("SwissPost", "Bergbank", "ParcelBox"),
)

CONFIGURATION = """
config homeline 'main'
	option enabled '1'
	option country 'CH'
	option log_level 'warning'

config dongle 'home'

config rule 'codes'
	list events 'code'
	list channels 'telegram'
	option priority 'high'
	option template '{{code}}  {{who|line}}'

config rule 'family'
	list events 'message'
	list events 'call'
	list senders '+41795556677'
	list senders '+41763334455'
	list channels 'telegram'
	list channels 'mail'
	option template '{{who}}, {{clock}}\\n{{text|or what}}'

config rule 'everything'
	list events 'message'
	list events 'call'
	list events 'voicemail'
	list not_patterns 'newsletter|unsubscribe'
	list quiet '23:00-07:00'
	option digest '1'
	list channels 'mail'
	list channels 'house'

config rule 'troubles'
	list events 'alert'
	list alerts 'sim.*'
	list alerts 'dongle.*'
	list alerts 'balance.*'
	option priority 'high'
	list channels 'push'
	list channels 'mail'

config email 'mail'
	list to 'me@example.org'
	option from 'homeline@example.org'
	option host '127.0.0.1'
	option port '{mail}'
	option tls 'none'
	option command '{command}'

config telegram 'telegram'
	list chats '{chat}'
	option replies '1'
	option api '{telegram}'
	option allow_local '1'

config mqtt 'house'
	option host 'localhost'
	option port '{mqtt}'

config webhook 'push'
	option preset 'ntfy'
	option url '{push}'
	option target 'home-troubles'
	option allow_local '1'

config schedule 'alive'
	option action 'sms'
	option dongle 'home'
	option to '+41795556677'
	option text 'The home number is alive'
	option every '60'

config balance 'prepaid'
	option dongle 'home'
	option code '*100#'
	option pattern 'Balance: ([0-9.]+)'
	option limit '15'
	option unit 'CHF'
	option at '18:42'
"""
SECRET = """
config telegram 'telegram'
	option token '{token}'

config webhook 'push'
	option token 'tk_not_a_real_one'
"""

PHONE = """
config phone 'anna'
	option display 'Anna'
	option number '10'
"""
PHONE_PASSWORD = "gLb7-tQz4-w9Xe"
PHONE_SECRET = f"""
config phone 'anna'
	option password '{PHONE_PASSWORD}'
"""


@dataclass(frozen=True, slots=True)
class Text:
    """An SMS of before: `ago` minutes, `ours` where we wrote it."""

    ago: int
    peer: str
    text: str
    ours: bool = False


DAY = 24 * 60
TEXTS = (
    Text(9 * DAY, POST, "Your parcel is ready at the post office Zürich 8. Please bring an ID."),
    Text(6 * DAY + 311, DENTIST, "Reminder: your appointment is on 7 May at 10:15. Dental practice at the lake."),
    Text(6 * DAY + 290, DENTIST, "Thank you, I will be there.", ours=True),
    Text(3 * DAY + 95, BANK, "Bergbank: your code is 205714. Never give it to anybody, not even to us."),
    Text(2 * DAY + 420, PAPA, "Have you landed? The garden is green again, the swallows are back since Sunday."),
    Text(2 * DAY + 402, PAPA, "Yes, just now! 31 degrees here. Say hello to the swallows.", ours=True),
    Text(1 * DAY + 640, PARCEL, "ParcelBox: compartment 14 opens with 6630 until Thursday."),
    Text(1 * DAY + 12, LENA, "How is Lisbon? Your plants are fine, and the tall one has a flower!"),
    Text(1 * DAY + 4, LENA, "Lovely, and the trams are as steep as they say. A flower? Send me a picture!", ours=True),
    Text(26, LENA, (
        "Sent you three. Two things: the man who reads the electricity meter comes on Thursday between eight and ten, "
        "and I cannot be there before nine. Shall I ask Frau Keller from the second floor? She has the other key, and "
        "she likes your coffee machine. And your mother called, she says that you never write :-)"
    )),
    Text(21, LENA, "Frau Keller is a great idea, thank you. I will write tonight, promised.", ours=True),
)  # fmt: skip
LIVE = (
    (LENA, "She says yes. Enjoy the evening!"),
    (BANK, "Bergbank: 482 913 is your code for the payment of CHF 64.00. Never give it to anybody."),
)


RECORDING, SPOKEN = "sample-2.wav", 14  # seconds
CALLS = (
    Call(0, CallDirection.IN, CallState.ANSWERED, "", peer=PAPA, through="anna", answered_at=9, ended_at=412),
    Call(0, CallDirection.OUT, CallState.ANSWERED, "", peer=DENTIST, through="anna", answered_at=12, ended_at=96),
    Call(
        *(0, CallDirection.IN, CallState.VOICEMAIL, ""),
        peer="+41795550102",
        answered_at=31,
        ended_at=45,
        recording=RECORDING,
        recording_seconds=SPOKEN,
        recording_size=SPOKEN * 2 * RATE + 44,
        unread=True,
    ),
    Call(0, CallDirection.IN, CallState.MISSED, "", peer=DENTIST, ended_at=30, unread=True),
)
BEGUN = (2 * DAY + 130, 1 * DAY + 415, 190, 74)  # minutes ago that each of them began


def fill(store: Store, rules: Sequence[Rule]) -> None:
    """All of that, and what the rules made of it, into a database which no daemon has open."""
    now, sim = int(NOW.timestamp()), Sim().iccid

    def plan(event: Event) -> Sequence[Wanted]:
        return match(rules, event, event.at)

    store.remember_sim(sim, DONGLE, now - 40 * 86400)
    for number, text in enumerate(TEXTS):
        (_sent if text.ours else _received)(store, number, text, now - text.ago * 60, plan)
    for number, (ago, call) in enumerate(zip(BEGUN, CALLS, strict=True)):
        store.add_call(_moved(call, f"sample-{number}", now - ago * 60), now - ago * 60 + call.ended_at, "", plan)
    while due := store.due_deliveries(now):
        for delivery, event in due:
            store.delivery_done(delivery.id, event.at + 2)


def _received(store: Store, number: int, text: Text, at: int, plan: Planner) -> None:
    part = ReceivedPart(DONGLE, Sim().iccid, f"0011{number:08X}", text.peer, text.peer, sent_at=at - 3, sent_offset=120)
    encoded = preview(text.text)
    (receipt,) = store.receive([replace(part, text=text.text, encoding=encoded.encoding)], at, plan)
    if receipt.event is not None:
        store.mark_read([receipt.event.id])


def _sent(store: Store, number: int, text: Text, at: int, plan: Planner) -> None:
    """Written by us, taken by the network, and reported as delivered."""
    sim, encoding = Sim().iccid, preview(text.text).encoding
    parts = [(f"0021{number:08X}", text.text)]
    message = store.queue_message(DONGLE, sim, text.peer, text.peer, text.text, encoding, parts, at, report=True)
    store.part_sending(message.id, 1, sim)
    store.part_sent(message.id, 1, number, at + 2)
    store.message_sent(message.id, at + 2, plan)
    store.apply_report(sim, text.peer, number, "delivered", at + 5, at + 6, plan)


def _moved(call: Call, uid: str, begun: int) -> Call:
    """A call whose times were counted from its beginning."""
    return replace(
        call,
        uid=uid,
        dongle=DONGLE,
        line=DONGLE,
        started_at=begun,
        ended_at=begun + call.ended_at,
        answered_at=None if call.answered_at is None else begun + call.answered_at,
        dialled=OWN if call.direction is CallDirection.IN else "",
        peer_raw=call.peer,
        cause=16,
    )
