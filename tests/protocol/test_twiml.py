"""TwiML: its text is what Twilio's own library makes, and nobody's text gets out of its place."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol import twiml
from hostile import HOSTILE

VOICEMAIL = "https://home.example.org/voicemail?a=1&b=2"
RECORDING = "https://home.example.org/recording"


def response() -> Any:
    """The library's, where it is there."""
    library = pytest.importorskip("twilio.twiml.voice_response", reason="no library twilio")
    return library.VoiceResponse()


def test_a_call_as_the_library_writes_it() -> None:
    theirs = response()
    dial = theirs.dial(
        action=VOICEMAIL, answer_on_bridge=True, caller_id='+41"44', method="POST", time_limit=1800, timeout=25
    )
    dial.sip("sip:alice@homeline-demo.sip.twilio.com?X-Homeline-Number=%2B41&X-b=<c>")
    dial.number("+41791112233", byoc="BY00000000000000000000000000000001")
    parties = (
        twiml.sip("sip:alice@homeline-demo.sip.twilio.com?X-Homeline-Number=%2B41&X-b=<c>"),
        twiml.number("+41791112233", byoc="BY00000000000000000000000000000001"),
    )
    ours = twiml.dial(parties, caller_id='+41"44', timeout=25, longest=1800, action=VOICEMAIL)
    assert twiml.document(ours) == str(theirs)


def test_words_as_the_library_writes_them() -> None:
    theirs = response()
    theirs.say("Leave a message & <wait>.", language="en-US")
    theirs.say("Bye.")
    theirs.redirect(VOICEMAIL, method="POST")
    theirs.hangup()
    words = twiml.say("Leave a message & <wait>.", language="en-US")
    assert twiml.document(words, twiml.say("Bye."), twiml.redirect(VOICEMAIL), twiml.hangup()) == str(theirs)


@pytest.mark.parametrize(("busy", "reason"), [(True, "busy"), (False, "rejected")])
def test_a_refusal_as_the_library_writes_it(busy: bool, reason: str) -> None:
    theirs = response()
    theirs.reject(reason=reason)
    assert twiml.document(twiml.reject(busy=busy)) == str(theirs)


@pytest.mark.parametrize("transcription", ["", "https://home.example.org/transcription"])
def test_a_recording_as_the_library_writes_it(transcription: str) -> None:
    theirs = response()
    more = {"transcribe": True, "transcribe_callback": transcription} if transcription else {}
    theirs.record(
        action=VOICEMAIL,
        max_length=120,
        method="POST",
        play_beep=True,
        recording_status_callback=RECORDING,
        recording_status_callback_event="completed absent",
        recording_status_callback_method="POST",
        **more,
    )
    ours = twiml.record(action=VOICEMAIL, status=RECORDING, longest=120, transcription=transcription)
    assert twiml.document(ours) == str(theirs)


def test_nothing_at_all_as_the_library_writes_it() -> None:
    assert twiml.document() == str(response())


@given(st.one_of(st.text(), st.sampled_from(list(HOSTILE.values()))))
def test_no_text_leaves_its_place(text: str) -> None:
    """What XML cannot hold is left out; all else is read back as it was."""
    written = twiml.document(twiml.say(text), twiml.dial([twiml.number(text)], caller_id=text))
    root = ElementTree.fromstring(written.encode())
    held = "".join(
        c for c in text if c in "\t\n\r" or (" " <= c <= "\ud7ff") or ("\ue000" <= c <= "\ufffd") or c > "\uffff"
    )
    read_back = held.replace("\r\n", "\n").replace("\r", "\n")  # XML 1.0, 2.11
    assert [(e.tag, dict(e.attrib)) for e in root.iter()] == [
        ("Response", {}),
        ("Say", {}),
        ("Dial", {"answerOnBridge": "true", **({"callerId": held} if text else {})}),
        ("Number", {}),
    ]
    assert [root[0].text or "", root[1][0].text or ""] == [read_back, read_back]
