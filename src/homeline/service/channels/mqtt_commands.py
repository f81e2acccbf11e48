"""Commands that come over a broker. None is taken unless the owner named it, and each is answered.

A command is an order to spend the owner's money, from whoever may publish there. So: SMS only to numbers that the owner
named and so many an hour, USSD only the exact codes that the owner named (`**21*…#` would divert all calls), nothing
that was retained (it would be carried out again at each connection), and nothing twice: the id under which somebody
asked is stored before, or together with, what is done.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from binascii import crc32
from collections.abc import Awaitable, Callable
from typing import Any

from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.config_channels import Mqtt
from homeline.core import mqtt, rules
from homeline.errors import HomelineError, InvalidArgument, NotFound, PermissionDenied
from homeline.protocol import pdu
from homeline.service import numbering
from homeline.service.channels import World
from homeline.service.picking import pick

log = logging.getLogger(__name__)

AT_ONCE = 16  # commands under way; more are dropped
AT_LEISURE, EVERY = 60, 10.0  # commands that may come in a row, and seconds until one more may: each costs a write
TIMEOUT = 150.0  # seconds for one: a network may take two minutes for USSD
HOUR = 3600  # seconds
SAME = 60  # seconds: within one to two of these, equal commands without an id are one command
INTERRUPTED = "It was begun before, and how it ended is not known."

Result = dict[str, Any]
Answer = Callable[[str, Result], Awaitable[None]]


class Commands:
    """`take` a command, carry it out once, `answer` it. Answers have `id`, `command` and `ok`; `error` where not."""

    def __init__(self, account: Mqtt, world: World, answer: Answer, changed: Callable[[], None]) -> None:
        """`changed` is told after something was done that a state shows."""
        self._account, self._world, self._answer, self._changed = account, world, answer, changed
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by the command's id
        self._taken = float("-inf")  # by the loop's clock: when what came will have had its time, see `_in_time`
        self._dropped = float("-inf")  # when one was last
        self._work = {
            "send": self._send,
            "ussd": self._ussd,
            "mark_read": self._mark_read,
            "reset": self._reset,
        }

    def take(self, command: str, payload: bytes, retained: bool) -> None:
        """Begin to carry out what somebody published. Nothing is raised and nothing waits."""
        if not payload:
            return  # somebody clears a retained topic
        if retained:
            log.warning("mqtt %s: a retained command was dropped", self._account.name)
            return
        if not self._in_time():
            return
        request, found, error = mqtt.UNKNOWN_ID, {}, ""
        try:
            found = mqtt.parse(payload)
            request = mqtt.request_id(found) or self._derived(command, payload)
        except InvalidArgument as refusal:
            error = str(refusal)
        if request in self._tasks:
            return  # under way: its answer will tell whoever asked again too
        if len(self._tasks) >= AT_ONCE:
            self._drop(f"{AT_ONCE} are under way")
            return
        task = asyncio.ensure_future(self._see_through(command, request, found, error))
        self._tasks[request] = task
        task.add_done_callback(lambda _: self._tasks.pop(request))

    def _in_time(self) -> bool:
        """Whether commands come no faster than they may."""
        now = asyncio.get_running_loop().time()
        taken = max(self._taken, now) + EVERY
        if taken > now + AT_LEISURE * EVERY:
            self._drop("too many have come")
            return False
        self._taken = taken
        return True

    def _drop(self, why: str) -> None:
        """Said once for each flood: its lines would push all others out of the log."""
        now = asyncio.get_running_loop().time()
        if now - self._dropped > SAME:
            log.warning("mqtt %s: commands are dropped: %s", self._account.name, why)
        self._dropped = now

    def _derived(self, command: str, payload: bytes) -> str:
        """An id for a command without one: of its content, and of the minute."""
        digest = f"{command[:20]!a}{len(payload)}:{crc32(payload):08x}"
        return f"auto-{''.join(filter(str.isalnum, digest))}-{self._world.context.clock() // SAME}"

    async def _see_through(self, command: str, request: str, found: Result, error: str) -> None:
        result: Result = {"id": request, "command": command[:20]}
        try:
            if error:
                raise InvalidArgument(error)
            async with asyncio.timeout(TIMEOUT):
                result |= {"ok": True} | await self._carried_out(command, request, found)
        except HomelineError as refusal:
            result |= {"ok": False, "error": str(refusal)}
        except TimeoutError:
            result |= {"ok": False, "error": f"No end within {TIMEOUT:g} s."}
        except Exception as defect:
            log.exception("mqtt %s: a command failed with a defect", self._account.name)
            result |= {"ok": False, "error": f"A defect in Homeline: {type(defect).__name__}."}
        log.info("mqtt %s: %s %s", self._account.name, command[:20], "done" if result["ok"] else "refused")
        await self._answer(request, result)

    async def _carried_out(self, command: str, request: str, found: Result) -> Result:
        """Do it, or tell what came of it when it was done. Raises HomelineError."""
        if command not in self._work or command not in self._account.commands:
            raise PermissionDenied(f"{command[:20]!a} is not among the commands that the owner allows.")
        known = await self._known(request)
        if known is not None:
            return known
        given = mqtt.arguments(command, found)
        return await self._work[command](request, given)

    # -- what was asked before ----------------------------------------------------------------------------------------

    @property
    def _source(self) -> str:
        return f"mqtt {self._account.name}"

    @property
    def _sends(self) -> str:
        """SMS have a source of their own: what the store remembers of them is the message."""
        return f"{self._source} send"

    async def _known(self, request: str) -> Result | None:
        """The answer of before; None for what is new. Raises InvalidArgument for one whose end is not known."""
        database = self._world.context.database
        for each in _same(request):
            if (message := await database(Store.request_result, self._sends, each)) is not None:
                return {"message": int(message)}
            if (result := await database(Store.request_result, self._source, each)) is not None:
                if not result:
                    raise InvalidArgument(INTERRUPTED)
                answer = json.loads(result)
                if "error" in answer:
                    raise InvalidArgument(answer["error"])
                return dict(answer)
        return None

    async def _once(self, request: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """Carry out what is no SMS: its id is stored before, and its end afterwards. Raises HomelineError."""
        context = self._world.context
        if not await context.database(Store.add_request, self._source, request, context.clock()):
            raise InvalidArgument(INTERRUPTED)
        try:
            result = await work()
        except HomelineError as error:
            await context.database(Store.request_done, self._source, request, json.dumps({"error": str(error)}))
            raise
        await context.database(Store.request_done, self._source, request, json.dumps(result))
        return result

    # -- the commands -------------------------------------------------------------------------------------------------

    async def _send(self, request: str, given: Result) -> Result:
        number = await self._allowed(given["to"])
        most = self._account.sms_rate
        words = f"{most} SMS an hour may be asked for, and were."
        limit = Limit(self._sends, HOUR, most, words, pdu.preview(given["text"]).parts)
        message = await self._world.outbox.send(
            number, given["text"], given.get("dongle", ""), request=(self._sends, request), limits=(limit,)
        )
        return {"message": message.id}

    async def _allowed(self, to: str) -> str:
        """The number in international form, or a short code. Raises InvalidArgument, PermissionDenied."""
        found = await numbering.normalize(to, self._world.context.config.main.country)
        number = found.e164 or "".join(to.split())
        if not re.fullmatch(r"\+?[0-9]{2,15}", number):
            raise InvalidArgument("to: is not a phone number")
        if not any(rules.glob(pattern, number) for pattern in self._account.sms_to):
            raise PermissionDenied("to: is not among the numbers that the owner allows (sms_to)")
        return number

    async def _ussd(self, request: str, given: Result) -> Result:
        if given["code"] not in self._account.ussd_codes:
            raise PermissionDenied("code: is not among the codes that the owner allows (ussd_codes)")
        return await self._once(request, lambda: self._world.ussd.send(given["code"], given.get("dongle", "")))

    async def _mark_read(self, request: str, given: Result) -> Result:
        dongle = given.get("dongle", "")
        if ("ids" in given) == bool(dongle):
            raise InvalidArgument("either ids or dongle is needed")
        if dongle and dongle not in {each.name for each in self._world.context.config.dongles}:
            raise NotFound(f"There is no dongle {dongle[:40]!a}.")
        result = await self._once(request, lambda: self._mark(given.get("ids", []), dongle))
        self._changed()
        return result

    async def _mark(self, ids: list[int], dongle: str) -> Result:
        return {"count": await self._world.context.database(Store.mark_read, ids, dongle=dongle)}

    async def _reset(self, request: str, given: Result) -> Result:
        dongle = pick(self._world.dongles, given["dongle"])

        async def reset() -> Result:
            await dongle.reset()
            return {}

        return await self._once(request, reset)


def _same(request: str) -> tuple[str, ...]:
    """The ids under which a command may have been carried out: a derived one also has the minute before."""
    head, _, minute = request.rpartition("-")
    if head.startswith("auto-") and minute.isdigit():
        return request, f"{head}-{int(minute) - 1}"
    return (request,)
