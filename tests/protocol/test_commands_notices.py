"""Unsolicited lines as typed notices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import converse, rows
from homeline.protocol.at import Answer, Channel, Command, Unsolicited
from homeline.protocol.commands import unsolicited
from homeline.protocol.commands_network import Registered
from homeline.protocol.commands_sms import parse_sent
from homeline.protocol.notices import (
    Caller,
    CallPhase,
    CallProgress,
    DirectMessage,
    NewMessage,
    Other,
    Restart,
    Ring,
    SignalNotice,
    SimState,
    SmsReady,
    StatusReportNotice,
    StorageFull,
    Technology,
    Ussd,
)

PDU = "07917248014000F506B70AA18092020000317071518590803170715185418000"
ENDED, DIALING, ALERTING, ANSWERED = CallPhase.ENDED, CallPhase.DIALING, CallPhase.ALERTING, CallPhase.ANSWERED
LINES: list[tuple[str, Any]] = [
    ('+CMTI: "SM",1', NewMessage("SM", 1)),
    ("+CMTI: me,13", NewMessage("ME", 13)),
    ('+CMTI: "SM",1,"MMS PUSH"', NewMessage("SM", 1)),
    ('+CMTI: "SM"', NewMessage("SM", None)),
    ('+CMTI: "SM",-1', NewMessage("SM", None)),
    ('+CMTI: "SM",x', NewMessage("SM", None)),
    ("+CMTI:", NewMessage("", None)),
    ('+CDSI: "SR",57', StatusReportNotice("SR", 57)),
    ('+CUSD: 0,"text",15', Ussd('+CUSD: 0,"text",15')),
    ("RING", Ring()),
    ("+CRING: VOICE", Ring("VOICE")),
    ('+CLIP: "+27820001234",145,,,,0', Caller("+27820001234", 145)),
    ('+CLIP: "",128,"",0,"",1', Caller("", 128)),
    ("+CREG: 5", Registered("CREG", 5)),
    ('+CEREG: 1,"00FF","01A2D001",7', Registered("CEREG", 1, None, 0xFF, 0x1A2D001, 7)),
    ("^RSSI:17", SignalNotice(-79)),
    ("^RSSI: 99", SignalNotice(None)),
    ('^HCSQ:"LTE",48,40,101,22', SignalNotice(-101)),
    ('+QIND: "csq",20,99', SignalNotice(-73)),
    ("^MODE:5,4", Technology("umts")),
    ("^MODE: 0,0", Technology("")),
    ("^MODE:3,3", Technology("edge")),
    ("^MODE:3", Technology("gsm")),
    ('+QIND: "act","LTE"', Technology("lte")),
    ('+ZPASR: "UMTS"', Technology("umts")),
    ("+CPIN: READY", SimState("READY")),
    ("+CPIN: SIM PIN", SimState("SIM PIN")),
    ("+CPIN: NOT INSERTED", SimState("NOT INSERTED")),
    ("^SIMST:1", SimState("READY")),
    ("^SIMST:255", SimState("NOT INSERTED")),
    ("^SIMST:0", SimState("NOT READY")),
    ("+QSIMSTAT: 1,0", SimState("NOT INSERTED")),
    ('^SMMEMFULL:"SM"', StorageFull("SM")),
    ('+QIND: "smsfull","ME"', StorageFull("ME")),
    ("+SMS FULL", StorageFull()),
    ("SMS DONE", SmsReady()),
    ("SMS Ready", SmsReady()),
    ("+QIND: SMS DONE", SmsReady()),
    ("PB DONE", SmsReady()),
    ("RDY", Restart(certain=True)),
    ("^SYSSTART", Restart(certain=True)),
    ("*ATREADY: 1", Restart(certain=True)),
    ("^BOOT:27710117,0,0,0,6", Restart(certain=False)),
    ("+CFUN: 1", Restart(certain=False)),
    ("+CFUN: 4", Other("+CFUN: 4")),
    ("VOICE CALL: BEGIN", CallProgress(ANSWERED)),
    ("VOICE CALL: END: 000018", CallProgress(ENDED, duration=18)),
    ("BUSY", CallProgress(ENDED, text="BUSY")),
    ("+CSSU: 2", Other("+CSSU: 2")),
    ("Some random notification!", Other("Some random notification!")),
]


@pytest.mark.parametrize(("line", "notice"), LINES, ids=[line for line, _ in LINES])
def test_lines(line: str, notice: Any) -> None:
    assert unsolicited(line) == notice


@pytest.mark.parametrize("line", [line for line, notice in LINES if line != "+CMTI:" and "CUSD" not in line])
def test_a_channel_hands_each_on_as_one_line(line: str) -> None:
    assert Channel().feed(f"\r\n{line}\r\n".encode()) == [Unsolicited(line)]


def test_pdus() -> None:
    assert unsolicited("+CMT: ,24", PDU) == DirectMessage(PDU)
    assert unsolicited("+CDS: 24", PDU) == StatusReportNotice(pdu=PDU)


@pytest.mark.parametrize(
    ("line", "pdu"),
    [("+CMT: ,24", None), ("+CDS: 24", "BAD"), ("+CDS: 24", "no hex"), ("+CLIP: 1,x", None), ("^RSSI:", None)],
)
def test_a_known_line_that_cannot_be_read_says_why(line: str, pdu: str | None) -> None:
    notice = unsolicited(line, pdu)
    assert isinstance(notice, Other)
    assert notice.line == line
    assert notice.error


def event(notice: Any) -> Any:
    """A notice in the rows' terms; None for lines that are to be set aside."""
    match notice:
        case Ring(kind):
            return {"event": "ring", "call_type": kind or None}
        case Caller(number, kind):
            return {"event": "caller", "number": number, "type": kind}
        case NewMessage(storage, index):
            return {"event": "new message", "memory": storage, "index": index}
        case StatusReportNotice(storage, index):
            return {"event": "new status report", "memory": storage, "index": index}
        case CallProgress():
            return call(notice)
    return None


def call(notice: CallProgress) -> dict[str, Any]:
    words = {DIALING: "call started", ALERTING: "remote rings", ANSWERED: "answered", ENDED: "ended"}
    return {
        "event": words[notice.phase],
        "call": notice.index,
        "duration_s": notice.duration,
        "end_status": notice.end_status,
        "cause": notice.cause,
    }


def known(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


@pytest.mark.parametrize("row", [row for row in rows("urc") if row.id != "pg-urc-zdonr"])
def test_notices(row: dict[str, Any]) -> None:
    notices = [unsolicited(said.line) for said in Channel().feed(row["text"].encode()) if isinstance(said, Unsolicited)]
    wanted = list(row["expected"])
    if row["id"] == "pg-urc-wavecom-call":
        # An OK that nobody waits for stays a bare line: only on a Wavecom, with a call under way, it means "answered".
        assert notices.pop(2) == Other("OK")
        del wanted[2]
    for notice, expected in zip(notices, wanted, strict=True):
        # The call type of ^ORIG and ^CONN is left out: all our calls are voice calls.
        left_out = {"call_type"} if isinstance(notice, CallProgress) else set()
        fields = {key: value for key, value in expected.items() if key not in left_out}
        assert known(event(notice)) == known(fields)


@pytest.mark.parametrize("row", [row for row in rows("urc") if row.id in ("pg-urc-zdonr", "absent")])
def test_notices_around_a_submission(row: dict[str, Any]) -> None:
    events = converse(Command("AT+CMGS=24", parse_sent, ("+CMGS:",)), row["text"])
    assert [said.value for said in events if isinstance(said, Answer)] == [row["expected"][0]["reference"]]
    assert sum(isinstance(said, Unsolicited) for said in events) == 4


@given(
    st.one_of(
        st.text(st.characters(max_codepoint=255)),
        st.tuples(st.sampled_from([line.partition(":")[0] for line, _ in LINES]), st.text(max_size=20)).map(": ".join),
    ),
    st.one_of(st.none(), st.text(max_size=10), st.just(PDU)),
)
def test_nothing_raises(line: str, pdu: str | None) -> None:
    unsolicited(line, pdu)
