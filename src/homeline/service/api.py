"""The ubus object `homeline`: one row for each method, with its arguments; what they do is elsewhere (docs/ubus.md).

A handler takes the arguments that were given and returns a table, or raises one of `errors`: its `status` goes back.
A list ends at `REPLY_LIMIT` octets of reply with `more`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from homeline.adapters.store import Store
from homeline.config import masked
from homeline.errors import InvalidArgument, ModemError, NotFound, NotSupported, PermissionDenied
from homeline.model import DeliveryState, Direction, DongleStatus, MessageState
from homeline.protocol import blobmsg, pdu
from homeline.protocol.blobmsg import Int64, Type
from homeline.protocol.ubus_arguments import Param, Params
from homeline.service import numbering, shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.deliveries import Dispatcher
from homeline.service.explaining import Explainer
from homeline.service.inbox import Inbox
from homeline.service.jobs import Jobs
from homeline.service.outbox import Outbox
from homeline.service.picking import pick
from homeline.service.ports import Ports
from homeline.service.signal import SignalHistory
from homeline.service.status import StatusReport
from homeline.service.ussd import Ussd

if TYPE_CHECKING:
    from homeline.service.telephony import Telephony  # loaded only where Asterisk is wanted

Table = dict[str, Any]
Handler = Callable[[Table], Awaitable[Table]]

REPLY_LIMIT = 256 * 1024  # octets; ubusd cuts a message at 1 MB
PAGE = 50
LARGEST_PAGE = 500
LONGEST_WAIT = 15  # seconds: LuCI gives up at 20, `ubus call` at 30
PIN_REFUSED = (12, 16)  # +CME ERROR: the SIM asks for its PUK now; incorrect password (3GPP TS 27.007 9.2.1)
LONGEST_TEXT = 255 * 153  # characters: what 255 parts can carry (3GPP TS 23.040 9.2.3.24.1, default alphabet)

TEXT = Param(Type.STRING)
NUMBER = Param(Type.INT32)
FLAG = Param(Type.BOOL)
MUST_TEXT = Param(Type.STRING, required=True)
MUST_NUMBER = Param(Type.INT32, required=True)
MUST_IDS = Param(Type.ARRAY, required=True, items=Type.INT32)
PAGING: Params = {"before": NUMBER, "limit": NUMBER}


# Each is carried out by the method of `Api` with its name.
METHODS: dict[str, Params] = {
    "status": {"dongle": TEXT},
    "signal_history": {"dongle": MUST_TEXT, "hours": NUMBER},
    "list_messages": {"direction": TEXT, "dongle": TEXT, "peer": TEXT, "text": TEXT, "unread": FLAG, **PAGING},
    "list_conversations": {"text": TEXT, **PAGING},
    "get_message": {"id": MUST_NUMBER},
    "send_message": {"to": MUST_TEXT, "text": MUST_TEXT, "dongle": TEXT, "flash": FLAG, "report": FLAG, "wait": NUMBER},
    "resend_message": {"id": MUST_NUMBER},
    "preview_message": {"text": MUST_TEXT},
    "normalize_number": {"number": MUST_TEXT},
    "mark_read": {"ids": MUST_IDS},
    "delete_messages": {"ids": MUST_IDS},
    "release_archived": {"dongle": MUST_TEXT, "forward": FLAG},
    "list_deliveries": {"event": NUMBER, "rule": TEXT, "channel": TEXT, "state": TEXT, **PAGING},
    "retry_delivery": {"id": NUMBER, "event": NUMBER},
    "send_ussd": {"code": MUST_TEXT, "dongle": TEXT},
    "cancel_ussd": {"dongle": TEXT},
    "list_ussd": {},
    "get_config": {},
    "reload": {},
    "render_config": {"dry_run": FLAG, "restart": FLAG},
    "test_rule": {"rule": MUST_TEXT},
    "explain_rule": {"rule": TEXT, "event": NUMBER, "from": TEXT, "text": TEXT, "dongle": TEXT, "time": NUMBER},
    "list_alerts": {"all": FLAG, **PAGING},
    "acknowledge_alert": {"id": MUST_NUMBER},
    "list_ports": {},
    "reset_dongle": {"dongle": MUST_TEXT},
    "enter_pin": {"dongle": MUST_TEXT, "pin": MUST_TEXT},
    "get_job": {"job": MUST_NUMBER},
}


class Dongle(Protocol):
    """What the methods want of a driver."""

    status: DongleStatus

    def nudge(self) -> None: ...

    async def reset(self) -> None: ...

    async def enter_pin(self, pin: str) -> None: ...


@dataclass(slots=True)
class Parts:
    """The live parts of the service that the methods use."""

    context: Context
    status: StatusReport
    inbox: Inbox
    outbox: Outbox
    ussd: Ussd
    alerts: Alerts
    jobs: Jobs
    dispatcher: Dispatcher
    explainer: Explainer
    ports: Ports
    dongles: Mapping[str, Dongle]
    signals: Mapping[str, SignalHistory]
    reload: Callable[[], Awaitable[Table]]
    telephony: Callable[[], Telephony | None] = lambda: None


class Api:
    """The methods. `methods` is what the bus publishes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._database = parts.context.database
        self._clock = parts.context.clock
        self.methods: dict[str, tuple[Params, Handler]] = {
            name: (params, getattr(self, name)) for name, params in METHODS.items()
        }

    # -- looking ------------------------------------------------------------------------------------------------------

    async def status(self, args: Table) -> Table:
        return await self._parts.status.build(args.get("dongle", ""))

    async def signal_history(self, args: Table) -> Table:
        name = pick(self._parts.dongles, _named(args)).status.name
        hours = args.get("hours", 24)
        _between("hours", hours, 1, 48)
        history = self._parts.signals.get(name)
        samples = history.since(self._clock() - hours * 3600) if history else []
        return {"dongle": name, "samples": [{"at": Int64(at), "dbm": dbm} for at, dbm in samples]}

    async def list_messages(self, args: Table) -> Table:
        page = await self._database(
            Store.list_messages,
            direction=_member(Direction, "direction", args),
            dongle=args.get("dongle", ""),
            peer=await self._peer(args.get("peer", "")),
            text=args.get("text", ""),
            unread=args.get("unread", False),
            before=args.get("before"),
            limit=_limit(args),
        )
        messages, cut = _fitting([shapes.message(message) for message in page.messages])
        return {"messages": messages, "more": page.more or cut, "unread": page.unread}

    async def _peer(self, peer: str) -> str:
        """A number in the form in which conversations are kept; other text as it is."""
        return await numbering.peer(peer, self._parts.context.config.main.country) if peer else ""

    async def list_conversations(self, args: Table) -> Table:
        page = await self._database(
            Store.list_conversations, text=args.get("text", ""), before=args.get("before"), limit=_limit(args)
        )
        conversations, cut = _fitting([shapes.conversation(item) for item in page.conversations])
        return {"conversations": conversations, "more": page.more or cut}

    async def get_message(self, args: Table) -> Table:
        message, parts, deliveries = await self._database(Store.get_message, args["id"])
        return {
            "message": shapes.message(message),
            "parts": [shapes.part(part) for part in parts],
            "deliveries": [shapes.delivery(delivery) for delivery in deliveries],
        }

    async def list_deliveries(self, args: Table) -> Table:
        limit = _limit(args)
        found = await self._database(
            Store.list_deliveries,
            event=args.get("event"),
            rule=args.get("rule", ""),
            channel=args.get("channel", ""),
            state=_member(DeliveryState, "state", args),
            before=args.get("before"),
            limit=limit + 1,
        )
        deliveries, cut = _fitting([shapes.delivery(item) for item in found[:limit]])
        return {"deliveries": deliveries, "more": cut or len(found) > limit}

    async def list_ussd(self, args: Table) -> Table:
        return {"ussd": self._parts.ussd.history()}

    async def get_config(self, args: Table) -> Table:
        context = self._parts.context
        return {"config": masked(context.config), "problems": shapes.problems(context.config.problems)}

    async def list_alerts(self, args: Table) -> Table:
        limit = _limit(args)
        found = await self._database(
            Store.list_alerts, open_only=not args.get("all", False), before=args.get("before"), limit=limit + 1
        )
        alerts, cut = _fitting([shapes.alert(alert) for alert in found[:limit]])
        return {"alerts": alerts, "more": cut or len(found) > limit}

    async def list_ports(self, args: Table) -> Table:
        return {"ports": await self._parts.ports.look()}

    async def get_job(self, args: Table) -> Table:
        return self._parts.jobs.get(args["job"])

    # -- messages -----------------------------------------------------------------------------------------------------

    async def send_message(self, args: Table) -> Table:
        wait = args.get("wait", 0)
        _between("wait", wait, 0, LONGEST_WAIT)
        _bounded("text", args["text"])
        message = await self._parts.outbox.send(
            args["to"],
            args["text"],
            args.get("dongle", ""),
            flash=args.get("flash", False),
            report=args.get("report"),
            wait=wait,
        )
        reply: Table = {"id": Int64(message.id), "state": message.state.value}
        if message.error and message.state in (MessageState.FAILED, MessageState.UNKNOWN):
            reply["error"] = message.error
        return reply

    async def resend_message(self, args: Table) -> Table:
        message = await self._parts.outbox.resend(args["id"])
        return {"id": Int64(message.id), "state": message.state.value}

    async def preview_message(self, args: Table) -> Table:
        _bounded("text", args["text"])
        shown = pdu.preview(args["text"])
        return {"encoding": shown.encoding, "parts": shown.parts, "left": shown.left}

    async def normalize_number(self, args: Table) -> Table:
        number = await numbering.normalize(args["number"], self._parts.context.config.main.country)
        return {"e164": number.e164, "region": number.region, "kind": number.kind.value}

    async def mark_read(self, args: Table) -> Table:
        return {"count": await self._database(Store.mark_read, args["ids"])}

    async def delete_messages(self, args: Table) -> Table:
        return {"count": await self._database(Store.delete_messages, args["ids"], self._clock())}

    async def release_archived(self, args: Table) -> Table:
        dongle = pick(self._parts.dongles, _named(args))
        count = await self._parts.inbox.release(dongle.status, args.get("forward", False))
        dongle.nudge()  # what was kept on the SIM for this may go from there now
        await self._parts.alerts.clear(f"archived.{dongle.status.sim}")
        return {"count": count}

    async def retry_delivery(self, args: Table) -> Table:
        if ("id" in args) == ("event" in args):
            raise InvalidArgument("either 'id' or 'event' is needed")
        count = await self._database(
            Store.retry_deliveries, self._clock(), delivery=args.get("id"), event=args.get("event")
        )
        self._parts.context.wake()
        return {"count": count}

    # -- USSD ---------------------------------------------------------------------------------------------------------

    async def send_ussd(self, args: Table) -> Table:
        ussd = self._parts.ussd
        return await self._parts.jobs.run(ussd.send(args["code"], args.get("dongle", "")), LONGEST_WAIT - 1)

    async def cancel_ussd(self, args: Table) -> Table:
        await self._parts.ussd.cancel(args.get("dongle", ""))
        return {}

    # -- rules --------------------------------------------------------------------------------------------------------

    async def test_rule(self, args: Table) -> Table:
        return await self._parts.jobs.run(self._parts.explainer.test(args["rule"]), LONGEST_WAIT - 1)

    async def explain_rule(self, args: Table) -> Table:
        return await self._parts.explainer.explain(args)

    async def reload(self, args: Table) -> Table:
        return await self._parts.reload()

    async def render_config(self, args: Table) -> Table:
        telephony = self._parts.telephony()
        if telephony is None:
            raise NotSupported("Asterisk is not Homeline's: sip.enabled is off")
        dry = args.get("dry_run", False)
        work = telephony.difference() if dry else telephony.render(restart=args.get("restart", False))
        return await self._parts.jobs.run(work, LONGEST_WAIT - 1)

    async def acknowledge_alert(self, args: Table) -> Table:
        await self._database(Store.acknowledge_alert, args["id"])
        return {}

    # -- dongles ------------------------------------------------------------------------------------------------------

    async def reset_dongle(self, args: Table) -> Table:
        dongle = pick(self._parts.dongles, _named(args))
        return await self._parts.jobs.run(self._state_after(dongle, dongle.reset()), LONGEST_WAIT - 1)

    async def enter_pin(self, args: Table) -> Table:
        if not (args["pin"].isascii() and args["pin"].isdigit() and 4 <= len(args["pin"]) <= 8):
            raise InvalidArgument("pin: must be 4 to 8 digits")
        dongle = pick(self._parts.dongles, _named(args))
        return await self._parts.jobs.run(self._state_after(dongle, _entered(dongle, args["pin"])), LONGEST_WAIT - 1)

    @staticmethod
    async def _state_after(dongle: Dongle, work: Awaitable[None]) -> Table:
        await work
        status = dongle.status
        tries = {} if status.pin_tries is None else {"pin_tries": status.pin_tries}
        return {"state": status.state.value, "reason": status.reason.value, **tries}


async def _entered(dongle: Dongle, pin: str) -> None:
    try:
        await dongle.enter_pin(pin)
    except ModemError as error:
        if error.code in PIN_REFUSED:
            raise PermissionDenied(f"the SIM refused the PIN: {error}") from error
        raise


def _named(args: Table) -> str:
    """The dongle's name; these methods do not choose one by themselves."""
    if not args["dongle"]:
        raise NotFound("dongle: a name is needed")
    return str(args["dongle"])


def _limit(args: Table) -> int:
    limit = int(args.get("limit", PAGE))
    _between("limit", limit, 1, LARGEST_PAGE)
    return limit


def _between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidArgument(f"{name}: must be from {low} to {high}")


def _bounded(name: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise InvalidArgument(f"{name}: is longer than {LONGEST_TEXT} characters")


def _member(kind: Any, name: str, args: Table) -> Any:
    """The member of an enumeration that an argument names; None where it is not given."""
    if not args.get(name):
        return None
    try:
        return kind(args[name])
    except ValueError:
        raise InvalidArgument(f"{name}: must be one of {', '.join(kind)}") from None


def _fitting(items: Sequence[Table]) -> tuple[list[Table], bool]:
    """The first items that fit into a reply, and whether some were left out. At least one is always shown."""
    kept: list[Table] = []
    size = 0
    for item in items:
        size += len(blobmsg.encode(item))
        if size > REPLY_LIMIT and kept:
            return kept, True
        kept.append(item)
    return kept, False
