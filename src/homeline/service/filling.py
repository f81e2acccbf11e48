"""Templates filled in: what each of their fields is for an event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from homeline.model import Event
from homeline.protocol.template import compile_
from homeline.service import eventtext
from homeline.service.note import Note, code_of


def fill(source: str, note: Note) -> str:
    """A template's text for a note; what is hidden in the note is hidden here. ValueError where it is no template."""
    return compile_(source).fill(values(note))


def values(note: Note) -> dict[str, str]:
    """Every field of `template.FIELDS`; text, as it came."""
    event = note.event
    at, offset = eventtext.moment(event)
    there = time.gmtime(at + offset * 60)
    return {
        "text": event.text,
        "code": note.code,
        "from": event.peer,
        "name": _name(event),
        "who": eventtext.who(event) if event.peer else "",
        "to": str(note.document.get("to", "")),
        "dongle": event.dongle,
        "kind": str(event.kind),
        "what": eventtext.noun(event),
        "state": _state(event),
        "time": eventtext.words(at, offset),
        "date": time.strftime("%Y-%m-%d", there),
        "clock": time.strftime("%H:%M", there),
        "iso": eventtext.iso(at, offset),
        "at": str(at),
        "seconds": _seconds(event),
        "key": event.fields.get("key", ""),
        "severity": event.fields.get("severity", ""),
        "advice": event.fields.get("advice", ""),
        "subject": note.subject,
        "body": note.text,
        "rule": note.rule,
        "priority": str(note.priority),
        "id": str(event.id),
    }


def in_the_owners_words(note: Note, subject: str, template: str) -> Note:
    """The note with these templates in place of our words; an empty one leaves ours."""
    words = fill(template, note) if template and not note.event.digest else ""
    if template and note.event.digest:
        from homeline.service import digesttext

        words = digesttext.joined(note.event, _each(note, template))
    heading = eventtext.line(fill(subject, note)) if subject and not note.event.digest else note.subject
    if not template:
        return replace(note, subject=heading)
    return replace(note, subject=heading, text=words, brief=words, own_words=True)


def _each(note: Note, template: str) -> Iterator[str]:
    """The template filled in for each event of a digest."""
    used = compile_(template).fields
    for event in note.event.digest:
        alone = replace(
            note,
            event=event,
            subject=eventtext.line(eventtext.subject(event)),
            text=eventtext.body(event),
            code=code_of(event) if "code" in used else "",
        )
        yield fill(template, alone)


def _name(event: Event) -> str:
    source = event.message or event.call
    return source.peer_name if source else ""


def _state(event: Event) -> str:
    source = event.call or event.message
    return str(source.state) if source else event.fields.get("status", "")


def _seconds(event: Event) -> str:
    call = event.call
    if call is None:
        return ""
    talked = call.ended_at - call.answered_at if call.answered_at is not None else 0
    return str(call.recording_seconds or max(talked, 0) or "")
