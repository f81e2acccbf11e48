"""The dial plan as text, and what Asterisk makes of it as a whole."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline.config_calls import Twilio
from homeline.core.dialling import Refusal
from homeline.errors import RenderError
from homeline.render.dialplan import Dialplan, extensions
from homeline.telephony import MARKER, Facts
from homeline_lab.asterisk import Asterisk, Programs
from render.dialplan_kit import BASE, configuration

__all__ = ["asterisk_programs"]

ALL = """
config line 'home'
	option dongle 'stick'
	list ring 'alice'
	list ring 'peer/+41441112233'
	option strategy 'turn'
	option voicemail '1'
	option greeting 'welcome'
	option withheld 'reject'
	option agc '4000'
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list numbers '112'
	list sources 'byoc'
config outbound 'abroad'
	option via 'peer'
	list countries 'US'
	list prefixes '+4478'
"""


def plan(text: str = ALL, facts: Facts | None = None, base: str = BASE) -> Dialplan:
    return extensions(configuration(text, base), facts or Facts())


def steps(text: str) -> list[str]:
    """Every application with its arguments."""
    return [match[1] for match in re.finditer(r"^(?:exten => [^,]+,1| same => n(?:\([a-z0-9]+\))?),(.*)$", text, re.M)]


def test_equal_configurations_give_equal_octets_and_others_another_mark() -> None:
    assert plan() == plan()
    other = plan(closed := ALL.replace("'112'", "'117'"))
    assert other.digest != plan().digest
    assert f"{MARKER} = {other.digest}\n" in other.text
    assert plan(closed, Facts(closed="strangers")).digest != other.digest


def test_every_line_is_one_of_a_dial_plan() -> None:
    known = r";.*|\[[a-zA-Z0-9_-]+\](\(\+\))?|exten => [^,]+,1,.+| same => n(\([a-z0-9]+\))?,.+|include => [\w-]+|"
    lines = plan().text.splitlines()
    assert [line for line in lines if not re.fullmatch(known + rf"|{MARKER} = \w+", line)] == []
    assert sum(line.startswith(("exten", " same")) for line in lines) == len(steps(plan().text))


def test_the_owners_globals_are_added_to_where_there_are_some() -> None:
    assert "\n[globals]\n" in plan().text
    assert "\n[globals](+)\n" in plan(facts=Facts(sections={"extensions.conf": ("globals",)})).text


def test_nothing_runs_programs() -> None:
    applications = {step.partition("(")[0] for step in steps(plan().text)}
    assert applications <= {
        *("Answer", "Dial", "Gosub", "GosubIf", "Goto", "GotoIf", "Hangup", "Log", "MSet", "NoOp", "Playback"),
        *("PlayTones", "Progress", "Record", "Return", "Set", "SoftHangup", "StopPlayTones", "UserEvent", "Wait"),
    }
    functions = set(re.findall(r"\$\{([A-Z0-9_]+)\(", plan().text))
    assert not functions & {"SHELL", "EVAL", "FILE", "ENV", "CURL", "REALTIME", "ODBC", "STAT"}


# What may stand in an argument that Asterisk acts upon. Names of sections, digits that were filtered, Asterisk's words
# and names of channels.
TRUSTED = {
    *(
        "CONTEXT",
        "DIALEDPEERNAME",
        "DIALSTATUS",
        "GOSUB_RETVAL",
        "HANGUPCAUSE",
        "PLAYBACKSTATUS",
        "RECORD_STATUS",
        "EXTEN",
    ),
    *(
        "HL_CALLER",
        "HL_CALLS",
        "HL_COUNT",
        "HL_DIRECTION",
        "HL_DIGITS",
        "HL_E164",
        "HL_FILE",
        "HL_GSM",
        "HL_KEY",
        "HL_LEFT",
    ),
    *("HL_NUMBER", "HL_PHONE", "HL_RAW", "HL_REASON", "HL_RING", "HL_RULE", "HL_SECONDS", "HL_SOURCE", "HL_SPEAK"),
    *("HL_TAKEN", "HL_UNTIL", "HL_URGENT", "HL_USED", "HL_USING", "HL_VIA", "HL_GRANT", "HL_STARTED", "EPOCH"),
}
ACTING = ("Dial", "Gosub", "GosubIf", "Goto", "GotoIf", "Hangup", "Playback", "Record", "SoftHangup", "UserEvent")
# Where a text of the network stands in an expression, the function around it gives digits, whatever it gets.
_INSIDE = r"(\$\{\w+(\(\w+\))?(:[\d-]+)*\}|[^${}]|\$(?!\{))*"
DIGITS = rf"\$\{{(LEN|FIELDQTY|REGEX|GROUP_COUNT|DB_KEYCOUNT|LOCK|FILTER)\({_INSIDE}\)\}}"


def test_what_the_network_sends_is_never_an_argument() -> None:
    for step in steps(plan().text):
        if step.partition("(")[0] in ACTING:
            rest = re.sub(DIGITS, "", step)
            while "${IF(" in rest:  # what it chooses from counts as well
                rest = rest.replace("${IF(", "", 1)
            used = set(re.findall(r"\$\{([A-Za-z0-9_]+)", rest))
            assert used <= TRUSTED | {"FILTER"}, step


def test_a_raw_extension_is_only_kept_and_dialled_where_its_pattern_has_digits_alone() -> None:
    extension = ""
    for line in plan().text.splitlines():
        extension = match[1] if (match := re.match(r"exten => ([^,]+),", line)) else extension
        if "EXTEN" in line and "HL_DIALLED=${EXTEN}" not in line:
            assert not re.search(r"[A-Za-z]", extension.replace("X", "")), line


@pytest.mark.parametrize("root", ["/tmp/a b", "/tmp/a;b", "/tmp/${x}", "/tmp/a,b", "/tmp/ä", "/tmp/a\nb", "/tmp/(a)"])
def test_a_path_that_a_dial_plan_cannot_hold(root: str) -> None:
    with pytest.raises(RenderError, match="root"):
        plan(facts=Facts(root=root))


def test_twilios_calls_are_never_taken_without_an_account_to_know_them_by() -> None:
    config = configuration(ALL)
    with pytest.raises(RenderError, match=r"byoc\.type"):
        extensions(replace(config, twilio=Twilio()), Facts())


def test_modules_are_asked_for_where_they_are_used() -> None:
    small = plan("")
    assert not {"app_record", "codec_gsm", "func_speex", "func_jitterbuffer"} & set(small.needed)
    assert {"app_record", "codec_gsm", "format_wav_gsm", "func_speex", "func_jitterbuffer"} <= set(plan().needed)
    assert "app_system" not in plan().needed


def test_what_cannot_carry_calls_is_said() -> None:
    base = BASE.replace("option country 'CH'", "option country 'AQ'")
    assert [where for where, _, _ in plan(base=base).problems] == ["main.country"]


async def test_asterisk_reads_it_without_a_word(asterisk_programs: Programs, tmp_path: Path) -> None:
    """All contexts are there, the owner's globals and ours, and all that is used comes from a module we ask for.

    An Asterisk that was built without its own documentation, as OpenWrt's is, does not tell of which module a thing is.
    """
    made = plan(facts=Facts(root=str(tmp_path), sections={"extensions.conf": ("globals",)}))
    owner = "[globals]\nOWNER = kept\n#tryinclude homeline/extensions.conf\n"
    files = {"extensions.conf": owner, "homeline/extensions.conf": made.text}
    async with Asterisk(tmp_path, files=files) as asterisk:
        assert asterisk.complaints() == []
        assert await asterisk.get("${GLOBAL(OWNER)}") == "kept"
        assert await asterisk.get(f"${{GLOBAL({MARKER})}}") == made.digest
        shown = await asterisk.cli("dialplan show")
        found = re.findall(r"\[ Context '(homeline-[^']+)'", shown)
        assert sorted(found) == sorted(made.contexts)
        for kind, names in (
            ("application", {step.partition("(")[0] for step in steps(made.text)}),
            ("function", set(re.findall(r"(?:\$\{|Set\()([A-Z0-9_]+)\(", made.text))),
        ):
            for name in names:
                about = await asterisk.cli(f"core show {kind} {name}")
                assert "info about" in about.lower(), about
                _, told, rest = about.partition("[Provided By]\n")
                provider = rest.partition("\n")[0].strip()
                assert not told or provider in (*made.needed, "pbx_builtins", "builtin"), (name, provider)


def test_minutes_are_reserved_in_one_step() -> None:
    """A caller may hang up between any two, and gets back what he seems to have reserved."""
    (step,) = (step for step in steps(plan().text) if "HL_TAKEN=" in step)
    assert step.startswith("MSet(HL_TAKEN=${HL_SECONDS},DB(homeline-used/")


def test_golden() -> None:
    """A dial plan as it is to be. After a change on purpose: HOMELINE_GOLDENS=write, and read the difference."""
    golden = Path(__file__).parent / "dialplan_golden.conf"
    if os.environ.get("HOMELINE_GOLDENS") == "write":
        golden.write_text(plan().text)
    assert plan().text == golden.read_text()


def test_each_refusal_is_told_and_documented() -> None:
    documented = (Path(__file__).parents[2] / "docs/asterisk.md").read_text()
    for refusal in Refusal:
        assert f"\nexten => {refusal},1,Set(HL_REASON={refusal})\n" in plan().text
        assert f"\n| `{refusal}` |" in documented
