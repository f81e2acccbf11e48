"""Calls made, answered and listened to by a test, through any Asterisk of the lab.

`Exchange` needs the contexts of `DIALPLAN` and the manager's account of `MANAGER` in that Asterisk. An incoming call is
one that the dial plan sends to the context `lab-in`, with what was dialled as extension: it rings until the test
answers or refuses it. An outgoing call is whatever `Dial` of Asterisk can dial.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from homeline_lab.asterisk import Asterisk
from homeline_lab.sip_audio import Audio, AudioServer
from homeline_lab.sip_manager import Manager, Message, Refused

SECRET = "lab-4f1d7c0a9e"  # of the lab's own account
LONGEST = 300  # seconds that a call of the lab rings or lasts

MANAGER = f"""
[lab]
secret = {SECRET}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.0/255.0.0.0
read = call,user,dialplan
write = originate,call,system
"""

# A hangup handler tells of each call's end whichever way it comes.
DIALPLAN = f"""
[lab-in]
exten => _[!-~]!,1,Set(CHANNEL(hangup_handler_push)=lab-end,s,1)
 same => n,UserEvent(LabCall)
 same => n,Ringing()
 same => n,Wait({LONGEST})
 same => n,Hangup(19)
exten => h,1,Hangup()
[lab-answer]
exten => s,1,Answer()
 same => n,AudioSocket(${{LAB_AUDIO}})
 same => n,Hangup(16)
[lab-refuse]
exten => s,1,Hangup(${{LAB_CAUSE}})
[lab-out]
exten => s,1,Set(CHANNEL(hangup_handler_push)=lab-end,s,1)
 same => n,Dial(${{LAB_DIAL}},{LONGEST},b(lab-headers^s^1))
 same => n,Hangup(${{HANGUPCAUSE}})
[lab-headers]
exten => s,1,Set(LAB_I=0)
 same => n(next),Set(LAB_I=$[${{LAB_I}} + 1])
 same => n,GotoIf($["${{LAB_NAME_${{LAB_I}}}}" = ""]?done)
 same => n,Set(PJSIP_HEADER(add,${{LAB_NAME_${{LAB_I}}}})=${{LAB_VALUE_${{LAB_I}}}})
 same => n,Goto(next)
 same => n(done),Return()
[lab-end]
exten => s,1,Set(LAB_KEYS=${{HANGUPCAUSE_KEYS()}})
 same => n,ExecIf($["${{LAB_KEYS}}" != ""]?Set(LAB_SIP=${{HANGUPCAUSE(${{CUT(LAB_KEYS,\\,,1)}},tech)}}))
 same => n,UserEvent(LabEnd,Status: ${{DIALSTATUS}},Cause: ${{HANGUPCAUSE}},Sip: ${{LAB_SIP}})
 same => n,Return()
"""


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended."""

    cause: int = 0  # Q.850, as Asterisk has it
    status: str = ""  # of an outgoing call: Asterisk's DIALSTATUS, such as BUSY
    sip: str = ""  # of an outgoing call: the answer that ended it, such as "SIP 403 Forbidden"


class Call:
    """One call; `incoming` has what the caller said of it."""

    def __init__(self, exchange: Exchange, channel: str, incoming: Message | None = None) -> None:
        self.exchange = exchange
        self.channel = channel  # of an incoming call its name, of an outgoing one its unique id
        self.audio = Audio()
        self.ringing, self.answered, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.end = End()
        said = incoming or {}
        self.to = said.get("Exten", "")
        self.number, self.name = (said.get(field, "").replace("<unknown>", "") for field in _CALLER)

    def __repr__(self) -> str:
        return f"<call at {self.exchange.name}: {self.channel} {self.to} {self.end}>"

    async def rings(self, timeout: float = 10.0) -> None:
        """Until the other side rings, or is beyond that. TimeoutError."""
        await self._wait(self.ringing, "ring", timeout)

    async def is_answered(self, timeout: float = 10.0) -> None:
        """Until the other side has answered and audio flows. TimeoutError."""
        await self._wait(self.answered, "get answered", timeout)
        await self._wait(self.audio.connected, "get audio", timeout)

    async def ended(self, timeout: float = 10.0) -> End:
        """Until it is over, and how. TimeoutError."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), timeout)
            return self.end
        raise TimeoutError(f"{self} has not ended within {timeout} s")

    async def _wait(self, event: asyncio.Event, what: str, timeout: float) -> None:
        over = asyncio.ensure_future(self.over.wait())
        wanted = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((over, wanted), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            wanted.cancel()
        if not event.is_set():
            raise TimeoutError(f"{self} does not {what} within {timeout} s")

    async def answer(self, hz: float = 0) -> None:
        """Of an incoming call; a tone is said into it at once."""
        self.audio.play(hz)
        await self.exchange.answer(self)
        await self.is_answered()

    async def refuse(self, cause: int = 21) -> None:
        """Of an incoming call: 17 is busy, 21 declined, 1 no such number."""
        await self.exchange.set(self, LAB_CAUSE=str(cause))
        await self.exchange.redirect(self, "lab-refuse")

    async def hang_up(self) -> End:
        """From this side; how it ended."""
        with suppress(Refused):  # it is over already
            await self.exchange.manager.call("Hangup", Channel=self.channel, Cause="16")
        return await self.ended()

    async def header(self, name: str) -> str:
        """A header of the INVITE of an incoming call; empty if it has none."""
        return await self.exchange.read(self, f"PJSIP_HEADER(read,{name})")

    def play(self, hz: float) -> None:
        self.audio.play(hz)

    async def press(self, keys: str) -> None:
        """Presses keys at this end, of an incoming call."""
        for key in keys:
            await self.exchange.manager.call("PlayDTMF", Channel=self.channel, Digit=key, Duration="120")
            await asyncio.sleep(0.25)  # the key's own time and a pause, as a finger makes it

    async def hears(self, hz: float, timeout: float = 5.0) -> None:
        await self.audio.hears(hz, timeout)


_CALLER = ("CallerIDNum", "CallerIDName")


class Exchange:
    """`async with Exchange(asterisk, address, port) as exchange:`, where Asterisk's manager listens there."""

    def __init__(self, asterisk: Asterisk, address: str, port: int = 5038) -> None:
        self.asterisk, self.name = asterisk, asterisk.name
        self.calls: list[Call] = []  # all incoming ones
        self._by_id: dict[str, Call] = {}
        self._arrivals: asyncio.Queue[Call] = asyncio.Queue()
        self._ids = itertools.count(1)
        self._stack = AsyncExitStack()
        self.manager = Manager(address, port, "lab", SECRET, self._on_event)
        self.audio = AudioServer()

    async def __aenter__(self) -> Exchange:
        try:
            await self._stack.enter_async_context(self.audio)
            await self._stack.enter_async_context(self.manager)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def incoming(self, timeout: float = 10.0) -> Call:
        """The next call that rings here. TimeoutError."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._arrivals.get(), timeout)
        raise TimeoutError(f"nothing rings at {self.name} within {timeout} s")

    async def dial(
        self,
        what: str,
        *,
        number: str = "",
        name: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        hz: float = 0,
    ) -> Call:
        """Calls something like `PJSIP/+41791234567@home`, showing a number; `headers` go into the INVITE."""
        variables = {"LAB_DIAL": what}
        for i, (header, value) in enumerate(headers, 1):
            variables |= {f"LAB_NAME_{i}": header, f"LAB_VALUE_{i}": value}
        return await self.originate("Local/s@lab-out/n", number=number, name=name, hz=hz, variables=variables)

    async def originate(
        self,
        channel: str,
        *,
        number: str = "",
        name: str = "",
        hz: float = 0,
        variables: Mapping[str, str] | None = None,
    ) -> Call:
        """Calls a channel of any kind; the test is the party that waits for an answer."""
        call = Call(self, f"lab-{next(self._ids)}-{id(self)}")
        call.audio.play(hz)
        self.audio.expect(call.audio)
        self._by_id[call.channel] = call
        await self.manager.call(
            "Originate",
            [f"__{variable}={value}" for variable, value in (variables or {}).items()],
            Channel=channel,
            ChannelId=call.channel,
            OtherChannelId=f"{call.channel}-2",
            Application="AudioSocket",
            Data=f"{call.audio.id},{self.audio.address}",
            CallerID=f'"{name}" <{number}>',
            Timeout=str(LONGEST * 1000),
            Async="true",
        )
        return call

    # --- what a call asks of it ---

    async def answer(self, call: Call) -> None:
        self.audio.expect(call.audio)
        await self.set(call, LAB_AUDIO=f"{call.audio.id},{self.audio.address}")
        await self.redirect(call, "lab-answer")

    async def redirect(self, call: Call, context: str) -> None:
        await self.manager.call("Redirect", Channel=call.channel, Context=context, Exten="s", Priority="1")

    async def set(self, call: Call, **variables: str) -> None:
        for variable, value in variables.items():
            await self.manager.call("Setvar", Channel=call.channel, Variable=variable, Value=value)

    async def read(self, call: Call, expression: str) -> str:
        return (await self.manager.call("Getvar", Channel=call.channel, Variable=expression)).get("Value", "")

    # --- what Asterisk tells ---

    def _on_event(self, event: Message) -> None:
        handler = _HANDLERS.get(event.get("UserEvent") or event["Event"])
        if handler:
            handler(self, event)

    def _arrived(self, event: Message) -> None:
        call = Call(self, event["Channel"], event)
        self._by_id[event["Uniqueid"]] = call
        self.calls.append(call)
        self._arrivals.put_nowait(call)

    def _state(self, event: Message) -> None:
        call = self._by_id.get(event["Uniqueid"])
        if call and event["ChannelStateDesc"] == "Ringing":
            call.ringing.set()
        elif call and event["ChannelStateDesc"] == "Up":
            call.ringing.set()
            call.answered.set()

    def _told(self, event: Message) -> None:
        """Which comes before the channel's end."""
        call = self._by_id.get(event["Uniqueid"].removesuffix("-2"))
        if call:
            call.end = End(int(event.get("Cause") or 0), event.get("Status", ""), event.get("Sip", ""))

    def _hung_up(self, event: Message) -> None:
        call = self._by_id.get(event["Uniqueid"])
        if call:
            call.end = End(call.end.cause or int(event["Cause"]), call.end.status, call.end.sip)
            call.over.set()


_HANDLERS: dict[str, Callable[[Exchange, Message], None]] = {
    "LabCall": Exchange._arrived,
    "Newstate": Exchange._state,
    "LabEnd": Exchange._told,
    "Hangup": Exchange._hung_up,
}
