"""The bus methods about calls (docs/ubus.md). Their arguments are in `api`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from homeline.adapters.store import Store
from homeline.errors import NoData, NotSupported
from homeline.model import CallDirection, CallState
from homeline.service import numbering, shapes
from homeline.service.api_tools import (
    LONGEST_WAIT,
    Table,
    fitting,
    member,
    page_limit,
)
from homeline.service.context import Context
from homeline.service.jobs import Jobs

if TYPE_CHECKING:
    from homeline.service.originating import Originating
    from homeline.service.phone_passwords import PhonePasswords
    from homeline.service.twilio import TwilioSetup
    from homeline.service.voice import Voice


class CallParts(Protocol):
    """The live parts of the service that these methods use."""

    context: Context
    jobs: Jobs

    @property
    def voice(self) -> Callable[[], Voice | None]: ...

    @property
    def passwords(self) -> Callable[[], PhonePasswords]: ...

    @property
    def twilio(self) -> Callable[[], TwilioSetup]: ...


class CallMethods:
    """The call log, voicemail, click to call, phones' passwords, the account at Twilio."""

    def __init__(self, parts: CallParts) -> None:
        self._parts = parts
        self._database = parts.context.database

    async def list_calls(self, args: Table) -> Table:
        peer = args.get("peer", "")
        page = await self._database(
            Store.list_calls,
            direction=member(CallDirection, "direction", args),
            state=member(CallState, "state", args),
            dongle=args.get("dongle", ""),
            peer=await numbering.peer(peer, self._parts.context.config.main.country) if peer else "",
            unread=args.get("unread", False),
            before=args.get("before"),
            limit=page_limit(args),
        )
        calls, cut = fitting([shapes.call(call) for call in page.calls])
        unseen = page.unseen
        return {"calls": calls, "more": page.more or cut, "missed": unseen.missed, "voicemail": unseen.voicemail}

    async def list_voicemail(self, args: Table) -> Table:
        page = await self._database(
            Store.list_calls,
            state=CallState.VOICEMAIL,
            unread=args.get("unread", False),
            before=args.get("before"),
            limit=page_limit(args),
        )
        calls, cut = fitting([shapes.call(call) for call in page.calls])
        folder = self._parts.context.config.sip.voicemail_folder
        return {"calls": calls, "more": page.more or cut, "unread": page.unseen.voicemail, "folder": folder}

    async def originate(self, args: Table) -> Table:
        work = self._originating().originate(args["phone"], args["to"])
        return await self._parts.jobs.run(work, LONGEST_WAIT - 1)

    async def hangup(self, args: Table) -> Table:
        return await self._originating().hangup(args["channel"])

    async def new_phone_password(self, args: Table) -> Table:
        work = self._new_password(args["phone"], provision=args.get("provision", False))
        return await self._parts.jobs.run(work, LONGEST_WAIT - 1)

    async def _new_password(self, phone: str, *, provision: bool) -> Table:
        passwords = self._parts.passwords()
        reply = await passwords.renew(phone)
        offered = await passwords.provision(self._parts.context.config, phone) if provision else {}
        return reply | ({"provisioning": offered} if offered else {})

    async def twilio_plan(self, args: Table) -> Table:
        return await self._twilio("PLAN", args)

    async def twilio_apply(self, args: Table) -> Table:
        return await self._twilio("APPLY", args)

    async def twilio_destroy(self, args: Table) -> Table:
        return await self._twilio("DESTROY", args)

    async def twilio_status(self, args: Table) -> Table:
        return await self._twilio("STATUS", args)

    async def _twilio(self, what: str, args: Table) -> Table:
        try:
            from homeline.twilio.shapes import What

            setup = self._parts.twilio()
        except ModuleNotFoundError:
            raise NotSupported("This needs the package homeline-twilio, which is not installed.") from None
        work = setup.run(What[what], account_wide=args.get("account_wide", False))
        return await self._parts.jobs.run(work, LONGEST_WAIT - 1, setup.progress)

    def _originating(self) -> Originating:
        voice = self._parts.voice()
        if voice is None:
            raise NoData("Asterisk is not used: sip.enabled is off.")
        return voice.originating
