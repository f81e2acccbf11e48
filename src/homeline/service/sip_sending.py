"""SIP MESSAGEs to our phones, through Asterisk.

Asterisk's manager takes a MESSAGE and says nothing of the phone's answer, so `adapters.sip_watch` looks at what goes
over SIP. The module that shows it is loaded when it is needed first: OpenWrt's modules.conf leaves it out.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from homeline.adapters import asterisk_files
from homeline.adapters.sip_watch import HEADER, Fate, SipWatch
from homeline.core import asterisk_modules, sip_text
from homeline.errors import ActionRefused, DeliveryError, EncodeError, HomelineError
from homeline.paths import Paths
from homeline.protocol.ami import Message
from homeline.service.context import Context

log = logging.getLogger(__name__)

ABSENT = "Asterisk is not running, or not connected yet."
OWNERS_PAUSE = 300.0  # seconds until what only the owner can mend is tried again
SETTLE = 0.3  # seconds from the first hint that a phone has registered until it is tried: hints can be forged
SHOWS_WITHIN = 3.0  # seconds in which Asterisk shows us what we asked it to send
MODULE = "res_hep_pjsip"
KEY_HEADER = "X-Homeline-Id"  # the same for each attempt
_TOO_LARGE = (413, 513)  # what trying again cannot help
_UNWILLING = (405, 415, 488, 501)  # no MESSAGE, or none with text


class Manager(Protocol):
    """What we want of AMI's client (`adapters.ami.Ami`)."""

    @property
    def connected(self) -> bool: ...

    def listen(self, event: str, handler: Callable[[Message], None]) -> Callable[[], None]: ...

    def on_state(self, handler: Callable[[bool], None]) -> Callable[[], None]: ...

    async def call(self, action: str, timeout: float = ..., **fields: str | Sequence[str]) -> Message: ...

    async def list(self, action: str, timeout: float = ..., **fields: str | Sequence[str]) -> list[Message]: ...


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is registered with a phone's account."""

    phone: str
    uri: str


class SipSending:
    """One for the whole service, as there is one port to be shown things at."""

    def __init__(self, context: Context, paths: Paths, manager: Manager) -> None:
        self._context, self._paths, self._manager = context, paths, manager
        self._watch = SipWatch()
        self._shown = False  # whether Asterisk shows us what it sends
        self._turn = asyncio.Lock()
        self._waiting: set[Callable[[], None]] = set()
        self._hint: asyncio.TimerHandle | None = None
        manager.listen("ContactStatus", lambda _: self._come_back())
        manager.on_state(self._connected)

    def when_registered(self, again: Callable[[], None]) -> None:
        """Call `again` once, when a phone may have registered."""
        self._waiting.add(again)

    def _connected(self, up: bool) -> None:
        self._shown = False  # another Asterisk shows nothing yet
        if up:
            self._come_back()

    def _come_back(self) -> None:
        if self._waiting and self._hint is None:
            self._hint = asyncio.get_running_loop().call_later(SETTLE, self._wake)

    def _wake(self) -> None:
        waiting, self._waiting, self._hint = self._waiting, set(), None
        for again in waiting:
            again()

    async def deliver(self, phones: Sequence[str], sender: str, text: str, key: str, timeout: float) -> None:
        """Hand one piece of text to all devices of these phones; returns when one of them has taken it.

        Raises DeliveryError.
        """
        if not self._manager.connected:
            raise DeliveryError(ABSENT)
        try:
            devices = await self._devices(phones)
            if not devices:
                raise DeliveryError(f"Not registered: {', '.join(phones)}.")
            await self._see(devices[0].phone)
            await self._to_all(devices, sender, text, key, timeout)
        except DeliveryError:
            raise
        except (HomelineError, OSError) as error:
            raise DeliveryError(f"{error}.") from None

    async def tell(self, phone: str, sender: str, text: str) -> None:
        """A word to a phone, if it is there. Nobody looks whether it came. Raises what AMI raises."""
        for device in await self._devices([phone]):
            await self._send(device, sender, sip_text.pieces(text)[0])

    async def _devices(self, phones: Iterable[str]) -> list[Device]:
        found = []
        for phone in phones:
            try:
                items = await self._manager.list("PJSIPShowEndpoint", Endpoint=phone)
            except ActionRefused as error:
                log.info("%s: %s", phone, error)  # Asterisk does not know it, or not yet
                continue
            uris = dict.fromkeys(item.get("URI") for item in items if item.event == "ContactStatusDetail")
            found += [Device(phone, uri) for uri in uris if uri.startswith(("sip:", "sips:"))]
        return found

    async def _to_all(self, devices: Sequence[Device], sender: str, text: str, key: str, timeout: float) -> None:
        fates: dict[Device, Fate] = {}
        try:
            for device in devices:
                fate = fates[device] = self._watch.expect(os.urandom(8).hex())
                try:
                    await self._send(device, sender, text, f"{HEADER}={fate.mark}", f"{KEY_HEADER}={key}")
                except (ActionRefused, EncodeError) as error:  # an odd device must not be in the others' way
                    log.info("%s: %s", device.phone, error)
                    fate.answer.set_result(0)
            await _one_takes(fates, timeout)
        finally:
            for fate in fates.values():
                self._watch.forget(fate)

    async def _send(self, device: Device, sender: str, text: str, *headers: str) -> None:
        await self._manager.call(
            "MessageSend",
            Destination=f"pjsip:{device.phone}/{device.uri}",
            From=sip_text.user(sender),
            Base64Body=base64.b64encode(text.encode()).decode(),
            Variable=headers,
        )

    # -- being shown what goes over SIP -------------------------------------------------------------------------------

    async def _see(self, phone: str) -> None:
        """Make sure that Asterisk shows us what it sends: without that nothing may go out, as it would go out again.

        `phone` is registered: it is asked whether it is there, which is something to be shown.
        """
        async with self._turn:
            key = await asyncio.to_thread(asterisk_files.secret, self._paths.rendered, asterisk_files.CAPTURE)
            if not key:
                raise DeliveryError("Asterisk's files are not written yet.")
            await self._watch.open(self._context.config.sip.ami_port, key)
            if self._shown:
                return
            await self._load()
            self._watch.heard.clear()
            await self._manager.call("PJSIPQualify", Endpoint=phone)
            try:
                async with asyncio.timeout(SHOWS_WITHIN):
                    await self._watch.heard.wait()
            except TimeoutError:
                words = "Asterisk does not show what it sends: see that hep.conf includes homeline/hep.conf"
                raise DeliveryError(f"{words}, and start Asterisk again.", retry_after=OWNERS_PAUSE) from None
            self._shown = True

    async def _load(self) -> None:
        for module in ("res_hep", MODULE):
            try:
                await self._manager.call("ModuleCheck", Module=module)
            except ActionRefused:
                await self._load_one(module)

    async def _load_one(self, module: str) -> None:
        try:
            await self._manager.call("ModuleLoad", Module=f"{module}.so", LoadType="load")
        except ActionRefused as error:
            advice = asterisk_modules.advice([module])
            words = f"What phones say to messages cannot be seen ({error}). {advice}"
            raise DeliveryError(words, retry_after=OWNERS_PAUSE) from None


async def _one_takes(fates: dict[Device, Fate], timeout: float) -> None:
    """Until one device has taken its MESSAGE. Raises DeliveryError with what they all said."""
    waiting = {fate.answer for fate in fates.values()}
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while waiting and (left := end - loop.time()) > 0:
        done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if any(answer.result() // 100 == 2 for answer in done):
            return
    answers = {device: fate.answer.result() if fate.answer.done() else 0 for device, fate in fates.items()}
    words = "; ".join(f"{device.phone} {_said(status)}" for device, status in answers.items())
    statuses = set(answers.values())
    if statuses <= set(_TOO_LARGE):
        raise DeliveryError(f"{words}.", permanent=True)
    raise DeliveryError(f"{words}.", retry_after=OWNERS_PAUSE if statuses <= set(_UNWILLING) else None)


def _said(status: int) -> str:
    return f"answered {status}" if status else "did not answer"
