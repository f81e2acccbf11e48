"""The values that Homeline is about: dongles, messages, parts, events, deliveries, alerts.

Times are integers, seconds since 1970 UTC, unless a field says otherwise. Numbers are E.164 (`+41791234567`) where they
can be; the network's own text stands beside them. States say *what is*, reasons say *why*: they are two enums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Driver(StrEnum):
    """Who owns the dongle's AT port."""

    SERIAL = "serial"  # this daemon
    CHAN_DONGLE = "chan_dongle"  # Asterisk's channel driver
    CHAN_QUECTEL = "chan_quectel"


TECHNOLOGY = {Driver.CHAN_DONGLE: "Dongle", Driver.CHAN_QUECTEL: "Quectel"}  # of Asterisk's channels


class DongleState(StrEnum):
    """Where a dongle is on its way to being useful. In order of bring-up."""

    DISABLED = "disabled"  # switched off in the configuration
    ABSENT = "absent"  # no port with its identity
    BLOCKED = "blocked"  # the port is there and cannot be had: owned by a program, no permission
    OPENING = "opening"  # the port is being opened and configured
    STARTING = "starting"  # bring-up steps run; the reason names nothing, `step` does
    LOCKED = "locked"  # the SIM is missing, wants a PIN or PUK, or was refused
    SEARCHING = "searching"  # all set up, not registered on a network
    DENIED = "denied"  # the network refuses this SIM
    READY = "ready"  # registered: SMS and USSD work
    RECOVERING = "recovering"  # it stopped answering; the recovery ladder runs
    FAILED = "failed"  # recovery gave up for now and tries again after a pause


class Reason(StrEnum):
    """Why a dongle is in its state."""

    NONE = ""
    NOT_CONFIGURED = "not_configured"  # no identity, path or port given and more than one candidate
    NO_PORT = "no_port"  # nothing plugged in that matches
    UNPLUGGED = "unplugged"  # the port went away
    PORT_OWNED = "port_owned"  # another program has it open or locked
    NO_PERMISSION = "no_permission"  # the file's owner or mode forbids it
    OPEN_TIMEOUT = "open_timeout"  # open() of the port did not return
    NOT_A_MODEM = "not_a_modem"  # the port does not answer AT
    MUTE = "mute"  # answered before, now silent
    GARBAGE = "garbage"  # answers that make no sense
    SIM_MISSING = "sim_missing"
    SIM_PIN = "sim_pin"  # a PIN is needed and none is configured
    SIM_PIN_WRONG = "sim_pin_wrong"  # the configured PIN was refused; not tried again
    SIM_PIN_FEW_TRIES = "sim_pin_few_tries"  # too few tries remain to risk one
    SIM_PUK = "sim_puk"
    SIM_BUSY = "sim_busy"
    SIM_FAILURE = "sim_failure"
    NO_NETWORK = "no_network"
    REGISTRATION_DENIED = "registration_denied"
    STEP_FAILED = "step_failed"  # a bring-up step was refused; `detail` names it
    RESET = "reset"  # the owner asked for a reset
    ASTERISK_DOWN = "asterisk_down"  # Asterisk has the dongle, and does not answer
    DRIVER_MISSING = "driver_missing"  # Asterisk runs without its driver for the dongle
    NOT_LOADED = "not_loaded"  # the driver runs, and does not have this dongle in use


class Registration(StrEnum):
    """3GPP TS 27.007 7.2 <stat>."""

    UNKNOWN = "unknown"  # 4, or not asked yet
    IDLE = "idle"  # 0
    HOME = "home"  # 1, and 6 (home, SMS only)
    SEARCHING = "searching"  # 2
    DENIED = "denied"  # 3
    ROAMING = "roaming"  # 5, and 7 (roaming, SMS only)
    EMERGENCY = "emergency"  # 8


class Storage(StrEnum):
    """What happens to a part on the SIM after its commit."""

    DELETE = "delete"
    WHEN_FULL = "when_full"
    KEEP = "keep"


@dataclass(slots=True)
class DongleStatus:
    """What is known of one dongle now. Empty strings and None mean "not known"."""

    name: str
    driver: Driver = Driver.SERIAL
    state: DongleState = DongleState.ABSENT
    reason: Reason = Reason.NONE
    detail: str = ""  # words for people: the step, the owner of the port, the modem's error
    since: int = 0  # when `state` was entered
    port: str = ""  # device file in use
    usb_path: str = ""  # such as 1-1.2
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    imei: str = ""
    iccid: str = ""
    imsi: str = ""
    number: str = ""  # own number: configured, else from the SIM (CNUM)
    operator: str = ""
    registration: Registration = Registration.UNKNOWN
    technology: str = ""  # access technology in ModemManager's words: gsm, umts, hspa, lte, 5gnr
    signal_dbm: int | None = None
    voice: bool | None = None
    storage_used: int | None = None
    storage_size: int | None = None
    pin_tries: int | None = None

    @property
    def sim(self) -> str:
        """The SIM's identity, as `ReceivedPart.sim` has it; "" while none is known."""
        return self.iccid or self.imsi or (f"imei:{self.imei}" if self.imei else "")


class Disposition(StrEnum):
    """What may become of a part on the SIM once `Host.received` has returned."""

    STORED = "stored"  # committed, now or earlier: the storage policy applies
    ARCHIVED = "archived"  # committed as `archived`: stays on the SIM until the owner says so


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class MessageState(StrEnum):
    """The life of a message, both directions."""

    RECEIVED = "received"  # whole, stored
    PARTIAL = "partial"  # some parts have come; not yet shown as an event
    INCOMPLETE = "incomplete"  # the time limit passed: delivered with gaps; a late part makes it `received`
    ARCHIVED = "archived"  # lay on a SIM never seen before: neither forwarded nor deleted
    QUEUED = "queued"  # outgoing, waits
    SENDING = "sending"  # outgoing, submission under way
    SENT = "sent"  # the network took all parts
    DELIVERED = "delivered"  # status report: all parts arrived
    FAILED = "failed"  # refused for good, or the report says so
    UNKNOWN = "unknown"  # the modem's answer to a submission was lost; not sent again by itself


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"


class EventKind(StrEnum):
    """What a rule can select."""

    MESSAGE = "message"
    REPORT = "report"  # delivery report of an outgoing message
    USSD = "ussd"
    ALERT = "alert"
    CALL = "call"
    VOICEMAIL = "voicemail"
    CODE = "code"  # only in rules: a message that carries a one-time code


class Priority(StrEnum):
    """How urgent the owner finds what a rule forwards."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class CallDirection(StrEnum):
    IN = "in"  # from a dongle or a trunk
    OUT = "out"  # through a dongle or a trunk
    INTERNAL = "internal"  # between phones


class CallState(StrEnum):
    """What became of a call."""

    RINGING = "ringing"
    ACTIVE = "active"  # somebody answered
    ANSWERED = "answered"  # and it has ended
    MISSED = "missed"  # came in, nobody answered
    VOICEMAIL = "voicemail"  # came in, the caller left a message
    FAILED = "failed"  # went out and was not answered: busy, no answer, no line
    REFUSED = "refused"  # we did not allow it


@dataclass(frozen=True, slots=True)
class Concat:
    """3GPP TS 23.040 9.2.3.24.1 and .8: reference, its width in bits (8 or 16), number of parts, this part (from 1)."""

    reference: int
    bits: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """One received PDU as a driver hands it on: raw, with where it came from, and what the codec made of it.

    A part that cannot be decoded has `error` set and its text fields empty; it is a whole message of its own.
    """

    dongle: str
    sim: str  # ICCID, else IMSI, else "imei:…": the identity under which parts are unique
    pdu: str  # hex as the modem gave it, SMSC field included
    sender: str = ""  # network's own text: digits with or without +, or an alphanumeric name
    peer: str = ""  # E.164 where it can be, else `sender`; the service fills it in
    sender_type: str = ""  # international, national, alphanumeric, subscriber, abbreviated, unknown, …
    sent_at: int | None = None  # service centre's time stamp
    sent_offset: int | None = None  # its time zone, minutes east of UTC
    text: str = ""
    data: bytes = b""  # 8-bit user data, text is empty then
    encoding: str = ""  # gsm7, ucs2, 8bit
    message_class: int | None = None  # 0 is a flash message
    concat: Concat | None = None
    ports: tuple[int, int] | None = None  # destination, source
    protocol: int = 0  # TP-PID
    replace: int | None = None  # 1..7, replace short message type
    note: str = ""  # "mms", "voicemail waiting", "wap push", … : recognised kinds, for people
    error: str = ""


@dataclass(slots=True)
class Message:
    """An SMS, as whole as it will get. Its id is its event's: integers, in order of arrival, never reused."""

    id: int
    direction: Direction
    state: MessageState
    dongle: str
    sim: str
    peer: str  # E.164 where it can be, else the network's own text
    peer_raw: str  # the network's own text
    peer_name: str = ""
    text: str = ""
    at: int = 0  # when it was stored here
    sent_at: int | None = None  # service centre's time, or when the network took it
    sent_offset: int | None = None
    delivered_at: int | None = None
    encoding: str = ""
    message_class: int | None = None
    parts_total: int = 1
    parts_have: int = 1
    data: bytes = b""
    ports: tuple[int, int] | None = None
    note: str = ""
    error: str = ""
    unread: bool = False
    report: bool = False  # outgoing: a status report was asked for
    flash: bool = False  # outgoing: class 0


@dataclass(frozen=True, slots=True)
class Part:
    """One stored PDU of a message."""

    number: int  # from 1
    pdu: str
    text: str
    state: str = ""  # outgoing: queued, sending, sent, delivered, failed, unknown
    reference: int | None = None  # outgoing: TP-MR the network gave
    error: str = ""


@dataclass(slots=True)
class Call:
    """A call that has ended. Its id is its event's."""

    id: int
    direction: CallDirection
    state: CallState
    uid: str  # what makes it unique, so that a record that is read twice is stored once
    dongle: str = ""
    line: str = ""  # or the trunk that carried it
    peer: str = ""  # the other end: E.164 where it can be, else the network's own text; "" is withheld
    peer_raw: str = ""  # the network's own text, or what was dialled
    peer_name: str = ""
    dialled: str = ""  # what was dialled, of a call that came in: which of our numbers
    through: str = ""  # the phone or trunk at our end: who answered, or who called
    rule: str = ""  # outbound section that allowed it
    started_at: int = 0
    answered_at: int | None = None
    ended_at: int = 0
    cause: int = 0  # ITU-T Q.850
    reason: str = ""  # words for people: why it was refused or failed
    recording: str = ""  # file name in the voicemail folder
    recording_seconds: int = 0
    recording_size: int = 0  # octets
    unread: bool = False  # missed, or with a message, and not yet seen


@dataclass(slots=True)
class Event:
    """Something that happened and may be forwarded. A message's event has the message's id and fields at hand.

    A call's event is of kind CALL, or VOICEMAIL where the caller left a message.
    """

    id: int
    kind: EventKind
    at: int
    dongle: str
    peer: str = ""
    text: str = ""
    message: Message | None = None
    fields: dict[str, str] = field(default_factory=dict)
    call: Call | None = None
    digest: tuple[Event, ...] = ()  # what goes out with it, itself among them, in order; empty for one by itself


@dataclass(frozen=True, slots=True)
class Wanted:
    """A delivery that should be made of an event: one rule, one channel."""

    rule: str
    channel: str
    hold_until: int = 0  # not before: the rule's quiet hours; 0 at once
    digest: bool = False  # what was held goes out together
    priority: Priority = Priority.NORMAL


@dataclass(slots=True)
class Delivery:
    """One event through one rule to one channel."""

    id: int
    event: int
    rule: str
    channel: str
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_at: int = 0
    created_at: int = 0
    done_at: int | None = None
    error: str = ""
    revision: int = 0  # counts up when a late part changed the message: the text that goes out is another one
    hold_until: int = 0  # not before, whatever hurries
    priority: Priority = Priority.NORMAL
    digest: int = 0  # the delivery that carries this one and others; its own id for that one; 0 for one by itself
    bundled: bool = False  # goes out together with others that were held


@dataclass(slots=True)
class Alert:
    """Something that the owner should know. `key` is unique among the open ones: raising it again only refreshes it."""

    id: int
    key: str
    text: str
    advice: str = ""
    severity: str = "warning"  # info, warning, critical
    dongle: str = ""
    raised_at: int = 0
    cleared_at: int | None = None
    acknowledged: bool = False
    event: int = 0  # the event by which rules forward it; 0 where the alert is older than this was kept


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong now, and what to do about it. Shown in `status`."""

    where: str  # section.option, dongle, channel or file
    text: str
    advice: str = ""
