"""A MESSAGE counts as delivered where a phone says so, and nowhere else. tests/e2e has a real Asterisk and phones."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.adapters.sip_watch import HEADER
from homeline.config_calls import Sip
from homeline.core import sip_text
from homeline.errors import ActionRefused, ConnectionLost, DeliveryError
from homeline.protocol import ami, hep
from homeline.protocol.ami import Message
from homeline.service import sip_sending
from homeline.service.sip_sending import OWNERS_PAUSE, SipSending
from hostile import HOSTILE
from service.kit import ANN, CONFIG, Service

KEY = "d0cf453761ffc6e7"


class Manager:
    """Asterisk as its manager shows it, with devices that answer; and its module that shows what goes over SIP."""

    connected = True

    def __init__(self, port: int) -> None:
        self.devices: dict[str, list[str]] = {"desk": ["sip:desk@192.0.2.1:5060"], "mobile": []}
        self.answers: dict[str, int] = {}  # by contact: what it says, 0 is nothing
        self.loaded: set[str] = set()
        self.missing: set[str] = set()
        self.shows = True
        self.refuses: type[Exception] | None = None  # what MessageSend ends with
        self.sent: list[dict[str, str | Sequence[str]]] = []
        self.handlers: list[Callable[[Message], None]] = []
        self.watchers: list[Callable[[bool], None]] = []
        self._port, self._socket = port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        self._socket.close()

    def listen(self, event: str, handler: Callable[[Message], None]) -> Callable[[], None]:
        assert event == "ContactStatus"
        self.handlers.append(handler)
        return lambda: None

    def on_state(self, handler: Callable[[bool], None]) -> Callable[[], None]:
        self.watchers.append(handler)
        return lambda: None

    async def call(self, action: str, timeout: float = 5.0, **fields: str | Sequence[str]) -> Message:
        assert set(ami.PRIVILEGES[action]) & set(ami.WRITE)
        ami.encode(action, fields, "1")
        module = str(fields.get("Module", "")).removesuffix(".so")
        if action == "ModuleCheck" and module not in self.loaded:
            raise ActionRefused("ModuleCheck: Module not loaded")
        if action == "ModuleLoad":
            if module in self.missing:
                raise ActionRefused("ModuleLoad: Could not load module.")
            self.loaded.add(module)
        if action == "PJSIPQualify":
            self._show("OPTIONS sip:x SIP/2.0", "Call-ID: q")
        if action == "MessageSend":
            self._message(fields)
        return Message((("Response", "Success"),))

    async def list(self, action: str, timeout: float = 10.0, **fields: str | Sequence[str]) -> list[Message]:
        assert action == "PJSIPShowEndpoint"
        phone = str(fields["Endpoint"])
        if phone not in self.devices:
            raise ActionRefused("PJSIPShowEndpoint: Unable to retrieve endpoint")
        return [Message((("Event", "ContactStatusDetail"), ("URI", uri))) for uri in self.devices[phone]]

    def _message(self, fields: dict[str, str | Sequence[str]]) -> None:
        if self.refuses is not None:
            raise self.refuses("MessageSend: Message failed to send.")
        self.sent.append(fields)
        call = f"c{len(self.sent)}"
        mark = str(fields["Variable"][0]).partition("=")[2] if fields["Variable"] else ""
        self._show("MESSAGE sip:x SIP/2.0", f"Call-ID: {call}", "CSeq: 1 MESSAGE", f"{HEADER}: {mark}")
        if status := self.answers.get(str(fields["Destination"]).partition("/")[2], 200):
            self._show(f"SIP/2.0 {status} Said", f"Call-ID: {call}", "CSeq: 1 MESSAGE")

    def _show(self, *lines: str) -> None:
        if not self.shows or "res_hep_pjsip" not in self.loaded:
            return
        message = "\r\n".join([*lines, "", ""]).encode()
        chunks = b"".join(
            struct.pack(">HHH", 0, kind, len(value) + 6) + value
            for kind, value in ((hep.KEY, KEY.encode()), (hep.PAYLOAD, message))
        )
        packet = b"HEP3" + struct.pack(">H", len(chunks) + 6) + chunks
        self._socket.sendto(packet, ("127.0.0.1", self._port))


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Manager(port)
    yield found
    found.close()


@pytest.fixture
async def sending(manager: Manager, tmp_path: Path) -> AsyncIterator[SipSending]:
    service = Service(tmp_path, replace(CONFIG, sip=Sip(enabled=True, ami_port=manager._port)))
    service.paths.rendered.mkdir(parents=True)
    (service.paths.rendered / "hep.conf").write_text(f"[general]\ncapture_password = {KEY}\n")
    found = SipSending(service.context, service.paths, manager)
    yield found
    found._watch.close()
    await service.database.close()


async def deliver(sending: SipSending, text: str = "hello", timeout: float = 5.0) -> None:
    await sending.deliver(("desk", "mobile"), ANN, text, "7.all.x.0-abc/1", timeout)


async def failed(sending: SipSending, timeout: float = 5.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await deliver(sending, timeout=timeout)
    return caught.value


async def test_the_modules_are_loaded_once_and_the_phone_takes_it(sending: SipSending, manager: Manager) -> None:
    await deliver(sending)
    await deliver(sending)
    assert manager.loaded == {"res_hep", "res_hep_pjsip"}
    first, second = manager.sent
    assert first["Destination"] == "pjsip:desk/sip:desk@192.0.2.1:5060" and first["From"] == ANN
    assert first["Variable"][0] != second["Variable"][0]
    assert first["Variable"][1] == second["Variable"][1] == "X-Homeline-Id=7.all.x.0-abc/1"


async def test_every_device_gets_it_and_one_is_enough(sending: SipSending, manager: Manager) -> None:
    manager.devices = {"desk": ["sip:a@192.0.2.1", "sip:b@192.0.2.2"], "mobile": ["sips:m@192.0.2.3"]}
    manager.answers = {"sip:a@192.0.2.1": 603, "sip:b@192.0.2.2": 0}
    await deliver(sending)
    assert len(manager.sent) == 3


@pytest.mark.parametrize(
    ("answers", "words", "permanent", "retry_after"),
    [
        ((486,), "desk answered 486.", False, None),
        ((302,), "desk answered 302.", False, None),
        ((415,), "desk answered 415.", False, OWNERS_PAUSE),
        ((413,), "desk answered 413.", True, None),
        ((413, 503), "desk answered 413; desk answered 503.", False, None),
        ((405, 501), "desk answered 405; desk answered 501.", False, OWNERS_PAUSE),
        ((0,), "desk did not answer.", False, None),
        ((0, 413), "desk did not answer; desk answered 413.", False, None),
    ],
)
async def test_what_nobody_takes_is_not_delivered(
    sending: SipSending, manager: Manager, answers: tuple[int, ...], words: str, permanent: bool, retry_after: float
) -> None:
    manager.answers = {f"sip:{number}@192.0.2.1": status for number, status in enumerate(answers)}
    manager.devices["desk"] = [*manager.answers]
    error = await failed(sending, timeout=0.5)
    assert (str(error), error.permanent, error.retry_after) == (words, permanent, retry_after)


async def test_nothing_is_sent_where_nobody_would_see_the_answer(
    sending: SipSending, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be sent again and again."""
    manager.missing = {"res_hep_pjsip"}
    error = await failed(sending)
    assert "asterisk-res-hep-pjsip" in str(error) and error.retry_after == OWNERS_PAUSE
    manager.missing, manager.shows = set(), False
    monkeypatch.setattr(sip_sending, "SHOWS_WITHIN", 0.2)
    error = await failed(sending)
    assert "does not show what it sends" in str(error) and error.retry_after == OWNERS_PAUSE
    manager.shows = True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        sending._watch.close()
        await asyncio.sleep(0)
        other.bind(("127.0.0.1", manager._port))
        assert "in use" in str(await failed(sending))
    assert manager.sent == []
    await deliver(sending)


async def test_before_asterisk_is_set_up_nothing_is_sent(sending: SipSending, manager: Manager, tmp_path: Path) -> None:
    (tmp_path / "etc/asterisk/homeline/hep.conf").unlink()
    assert "not written yet" in str(await failed(sending))
    manager.devices = {}
    assert str(await failed(sending)) == "Not registered: desk, mobile."
    manager.connected = False
    assert "not running" in str(await failed(sending))


@pytest.mark.parametrize("refuses", [ActionRefused, ConnectionLost])
async def test_what_asterisk_does_not_send_is_not_delivered(
    sending: SipSending, manager: Manager, refuses: type[Exception]
) -> None:
    manager.refuses = refuses
    error = await failed(sending)
    assert not error.permanent
    manager.refuses = None
    await deliver(sending)


async def test_an_odd_contact_is_not_in_the_others_way(sending: SipSending, manager: Manager) -> None:
    manager.devices["desk"] = ["sip:x" + "y" * 2000, "sip:a\r\nAction: x@192.0.2.9", "sip:b@192.0.2.2", "tel:1"]
    await deliver(sending)
    assert [fields["Destination"] for fields in manager.sent] == ["pjsip:desk/sip:b@192.0.2.2"]


async def test_hostile_texts_are_mere_text(sending: SipSending, manager: Manager) -> None:
    for text in HOSTILE.values():
        for piece in sip_text.pieces(text):
            await deliver(sending, piece)


async def test_another_asterisk_is_asked_anew_and_who_waits_is_called(sending: SipSending, manager: Manager) -> None:
    await deliver(sending)
    manager.loaded.clear()  # it was started again
    called = []
    sending.when_registered(lambda: called.append(1))
    for watcher in manager.watchers:
        watcher(True)
    for handler in manager.handlers * 3:
        handler(Message(()))
    await deliver(sending)
    assert manager.loaded == {"res_hep", "res_hep_pjsip"}
    async with asyncio.timeout(5):
        while not called:
            await asyncio.sleep(0.01)
    assert called == [1]
