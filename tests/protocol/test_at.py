"""The AT framer and conversation: tables, the life of a resync, whole transcripts disturbed at every place, fuzz."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import feed, rows
from homeline.errors import DecodeError, EncodeError, ModemError, ProtocolError, TimedOut
from homeline.protocol import at, at_framer, commands, commands_calls, commands_network, commands_sms, vendors
from homeline.protocol.at import Answer, Channel, Command, Failed, Framer, Line, Prompt, Unsolicited, Write, nothing

PDU = "07917248014000F506B70AA18092020000317071518590803170715185418000"
PDU_2 = "07918497483252F0040B918496445078F700007121320144744004D4F29C0E"
READ = Command("AT+CMGR=1", tuple, ("+CMGR:",), body=True)
LIST = Command("AT+CMGL=4", tuple, ("+CMGL:",), body=True)
DELETE = Command("AT+CMGD=1", nothing)
SEND = Command("AT+CMGS=24", tuple, ("+CMGS:",), payload=PDU.encode())
MODEL = Command("AT+CGMM", tuple, ("+CGMM:",), plain=True)


# -- the framer --


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"\r\nOK\r\n", ["OK"]),
        (b"OK\n", ["OK"]),
        (b"OK\r", ["OK"]),
        (b"Q\r\r\nQWERTY\r\r\n", ["Q", "QWERTY"]),
        (b"\n\r\n\r\r\n", []),
        (b"AT+CSQ\r\r\n+CSQ: 17,99\r\n\r\nOK\r\n", ["AT+CSQ", "+CSQ: 17,99", "OK"]),
        (b"\0\r\n\0O\0K\0\r\n \r\n", ["OK"]),
        (b'+CUSD: 0,"a\0b\0",15\r\n', ['+CUSD: 0,"a\0b\0",15']),
        (b"\xff\xfeOK\r\n", ["\xff\xfeOK"]),
        (b"> no prompt\r\n", ["> no prompt"]),
        (b"half", []),
        (b'+CUSD: 0,"one\r\ntwo\nOK\r\n",15\r\nOK\r\n', ['+CUSD: 0,"one\r\ntwo\nOK\r\n",15', "OK"]),
        (b'+CUSD: 0,"one"\r\nOK\r\n', ['+CUSD: 0,"one"', "OK"]),
        (b'+CUSD: 2\r\nOK\r\n+CUSD: 0, 49B4,15\r\n"\r\n', ["+CUSD: 2", "OK", "+CUSD: 0, 49B4,15", '"']),
        (b'+CUSD: 0,"say "hi"\r\nthere", 15\r\nOK\r\n', ['+CUSD: 0,"say "hi"\r\nthere", 15', "OK"]),
        (b'+CUSD: 0,"19" screen",15\r\nOK\r\n', ['+CUSD: 0,"19" screen",15', "OK"]),
        (b'+CUSD: 2,"say "hi"!"\r\nOK\r\n', ['+CUSD: 2,"say "hi"!"', "OK"]),
        (b'+CUSD: 2,"bye", \r\nOK\r\n', ['+CUSD: 2,"bye", ', "OK"]),
        (b'+CREG: 2,1,"5E25\r\nOK\r\n', ['+CREG: 2,1,"5E25', "OK"]),
    ],
)
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_lines(data: bytes, lines: list[str], pieces: int) -> None:
    framer = Framer()
    step = pieces or len(data)
    found = [item for i in range(0, len(data), step) for item in framer.feed(data[i : i + step])]
    assert found == [Line(line) for line in lines]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\r\n> ", [Prompt()]),
        (b">", [Prompt()]),
        (b"\xfe\0> ", [Prompt()]),
        (b"AT+CMGS=24\r\n\r\n> ", [Line("AT+CMGS=24"), Prompt()]),
        (b'+CMTI: "SM",1 > 2\r\n> ', [Line('+CMTI: "SM",1 > 2'), Prompt()]),
        (b"> 00AA\x1a\r\nOK\r\n", [Prompt(), Line(" 00AA\x1a"), Line("OK")]),
        (b"> \r\n> \r\n", [Prompt(), Line("> ")]),
    ],
)
@pytest.mark.parametrize("pieces", [0, 1])
def test_prompt_where_one_is_expected(data: bytes, found: list[Line | Prompt], pieces: int) -> None:
    framer = Framer()
    framer.prompting = True
    step = pieces or len(data)
    assert [item for i in range(0, len(data), step) for item in framer.feed(data[i : i + step])] == found


def test_an_endless_line_is_cut_once_and_the_next_one_is_whole() -> None:
    framer = Framer()
    found = [item for _ in range(100) for item in framer.feed(b"x" * 999)]
    assert found == [Line("x" * at.MAX_LINE, garbage=True)]
    assert framer.feed(b"rest\r\nOK\r\n") == [Line("OK")]


def test_a_quote_that_never_closes_holds_back_a_bounded_number_of_lines() -> None:
    framer = Framer()
    assert framer.feed(b'+CUSD: 0,"open\r\n') == []
    found = framer.feed(b"OK\r\n" * at_framer.MAX_QUOTED)
    assert found[:2] == [Line('+CUSD: 0,"open'), Line("OK")]
    assert at_framer.MAX_QUOTED - len(found) < 2


# -- the conversation --


def test_answer_error_and_echo() -> None:
    channel = Channel()
    assert channel.start(READ) == b"AT+CMGR=1\r"
    assert channel.busy
    events = channel.feed(b"AT+CMGR=1\r\r\n+CMGR: 0,,24\r\n" + PDU.encode() + b"\r\n\r\nOK\r\n")
    assert events == [Answer(READ, ("+CMGR: 0,,24", PDU), ("+CMGR: 0,,24", PDU))]
    assert not channel.busy
    channel.start(DELETE)
    (failed,) = channel.feed(b"AT+CMGD=1\r\r\n+CMS ERROR: 321\r\n")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ModemError)
    assert (failed.error.family, failed.error.code) == ("CMS", 321)
    assert str(failed.error) == "AT+CMGD=1: invalid memory index (CMS 321)"


@pytest.mark.parametrize("final", ["ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "+CME ERROR: SIM busy"])
def test_refusals(final: str) -> None:
    channel = Channel()
    channel.start(DELETE)
    (failed,) = channel.feed(f"\r\n{final}\r\n".encode())
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ModemError)
    assert failed.error.code == (14 if "CME" in final else -1)


def test_a_command_that_runs_excludes_another() -> None:
    channel = Channel()
    channel.start(DELETE)
    with pytest.raises(ProtocolError, match="busy"):
        channel.start(DELETE)
    with pytest.raises(ProtocolError, match="busy"):
        channel.resync()


@pytest.mark.parametrize("echo", [b"", b" " + PDU.encode() + b"\x1a\r\n"])
def test_payload_goes_out_behind_the_prompt_and_its_echo_is_dropped(echo: bytes) -> None:
    channel = Channel()
    channel.start(SEND)
    assert not channel.payload_sent
    assert channel.feed(b"\r\n> ") == [Write(PDU.encode() + b"\x1a")]
    assert channel.payload_sent
    assert channel.feed(echo + b"\r\n+CMGS: 7\r\n\r\nOK\r\n") == [Answer(SEND, ("+CMGS: 7",), ("+CMGS: 7",))]


def test_a_refusal_before_the_prompt_sends_nothing() -> None:
    channel = Channel()
    channel.start(SEND)
    (failed,) = channel.feed(b"\r\n+CMS ERROR: 304\r\n\r\n> ")
    assert isinstance(failed, Failed)
    assert not failed.payload_sent


def test_a_prompt_that_comes_late_gets_nothing() -> None:
    channel = Channel()
    channel.start(SEND)
    (failed,) = channel.abandon("no answer within 5 s")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, TimedOut)
    assert not failed.payload_sent
    assert channel.feed(b"\r\n> ") == []


def test_an_abandoned_submission_says_that_its_payload_was_written() -> None:
    channel = Channel()
    channel.start(SEND)
    channel.feed(b"> ")
    (failed,) = channel.abandon("no answer within 60 s")
    assert isinstance(failed, Failed)
    assert failed.payload_sent
    assert str(failed.error) == "AT+CMGS=24: no answer within 60 s"


def test_names_hide_what_is_private() -> None:
    private = [commands.enter_pin("1234"), commands.ussd("*100#"), commands_calls.dial("+41791234567")]
    for command in private:
        channel = Channel()
        channel.start(command)
        (failed,) = channel.feed(b"ERROR\r\n")
        assert isinstance(failed, Failed)
        for text in (command.name, repr(command), str(failed.error), repr(failed)):
            assert not re.search(r"1234|\*100|7912", text)
    assert PDU not in repr(SEND)


@pytest.mark.parametrize("line", ["AT\r", "AT+CPIN=\n1", "ATé", "AT\x1a", "AT\0"])
def test_a_line_that_would_be_two_is_refused(line: str) -> None:
    with pytest.raises(EncodeError):
        Command(line, nothing)


@pytest.mark.parametrize("payload", [b"00\x1a00", b"\x1b"])
def test_a_payload_that_would_end_itself_is_refused(payload: bytes) -> None:
    with pytest.raises(EncodeError):
        Command("AT+CMGS=1", nothing, payload=payload)


def test_a_parser_that_fails_is_an_outcome() -> None:
    channel = Channel()
    channel.start(commands_network.signal())
    (failed,) = channel.feed(b"OK\r\n")
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DecodeError)
    assert "AT+CSQ" in str(failed.error)


def test_an_answer_without_end_is_given_up_with_bounded_memory() -> None:
    channel = Channel()
    channel.start(MODEL)
    for _ in range(3 * at.MAX_ANSWER // 1000):
        assert channel.feed(b"x" * 998 + b"\r\n") == []
    assert sum(map(len, channel._lines)) <= at.MAX_ANSWER
    (failed,) = channel.feed(b"OK\r\n")
    assert isinstance(failed, Failed)
    assert "never ends" in str(failed.error)


def test_a_dialled_call_ends_with_its_own_finals_and_others_do_not() -> None:
    channel = Channel()
    channel.start(DELETE)
    assert channel.feed(b"NO CARRIER\r\nOK\r\n") == [Unsolicited("NO CARRIER"), Answer(DELETE, None)]
    for final, kind in [(b"NO CARRIER", Failed), (b"BUSY", Failed), (b"NO ANSWER", Failed), (b"CONNECT 9600", Answer)]:
        channel.start(commands_calls.dial("+41791234567"))
        assert [type(event) for event in channel.feed(final + b"\r\n")] == [kind]


def test_final_that_never_comes_is_not_needed_where_the_answer_is_known() -> None:
    channel = Channel()
    channel.start(commands.pin_state())
    assert channel.feed(b"\r\n+CPIN: READY\r\n") == []
    (answer,) = channel.abandon("no answer within 5 s")
    assert isinstance(answer, Answer)
    assert answer.value == "READY"


# -- unsolicited lines --


@pytest.mark.parametrize(
    ("command", "line", "belongs"),
    [
        (commands_network.registration(), "+CREG: 0,1", True),
        (commands_network.registration(), "+CREG: 2,1, 4F2A, B1C3", True),
        (commands_network.registration(), '+CREG: 2,5,"2AF5","0B88E350",2', True),
        (commands_network.registration(), '+CREG: 2,1,"","605F"', True),
        (commands_network.registration(), "+CREG: 1", False),
        (commands_network.registration(), '+CREG: 1,"2AF5","0B88E350"', False),
        (commands_network.registration(), '+CREG: 1,"2AF5","0B88E350",7', False),
        (commands_network.registration(), "+CREG: 1,4F2A,B1C3", False),
        (commands_network.registration(), "+CREG: 5,1234,5678", False),
        (commands_network.registration(), "+CGREG: 0,1", False),
        (commands.ussd("*100#"), '+CUSD: 0,"Balance",15', False),
        (commands_network.signal(), "^RSSI:17", False),
        (commands.set_functionality(1), "+CFUN: 1", False),
        (commands.functionality(), "+CFUN: 1", True),
        (MODEL, "EC25", True),
        (MODEL, "RING", False),
        (MODEL, "PB DONE", False),
        (MODEL, "PNN UPDATING", False),
        (MODEL, "DST: 1", False),
        (MODEL, '+ZPASR: "UMTS"', False),
        (commands.supported_commands(), "+CGMM", True),
        (commands.identity(), "+GCAP: +CGSM", True),
        (DELETE, "EC25", False),
    ],
)
def test_what_belongs_to_an_answer(command: Command[Any], line: str, belongs: bool) -> None:
    channel = Channel()
    channel.start(command)
    events = channel.feed(f"\r\n{line}\r\n\r\nOK\r\n".encode())
    assert (Unsolicited(line) in events) is not belongs
    assert isinstance(events[-1], Answer | Failed)


def test_direct_messages_keep_their_pdu_inside_an_answer() -> None:
    channel = Channel()
    channel.start(READ)
    text = f'+CMGR: 0,,24\r\n+CMT: ,23\r\n{PDU_2}\r\n+CMTI: "SM",1\r\n{PDU}\r\nOK\r\n'
    assert channel.feed(text.encode()) == [
        Unsolicited("+CMT: ,23", PDU_2),
        Unsolicited('+CMTI: "SM",1'),
        Answer(READ, ("+CMGR: 0,,24", PDU), ("+CMGR: 0,,24", PDU)),
    ]


def test_a_line_between_a_direct_header_and_its_pdu() -> None:
    channel = Channel()
    text = f'+CDS: 24\r\n+CMTI: "SM",1\r\n\r\nRING\r\n{PDU}\r\n'
    assert channel.feed(text.encode()) == [
        Unsolicited('+CMTI: "SM",1'),
        Unsolicited("RING"),
        Unsolicited("+CDS: 24", PDU),
    ]


def test_lengths_tell_two_waiting_pdus_apart() -> None:
    channel = Channel()
    channel.start(READ)
    text = f"+CMT: ,23\r\n+CMGR: 0,,24\r\n{PDU}\r\n{PDU_2}\r\nOK\r\n"
    assert channel.feed(text.encode()) == [
        Unsolicited("+CMT: ,23", PDU_2),
        Answer(READ, ("+CMGR: 0,,24", PDU), ("+CMGR: 0,,24", PDU)),
    ]


def test_a_serial_number_is_not_taken_for_a_pdu() -> None:
    channel = Channel()
    channel.start(commands.imei())
    events = channel.feed(f"+CMT: ,23\r\n3543690472387391\r\n{PDU_2}\r\nOK\r\n".encode())
    assert events[0] == Unsolicited("+CMT: ,23", PDU_2)
    assert isinstance(events[1], Answer)
    assert events[1].value == "3543690472387391"


def test_a_direct_header_whose_pdu_never_came() -> None:
    channel = Channel()
    events = channel.feed(f"+CDS: 25\r\n+CDS: 24\r\n{PDU}\r\n".encode())
    assert events == [Unsolicited("+CDS: 25"), Unsolicited("+CDS: 24", PDU)]


def test_text_mode_reports_have_no_second_line() -> None:
    line = '+CDS: 6,20,"0870000000",129,"13/04/29,19:58:00+04","13/04/29,19:59:00+04",0'
    assert Channel().feed(f"{line}\r\nRING\r\n".encode()) == [Unsolicited(line), Unsolicited("RING")]


def test_garbage_is_shown_as_such() -> None:
    (event,) = Channel().feed(b"\xaa" * 5000)
    assert event == Unsolicited("\xaa" * at.MAX_LINE, garbage=True)


def test_what_nobody_waits_for_is_unsolicited() -> None:
    assert Channel().feed(b"OK\r\n+CMGS: 4\r\nwhat\r\n") == [
        Unsolicited("OK"),
        Unsolicited("+CMGS: 4"),
        Unsolicited("what"),
    ]


# -- late answers --


def abandoned(command: Command[Any]) -> Channel:
    channel = Channel()
    channel.start(command)
    channel.abandon("no answer")
    return channel


def test_after_a_deadline_the_channel_refuses_to_start() -> None:
    channel = abandoned(DELETE)
    assert not channel.in_step
    with pytest.raises(ProtocolError, match="out of step"):
        channel.start(DELETE)


def test_a_late_answer_is_thrown_away_and_brings_the_channel_in_step() -> None:
    channel = abandoned(READ)
    late = f"+CMGR: 0,,24\r\n{PDU}\r\nRING\r\n\r\nOK\r\n"
    assert channel.feed(late.encode()) == [Unsolicited("RING")]
    assert channel.in_step


def test_an_open_quote_hides_an_answer_until_the_deadline_only() -> None:
    channel = Channel()
    channel.start(MODEL)
    assert channel.feed(b'+CUSD: 0,"open\r\nEC25\r\nOK\r\n') == []
    assert channel.abandon("no answer") == [Unsolicited('+CUSD: 0,"open'), Answer(MODEL, ("EC25",), ("EC25",))]
    assert channel.in_step


MARKED = b"\r\n+CMEE: 1\r\n\r\nOK\r\n"


@pytest.mark.parametrize(
    "said",
    [
        MARKED,
        b"\r\nOK\r\n" + MARKED,  # the late answer comes first
        b"\r\nERROR\r\n" + MARKED,
        b"\r\n+CMS ERROR: 500\r\n" + MARKED,
        b"\x1bAT+CMEE?\r" + MARKED,  # echo
        b"\xff\0what\r\nhalf a li" + MARKED,
        f"\r\n+CMGR: 0,,24\r\n{PDU}\r\n\r\nOK\r\n".encode() + MARKED,
        b"\r\nERROR\r\n\r\nERROR\r\n",  # a modem without the marker
    ],
)
@pytest.mark.parametrize("pieces", [0, 1])
def test_resync_ends_at_its_marker(said: bytes, pieces: int) -> None:
    channel = abandoned(READ)
    assert channel.resync() == b"\x1bAT+CMEE?\r"
    assert feed(channel, said, pieces) == [Answer(at.MARKERS[0], None)]
    assert channel.in_step
    channel.start(MODEL)
    assert channel.feed(b"\r\nEC25\r\n\r\nOK\r\n") == [Answer(MODEL, ("EC25",), ("EC25",))]


def test_resync_does_not_end_at_the_late_answer() -> None:
    channel = abandoned(DELETE)
    channel.resync()
    assert channel.feed(b"\r\nOK\r\n\r\nOK\r\n\r\nERROR\r\n") == []
    assert channel.busy


def test_unsolicited_lines_pass_during_a_resync() -> None:
    channel = abandoned(READ)
    channel.resync()
    events = feed(channel, f'+CMTI: "SM",1\r\nRING\r\n+CMT: ,23\r\n{PDU_2}\r\n'.encode() + MARKED)
    assert events[:-1] == [Unsolicited('+CMTI: "SM",1'), Unsolicited("RING"), Unsolicited("+CMT: ,23", PDU_2)]


def test_the_late_answer_to_one_resync_does_not_end_the_next() -> None:
    channel = abandoned(DELETE)
    channel.resync()
    assert [type(event) for event in channel.abandon("no answer")] == [Failed]
    assert channel.feed(b"OK\r\n") == []
    assert not channel.in_step
    assert channel.resync() == b"\x1bAT+CMGF?\r"
    assert channel.feed(MARKED)[0] == Unsolicited("+CMEE: 1")
    assert channel.busy
    assert channel.feed(b"+CMGF: 0\r\nOK\r\n") == [Answer(at.MARKERS[1], None)]
    assert channel.in_step


def test_a_fresh_channel_may_begin_with_a_resync() -> None:
    channel = Channel()
    channel.resync()
    assert channel.feed(b"left over\r\nERROR\r\n") == [Answer(at.MARKERS[0], None)]
    channel.resync()
    assert channel.feed(MARKED) == [Answer(at.MARKERS[0], None)]


# -- transcripts --

CAPTURES = Path(__file__).parents[1] / "captures/asterisk"
Step = tuple[str, bytes]
DISTURBANCES = [
    b'\r\n+CMTI: "ME",7\r\n',
    b"\r\nRING\r\n",
    b"\r\n^RSSI:17\r\n",
    b'\r\n+CREG: 1,"2AF5","0B88E350"\r\n',
    f"\r\n+CMT: ,23\r\n{PDU_2}\r\n".encode(),
    f"\r\n+CDS: 24\r\n{PDU}\r\n".encode(),
    b'\r\n+CUSD: 1,"1 Balance\r\n2 Exit",15\r\n',
]


def steps(name: str) -> Iterator[Step]:
    for line in (CAPTURES / name).read_text(encoding="utf-8").splitlines():
        _, direction, data = line.split(maxsplit=2)
        yield direction, ast.literal_eval(data).encode("latin-1")


def exchanges(name: str) -> list[list[Step]]:
    """The dialogue cut in front of each command."""
    found: list[list[Step]] = []
    for step in steps(name):
        if step[0] == ">>" and step[1].endswith(b"\r"):
            found.append([])
        found[-1].append(step)
    return found


def once(found: list[list[Step]]) -> list[list[Step]]:
    """Each exchange once; those with hundreds of empty slots differ in the index only."""
    kinds = {re.sub(r"CMGR=\d+(?=.*CMS ERROR)", "CMGR=", str(exchange)): exchange for exchange in found}
    return list(kinds.values())


EXCHANGES = once(exchanges("at-startup-full.txt") + exchanges("at-scenarios.txt"))
BUILDERS: dict[str, Command[Any]] = {
    command.line: command
    for command in (
        commands.manufacturer(),
        commands.model(),
        commands.revision(),
        commands.imei(),
        commands.imsi(),
        commands.pin_state(),
        commands.own_numbers(),
        commands_network.registration(),
        commands_network.operator(),
        commands_network.signal(),
        commands_sms.service_centre(),
        commands_sms.select_memories("SM", "SM", "SM"),
        vendors.huawei_voice(),
    )
}


def command_for(exchange: list[Step]) -> Command[Any]:
    line = exchange[0][1].decode().rstrip("\r")
    if line.startswith("AT+CMGR="):
        return commands_sms.read_message(int(line[8:]))
    if line.startswith("AT+CMGS="):
        payload = next(data for direction, data in exchange[1:] if direction == ">>")
        return commands_sms.send_pdu(payload.rstrip(b"\x1a").decode(), int(line[8:]))
    return BUILDERS.get(line) or Command(line, nothing, dials=line.startswith(("ATD", "ATA")))


def replay(exchange: list[Step], pieces: int = 0, disturb: tuple[int, bytes] | None = None) -> list[at.Event]:
    """What a channel makes of one exchange; `disturb` puts bytes in front of the modem's line of that number."""
    channel = Channel()
    command = command_for(exchange)
    assert channel.start(command) == exchange[0][1]
    events: list[at.Event] = []
    line = 0
    for direction, data in exchange[1:]:
        if direction == ">>":
            assert Write(data) in events
            continue
        for part in re.findall(rb"[^\n]*\n|[^\n]+$", data):
            if disturb and line == disturb[0]:
                events += feed(channel, disturb[1], pieces)
            line += 1
            events += feed(channel, part, pieces)
    return events


def names(exchange: list[Step]) -> str:
    return exchange[0][1].decode().strip()[:24]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=names)
def test_transcripts(exchange: list[Step]) -> None:
    whole = replay(exchange)
    (end,) = [event for event in whole if isinstance(event, Answer | Failed)]
    if isinstance(end, Failed):
        assert isinstance(end.error, ModemError)
    assert str(replay(exchange, pieces=1)) == str(whole)
    lines = sum(data.count(b"\n") + (b"> " in data) for direction, data in exchange[1:] if direction == "<<")
    for position, inserted in itertools.product(range(lines), DISTURBANCES):
        disturbed = replay(exchange, disturb=(position, inserted))
        (notice,) = Channel().feed(inserted)
        disturbed.remove(notice)
        assert str(disturbed) == str(whole)


def test_transcripts_are_all_there() -> None:
    assert len(EXCHANGES) == 61
    values = [event.value for exchange in EXCHANGES for event in replay(exchange) if isinstance(event, Answer)]
    assert sum(isinstance(value, commands_sms.Stored) for value in values) == 13
    assert [value for value in values if type(value) is int] == [1, 2, 3, 4, 5]


# -- other projects' rows --


@pytest.mark.parametrize("row", [row for row in rows("misc_at") if "mixed" in str(row.id)])
def test_a_notice_in_front_of_the_echo(row: dict[str, Any]) -> None:
    channel = Channel()
    channel.start(Command(row["command"], tuple, ("+CPMS:",)))
    events = channel.feed(row["reply"].encode())
    expected = row["expected"]
    assert [event.line for event in events if isinstance(event, Unsolicited)] == expected["notices"]
    assert [event.value for event in events if isinstance(event, Answer)] == [tuple(expected["answer_lines"])]


# -- fuzz --

RUNNING = [READ, LIST, DELETE, SEND, MODEL, commands_network.registration(), commands.identity()]
MODEM = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"\r\n", b"OK", b"ERROR", b"> ", b"+CMT: ,23", b'+CUSD: 0,"', b'"', b"+CMGR: 0,,24", b"+CMEE: 1"]),
    st.sampled_from(
        [PDU.encode(), b"+CREG: 2,", b"+CDS: ", b"+CMS ERROR: ", b"\0", b"AT+CMGR=1", b"RING", b"x" * 5000]
    ),
)


@given(st.lists(st.tuples(st.sampled_from(["feed", "start", "abandon", "resync"]), MODEM, st.sampled_from(RUNNING))))
def test_any_bytes_at_any_time(moves: list[tuple[str, bytes, Command[Any]]]) -> None:
    channel = Channel()
    for move, data, command in moves:
        if move == "start" and not channel.busy and channel.in_step:
            channel.start(command)
        elif move == "resync" and not channel.busy:
            channel.resync()
        elif move == "abandon":
            channel.abandon("no answer")
            assert not channel.busy
        for event in channel.feed(data):
            assert isinstance(event, Answer | Failed | Unsolicited | Write)
        assert len(channel._framer._buffer) <= at.MAX_LINE
    if channel.busy:
        channel.abandon("no answer")
    channel.resync()
    marker = at.MARKERS[channel._marker].prefixes[0].encode()
    assert any(isinstance(event, Answer) for event in feed(channel, b'"\r\n' * 400 + marker + b" 1\r\nOK\r\n"))
    assert channel.in_step


@given(st.lists(MODEM).map(b"".join), st.sampled_from(RUNNING), st.integers(1, 40))
def test_pieces_do_not_matter(data: bytes, command: Command[Any], pieces: int) -> None:
    whole, pieced = Channel(), Channel()
    for channel in (whole, pieced):
        channel.start(command)
    assert str(whole.feed(data)) == str(feed(pieced, data, pieces))
    assert whole.busy == pieced.busy
