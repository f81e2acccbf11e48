"""What Asterisk's drivers say: rows of a real one (tests/captures/asterisk), and what must never get through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.model import Driver, Registration
from homeline.protocol import dongle_events as de
from homeline.protocol.ami import LINE_SENT, Message, Parser, encode
from homeline.protocol.dongle_events import Outcome, Phase

CAPTURE = Path(__file__).parents[1] / "captures/asterisk/ami-dongle-events.txt"


def captured(event: str) -> list[Message]:
    """The events of that name in the recording, which shows what we sent behind `>>>`."""
    lines = [line for line in CAPTURE.read_text().splitlines() if not line.startswith((">>>", "<extra"))]
    messages = Parser().feed("\r\n".join([*lines, "", ""]).encode())
    return [message for message in messages if message.event == event]


def row(**changes: str) -> Message:
    (entry,) = captured("DongleDeviceEntry")
    return Message(tuple((name, changes.get(name, value)) for name, value in entry.headers))


def test_the_entry_of_a_real_driver() -> None:
    device = de.device(row())
    assert device == de.Device(
        name="dongle0",
        phase=Phase.UP,
        state="Free",
        port="/run/lab/dongle0.data",
        manufacturer="huawei",
        model="E1750",
        firmware="11.126.03.00.00",
        imei="354369047238739",
        imsi="404450987654321",
        number="+919876543210",
        operator="airtel",
        registration=Registration.HOME,
        registered=True,
        technology="",
        signal_dbm=-79,
        voice=True,
        tasks=0,
        deletes=True,
        deaf=False,
        ucs2=False,
    )


@pytest.mark.parametrize(
    ("state", "phase", "registered"),
    [
        ("Stopped", Phase.STOPPED, False),
        ("Not connected", Phase.ABSENT, False),
        ("Not initialized", Phase.STARTING, False),
        ("GSM not registered", Phase.UP, False),
        ("Free", Phase.UP, True),
        ("Ring", Phase.UP, True),
        ("Dialing", Phase.UP, True),
        ("Outgoing", Phase.UP, True),
        ("SMS", Phase.UP, True),
        ("Held", Phase.UP, True),
    ],
)
def test_phases(state: str, phase: Phase, registered: bool) -> None:
    device = de.device(row(State=state))
    assert (device.phase, device.registered) == (phase, registered)
    if phase is not Phase.UP:  # what was true of the network is not any more
        assert (device.operator, device.signal_dbm, device.technology) == ("", None, "")


@pytest.mark.parametrize(
    ("words", "registration"),
    [
        ("Not registered, not searching", Registration.IDLE),
        ("Not registered, but searching", Registration.SEARCHING),
        ("Registration denied", Registration.DENIED),
        ("Registered, roaming", Registration.ROAMING),
        ("Unknown", Registration.UNKNOWN),
        ("something new", Registration.UNKNOWN),
    ],
)
def test_registrations(words: str, registration: Registration) -> None:
    assert de.device(row(GSMRegistrationStatus=words)).registration is registration


@pytest.mark.parametrize(
    ("rssi", "dbm"),
    [
        ("0, <= -113 dBm", -113),
        ("31, >= -51 dBm", -51),
        ("99, unknown", None),
        ("-1, x", None),
        ("", None),
        ("170", None),
    ],
)
def test_signals(rssi: str, dbm: int | None) -> None:
    assert de.device(row(RSSI=rssi)).signal_dbm == dbm


@pytest.mark.parametrize(
    ("mode", "submode", "technology"),
    [
        ("WCDMA", "HSDPA and HSUPA", "hspa"),
        ("GSM/GPRS", "EDGE", "edge"),
        ("GSM/GPRS", "No service", "gsm"),
        ("WCDMA", "Unknown", "umts"),
        ("No Service", "No service", ""),
    ],
)
def test_technologies(mode: str, submode: str, technology: str) -> None:
    assert de.device(row(Mode=mode, Submode=submode)).technology == technology


def test_what_the_driver_does_not_know_is_empty() -> None:
    device = de.device(row(SubscriberNumber="Unknown", ProviderName="NONE"))
    assert (device.number, device.operator) == ("", "")


@pytest.mark.parametrize("changes", [{"Device": ""}, {"State": ""}, {"TasksInQueue": ""}, {"TasksInQueue": "-1"}])
def test_an_entry_without_what_matters_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(DecodeError, match="lacks its name, state or queue"):
        de.device(row(**changes))


def test_messages_of_a_real_driver() -> None:
    found = [de.stored(event) for event in captured("DongleNewCMGR")]
    assert len(found) == 13
    assert all(item is not None and item.stat == 0 and len(item.pdu) > 40 for item in found)
    assert found[0] is not None
    assert found[0].pdu.startswith("0791198901509150040C9119892143658700006211801103002220C832")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+CMGR: 1,,24\\r\\n07911497949900F0", (1, "07911497949900F0")),
        ('+CMGR: 2,"name",24\\r\\n0791', (2, "0791")),
        ("+CMGR: 0,,24\\n0791", (0, "0791")),
        ("+CMGR: 0,,0", None),
        ("", None),
    ],
)
def test_stored(line: str, expected: tuple[int, str] | None) -> None:
    found = de.stored(Message((("Event", "DongleNewCMGR"), ("Message", line))))
    assert (None if found is None else (found.stat, found.pdu)) == expected


@pytest.mark.parametrize("line", ["+CMGR", "+CMGR: 0,,24\\r\\nnothing", "hello"])
def test_what_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(DecodeError):
        de.stored(Message((("Event", "DongleNewCMGR"), ("Message", line))))


@given(st.text())
def test_no_line_crashes(line: str) -> None:
    try:
        found = de.stored(Message((("Message", line),)))
    except DecodeError:
        return
    assert found is None or all(digit in "0123456789abcdefABCDEF" for digit in found.pdu)


def test_outcomes_of_a_real_driver() -> None:
    assert [de.outcome(event) for event in captured("DongleReport")] == [
        Outcome("my-id-3", submission=True, success=True),
        Outcome("my-id-1", submission=False, success=True),
        Outcome("my-id-2", submission=False, success=False),
    ]


def test_ussd_lines_of_a_real_driver() -> None:
    lines = [de.unescape(event.get("Message")) for event in captured("DongleNewCUSD")]
    assert lines == [
        '+CUSD: 0,"C2303BEC1E9741D239282673D560",15',
        '+CUSD: 1,"0928092E0938094D09240947000A00520073002000310030",72',
    ]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("hello", "hello"),
        ("back\\slash", "back\\\\slash"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("x" * 160, "x" * 160 + " "),  # exactly one part: the driver would make two that nobody takes
        ("€" * 80, "€" * 80 + " "),
        ("x" * 159, "x" * 159),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_texts_as_the_driver_wants_them(words: str, written: str) -> None:
    assert de.text(words) == written


@pytest.mark.parametrize("words", ["", "  \t", "a\0b", "x" * 1020, "ह" * 400, "\n" * 600])
def test_texts_that_cannot_go_are_refused(words: str) -> None:
    with pytest.raises(EncodeError, match=r"^text: "):
        de.text(words)


@given(st.text(max_size=700))
def test_a_text_is_one_line_of_an_action_or_refused(words: str) -> None:
    """And read as C does it gives the text again, but for a blank at its end."""
    try:
        written = de.text(words)
    except EncodeError:
        return
    try:
        wire = encode("DongleSendSMS", {"Message": written}, "1")
    except EncodeError as error:
        assert "surrogate" in str(error)
        return
    assert max(len(line) for line in wire.split(b"\r\n")) <= LINE_SENT
    assert wire.count(b"\r\n") == 4
    pairs = {"\\\\": "\\", "\\r": "\r", "\\n": "\n"}
    out, rest = "", written
    while rest:
        step = 2 if rest[0] == "\\" else 1
        out += pairs.get(rest[:step], rest[:step])
        rest = rest[step:]
    assert out.removesuffix(" ") == words.removesuffix(" ")


def test_both_drivers_have_their_names() -> None:
    dongle, quectel = de.DIALECTS[Driver.CHAN_DONGLE], de.DIALECTS[Driver.CHAN_QUECTEL]
    assert dongle.action("SendSMS") == "DongleSendSMS"
    assert quectel.action("SendSMS") == "QuectelSendSMS"
    assert dongle.at("d1", "AT+CMGR=3") == "dongle cmd d1 AT+CMGR=3"
    assert quectel.at("d1", "AT+CMGR=3") == "quectel cmd d1 AT+CMGR=3"
    assert quectel.at("d1", 'AT+CUSD=1,"2A",15') == 'quectel cmd d1 AT+CUSD=1,\\"2A\\",15'
