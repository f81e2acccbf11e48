"""The ubus object `homeline`: one row for each method, with its arguments; what they do is elsewhere (docs/ubus.md).

A handler takes the arguments that were given and returns a table, or raises one of `errors`: its `status` goes back.
A list ends at `REPLY_LIMIT` octets of reply with `more`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from homeline.adapters.store import Store
from homeline.config import check, masked
from homeline.errors import InvalidArgument, ModemError, NotFound, NotSupported, PermissionDenied
from homeline.model import DeliveryState, Direction, DongleStatus, MessageState
from homeline.protocol import pdu
from homeline.protocol.blobmsg import Int64
from homeline.protocol.ubus_arguments import Params
from homeline.service import logs, numbering, shapes
from homeline.service.alerts import Alerts
from homeline.service.api_tools import (
    FLAG,
    LONGEST_WAIT,
    MUST_IDS,
    MUST_NUMBER,
    MUST_TEXT,
    NUMBER,
    PAGING,
    TABLES,
    TEXT,
    between,
    fitting,
    member,
    page_limit,
)
from homeline.service.context import Context
from homeline.service.copying import Copying
from homeline.service.deliveries import Dispatcher
from homeline.service.inbox import Inbox
from homeline.service.jobs import Jobs
from homeline.service.outbox import Outbox
from homeline.service.picking import pick
from homeline.service.ports import Ports
from homeline.service.signal import SignalHistory
from homeline.service.status import StatusReport
from homeline.service.ussd import Ussd

if TYPE_CHECKING:
    from homeline.service.api_calls import CallMethods
    from homeline.service.explaining import Explainer
    from homeline.service.phone_passwords import PhonePasswords
    from homeline.service.telephony import Telephony  # loaded only where Asterisk is wanted
    from homeline.service.twilio import TwilioSetup
    from homeline.service.voice import Voice

Table = dict[str, Any]
Handler = Callable[[Table], Awaitable[Table]]

PIN_REFUSED = (12, 16)  # +CME ERROR: the SIM asks for its PUK now; incorrect password (3GPP TS 27.007 9.2.1)
LONGEST_TEXT = 255 * 153  # characters: what 255 parts can carry (3GPP TS 23.040 9.2.3.24.1, default alphabet)


# Each is carried out by the method of `Api` with its name.
METHODS: dict[str, Params] = {
    "status": {"dongle": TEXT},
    "signal_history": {"dongle": MUST_TEXT, "hours": NUMBER},
    "list_messages": {
        "direction": TEXT,
        "dongle": TEXT,
        "peer": TEXT,
        "text": TEXT,
        "unread": FLAG,
        "details": FLAG,
        **PAGING,
    },
    "list_conversations": {"text": TEXT, **PAGING},
    "get_message": {"id": MUST_NUMBER},
    "send_message": {"to": MUST_TEXT, "text": MUST_TEXT, "dongle": TEXT, "flash": FLAG, "report": FLAG, "wait": NUMBER},
    "resend_message": {"id": MUST_NUMBER},
    "preview_message": {"text": MUST_TEXT},
    "normalize_number": {"number": MUST_TEXT},
    "mark_read": {"ids": MUST_IDS},
    "delete_messages": {"ids": MUST_IDS},
    "delete_conversation": {"peer": MUST_TEXT, "before": NUMBER},
    "release_archived": {"dongle": MUST_TEXT, "forward": FLAG},
    "list_deliveries": {"event": NUMBER, "rule": TEXT, "channel": TEXT, "state": TEXT, **PAGING},
    "retry_delivery": {"id": NUMBER, "event": NUMBER},
    "drop_delivery": {"id": NUMBER, "channel": TEXT},
    "send_ussd": {"code": MUST_TEXT, "dongle": TEXT},
    "cancel_ussd": {"dongle": TEXT},
    "list_ussd": {},
    "get_config": {},
    "check_value": {"section": MUST_TEXT, "option": MUST_TEXT, "value": MUST_TEXT},
    "reload": {},
    "render_config": {"dry_run": FLAG, "restart": FLAG, "sections": TABLES},
    "test_rule": {"rule": MUST_TEXT},
    "explain_rule": {"rule": TEXT, "event": NUMBER, "time": NUMBER, "from": TEXT, "text": TEXT, "dongle": TEXT}
    | {"kind": TEXT, "state": TEXT, "key": TEXT, "subject": TEXT, "template": TEXT, "codes": TEXT},
    "list_fields": {},
    "list_alerts": {"all": FLAG, **PAGING},
    "acknowledge_alert": {"id": MUST_NUMBER},
    "list_ports": {},
    "list_log": {"level": TEXT, **PAGING},
    "backup": {},
    "reset_dongle": {"dongle": MUST_TEXT},
    "enter_pin": {"dongle": MUST_TEXT, "pin": MUST_TEXT},
    "get_job": {"job": MUST_NUMBER},
}
# Likewise, by the method of `CallMethods`, which is loaded when the first is called.
CALL_METHODS: dict[str, Params] = {
    "list_calls": {"direction": TEXT, "state": TEXT, "dongle": TEXT, "peer": TEXT, "unread": FLAG, **PAGING},
    "list_voicemail": {"unread": FLAG, **PAGING},
    "originate": {"phone": MUST_TEXT, "to": MUST_TEXT},
    "hangup": {"channel": MUST_TEXT},
    "new_phone_password": {"phone": MUST_TEXT, "provision": FLAG},
    "twilio_plan": {"account_wide": FLAG},
    "twilio_apply": {"account_wide": FLAG},
    "twilio_destroy": {"account_wide": FLAG},
    "twilio_status": {},
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
    explainer: Callable[[], Explainer]
    ports: Ports
    dongles: Mapping[str, Dongle]
    signals: Mapping[str, SignalHistory]
    reload: Callable[[], Awaitable[Table]]
    copying: Copying
    sweep: Callable[[], Awaitable[None]]  # delete the recordings of calls that are gone
    voice: Callable[[], Voice | None]
    passwords: Callable[[], PhonePasswords]
    twilio: Callable[[], TwilioSetup]
    telephony: Callable[[], Telephony | None] = lambda: None


class Api:
    """The methods. `methods` is what the bus publishes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._database = parts.context.database
        self._clock = parts.context.clock
        self.methods: dict[str, tuple[Params, Handler]] = {
            name: (params, getattr(self, name)) for name, params in METHODS.items()
        } | {name: (params, self._of_calls(name)) for name, params in CALL_METHODS.items()}

    @cached_property
    def _calls(self) -> CallMethods:
        from homeline.service.api_calls import CallMethods

        return CallMethods(self._parts)

    def _of_calls(self, name: str) -> Handler:
        async def handle(args: Table) -> Table:
            reply: Table = await getattr(self._calls, name)(args)
            return reply

        return handle

    # -- looking ------------------------------------------------------------------------------------------------------

    async def status(self, args: Table) -> Table:
        return await self._parts.status.build(args.get("dongle", ""))

    async def signal_history(self, args: Table) -> Table:
        name = pick(self._parts.dongles, _named(args)).status.name
        hours = args.get("hours", 24)
        between("hours", hours, 1, 48)
        history = self._parts.signals.get(name)
        samples = history.since(self._clock() - hours * 3600) if history else []
        return {"dongle": name, "samples": [{"at": Int64(at), "dbm": dbm} for at, dbm in samples]}

    async def list_messages(self, args: Table) -> Table:
        page = await self._database(
            Store.list_messages,
            direction=member(Direction, "direction", args),
            dongle=args.get("dongle", ""),
            peer=await self._peer(args.get("peer", "")),
            text=args.get("text", ""),
            unread=args.get("unread", False),
            before=args.get("before"),
            limit=page_limit(args),
        )
        shown = [shapes.message(message) for message in page.messages]
        if args.get("details"):
            from homeline.service import details

            more = await self._database(details.of, page.messages)
            shown = [message | also for message, also in zip(shown, more, strict=True)]
        messages, cut = fitting(shown)
        return {"messages": messages, "more": page.more or cut, "unread": page.unread}

    async def _peer(self, peer: str) -> str:
        """A number in the form in which conversations are kept; other text as it is."""
        return await numbering.peer(peer, self._parts.context.config.main.country) if peer else ""

    async def list_conversations(self, args: Table) -> Table:
        page = await self._database(
            Store.list_conversations, text=args.get("text", ""), before=args.get("before"), limit=page_limit(args)
        )
        conversations, cut = fitting([shapes.conversation(item) for item in page.conversations])
        return {"conversations": conversations, "more": page.more or cut}

    async def get_message(self, args: Table) -> Table:
        message, parts, deliveries = await self._database(Store.get_message, args["id"])
        return {
            "message": shapes.message(message),
            "parts": [shapes.part(part) for part in parts],
            "deliveries": [shapes.delivery(delivery) for delivery in deliveries],
        }

    async def list_deliveries(self, args: Table) -> Table:
        limit = page_limit(args)
        found = await self._database(
            Store.list_deliveries,
            event=args.get("event"),
            rule=args.get("rule", ""),
            channel=args.get("channel", ""),
            state=member(DeliveryState, "state", args),
            before=args.get("before"),
            limit=limit + 1,
        )
        deliveries, cut = fitting([shapes.delivery(item) for item in found[:limit]])
        return {"deliveries": deliveries, "more": cut or len(found) > limit}

    async def list_ussd(self, args: Table) -> Table:
        ussd = self._parts.ussd
        return {"ussd": ussd.history(), "open": ussd.menus()}

    async def get_config(self, args: Table) -> Table:
        context = self._parts.context
        return {"config": masked(context.config), "problems": shapes.problems(context.config.problems)}

    async def check_value(self, args: Table) -> Table:
        error = check(args["section"], args["option"], args["value"])
        return {"ok": False, "error": error} if error else {"ok": True}

    async def list_alerts(self, args: Table) -> Table:
        limit = page_limit(args)
        found = await self._database(
            Store.list_alerts, open_only=not args.get("all", False), before=args.get("before"), limit=limit + 1
        )
        alerts, cut = fitting([shapes.alert(alert) for alert in found[:limit]])
        return {"alerts": alerts, "more": cut or len(found) > limit}

    async def list_ports(self, args: Table) -> Table:
        return {"ports": await self._parts.ports.look()}

    async def list_log(self, args: Table) -> Table:
        level, limit = args.get("level") or "debug", page_limit(args)
        if level not in logs.LEVELS:
            raise InvalidArgument(f"level: must be one of {', '.join(logs.LEVELS)}")
        found = logs.RECENT.lines(level, args.get("before"))
        lines, cut = fitting([shapes.log_line(line) for line in found[:limit]])
        return {"lines": lines, "more": cut or len(found) > limit}

    async def backup(self, args: Table) -> Table:
        return await self._parts.copying.make()

    async def get_job(self, args: Table) -> Table:
        return self._parts.jobs.get(args["job"])

    # -- messages -----------------------------------------------------------------------------------------------------

    async def send_message(self, args: Table) -> Table:
        wait = args.get("wait", 0)
        between("wait", wait, 0, LONGEST_WAIT)
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
        count = await self._database(Store.delete_messages, args["ids"], self._clock())
        await self._parts.sweep()
        return {"count": count}

    async def delete_conversation(self, args: Table) -> Table:
        from homeline.service import conversations

        if not args["peer"]:
            raise InvalidArgument("peer: is empty")
        work = conversations.delete(
            self._parts.context.database, await self._peer(args["peer"]), args.get("before"), self._clock()
        )
        return await self._parts.jobs.run(work, LONGEST_WAIT - 1)

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

    async def drop_delivery(self, args: Table) -> Table:
        if ("id" in args) == ("channel" in args):
            raise InvalidArgument("either 'id' or 'channel' is needed")
        count = await self._database(
            Store.drop_deliveries, self._clock(), delivery=args.get("id"), channel=args.get("channel", "")
        )
        self._parts.dispatcher.look()
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
        return await self._parts.jobs.run(self._parts.explainer().test(args["rule"]), LONGEST_WAIT - 1)

    async def explain_rule(self, args: Table) -> Table:
        return await self._parts.explainer().explain(args)

    async def list_fields(self, args: Table) -> Table:
        return self._parts.explainer().fields()

    async def reload(self, args: Table) -> Table:
        return await self._parts.reload()

    async def render_config(self, args: Table) -> Table:
        telephony = self._parts.telephony()
        if telephony is None:
            raise NotSupported("Asterisk is not Homeline's: sip.enabled is off")
        dry = args.get("dry_run", False)
        if "sections" in args and not dry:
            raise InvalidArgument("sections: only with dry_run")
        work = (
            telephony.difference(args.get("sections")) if dry else telephony.render(restart=args.get("restart", False))
        )
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


def _bounded(name: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise InvalidArgument(f"{name}: is longer than {LONGEST_TEXT} characters")
