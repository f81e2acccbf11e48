"""The simulated dongle as a terminal program sees it, over a real pty."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.protocol import pdu
from homeline_lab.dongle import Dongle
from homeline_lab.models import MODELS
from homeline_lab.network import Operator, Outcome
from homeline_lab.sim import Sim, Status
from lab.terminal import Terminal

OK = "\r\nOK\r\n"
SUBMIT = pdu.encode_submit("+41791234567", "hello", report=True)[0]


@pytest.fixture
async def dongle() -> AsyncIterator[Dongle]:
    async with Dongle("e1750") as d:
        yield d


@pytest.fixture
async def terminal(dongle: Dongle) -> AsyncIterator[Terminal]:
    t = Terminal(dongle.port)
    await t.ask("ATE0")
    yield t
    t.close()


async def send(t: Terminal, hex_pdu: str, length: int) -> str:
    assert await t.ask(f"AT+CMGS={length}") == "\r\n> "
    t.write(hex_pdu.encode() + b"\x1a")
    return (await t.until(b"OK\r\n", b"ERROR: 304\r\n", b"ERROR: 331\r\n", b"ERROR: 38\r\n")).decode()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("AT", OK),
        ("at", OK),
        ("", None),
        ("ATZ", OK),
        ("ATE0V1Q0", OK),
        ("AT&F", OK),
        ("AT+CGMI", "\r\nhuawei\r\n" + OK),
        ("AT+CGMI;+CGMM", "\r\nhuawei\r\n\r\nE1750\r\n" + OK),
        ("AT+CGSN", "\r\n354369047238739\r\n" + OK),
        ("AT+CIMI", "\r\n228010000000001\r\n" + OK),
        ("AT+CPIN?", "\r\n+CPIN: READY\r\n" + OK),
        ("AT+CREG?", "\r\n+CREG: 0,1\r\n" + OK),
        ("AT+CREG=2;+CREG?", "\r\n+CREG: 2,1, 4F2A, B1C3\r\n" + OK),
        ("AT+COPS?", '\r\n+COPS: 0,0,"Lab Mobile",2\r\n' + OK),
        ("AT+COPS=3,2;+COPS?", '\r\n+COPS: 0,2,"22801",2\r\n' + OK),
        ("AT+CSQ", "\r\n+CSQ: 17,99\r\n" + OK),
        ("AT+CNUM", '\r\n+CNUM: "Own","+41790000001",145\r\n' + OK),
        ("AT+CSCA?", '\r\n+CSCA: "+41794999000",145\r\n' + OK),
        ("AT^ICCID?", "\r\n^ICCID: 8941010000000000001\r\n" + OK),
        ("AT+CRSM=176,12258,0,0,10", '\r\n+CRSM: 144,0,"981410000000000000F1"\r\n' + OK),
        ("AT^SYSINFO", "\r\n^SYSINFO:2,3,0,5,1,,4\r\n" + OK),
        ('AT+CPMS="SM","SM","SM"', "\r\n+CPMS: 0,20,0,20,0,20\r\n" + OK),
        ("AT+CNMI=2,1,0,2,0;+CNMI?", "\r\n+CNMI: 2,1,0,2,0\r\n" + OK),
        ("AT+CNMI=2,1,0,3,0", "\r\n+CMS ERROR: 302\r\n"),
        ("AT+CMGR=0", "\r\n+CMS ERROR: 321\r\n"),
        ("AT+CMGR=999", "\r\n+CMS ERROR: 321\r\n"),
        ("AT+CMGR=x", "\r\nERROR\r\n"),
        ("AT+CMGL=4", OK),
        ("AT+CMGL=5", "\r\n+CMS ERROR: 302\r\n"),
        ("AT+CNMA", "\r\n+CMS ERROR: 340\r\n"),
        ("AT+QCCID", "\r\nCOMMAND NOT SUPPORT\r\n"),
        ("AT+CMEE=2;+CPIN=0000", "\r\n+CME ERROR: operation not allowed\r\n"),
        ("AT+CMGF=0;+NOPE;+CMGF=1", "\r\nCOMMAND NOT SUPPORT\r\n"),
        ("AT?!", "\r\nERROR\r\n"),
    ],
)
async def test_answers(terminal: Terminal, line: str, answer: str | None) -> None:
    if answer is None:
        terminal.write(line.encode() + b"\r")
        assert await terminal.ask("AT") == OK, "an empty line is no command"
    else:
        assert await terminal.ask(line) == answer


async def test_echo_is_on_at_first(dongle: Dongle) -> None:
    t = Terminal(dongle.port)
    assert await t.ask("AT") == "AT\r" + OK
    assert await t.ask("ATE0") == "ATE0\r" + OK
    assert await t.ask("AT") == OK
    assert await t.ask("ATE1") == OK
    assert await t.ask("AT") == "AT\r" + OK
    t.close()


@pytest.mark.parametrize("key", sorted(MODELS))
async def test_each_model_knows_its_own_commands(key: str) -> None:
    own = {
        "e1750": ("AT^ICCID?", "AT^CPIN?", "AT^CVOICE?", "AT^CURC=0"),
        "ec25": ("AT+QCCID", 'AT+QPINC="SC"', "AT+QCSQ", "AT+QNWINFO"),
        "sim7600": ("AT+CICCID", "AT+SPIC", "AT+CPSI?", "AT+CNSMOD?"),
        "generic": ("AT+CCID",),
    }
    async with Dongle(key) as dongle:
        t = Terminal(dongle.port)
        await t.ask("ATE0")
        for line in own[key]:
            assert (await t.ask(line)).endswith(OK), line
        for line in {c for k, lines in own.items() if k != key for c in lines} - set(own[key]):
            if (key, line) != ("ec25", "AT+CCID"):
                assert await t.ask(line) == f"\r\n{dongle.model.unknown}\r\n", line
        assert dongle.model.firmware in await t.ask("AT+CGMR")
        t.close()


async def test_a_message_is_told_read_and_deleted(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1,0,2,0")
    (raw,) = dongle.deliver("hello", "+41791234567")
    assert await terminal.until(b"0\r\n") == b'\r\n+CMTI: "SM",0\r\n'
    length = len(raw) // 2 - 8
    entry = f",,{length}\r\n{raw}\r\n{OK}"
    assert await terminal.ask("AT+CMGR=0") == "\r\n+CMGR: 0" + entry
    assert await terminal.ask("AT+CMGR=0") == "\r\n+CMGR: 1" + entry, "read now"
    assert await terminal.ask("AT+CMGL=4") == "\r\n+CMGL: 0,1" + entry
    assert await terminal.ask("AT+CMGL=0") == OK
    assert await terminal.ask("AT+CPMS?") == '\r\n+CPMS: "SM",1,20,"SM",1,20,"SM",1,20\r\n' + OK
    assert await terminal.ask("AT+CMGD=0") == OK
    assert await terminal.ask("AT+CMGL=4") == OK
    decoded = pdu.decode(raw)
    assert isinstance(decoded, pdu.Deliver)
    assert (decoded.sender.text, decoded.user.text) == ("+41791234567", "hello")


@pytest.mark.parametrize(
    ("flag", "left"), [(0, "1234"), (1, "0234"), (2, "024"), (3, "0"), (4, "")], ids=lambda v: f"flag-{v}"
)
async def test_delete_flags(dongle: Dongle, terminal: Terminal, flag: int, left: str) -> None:
    raw = dongle.network.encode("x")
    for status in (Status.UNREAD, Status.READ, Status.UNSENT, Status.SENT, Status.UNSENT):
        dongle.store(raw, status=status)
    await terminal.ask(f"AT+CMGD=0,{flag}")
    assert "".join(map(str, sorted(dongle.slots().used))) == left


async def test_direct_delivery_waits_for_its_acknowledgement(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CSMS=1")
    await terminal.ask("AT+CNMI=2,2,0,1,0")
    first, second = dongle.deliver("one")[0], dongle.deliver("two")[0]
    assert first in (await terminal.until(first.encode() + b"\r\n")).decode()
    assert len(dongle.network.queue) == 2, "neither is through"
    assert await terminal.ask("AT+CNMA=1") == OK
    assert (await terminal.until(second.encode() + b"\r\n")).startswith(b"\r\n+CMT: ,")
    dongle.modem.ack_timeout = 0.01
    await terminal.ask("AT+CNMA=2")
    assert len(dongle.network.queue) == 1, "refused: the service centre keeps it"


async def test_without_acknowledgement_direct_routing_is_switched_off(dongle: Dongle, terminal: Terminal) -> None:
    dongle.modem.ack_timeout = 0.01
    await terminal.ask("AT+CSMS=1;+CNMI=2,2,0,1,0")
    dongle.deliver("one")
    await dongle.wait(lambda: dongle.modem.settings.cnmi[1] == 0)
    assert len(dongle.network.queue) == 1
    dongle.network.flush()
    assert dongle.stored()


async def test_phase_2_direct_delivery_wants_no_acknowledgement(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,2,0,1,0")
    raw = dongle.deliver("one")[0]
    await terminal.until(raw.encode() + b"\r\n")
    assert dongle.network.delivered == 1
    assert await terminal.ask("AT+CNMA") == "\r\n+CMS ERROR: 340\r\n"


async def test_indications_can_be_kept_in_the_modem(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=0,1")
    dongle.deliver("one")
    assert await terminal.ask("AT") == OK, "nothing is told in mode 0"
    terminal.write(b"AT+CNMI=2,1\r")
    assert await terminal.until(b'"SM",0\r\n') == b'\r\nOK\r\n\r\n+CMTI: "SM",0\r\n'


async def test_a_full_sim_keeps_messages_in_the_network(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1")
    dongle.deliver("x", repeat=22)
    await terminal.until(b'^SMMEMFULL:"SM"\r\n')
    assert len(dongle.stored()) == 20
    assert len(dongle.network.queue) == 2
    assert await terminal.ask("AT+CMGD=7") == OK
    assert await terminal.until(b"7\r\n") == b'\r\n+CMTI: "SM",7\r\n'
    await terminal.until(b'^SMMEMFULL:"SM"\r\n')
    assert len(dongle.network.queue) == 1


async def test_sending_and_its_report(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1,0,1,0")
    assert await send(terminal, SUBMIT.pdu, SUBMIT.length) == f"\r\n+CMGS: 0\r\n{OK}"
    (sent,) = dongle.sent
    assert (sent.recipient, sent.pdu, sent.reference) == ("+41791234567", SUBMIT.pdu, 0)
    line = (await terminal.until(b"00\r\n")).decode()
    match = re.fullmatch(r"\r\n\+CDS: (\d+)\r\n([0-9A-F]+)\r\n", line)
    assert match
    report = pdu.decode(match[2])
    assert isinstance(report, pdu.StatusReport)
    assert (report.reference, report.recipient.text, report.status) == (0, "+41791234567", 0)
    assert report.tpdu_length == int(match[1])


async def test_sending_that_fails(dongle: Dongle, terminal: Terminal) -> None:
    assert await send(terminal, SUBMIT.pdu, SUBMIT.length + 1) == "\r\n+CMS ERROR: 304\r\n"
    assert await send(terminal, "zz", SUBMIT.length) == "\r\n+CMS ERROR: 304\r\n"
    assert await send(terminal, SUBMIT.pdu[:-2], SUBMIT.length - 1) == "\r\n+CMS ERROR: 304\r\n"
    dongle.network.outcome = Outcome(refuse=38)
    assert await send(terminal, SUBMIT.pdu, SUBMIT.length) == "\r\n+CMS ERROR: 38\r\n"
    dongle.network.register(2)
    assert await send(terminal, SUBMIT.pdu, SUBMIT.length) == "\r\n+CMS ERROR: 331\r\n"
    assert not dongle.sent


async def test_escape_gives_a_message_up(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask(f"AT+CMGS={SUBMIT.length}")
    terminal.write(SUBMIT.pdu.encode() + b"\x1b")
    assert await terminal.until(b"OK\r\n") == OK.encode()
    assert not dongle.sent


async def test_notices_wait_for_the_end_of_a_prompt(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1")
    await terminal.ask(f"AT+CMGS={SUBMIT.length}")
    dongle.deliver("hello")
    terminal.write(SUBMIT.pdu.encode() + b"\x1a")
    assert await terminal.until(b'"SM",0\r\n') == f'\r\n+CMGS: 0\r\n{OK}\r\n+CMTI: "SM",0\r\n'.encode()


async def test_a_message_to_the_own_number_comes_back(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CNMI=2,1")
    wish = pdu.encode_submit("+41790000001", "to myself")[0]
    await send(terminal, wish.pdu, wish.length)
    await terminal.until(b"+CMTI:")
    back = pdu.decode(dongle.stored()[0])
    assert isinstance(back, pdu.Deliver)
    assert (back.sender.text, back.user.text) == ("+41790000001", "to myself")


async def test_text_mode(dongle: Dongle, terminal: Terminal) -> None:
    await terminal.ask("AT+CMGF=1")
    dongle.deliver("h@llo")
    shown = await terminal.ask('AT+CMGL="ALL"')
    assert re.search(
        r'\+CMGL: 0,"REC UNREAD","\+41791234567",,"\d\d/\d\d/\d\d,\d\d:\d\d:\d\d\+04"\r\nh\x00llo\r\n', shown
    )
    assert '"REC READ"' in await terminal.ask("AT+CMGR=0")
    assert await terminal.ask('AT+CMGS="+41791234567"') == "\r\n> "
    terminal.write(b"hi\x1a")
    await terminal.until(b"+CMGS: 0\r\n")
    decoded = pdu.decode(dongle.sent[0].pdu)
    assert isinstance(decoded, pdu.Submit)
    assert decoded.user.text == "hi"


class TestUssd:
    async def test_packed_dialect_and_a_menu(self, dongle: Dongle, terminal: Terminal) -> None:
        await terminal.ask("AT+CUSD=1")
        terminal.write(b'AT+CUSD=1,"AA986C3602",15\r')  # *123#
        assert b'+CUSD: 1,"' in await terminal.until(b"15\r\n", b"72\r\n")
        terminal.write(b'AT+CUSD=1,"31",15\r')  # 1
        assert await terminal.until(b"15\r\n") == b'\r\nOK\r\n\r\n+CUSD: 0,"3199AB06030D9146",15\r\n'

    async def test_character_set_dialect(self) -> None:
        async with Dongle("ec25") as dongle:
            t = Terminal(dongle.port)
            await t.ask("ATE0")
            t.write(b'AT+CUSD=1,"*100#",15\r')
            assert await t.until(b"15\r\n") == b'\r\nOK\r\n\r\n+CUSD: 0,"Balance: 12.50 CHF",15\r\n'
            t.write(b'AT+CSCS="UCS2";+CUSD=1,"002A0031003000300023",15\r')
            answer = await t.until(b"15\r\n")
            assert "Balance: 12.50 CHF".encode("utf-16-be").hex().upper().encode() in answer
            t.close()

    async def test_unknown_code_and_cancelling(self, dongle: Dongle, terminal: Terminal) -> None:
        terminal.write(b'AT+CUSD=1,"AA986C3602",15\r')
        await terminal.until(b"15\r\n")
        assert await terminal.ask("AT+CUSD=2") == OK
        terminal.write(b'AT+CUSD=1,"31",15\r')
        assert await terminal.until(b"+CUSD: 4\r\n") == b"\r\nOK\r\n\r\n+CUSD: 4\r\n", "no menu is open any more"
        assert await terminal.ask('AT+CUSD=1,"nohex",15') == "\r\nERROR\r\n"


class TestSim:
    async def test_pin_tries_and_puk(self) -> None:
        async with Dongle("e1750", sim=Sim(pin="1234")) as dongle:
            t = Terminal(dongle.port)
            await t.ask("ATE0")
            await t.ask("AT+CMEE=1")
            assert await t.ask("AT+CPIN?") == "\r\n+CPIN: SIM PIN\r\n" + OK
            assert await t.ask("AT+CIMI") == "\r\n+CME ERROR: 11\r\n"
            assert await t.ask("AT+CMGL=4") == "\r\n+CMS ERROR: 311\r\n"
            assert await t.ask("AT+CREG?") == "\r\n+CREG: 0,0\r\n" + OK
            assert await t.ask('AT+CPIN="0000"') == "\r\n+CME ERROR: 16\r\n"
            assert await t.ask("AT^CPIN?") == "\r\n^CPIN: SIM PIN,2,10,2,10,3\r\n" + OK
            assert await t.ask("AT+CPIN=1111") == "\r\n+CME ERROR: 16\r\n"
            assert await t.ask("AT+CPIN=2222") == "\r\n+CME ERROR: 12\r\n"
            assert await t.ask("AT+CPIN?") == "\r\n+CPIN: SIM PUK\r\n" + OK
            assert await t.ask('AT+CPIN="12345678","4321"') == OK
            assert await t.ask("AT+CPIN?") == "\r\n^SIMST:1\r\n\r\n^SRVST:2\r\n\r\n+CPIN: READY\r\n" + OK
            assert await t.ask("AT+CREG?") == "\r\n+CREG: 0,1\r\n" + OK
            t.close()

    async def test_tries_survive_a_reset_and_the_pin_is_asked_again(self) -> None:
        async with Dongle("ec25", sim=Sim(pin="1234")) as dongle:
            t = Terminal(dongle.port)
            await t.ask("ATE0")
            await t.ask("AT+CPIN=9999")
            dongle.reset()
            assert '"SC",2,10' in await t.ask('AT+QPINC="SC"')
            await t.ask("ATE0")
            await t.ask("AT+CPIN=1234")
            dongle.reset()
            assert "SIM PIN" in await t.ask("AT+CPIN?")
            t.close()

    async def test_no_sim_and_a_swap(self) -> None:
        async with Dongle("sim7600", no_sim=True) as dongle:
            t = Terminal(dongle.port)
            await t.ask("ATE0;+CMEE=1")
            assert await t.ask("AT+CPIN?") == "\r\n+CME ERROR: 10\r\n"
            assert await t.ask("AT+CMGL=4") == "\r\n+CMS ERROR: 310\r\n"
            dongle.insert_sim(Sim(iccid="8941999"))
            await t.until(b"PB DONE\r\n")
            assert await t.ask("AT+CICCID") == "\r\n+ICCID: 8941999\r\n" + OK
            t.close()


class TestRadio:
    async def test_registration_is_told_in_the_mode_asked_for(self, dongle: Dongle, terminal: Terminal) -> None:
        await terminal.ask("AT+CREG=1")
        dongle.network.register(2)
        assert await terminal.until(b"2\r\n") == b"\r\n+CREG: 2\r\n"
        await terminal.ask("AT+CREG=2")
        dongle.network.register(5, Operator("Roam Net", "RN", "26201"))
        assert await terminal.until(b"B1C3\r\n") == b"\r\n+CREG: 5, 4F2A, B1C3\r\n"
        assert '"Roam Net"' in await terminal.ask("AT+COPS?")

    async def test_messages_wait_while_it_is_not_registered(self, dongle: Dongle, terminal: Terminal) -> None:
        await terminal.ask("AT+CNMI=2,1")
        assert await terminal.ask("AT+CFUN=4") == OK
        dongle.deliver("later")
        assert await terminal.ask("AT+CREG?") == "\r\n+CREG: 0,0\r\n" + OK
        assert not dongle.stored()
        terminal.write(b"AT+CFUN=1\r")
        await terminal.until(b"+CMTI:")

    async def test_signal_is_told_as_the_model_does(self, dongle: Dongle, terminal: Terminal) -> None:
        dongle.network.set_signal(5)
        assert await terminal.until(b"^MODE:5,4\r\n") == b"\r\n^RSSI:5\r\n\r\n^MODE:5,4\r\n"
        await terminal.ask("AT^CURC=0")
        dongle.network.set_signal(6)
        assert await terminal.ask("AT+CSQ") == "\r\n+CSQ: 6,99\r\n" + OK

    async def test_a_call_rings_is_answered_and_ends(self, dongle: Dongle, terminal: Terminal) -> None:
        await terminal.ask("AT+CLIP=1")
        dongle.network.ring("+41795550000")
        assert await terminal.until(b",0\r\n") == b'\r\nRING\r\n\r\n+CLIP: "+41795550000",145,,,,0\r\n'
        assert '+CLCC: 1,1,4,0,0,"+41795550000",145' in await terminal.ask("AT+CLCC")
        terminal.write(b"ATA\r")
        assert await terminal.until(b"^CONN:1,0\r\n") == b"\r\nOK\r\n\r\n^CONN:1,0\r\n"
        dongle.network.hang_up()
        await terminal.until(b"^CEND:1,0,29,16\r\n")
        assert await terminal.ask("AT+CLCC") == OK

    async def test_dialling(self, dongle: Dongle, terminal: Terminal) -> None:
        dongle.modem.calls.answer_delay = 0.0
        terminal.write(b"ATD+41795550000;\r")
        assert b"^ORIG:1,0\r\n\r\n^CONF:1\r\n" in await terminal.until(b"^CONN:1,0\r\n")
        terminal.write(b"AT+CHUP\r")
        await terminal.until(b"^CEND:")


class TestPorts:
    async def test_unplugging_hangs_up_and_a_new_name_is_found(self, tmp_path: Path) -> None:
        async with Dongle("e1750", tmp_path) as dongle:
            t = Terminal(tmp_path / "dev/ttyUSB0")
            dongle.replug("ttyUSB3")
            await t.gone()
            assert not (tmp_path / "dev/ttyUSB0").is_symlink()
            t2 = Terminal(tmp_path / "dev/ttyUSB3")
            assert (await t2.ask("AT")).endswith(OK)
            assert t2.hung_up is False
            t2.close()

    async def test_restart_goes_away_after_its_answer(self, tmp_path: Path) -> None:
        async with Dongle("ec25", tmp_path) as dongle:
            dongle.next_name, dongle.restart_time = "ttyUSB7", 0.01
            t = Terminal(dongle.port)
            assert (await t.ask("AT+CFUN=1,1")).endswith(OK)
            await t.gone()
            await dongle.wait(lambda: dongle.plugged)
            assert dongle.port == tmp_path / "dev/ttyUSB7"
            t2 = Terminal(dongle.port)
            assert (await t2.until(b"PB DONE\r\n")).startswith(b"\r\nRDY\r\n\r\n+CFUN: 1\r\n")
            t2.close()

    async def test_of_several_ports_two_answer_and_one_is_told(self, tmp_path: Path) -> None:
        async with Dongle("e1750", tmp_path, every_port=True) as dongle:
            modem, mute, at = (Terminal(tmp_path / f"dev/ttyUSB{i}") for i in range(3))
            assert dongle.port == tmp_path / "dev/ttyUSB2"
            assert (await modem.ask("AT")).endswith(OK)
            mute.write(b"AT\r")
            await at.ask("AT+CNMI=2,1")
            dongle.deliver("hello")
            await at.until(b"+CMTI:")
            assert (await modem.ask("AT")) == "AT\r" + OK, "no notice on the modem port"
            assert not mute.heard
            for t in (modem, mute, at):
                t.close()

    async def test_a_port_can_be_opened_again_and_again(self, dongle: Dongle) -> None:
        for _ in range(3):
            t = Terminal(dongle.port)
            assert (await t.ask("AT")).endswith(OK)
            t.close()

    async def test_settings_are_lost_by_a_reset(self, dongle: Dongle, terminal: Terminal) -> None:
        await terminal.ask("AT+CNMI=2,1,0,2,0;+CMGF=1;+CREG=1")
        dongle.reset()
        await terminal.until(b"^SRVST:2\r\n")
        assert (await terminal.ask("AT+CNMI?;+CMGF?;+CREG?")).endswith(
            "\r\n+CNMI: 0,0,0,0,0\r\n\r\n+CMGF: 0\r\n\r\n+CREG: 0,1\r\n" + OK
        )


async def test_the_log_and_the_counters_say_what_happened(dongle: Dongle, terminal: Terminal, tmp_path: Path) -> None:
    await terminal.ask("AT+CSQ;+CREG?")
    await terminal.ask("AT+CSQ")
    assert (dongle.count("+CSQ"), dongle.count("+CREG"), dongle.count()) == (2, 1, 4)
    assert ">> 'AT+CSQ\\r'" in dongle.transcript()
    with pytest.raises(TimeoutError, match=r"AT\+CSQ"):
        await dongle.wait(lambda: False, timeout=0.01)
