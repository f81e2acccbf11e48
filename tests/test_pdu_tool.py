"""decode-pdu and encode-pdu as they are called: arguments, standard input, JSON, tables, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import GSM, rows
from homeline import pdu_tool
from homeline.errors import HomelineError

SOURCE = Path(__file__).parents[1] / "src"
HELLO = "0004" + "0B911497214365F7" + "0000" + "62118021436540" + "05E8329BFD06"
DELIVER = {"type", "smsc", "sender", "sender_type", "pid", "dcs", "timestamp"}
CONTENT = {"encoding", "class", "text", "data", "concat", "ports"}


def homeline(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """The tool in a fresh interpreter that sees the standard library and Homeline only."""
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from homeline import pdu_tool; "
    program += "sys.exit(pdu_tool.main(sys.argv[1:]))"
    command = [sys.executable, "-I", "-S", "-c", program, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=30, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_arguments_as_json() -> None:
    code, out, err = homeline("decode-pdu", "--json", HELLO, HELLO)
    assert (code, err) == (0, "")
    first, second = map(json.loads, out.splitlines())
    assert first == second
    assert first == {
        "type": "deliver",
        "smsc": None,
        "sender": "+41791234567",
        "sender_type": "international",
        "pid": 0,
        "dcs": 0,
        "timestamp": "2026-11-08T12:34:56+01:00",
        "encoding": "gsm7",
        "class": None,
        "text": "hello",
        "data": None,
        "concat": None,
        "ports": None,
    }


def test_standard_input_in_order_with_errors_in_place() -> None:
    lines = [HELLO, "nonsense", "", HELLO.lower() + "\r", "00\xff", HELLO]
    code, out, err = homeline("decode-pdu", "--json", "-", stdin="\n".join(lines).encode("latin-1"))
    results = [json.loads(line) for line in out.splitlines()]
    assert ["error" in result for result in results] == [False, True, False, True, False]
    assert results[1] == {"error": "column 1: 'n' is not hexadecimal"}
    assert (code, err) == (1, "")


def test_no_input_is_no_failure() -> None:
    assert homeline("decode-pdu", "--json", "-") == (0, "", "")


@pytest.mark.parametrize("arguments", [[], ["decode-pdu"], ["encode-pdu"], ["decode-pdu", "--nonsense", HELLO]])
def test_wrong_usage(arguments: list[str]) -> None:
    code, out, err = homeline(*arguments)
    assert (code, out) == (2, "")
    assert "usage:" in err


def test_table_for_people() -> None:
    code, out, _ = homeline("decode-pdu", HELLO, "zz")
    assert code == 1
    assert "sender       +41791234567\n" in out
    assert "text         hello\n" in out
    assert "error  column 1" in out
    assert "None" not in out


def test_table_shows_a_strangers_text_as_text() -> None:
    wish = json.dumps({"number": "1", "text": "\x1b[2J\r\nяok"})
    (sent,) = pdu_tool.encode(wish)["pdus"]
    _, out, _ = homeline("decode-pdu", sent["pdu"])
    assert "\x1b" not in out
    assert '"\\u001b[2J\\r\\n\\u044fok"' in out


def test_table_says_what_a_push_is() -> None:
    notice = "0605040B8423F0" + "010603BEAF84" + "8C82" + "96486900"
    _, out, _ = homeline("decode-pdu", HELLO)
    assert "note" not in out
    head = "0044" + "0B911497214365F7" + "0004" + "62118021436540"
    _, out, _ = homeline("decode-pdu", head + f"{len(notice) // 2:02X}" + notice)
    assert "note         MMS notice “Hi”\n" in out
    assert "ports        dst 2948, src 9200\n" in out


def command(*arguments: str, encoding: str = "utf-8") -> list[str]:
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.stdout.reconfigure(encoding={encoding!r}); "
    program += "from homeline import cli; sys.exit(cli.main())"
    return [sys.executable, "-I", "-S", "-c", program, *arguments]


def test_a_terminal_of_another_character_set() -> None:
    message = "0004" + "0391" + "21F3" + "0008" + "62118021436540" + "04" + "D83DDE00"
    done = subprocess.run(command("decode-pdu", message, encoding="ascii"), capture_output=True, timeout=30, check=True)
    assert b"\\U0001f600" in done.stdout


def test_a_reader_that_has_enough() -> None:
    with subprocess.Popen(
        command("decode-pdu", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as tool:
        assert tool.stdin and tool.stdout and tool.stderr
        tool.stdout.close()
        tool.stdin.write(f"{HELLO}\n".encode())
        tool.stdin.close()
        assert tool.wait(30) == 0
        assert tool.stderr.read() == b""


def test_encode_from_standard_input() -> None:
    wishes = [
        {"number": "+41791234567", "text": "hello"},
        {"number": "x", "text": "a"},
        {"number": "1", "text": "я" * 71},
    ]
    code, out, err = homeline("encode-pdu", "--json", "-", stdin="\n".join(map(json.dumps, wishes)).encode())
    good, bad, long = map(json.loads, out.splitlines())
    assert (code, err) == (1, "")
    assert good == {
        "parts": 1,
        "encoding": "gsm7",
        "pdus": [{"pdu": "0001000B911497214365F7000005E8329BFD06", "cmgs_length": 18}],
    }
    assert "not a phone number" in bad["error"]
    assert (long["parts"], long["encoding"], len(long["pdus"])) == (2, "ucs2", 2)


def test_encode_for_a_modem() -> None:
    code, out, _ = homeline("encode-pdu", '{"number": "+41791234567", "text": "hello"}')
    assert (code, out) == (0, "AT+CMGS=18\n0001000B911497214365F7000005E8329BFD06\n\n")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "JSON object"),
        ("{}", "number: is missing"),
        ('{"number": 5, "text": "a"}', "number: is not a string"),
        ('{"number": "5"}', "either text or data"),
        ('{"number": "5", "text": "a", "data": "00"}', "either text or data"),
        ('{"number": "5", "text": "a", "encoding": "8bit"}', "8bit wants data"),
        ('{"number": "5", "text": "a", "encoding": "koi8"}', "koi8"),
        ('{"number": "5", "data": "zz"}', "data: is not hex"),
        ('{"number": "5", "text": "a", "class": "0"}', "class: is not an integer"),
        ('{"number": "5", "text": "a", "class": true}', "class: is not an integer"),
        ('{"number": "5", "text": "a", "class": 4}', "message class 4"),
        ('{"number": "5", "text": "a", "reference": 256}', "message reference 256"),
        ('{"number": "5", "text": "a", "concat_reference": 65536}', "reference 65536"),
        ('{"number": "5", "text": "a", "request_status_report": 1}', "neither true nor false"),
        ('{"number": "5", "text": "a", "validity": 5}', "relative_minutes or absolute"),
        ('{"number": "5", "text": "a", "validity": {"relative_minutes": 1}}', "5 minutes to 63 weeks"),
        ('{"number": "5", "text": "a", "validity": {"absolute": "soon"}}', "validity: "),
        ('{"number": "5", "text": "a", "validity": {"absolute": "1970-01-01"}}', "no place in a time stamp"),
        ('{"number": "5", "text": "a", "Text": "b"}', "unknown: 'Text'"),
        ('{"number": "5", "text": "\\ud800"}', "half a surrogate pair"),
    ],
)
def test_wishes_that_cannot_be(wish: str, words: str) -> None:
    with pytest.raises(HomelineError) as caught:
        pdu_tool.encode(wish)
    assert words in str(caught.value)


def test_an_hour_without_zone_is_utc_and_a_wide_reference_widens_the_header() -> None:
    wish = {"number": "5", "text": "x" * 161, "validity": {"absolute": "2026-11-08T12:34:56"}, "concat_reference": 256}
    first = pdu_tool.decode(pdu_tool.encode(json.dumps(wish))["pdus"][0]["pdu"])
    assert first["validity"] == {"absolute": "2026-11-08T12:34:56+00:00"}
    assert first["concat"] == {"ref": 256, "ref_bits": 16, "total": 2, "seq": 1}


@pytest.mark.parametrize("row", [*rows("deliver"), *rows("submit_decode"), *rows("status_report")])
def test_names_are_those_of_the_data(row: Any) -> None:
    """No field more and none less than the vectors have."""
    if row["should"] == "decode":
        names = {name.removesuffix("_any_of") for name in row["expected"]} | {"type", "smsc"}
        assert set(pdu_tool.decode(row["pdu"])) == names


def test_all_vectors_through_the_pipe() -> None:
    if not GSM.exists():
        pytest.skip(f"the GSM data of other projects is not here ({GSM})")
    names = ("deliver", "submit_decode", "status_report")
    given_rows = [json.loads(line) for name in names for line in (GSM / f"{name}.jsonl").read_text().splitlines()]
    code, out, _ = homeline("decode-pdu", "--json", "-", stdin="\n".join(row["pdu"] for row in given_rows).encode())
    results = [json.loads(line) for line in out.splitlines()]
    assert len(results) == len(given_rows)
    assert ["error" in result for result in results] == [row["should"] == "error" for row in given_rows]
    assert code == 1


def test_nothing_heavy_is_imported() -> None:
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from homeline import pdu_tool; "
    program += f"pdu_tool.main(['decode-pdu', '--json', {HELLO!r}]); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, timeout=30, check=True)
    loaded = set(done.stdout.decode().splitlines()[1].split())
    heavy = {"asyncio", "datetime", "unicodedata", "sqlite3", "ssl", "email", "urllib"}
    heavy |= {"homeline.protocol.gsm7_national"}
    assert not loaded & heavy


@given(st.text(max_size=40) | st.binary(max_size=40).map(bytes.hex))
def test_any_line(line: str) -> None:
    for convert in (pdu_tool.decode, pdu_tool.explain, pdu_tool.encode):
        try:
            result = convert(line)
        except HomelineError:
            continue
        json.dumps(result)
        assert pdu_tool.table(result)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists, max_leaves=3
)


@given(st.dictionaries(st.sampled_from(sorted(pdu_tool._WISHES)), JSON), st.booleans())
def test_any_wish(wish: dict[str, Any], sane: bool) -> None:
    if sane:
        wish |= {"number": "123", "text": "hello"}
        wish.pop("data", None)
    try:
        result = pdu_tool.encode(json.dumps(wish))
    except HomelineError:
        return
    assert result["parts"] == len(result["pdus"])
