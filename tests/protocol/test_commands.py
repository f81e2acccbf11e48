"""Builders and parsers of AT commands: rows of real answers (shared/data/gsm), rows of the standards and manuals."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import ask, rows
from homeline.errors import DecodeError, EncodeError, ModemError
from homeline.model import Registration
from homeline.protocol import (
    at,
    at_errors,
    at_fields,
    commands,
    commands_calls,
    commands_network,
    commands_sms,
    vendors,
)
from homeline.protocol.at import Command
from homeline.protocol.at_errors import Outcome
from homeline.protocol.commands import Address
from homeline.protocol.commands_network import Registered, Signal
from homeline.protocol.commands_sms import Memory, Stored

# -- other projects' rows --


def operator(value: commands_network.Operator) -> Any:
    names = {None: None, 2: "UMTS"}
    return {
        "mode": value.mode,
        "format": value.format,
        "operator": value.name,
        "act": value.act,
        "act_name": names[value.act],
    }


def identity(value: commands.Identity) -> Any:
    return {"manufacturer": value.manufacturer, "model": value.model}


def centre(value: Address | None) -> Any:
    return {"number": value.number, "type": value.type} if value else {"number": None}


def memory_lists(value: tuple[tuple[str, ...], ...]) -> Any:
    lists = [list(names) for names in value] + [None, None]
    return {"mem1": lists[0], "mem2": lists[1], "mem3": lists[2]}


def memory_use(value: tuple[Memory, ...]) -> Any:
    uses: list[Any] = [{"used": memory.used, "total": memory.total} for memory in value]
    uses += [None, None, None]
    return {"mem1": uses[0], "mem2": uses[1], "mem3": uses[2]}


def indications(value: commands_sms.Indications) -> Any:
    return {name: list(getattr(value, name)) for name in ("mode", "mt", "bm", "ds", "bfr")}


def parameters(value: commands_sms.TextParameters) -> Any:
    return {name: getattr(value, name) for name in ("first_octet", "validity", "pid", "dcs")}


def signal(value: Signal) -> Any:
    return {"rssi": value.rssi, "ber": value.ber, "dbm": value.dbm}


# The line of a row: what builds its command, and how the value is written in the row's terms.
TABLE: dict[str, tuple[Callable[[], Command[Any]], Callable[[Any], Any]]] = {
    "AT+CSCA?": (commands_sms.service_centre, centre),
    "AT+CGMM": (commands.model, lambda model: {"model": model}),
    'ATI4"': (commands.identity, identity),
    "AT+CNMI=?": (commands_sms.indications_offered, indications),
    "AT+CSCS=?": (commands.character_sets, list),
    "AT+CLAC": (commands.supported_commands, list),
    "AT+CPIN?": (commands.pin_state, lambda state: {"state": state}),
    "AT+CFUN?": (commands.functionality, lambda level: level),
    "AT+CGMR": (commands.revision, lambda text: {"lines": text}),
    "AT+CSMP?": (commands_sms.text_parameters, parameters),
    "AT+CPMS=?": (commands_sms.memories, memory_lists),
    "AT+CPMS?": (commands_sms.memory_use, memory_use),
    'AT+CPMS="SM","SM"': (lambda: commands_sms.select_memories("SM", "SM"), memory_use),
    'AT+CPMS="SM","SM","SM"': (lambda: commands_sms.select_memories("SM", "SM", "SM"), memory_use),
    "AT+CSQ": (commands_network.signal, signal),
    "AT+COPS?": (commands_network.operator, operator),
}


def expect(row: dict[str, Any], get: Callable[[], Any]) -> None:
    """Holds a row to what it wants of its reader: a value, a clear error, or either."""
    try:
        value = get()
    except (DecodeError, ModemError):
        assert row["should"] in ("error", "either")
        return
    assert row["should"] != "error"
    assert value in [row["expected"], row.get("also_ok", row["expected"])]


# A notice in front of an echo is a matter of the conversation: test_at holds it. For phone books and the network's
# forwarding we do not ask.
LEFT_OUT = ("AT+CPBR", "AT+CCFC")
SINGLE = [row for row in rows("misc_at") if not row.values[0].get("command", "").startswith(LEFT_OUT)]
SINGLE = [row for row in SINGLE if row.id != "gammu-mixed-cmti"]


@pytest.mark.parametrize("row", SINGLE + rows("cpms") + rows("csq") + rows("cops"))
def test_answers(row: dict[str, Any]) -> None:
    if row["command"] == "AT":
        check_final(row)
        return
    build, shown = TABLE[row["command"]]
    if row["id"] == "pg-cgmr-nokia":
        row = {**row, "expected": {"lines": " ".join(row["expected"]["lines"])}}  # one text for people, not lines
    expect(row, lambda: shown(ask(build(), row["reply"])))


def check_final(row: dict[str, Any]) -> None:
    with pytest.raises(ModemError) as refused:
        ask(commands.attention(), row["reply"])
    expected = row["expected"]
    assert refused.value.family == (expected["type"] or "")
    assert refused.value.code == (-1 if expected["code"] is None else expected["code"])


@pytest.mark.parametrize("row", rows("creg"))
def test_registration_answers(row: dict[str, Any]) -> None:
    expected = row["expected"]
    domain = expected[0]["command"] if expected else "CREG"

    def get() -> Any:
        found = ask(commands_network.registration(domain), row["reply"])
        return [found] if found else []

    (found,) = get() or [None]
    if row["should"] == "empty":
        assert found is None
        return
    wanted = (expected or row["also_ok"])[0]
    assert found.domain == domain
    for name in ("n", "stat", "lac", "ci", "act", "registered"):
        if name in wanted:
            assert getattr(found, name) in row.get(f"{name}_any_of", [wanted[name]])


def in_pdu_mode(name: str) -> list[Any]:
    """The rows of one file without those of the text mode, which we never use."""
    return [row for row in rows(name) if row.values[0].get("mode") != "text"]


@pytest.mark.parametrize("row", in_pdu_mode("cmgr_raw"))
def test_stored_messages(row: dict[str, Any]) -> None:
    """The framing and the header; what is in the PDU is the codec's affair."""
    if row["command"] is None:
        (event,) = at.Channel().feed(row["reply"].encode())
        assert event == at.Unsolicited(*row["reply_lines"])
        return
    index = int(row["command"].partition("=")[2])
    stored = ask(commands_sms.read_message(index), row["reply"])
    assert stored.pdu == row["reply_lines"][1]
    expected = row["expected"]
    if expected and "stat" in expected:
        assert stored.stat == expected["stat"]
    if expected and "header_length" in expected:
        assert stored.length == expected["header_length"]


@pytest.mark.parametrize("row", in_pdu_mode("cmgl"))
def test_lists_of_stored_messages(row: dict[str, Any]) -> None:
    reply = "\r\n".join(row["reply_lines"])
    stored = ask(commands_sms.list_messages(), reply)
    assert [(item.index, item.stat) for item in stored] == [(item["index"], item["stat"]) for item in row["expected"]]
    pdus = [line for line in row["reply_lines"] if re.fullmatch(r"[0-9A-F]+", line)]
    assert [item.pdu for item in stored] == pdus


# -- rows of the standards, manuals and our recordings --

PDU = "07917248014000F506B70AA18092020000317071518590803170715185418000"
Row = tuple[Command[Any], str, Any]
ANSWERS: list[Row] = [
    (commands.manufacturer(), "huawei\r\n", "huawei"),
    (commands.manufacturer(), '+CGMI: "Quectel"\r\n', "Quectel"),
    (commands.imei(), "354369047238739", "354369047238739"),
    (commands.imei(), '+CGSN: "354369047238739"', "354369047238739"),
    (commands.imei(), "IMEI: 867808037213564", "867808037213564"),
    (commands.imsi(), "404450987654321", "404450987654321"),
    (commands.identity(), "Quectel\r\nEC25\r\nRevision: EC25EFAR06A03M4G", commands.Identity(
        ("Quectel", "EC25", "Revision: EC25EFAR06A03M4G"), revision="EC25EFAR06A03M4G")),
    (commands.identity(), "Manufacturer: huawei\r\nModel: E1750\r\nRevision: 11.126\r\nIMEI: 35436904\r\n+GCAP: +CGSM",
     commands.Identity(
        ("Manufacturer: huawei", "Model: E1750", "Revision: 11.126", "IMEI: 35436904", "+GCAP: +CGSM"),
        "huawei", "E1750", "11.126", "35436904")),
    (vendors.huawei_iccid(), "^ICCID: 89860072190312345678", "89860072190312345678"),
    (vendors.huawei_iccid(), '^ICCID: "98680027913021436587"', "89860072190312345678"),
    (vendors.quectel_iccid(), "+QCCID: 89490200001234567890", "89490200001234567890"),
    (vendors.quectel_iccid(), "+QCCID: 8949020000123456789F", "8949020000123456789"),
    (vendors.simcom_iccid(), "+ICCID: 898600700907A6019125\r\n+ICCID: 8949020000123456789F", "8949020000123456789"),
    (vendors.ccid(), "8949020000123456789f", "8949020000123456789"),
    (vendors.ccid_query(), '+CCID: "8949020000123456789"', "8949020000123456789"),
    (vendors.zte_iccid(), "+ZICCID: 8949020000123456789", "8949020000123456789"),
    (commands.iccid_from_file(), '+CRSM: 144,0,"989402000021436587F9"', "8949200000123456789"),
    (commands.own_numbers(), '+CNUM: "Own","+919876543210",145', (Address("+919876543210", 145, "Own"),)),
    (commands.own_numbers(), 'ERROR+CNUM: "","+919876543210",145', (Address("+919876543210", 145),)),
    (commands.own_numbers(), '+CNUM: ,"",129', ()),
    (commands.own_numbers(), "", ()),
    (commands.pin_state(), "+CPIN: SIM PIN", "SIM PIN"),
    (commands.pin_tries(), "+CPINR: SIM PIN,3,3\r\n+CPINR: SIM PUK,10,10", commands.PinTries(3, 10)),
    (vendors.huawei_pin_tries(), "^CPIN: READY,,10,3,10,3", commands.PinTries(3, 10)),
    (vendors.huawei_pin_tries(), "^CPIN: SIM PIN,2,10,2,10,3", commands.PinTries(2, 10)),
    (vendors.quectel_pin_tries(), '+QPINC: "SC",3,10', commands.PinTries(3, 10)),
    (vendors.simcom_pin_tries(), "+SPIC: 3,10,0,10", commands.PinTries(3, 10)),
    (commands.functionality(), "+CFUN: 1,0", 1),
    (commands_network.operator(), '+COPS: 0,0,"airtel",2', commands_network.Operator(0, 0, "airtel", 2)),
    (commands_network.operator(), "+COPS: 0", commands_network.Operator(0)),
    (commands_network.operator(), '+COPS: 0,2,"26201",7', commands_network.Operator(0, 2, "26201", 7)),
    (commands_network.operator(), '+COPS: 0,0,"004D0054004E",2', commands_network.Operator(0, 0, "MTN", 2)),
    (commands_network.networks(), '+COPS: (2,"A (x)","a","26201",7),(1,"B","","26202"),,(0,1,2),(0,1)', (
        commands_network.Network(2, "A (x)", "a", "26201", 7), commands_network.Network(1, "B", "", "26202"))),
    (commands_network.networks(), "+COPS: ,,(0,1,2),(0,1)", ()),
    (commands_network.signal(), "+CSQ: 0,0", Signal(0, 0, -113)),
    (commands_network.signal(), "+CSQ: 31,7", Signal(31, 7, -51)),
    (commands_network.extended_signal(), "+CESQ: 99,99,255,255,20,60", Signal(None, None, -81)),
    (commands_network.extended_signal(), "+CESQ: 99,99,40,30,255,255", Signal(None, None, -81)),
    (commands_network.extended_signal(), "+CESQ: 30,0,255,255,255,255", Signal(None, 0, -81)),
    (commands_network.extended_signal(), "+CESQ: 99,99,255,255,255,255", Signal(None, None, None)),
    (vendors.huawei_signal(), '^HCSQ:"LTE",48,40,101,22', Signal(None, None, -101)),
    (vendors.huawei_signal(), '^HCSQ:"WCDMA",50,30,58', Signal(None, None, -91)),
    (vendors.huawei_signal(), '^HCSQ:"GSM",50', Signal(None, None, -71)),
    (vendors.huawei_signal(), '^HCSQ:"NOSERVICE"', Signal(None, None, None)),
    (vendors.huawei_signal(), '^HCSQ:"LTE",255,255,255,255', Signal(None, None, None)),
    (vendors.quectel_signal(), '+QCSQ: "LTE",-52,-81,195,-10', Signal(None, None, -81)),
    (vendors.quectel_signal(), '+QCSQ: "GSM",-67', Signal(None, None, -67)),
    (vendors.quectel_signal(), '+QCSQ: "NOSERVICE"', Signal(None, None, None)),
    (vendors.huawei_system_info(), "^SYSINFO:2,3,0,5,1,,4", vendors.SystemInfo(2, False, True, "umts")),
    (vendors.huawei_system_info(), "^SYSINFO:2,3,1,3,1", vendors.SystemInfo(2, True, True, "gsm")),
    (vendors.huawei_system_info(), "^SYSINFO:0,0,0,0,255,,0", vendors.SystemInfo(0, False, False, "")),
    (vendors.huawei_system_info_extended(), '^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"',
     vendors.SystemInfo(2, False, True, "lte")),
    (vendors.huawei_system_info_extended(), '^SYSINFOEX:2,3,0,1,,3,"WCDMA",46,"DC-HSPA+"',
     vendors.SystemInfo(2, False, True, "hspa-plus")),
    (vendors.huawei_technology_query(), "^SYSINFO:2,3,0,5,1,,9", "hspa-plus"),
    (vendors.huawei_technology_extended_query(), '^SYSINFOEX:2,3,0,1,,1,"GSM",3,"EDGE"', "edge"),
    (vendors.quectel_technology(), '+QNWINFO: "FDD LTE","46011","LTE BAND 3",1825', "lte"),
    (vendors.quectel_technology(), '+QNWINFO: "HSPA+","26201","WCDMA 2100",10737', "hspa-plus"),
    (vendors.quectel_technology(), "+QNWINFO: No Service", ""),
    (vendors.simcom_technology(), "+CPSI: LTE,Online,460-11,0x333A,133,EUTRAN-BAND3,1850,0,0,-117,-878,-561,15", "lte"),
    (vendors.simcom_technology(), "+CPSI: NO SERVICE,Online", ""),
    (vendors.huawei_voice(), "^CVOICE:0,8000,16,20", True),
    (vendors.huawei_voice(), "^CVOICE:(0)", True),
    (vendors.huawei_voice(), "^CVOICE:1", False),
    (vendors.quectel_voice(), "+QPCMV: 0", True),
    (vendors.simcom_voice(), "+CPCMREG: 0", True),
    (vendors.quectel_reports_query(), '+QINDCFG: "all",1', True),
    (commands.character_sets(), '+CSCS: ("GSM","IRA","UCS2")', ("GSM", "IRA", "UCS2")),
    (commands_sms.message_service(), "+CSMS: 1,1,1", None),
    (commands_sms.message_service_query(), "+CSMS: 1,1,1,1", 1),
    (commands_sms.message_format(), "+CMGF: 0", 0),
    (commands_sms.memory_use(), '+CPMS: "SM",3,20,"SM",3,20,"ME",7,99',
     (Memory("SM", 3, 20), Memory("SM", 3, 20), Memory("ME", 7, 99))),
    (commands_sms.select_memories("SM"), '+CPMS: "SM",3,20,"SM",3,20', (Memory("SM", 3, 20), Memory("SM", 3, 20))),
    (commands_sms.indications(), "+CNMI: 2,1,0,2,0", (2, 1, 0, 2, 0)),
    (commands_sms.read_message(1), "", None),
    (commands_sms.read_message(1), "+CMGR: 0,,0", None),
    (commands_sms.read_message(1), f"+CMGR: 1,,24\r\n{PDU}", Stored(None, 1, 24, PDU)),
    (commands_sms.list_messages(), "", ()),
    (commands_sms.list_messages(), f"+CMGL: 3,1,,24\r\nnoise\r\n+CMGL: 4,0,,24\r\n{PDU}\r\n{PDU}",
     (Stored(3, 1, 24, ""), Stored(4, 0, 24, PDU))),
    (commands_sms.send_pdu(PDU, 24), "+CMGS: 17", 17),
    (commands_sms.send_pdu(PDU, 24), '+CMGS: 17,"06/05/28,18:15:41+08"', 17),
    (commands_sms.send_pdu(PDU, 24), "", None),
]  # fmt: skip


@pytest.mark.parametrize(("command", "reply", "value"), ANSWERS, ids=lambda item: None)
def test_answers_of_manuals(command: Command[Any], reply: str, value: Any) -> None:
    bare = replace(command, payload=b"")  # the prompt is a matter of the conversation
    assert ask(bare, f"\r\n{reply}\r\n\r\nOK\r\n") == value


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (commands.manufacturer(), ""),
        (commands.imei(), "1234"),
        (commands.imsi(), "+CIMI: none"),
        (commands.pin_state(), ""),
        (commands.pin_state(), "+CPIN:"),
        (commands.pin_tries(), ""),
        (commands.pin_tries(), "+CPINR: SIM PIN"),
        (vendors.huawei_pin_tries(), "^CPIN: READY"),
        (vendors.ccid(), "8949"),
        (commands_network.registration(), "+CREG: 0,x"),
        (commands_network.registration(), '+CREG: 2,1,"XYZ","1"'),
        (commands_network.operator(), "+COPS:"),
        (commands_network.signal(), "+CSQ: a,b"),
        (commands_network.signal(), "+CSQ: ²,³"),
        (commands_sms.memory_use(), '+CPMS: "SM",x,20'),
        (commands_sms.indications_offered(), "+CNMI: (0-99999999),(1)"),
        (commands_sms.indications_offered(), "+CNMI: (0-x)"),
        (commands_sms.read_message(1), "+CMGR: 0,,24\r\nnone"),
        (commands_sms.send_pdu(PDU, 24), "+CMGS: x"),
    ],
    ids=lambda item: None,
)
def test_answers_without_sense(command: Command[Any], reply: str) -> None:
    with pytest.raises(DecodeError) as error:
        ask(replace(command, payload=b""), f"{reply}\r\nOK\r\n")
    assert str(error.value).startswith(command.name + ": ")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (commands.echo_off(), "ATE0V1"),
        (commands.enter_pin("0000"), 'AT+CPIN="0000"'),
        (commands.set_functionality(4), "AT+CFUN=4"),
        (commands.set_functionality(1, reset=True), "AT+CFUN=1,1"),
        (commands_network.registration_reports("CEREG"), "AT+CEREG=2"),
        (commands_network.operator_format(), "AT+COPS=3,0"),
        (commands_network.operator_format(numeric=True), "AT+COPS=3,2"),
        (commands.character_set("UCS2"), 'AT+CSCS="UCS2"'),
        (commands.ussd("AA986C3602"), 'AT+CUSD=1,"AA986C3602",15'),
        (commands.ussd("*100#", None), 'AT+CUSD=1,"*100#"'),
        (commands_calls.dial("+41791234567"), "ATD+41791234567;"),
        (commands_calls.dial("*#06#"), "ATD*#06#;"),
        (commands_sms.select_memories("SM", "SM", "ME"), 'AT+CPMS="SM","SM","ME"'),
        (commands_sms.set_indications(2, 1, 0, 2, 0), "AT+CNMI=2,1,0,2,0"),
        (commands_sms.list_messages(), "AT+CMGL=4"),
        (commands_sms.delete_message(7), "AT+CMGD=7"),
        (commands_sms.send_pdu(PDU, 24), "AT+CMGS=24"),
        (commands_sms.more_messages(2), "AT+CMMS=2"),
        (vendors.huawei_reports(), "AT^CURC=1"),
        (vendors.quectel_reports("csq"), 'AT+QINDCFG="csq",1'),
    ],
)
def test_lines(command: Command[Any], line: str) -> None:
    assert command.line == line


@pytest.mark.parametrize(
    "build",
    [
        lambda: commands.enter_pin("12"),
        lambda: commands.enter_pin('1234"'),
        lambda: commands.enter_pin("１２３４"),  # digits, but not ASCII
        lambda: commands.ussd('*100#"\r\nAT+CMGD=1'),
        lambda: commands.ussd("*100#", 256),
        lambda: commands.character_set("GSM\n"),
        lambda: commands_calls.dial("1;AT"),
        lambda: commands_calls.dial(""),
        lambda: commands_calls.dial("+"),
        lambda: commands_calls.dial("1" * 41),
        lambda: commands_sms.select_memories(),
        lambda: commands_sms.select_memories('SM","ME'),
        lambda: commands_sms.set_indications(2, 10),
        lambda: commands_sms.set_indications(),
        lambda: commands_sms.delete_message(-1),
        lambda: commands_sms.send_pdu(PDU, 23),
        lambda: commands_sms.send_pdu("", 0),
        lambda: commands_sms.send_pdu("0\x1a", 1),
        lambda: commands_sms.send_pdu("00" + "00" * 177, 177),
    ],
)
def test_values_that_no_command_can_carry(build: Callable[[], Command[Any]]) -> None:
    with pytest.raises(EncodeError):
        build()


# -- registration, fields, errors --


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("+CREG: 1", Registered("CREG", 1)),
        ("+CREG: 0,1", Registered("CREG", 1, 0)),
        ("+CREG:2,1, 4F2A, B1C3", Registered("CREG", 1, 2, 0x4F2A, 0xB1C3)),
        ('+CEREG: 5,"00FF","01A2D001",7', Registered("CEREG", 5, None, 0xFF, 0x1A2D001, 7)),
        ('+CEREG: 2,5,"00FF","01A2D001",7', Registered("CEREG", 5, 2, 0xFF, 0x1A2D001, 7)),
        ('+C5GREG: 1,"0000FF","01A2D001F",11', Registered("C5GREG", 1, None, 0xFF, 0x1A2D001F, 11)),
        ('+CREG: 2,"FFFE","FFFFFFF"', Registered("CREG", 2, None, 0xFFFE, 0xFFFFFFF)),
    ],
)
def test_registration_lines(line: str, expected: Registered) -> None:
    assert commands_network.parse_registration(line) == expected


@pytest.mark.parametrize(
    ("stat", "registration"),
    [
        *[(0, Registration.IDLE), (1, Registration.HOME), (2, Registration.SEARCHING), (3, Registration.DENIED)],
        *[(4, Registration.UNKNOWN), (5, Registration.ROAMING), (6, Registration.HOME), (7, Registration.ROAMING)],
        *[(8, Registration.EMERGENCY), (9, Registration.HOME), (10, Registration.ROAMING), (11, Registration.UNKNOWN)],
        (-1, Registration.UNKNOWN),
    ],
)
def test_registration_states(stat: int, registration: Registration) -> None:
    assert Registered("CREG", stat).registration is registration
    assert Registered("CREG", stat).registered is (registration in (Registration.HOME, Registration.ROAMING))


def test_technologies() -> None:
    assert [commands_network.technology(act) for act in (None, -1, 0, 2, 6, 7, 11, 13, 14)] == [
        *["", "", "gsm", "umts", "hspa", "lte", "5gnr", "lte", ""]
    ]
    assert commands_network.named_technology("TDD NR5G") == "5gnr"
    assert commands_network.named_technology("NR5G-NSA") == "lte"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", [""]),
        (",", ["", ""]),
        ('0,"a,b" , c', ["0", '"a,b"', "c"]),
        ("(0,1),(2-3)", ["(0,1)", "(2-3)"]),
        ('((0,1),(2)),"x', ["((0,1)", "(2))", '"x']),
        ('(0,1,"a', ['(0,1,"a']),
        ('ME", "SR"', ['ME", "SR"']),
        ('0,0,"T"Mobile, "D"",2', ["0", "0", '"T"Mobile, "D""', "2"]),
        ('"","" ,"a"', ['""', '""', '"a"']),
    ],
)
def test_fields(text: str, fields: list[str]) -> None:
    assert at_fields.split(text) == fields


def test_ranges() -> None:
    assert at_fields.numbers("(0-3,5)", "x") == (0, 1, 2, 3, 5)
    assert at_fields.numbers("2", "x") == (2,)
    assert at_fields.numbers("()", "x") == ()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("002B003400340037", "+447"),
        ("004D0054004E", "MTN"),
        ("0928092E0938094D09240947", "नमस्ते"),
        ("12345678", "12345678"),
        ("00410042", "AB"),
        ("002010012345", "002010012345"),  # a number of Egypt
        ("T\xc3\xbcrk", "Türk"),
        ("T\xfcrk", "Türk"),
        ("airtel", "airtel"),
        ("ABCD", "ABCD"),
        ("00", "00"),
        ("0000", "0000"),
    ],
)
def test_ucs2_where_it_must_be(text: str, read: str) -> None:
    assert at_fields.ucs2_or_text(text) == read


@pytest.mark.parametrize(
    ("final", "family", "code", "words"),
    [
        ("+CME ERROR: 10", "CME", 10, "AT+X: SIM not inserted (CME 10)"),
        ("+CME ERROR: SIM not inserted", "CME", 10, "AT+X: SIM not inserted (CME 10)"),
        ("+CME ERROR: 9999", "CME", 9999, "AT+X: error 9999 (CME 9999)"),
        ("+CME ERROR: vendor\x07 words", "CME", -1, "AT+X: vendor\\x07 words (CME)"),
        ("+CMS ERROR: 330", "CMS", 330, "AT+X: SMSC address unknown (CMS 330)"),
        ("+CMS ERROR: Invalid memory index", "CMS", 321, "AT+X: invalid memory index (CMS 321)"),
        ("+CMS ERROR: ²", "CMS", -1, "AT+X: \\xb2 (CMS)"),
        ("ERROR", "", -1, "AT+X: the modem says ERROR"),
        ("COMMAND NOT SUPPORT", "", -1, "AT+X: the modem says COMMAND NOT SUPPORT"),
    ],
)
def test_errors_in_words(final: str, family: str, code: int, words: str) -> None:
    error = at_errors.modem_error("AT+X", final)
    assert (error.family, error.code, str(error)) == (family, code, words)


@pytest.mark.parametrize(
    ("final", "outcome"),
    [
        ("+CMS ERROR: 1", Outcome.PERMANENT),
        ("+CMS ERROR: 28", Outcome.PERMANENT),
        ("+CMS ERROR: 38", Outcome.TRANSIENT),
        ("+CMS ERROR: 42", Outcome.TRANSIENT),
        ("+CMS ERROR: 192", Outcome.TRANSIENT),
        ("+CMS ERROR: 195", Outcome.PERMANENT),
        ("+CMS ERROR: 304", Outcome.PERMANENT),
        ("+CMS ERROR: 331", Outcome.TRANSIENT),
        ("+CMS ERROR: 332", Outcome.UNKNOWN),
        ("+CMS ERROR: 500", Outcome.UNKNOWN),
        ("+CMS ERROR: 777", Outcome.UNKNOWN),
        ("+CME ERROR: 14", Outcome.TRANSIENT),
        ("+CME ERROR: 515", Outcome.TRANSIENT),
        ("+CME ERROR: 50", Outcome.PERMANENT),
        ("+CME ERROR: 100", Outcome.UNKNOWN),
        ("ERROR", Outcome.TRANSIENT),
    ],
)
def test_what_a_refused_submission_means(final: str, outcome: Outcome) -> None:
    assert commands.submit_failure(at_errors.modem_error("AT+CMGS", final)) is outcome


def test_every_code_of_the_tables_is_read() -> None:
    for family, table in (("CME", at_errors._CME), ("CMS", at_errors._CMS)):
        for row in table.splitlines():
            head, _, words = row.partition(" ")
            code = int(head.rstrip("ptu"))
            assert (head[-1] in "ptu") is (family == "CMS")
            for said in (str(code), words):
                error = at_errors.modem_error("AT", f"+{family} ERROR: {said}")
                assert (error.code, str(error)) == (code, f"AT: {words} ({family} {code})")


# -- fuzz --


def every_query() -> list[Command[Any]]:
    """A command of every builder that can be called without arguments, and of some that cannot."""
    modules = (commands, commands_network, commands_sms, commands_calls, vendors)
    found: list[Command[Any]] = [commands_sms.read_message(1), commands_calls.dial("1")]
    found += [commands_sms.select_memories("SM"), commands_sms.send_pdu(PDU, 24)]
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            parameters = inspect.signature(function).parameters.values()
            if name.startswith(("_", "parse")) or function.__module__ != module.__name__:
                continue
            if all(parameter.default is not parameter.empty for parameter in parameters):
                made = function()
                found += [made] if isinstance(made, Command) else []
    return found


QUERIES = every_query()
VALUE = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.sampled_from(['"', ",", "(0-3)", '"SM"', "1", "255", "-1", "9" * 30, PDU, '"13/01/28,14:51:42+08"', "²"]),
)


def test_all_builders_are_tried() -> None:
    assert len(QUERIES) > 60


@given(st.data())
def test_parsers_raise_decode_errors_only(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(QUERIES))
    rest = st.lists(VALUE).map(",".join)
    head = st.sampled_from(command.prefixes or ("",))
    lines = data.draw(st.lists(st.one_of(st.tuples(head, rest).map("".join), rest), max_size=4))
    try:
        command.parse(lines)
    except DecodeError as error:
        assert str(error).isprintable()


@given(st.text(st.characters(max_codepoint=255)))
def test_fields_keep_all_but_blanks_and_nulls(text: str) -> None:
    joined = ",".join(at_fields.split(text))
    assert re.sub(r"[\s\0]", "", joined) == re.sub(r"[\s\0]", "", text)
