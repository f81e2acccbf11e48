"""TwiML, the XML by which Twilio is told what to do with a call: verbs as values, and the document of them.

Every text and attribute is escaped here, and what XML 1.0 cannot hold (2.2) is left out, so callers never quote. The
octets are those of Twilio's own library, which a test compares. (Twilio documentation, "TwiML for Programmable Voice".)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#09;"}
)


@dataclass(frozen=True, slots=True)
class Verb:
    """An element with its attributes, and its text or the elements within."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    within: tuple[Verb, ...] = ()

    def __str__(self) -> str:
        attributes = "".join(f' {name}="{_clean(value).translate(_IN_ATTRIBUTE)}"' for name, value in self.attributes)
        content = _clean(self.text).translate(_IN_TEXT) + "".join(map(str, self.within))
        return f"<{self.name}{attributes}>{content}</{self.name}>" if content else f"<{self.name}{attributes} />"


def document(*verbs: Verb) -> str:
    """The whole answer. Without a verb Twilio hangs up."""
    return _HEAD + str(Verb("Response", within=verbs))


def say(text: str, *, language: str = "") -> Verb:
    """Reads a text to the caller; `language` is such as `en-US`, Twilio's default where it is ""."""
    return Verb("Say", _given({"language": language}), text)


def reject(*, busy: bool = False) -> Verb:
    """Ends a call that is not answered yet, at no cost: 404 to a SIP caller, with `busy` 486. First verb only."""
    return Verb("Reject", _given({"reason": "busy" if busy else "rejected"}))


def hangup() -> Verb:
    return Verb("Hangup")


def redirect(url: str) -> Verb:
    """Goes on with the document at `url`, which is asked for by POST."""
    return Verb("Redirect", _given({"method": "POST"}), url)


def dial(parties: Iterable[Verb], *, caller_id: str = "", timeout: int = 0, longest: int = 0, action: str = "") -> Verb:
    """Calls all parties (`number`, `sip`) at once; the first that answers has the call, which is answered only then.

    `timeout` is how long they ring (0 is Twilio's 30), `longest` how long they talk (0 is Twilio's four hours), in
    seconds. `action` is asked by POST what to do when the call has ended, or when nobody answered; without it what
    follows in the document counts.
    """
    attributes = {
        "action": action,
        "answerOnBridge": "true",
        "callerId": caller_id,
        "method": "POST" if action else "",
        "timeLimit": str(longest or ""),
        "timeout": str(timeout or ""),
    }
    return Verb("Dial", _given(attributes), within=tuple(parties))


def number(text: str, *, byoc: str = "") -> Verb:
    """A telephone number, E.164; `byoc` is the SID of the trunk that carries the call, else Twilio itself does."""
    return Verb("Number", _given({"byoc": byoc}), text)


def sip(uri: str) -> Verb:
    """A SIP URI: at most 255 characters, X- headers behind `?`, escaped as RFC 3261 19.1.1 wants it."""
    return Verb("Sip", text=uri)


def record(*, action: str, status: str, longest: int, transcription: str = "") -> Verb:
    """Records the caller after a tone, for at most `longest` seconds, or until 5 seconds of silence or a key.

    `action` is asked by POST what comes next, `status` is told when the recording can be fetched, `transcription` (""
    for none) what was said.
    """
    attributes = {
        "action": action,
        "maxLength": str(longest),
        "method": "POST",
        "playBeep": "true",
        "recordingStatusCallback": status,
        "recordingStatusCallbackEvent": "completed absent",
        "recordingStatusCallbackMethod": "POST",
        "transcribe": "true" if transcription else "",
        "transcribeCallback": transcription,
    }
    return Verb("Record", _given(attributes))


def _given(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those with a value, by name."""
    return tuple(sorted((name, value) for name, value in attributes.items() if value))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
