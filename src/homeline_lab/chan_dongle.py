"""Asterisk's manager with chan_dongle (or chan_quectel) behind it, as far as Homeline sees them, at the byte edge.

    async with Driver() as driver:                      # listens on driver.port
        driver.deliver(pdu)                             # the network delivers; the driver reads it and tells
        driver.poison[pdu] = b"..."                     # what a sender with CR LF makes of the driver's event

It does what the real one was seen to do (tests/captures/asterisk, chan_dongle's source): answers "queued" at once,
works through a queue of AT commands, tells of a read message without its slot and of an empty slot nothing, and puts
its events on the wire after the answer to the action that is under way. It answers no calls.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from homeline.protocol import pdu
from homeline_lab.sim import Slots, Status

SECRET = "lab"
SLOTS_POLLED = 256  # the driver reads all of them when it has set a modem up
VERSION = "22.0-lab"


@dataclass(slots=True)
class Submitted:
    """A text that the driver was given to send."""

    number: str
    text: str
    report: bool
    payload: str


class Session:
    """One client of the manager."""

    def __init__(self, driver: Driver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer, self.logged_in, self.challenge = writer, False, "4711"
        self._driver, self._reader = driver, reader
        self._busy = False
        self._events: list[bytes] = []

    async def serve(self) -> None:
        self.writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while True:
            block = await self._reader.readuntil(b"\r\n\r\n")
            lines = [line.partition(":") for line in block.decode().strip().split("\r\n")]
            fields = {name: value.strip() for name, _colon, value in lines}
            if not self._driver.deaf:
                self._busy = True
                self._driver.act(self, fields)
                self._busy = False
            self.flush()

    def send(self, headers: Mapping[str, str | list[str]]) -> None:
        """A response, or an event that belongs to one."""
        self.writer.write(_block(headers))

    def event(self, octets: bytes) -> None:
        """An event waits for the end of the action that is under way."""
        if self.logged_in:
            self._events.append(octets)
            if not self._busy:
                self.flush()

    def flush(self) -> None:
        for octets in self._events:
            self.writer.write(octets)
        self._events.clear()


@dataclass(slots=True)
class Task:
    """An AT command in the driver's queue, and what the modem's answer to it sets going."""

    name: str
    done: Callable[[], None]


@dataclass
class Driver:
    """The manager and one device. Change its attributes at will."""

    device: str = "d1"
    prefix: str = "Dongle"
    slots: Slots = field(default_factory=lambda: Slots(30))
    imsi: str = "228010000000001"
    maker: str = "huawei"
    model: str = "E1750"
    ucs2: bool = False  # the modem's character set
    state: str = "Free"
    registration: str = "Registered, home network"
    latency: float = 0.0  # s that the modem takes for a command
    deaf: bool = False  # Asterisk takes actions and answers nothing
    unloaded: bool = False  # Asterisk without the driver
    forgotten: bool = False  # the driver without the device
    deletes: bool = False  # autodeletesms
    keeps: set[int] = field(default_factory=set)  # slots that the modem does not empty
    fails: list[int] = field(default_factory=list)  # slots whose next read the modem refuses
    poison: dict[str, bytes] = field(default_factory=dict)  # PDU: octets that its sender puts among the events
    outcome: str = (
        "ok"  # of what is sent: ok, refused, lost (the dongle goes away), or words with which it is not taken
    )
    ussd: dict[str, str] = field(default_factory=dict)  # code, or what is behind AT+CUSD=: +CUSD line
    stirred: Callable[[str], None] = lambda command: None  # before a command is worked
    commands: list[str] = field(default_factory=list)
    sent: list[Submitted] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._queue: list[Task] = []
        self._worker: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Driver:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Asterisk starts: listen, and read the SIM as the driver does."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.poll()

    async def stop(self) -> None:
        """Asterisk ends, and forgets what it was about to do."""
        if self._server is not None:
            self._server.close()
        self.disconnect()
        self._forget()

    def disconnect(self) -> None:
        """All clients lose their connections."""
        for session in list(self._sessions):
            session.writer.transport.abort()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self._sessions.add(session)
        try:
            await session.serve()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._sessions.discard(session)
            writer.close()

    # What happens to the dongle ----------------------------------------------------------------------------------

    def deliver(self, text: str, *, told: bool = True) -> int:
        """The network delivers a PDU (hex): it lies in a slot, and the driver reads it. ValueError for a full SIM."""
        slot = self.slots.add(bytes.fromhex(text), Status.UNREAD)
        if slot is None:
            raise ValueError("the SIM is full")
        if told:
            self._put(f"own AT+CMGR={slot}", lambda: self._tell(slot))
        return slot

    def begin_anew(self, imsi: str = "", slots: Slots | None = None) -> None:
        """The dongle goes away and comes back, perhaps with another SIM."""
        self._forget()
        self._event("Status", {"Status": "Disconnect"})
        self.imsi, self.slots = imsi or self.imsi, slots or self.slots
        self._event("Status", {"Status": "Connect"})
        self._event("Status", {"Status": "Initialize"})
        self.poll()

    def poll(self) -> None:
        """The driver reads all slots."""
        for slot in range(SLOTS_POLLED):
            if slot in self.slots.used:
                self._put(f"own AT+CMGR={slot}", lambda slot=slot: self._tell(slot))  # type: ignore[misc]

    def inject(self, octets: bytes) -> None:
        """Octets among the events, now."""
        for session in self._sessions:
            session.event(octets)

    def stored(self) -> list[str]:
        """The PDUs on the SIM, hex."""
        return [item.pdu.hex().upper() for _, item in sorted(self.slots.used.items())]

    # The queue ---------------------------------------------------------------------------------------------------

    def _put(self, name: str, done: Callable[[], None]) -> None:
        self._queue.append(Task(name, done))
        if self._worker is None:
            self._worker = asyncio.get_running_loop().call_later(self.latency, self._work)

    def _work(self) -> None:
        self._worker = None
        task = self._queue[0]
        self.commands.append(task.name)
        self.stirred(task.name)
        if self._queue and self._queue[0] is task:  # not forgotten meanwhile
            del self._queue[0]
            task.done()
        if self._queue and self._worker is None:
            self._worker = asyncio.get_running_loop().call_later(self.latency, self._work)

    def _forget(self) -> None:
        self._queue.clear()
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    def _tell(self, slot: int) -> None:
        """What the driver tells of a message that it has read."""
        stored = self.slots.used.get(slot)
        if slot in self.fails:
            self.fails.remove(slot)
            return
        if stored is None:
            return
        text = stored.pdu.hex().upper()
        self._event("NewCMGR", {"Message": f"+CMGR: {int(stored.status)},,{stored.length}\\r\\n{text}"})
        stored.status = Status.READ if stored.status is Status.UNREAD else stored.status
        part = pdu.received_part("", "", text)
        self._event("NewSMS", {"From": part.sender, "LineCount": "1", "MessageLine0": part.text, "": ""})
        if text in self.poison:
            self.inject(self.poison[text])

    def _event(self, name: str, headers: Mapping[str, str]) -> None:
        octets = _block({"Event": self.prefix + name, "Privilege": "call,all", "Device": self.device} | dict(headers))
        for session in self._sessions:
            session.event(octets)

    # The manager -------------------------------------------------------------------------------------------------

    def act(self, session: Session, fields: Mapping[str, str]) -> None:
        """Answer an action."""
        name = fields["Action"].removeprefix(self.prefix)
        handler = getattr(self, f"_on_{name.lower()}", None)
        driver = fields["Action"].startswith(self.prefix)
        if handler is None or (driver and self.unloaded):
            self._refuse(session, fields, f"Invalid/unknown command: {fields['Action']}. Use Action: ListCommands")
        elif not session.logged_in and name not in ("Challenge", "Login"):
            self._refuse(session, fields, "Permission denied")
        elif driver and name != "ShowDevices" and (self.forgotten or self.state == "Not connected"):
            self._refuse(session, fields, f"[{self.device}] Device disconnected")
        else:
            handler(session, fields)

    def _reply(self, session: Session, fields: Mapping[str, str], **more: str | list[str]) -> None:
        session.send({"Response": "Success", "ActionID": fields["ActionID"]} | more)

    def _refuse(self, session: Session, fields: Mapping[str, str], words: str) -> None:
        session.send({"Response": "Error", "ActionID": fields["ActionID"], "Message": words})

    def _on_challenge(self, session: Session, fields: Mapping[str, str]) -> None:
        self._reply(session, fields, Challenge=session.challenge)

    def _on_login(self, session: Session, fields: Mapping[str, str]) -> None:
        expected = hashlib.md5((session.challenge + SECRET).encode()).hexdigest()
        if fields.get("Key") != expected:
            self._refuse(session, fields, "Authentication failed")
            return
        session.logged_in = True
        self._reply(session, fields, Message="Authentication accepted")
        session.event(_block({"Event": "FullyBooted", "Privilege": "system,all", "Uptime": "9"}))

    def _on_ping(self, session: Session, fields: Mapping[str, str]) -> None:
        self._reply(session, fields, Ping="Pong")

    def _on_coresettings(self, session: Session, fields: Mapping[str, str]) -> None:
        self._reply(session, fields, AsteriskVersion=VERSION)

    def _on_showdevices(self, session: Session, fields: Mapping[str, str]) -> None:
        self._reply(session, fields, EventList="start", Message="Device status list will follow")
        if fields.get("Device") == self.device and not self.forgotten:
            entry = {"Event": f"{self.prefix}DeviceEntry", "ActionID": fields["ActionID"], "Device": self.device}
            session.send(entry | self._entry())
        end = {"Event": f"{self.prefix}ShowDevicesComplete", "ActionID": fields["ActionID"], "EventList": "Complete"}
        session.send(end)

    def _entry(self) -> dict[str, str]:
        return {
            "AutoDeleteSMS": "Yes" if self.deletes else "No",
            "DisableSMS": "No",
            "State": self.state,
            "DataState": "/dev/ttyUSB2",
            "Voice": "Yes",
            "SMS": "Yes",
            "Manufacturer": self.maker,
            "Model": self.model,
            "Firmware": "11.126.03.00.00",
            "IMEIState": "354369047238739",
            "IMSIState": self.imsi,
            "GSMRegistrationStatus": self.registration,
            "RSSI": "17, -79 dBm",
            "Mode": "WCDMA",
            "Submode": "HSDPA",
            "ProviderName": "Lab Mobile",
            "SubscriberNumber": "Unknown",
            "UseUCS2Encoding": "Yes" if self.ucs2 else "No",
            "TasksInQueue": str(len(self._queue)),
        }

    def _on_command(self, session: Session, fields: Mapping[str, str]) -> None:
        _driver, _cmd, device, command = fields["Command"].replace('\\"', '"').split()
        if device != self.device or self.forgotten or self.state == "Not connected":
            output = f"[{device}] '{command}' Device disconnected"
        else:
            output = f"[{device}] '{command}' AT command queued"
            self._put(command, lambda: self._modem(command))
        self._reply(session, fields, Message="Command output follows", Output=[output])

    def _modem(self, command: str) -> None:
        name, _, index = command.partition("=")
        if name == "AT+CMGR":
            self._tell(int(index))
        elif name == "AT+CUSD" and index in self.ussd:
            self._event("NewCUSD", {"Message": self.ussd[index]})
        elif name == "AT+CMGD" and int(index) not in self.keeps:
            self.slots.used.pop(int(index), None)

    def _on_sendsms(self, session: Session, fields: Mapping[str, str]) -> None:
        if self.outcome not in ("ok", "refused", "lost"):
            self._refuse(session, fields, f"[{self.device}] {self.outcome}")
            return
        item = Submitted(fields["Number"], fields["Message"], fields["Report"] == "yes", fields["Payload"])
        self._put("AT+CMGS", lambda: self._submitted(item))
        self._reply(session, fields, Message=f"[{self.device}] SMS queued for send")

    def _submitted(self, item: Submitted) -> None:
        if self.outcome == "lost":
            self.begin_anew()
            return
        good = self.outcome == "ok"
        if good:
            self.sent.append(item)
        if not (good and item.report):
            report = {
                "Payload": item.payload,
                "SCTS": "",
                "DT": "",
                "Success": str(int(good)),
                "Type": "0",
                "Report": "",
            }
            self._event("Report", report)

    def _on_sendussd(self, session: Session, fields: Mapping[str, str]) -> None:
        line = self.ussd.get(fields["USSD"])
        self._put("AT+CUSD", lambda: self._event("NewCUSD", {"Message": line}) if line else None)
        self._reply(session, fields, Message=f"[{self.device}] USSD queued for send")

    def _on_reset(self, session: Session, fields: Mapping[str, str]) -> None:
        self._put("AT+CFUN=1,1", self.begin_anew)
        self._reply(session, fields, Message=f"[{self.device}] Reset command queued for execute")


def _block(headers: Mapping[str, str | list[str]]) -> bytes:
    """A message as it stands on the wire. A header without a name makes the empty line too many of the real driver."""
    lines = []
    for name, value in headers.items():
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"{name}: {item}" if name else "")
    return "\r\n".join([*lines, "", ""]).encode()
