"""What can be made to go wrong in a simulated dongle. Each field or method is one fault; all are off at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeline_lab.at_line import Request


@dataclass(slots=True)
class Refusal:
    """A command that is answered with `final` instead of being carried out."""

    command: str
    final: str
    times: int
    at_prompt: bool  # refuse before the prompt rather than after the payload


@dataclass(slots=True)
class Interjection:
    """A line that comes unasked inside an answer: before its line number `position`, or before each one (None)."""

    line: str
    position: int | None
    times: int
    command: str  # only in answers to this command; empty: in all


@dataclass(frozen=True, slots=True)
class Vanishing:
    """The port dies after `octets` of the answer to `command`, and comes back as `back_as` after `seconds`."""

    command: str
    octets: int
    back_as: str  # empty: does not come back by itself
    seconds: float
    at_prompt: bool


@dataclass(slots=True)
class Faults:
    """The dongle looks here before and after each command."""

    mute: bool = False  # hears nothing and says nothing, the port stays
    swallow: int = 0  # so many commands are lost on their way in
    min_gap: float = 0.0  # s after an answer in which a command is lost (some E1750 firmware: 0.3)
    lost_notices: int = 0  # so many +CMTI and +CDSI are not told
    noise_before: bytes = b""  # in front of each answer
    noise_after: bytes = b""
    latency: dict[str, float] = field(default_factory=dict)  # s of work by command name; "" is for all others
    refusals: list[Refusal] = field(default_factory=list)
    interjections: list[Interjection] = field(default_factory=list)
    lost_answers: dict[str, int] = field(default_factory=dict)  # carried out, but the answer never comes: name, times
    vanishing: Vanishing | None = None

    def refuse(self, command: str, final: str = "ERROR", times: int = 1, *, at_prompt: bool = False) -> None:
        """Answer the next `times` commands of that name (such as "+CMGR") with a final result of choice."""
        self.refusals.append(Refusal(command.upper(), final, times, at_prompt))

    def interject(self, line: str, position: int | None = None, times: int = 1, command: str = "") -> None:
        self.interjections.append(Interjection(line, position, times, command.upper()))

    def lose_answer(self, command: str, times: int = 1) -> None:
        self.lost_answers[command.upper()] = times

    def vanish(
        self, command: str, octets: int = 0, back_as: str = "", seconds: float = 0.0, *, at_prompt: bool = False
    ) -> None:
        self.vanishing = Vanishing(command.upper(), octets, back_as, seconds, at_prompt)

    def clear(self) -> None:
        """All well again."""
        fresh = Faults()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    # What the dongle asks ----------------------------------------------------------------------------------------

    def swallows(self, since_answer: float) -> bool:
        """Whether a command is lost that came so many seconds after the last answer."""
        if self.mute or since_answer < self.min_gap:
            return True
        if self.swallow:
            self.swallow -= 1
            return True
        return False

    def delay(self, requests: Sequence[Request]) -> float:
        """Seconds of work before the answer to a command line."""
        if not self.latency:
            return 0.0
        return max((self.latency.get(r.name, self.latency.get("", 0.0)) for r in requests), default=0.0)

    def refusal(self, requests: Sequence[Request], *, payload: bool, prompts: bool) -> str | None:
        """The final result to answer instead. A command with a prompt is refused after it unless said otherwise."""
        for refusal in self.refusals:
            if named(refusal.command, requests) and (refusal.at_prompt or payload or not prompts):
                refusal.times -= 1
                if not refusal.times:
                    self.refusals.remove(refusal)
                return refusal.final
        return None

    def loses_answer(self, requests: Sequence[Request]) -> bool:
        for command, times in self.lost_answers.items():
            if named(command, requests):
                self.lost_answers[command] = times - 1
                if times <= 1:
                    del self.lost_answers[command]
                return True
        return False

    def vanishes(self, requests: Sequence[Request], *, prompting: bool) -> Vanishing | None:
        vanishing = self.vanishing
        if vanishing and named(vanishing.command, requests) and vanishing.at_prompt == prompting:
            self.vanishing = None
            return vanishing
        return None

    def disturb(self, answer: bytes, requests: Sequence[Request]) -> bytes:
        """The answer with noise around it and unsolicited lines inside."""
        for item in list(self.interjections):
            if not item.command or named(item.command, requests):
                answer = interjected(answer, item.line, item.position)
                item.times -= 1
                if not item.times:
                    self.interjections.remove(item)
        return self.noise_before + answer + self.noise_after

    def loses_notice(self) -> bool:
        if self.lost_notices:
            self.lost_notices -= 1
            return True
        return False


def named(command: str, requests: Sequence[Request]) -> bool:
    """Whether a command line has that command. "" is any."""
    return not command or any(r.name == command for r in requests)


def interjected(answer: bytes, line: str, position: int | None) -> bytes:
    """`answer` with CR LF line CR LF before its text line number `position`, or before each one."""
    notice = b"\r\n" + line.encode("latin-1", "replace") + b"\r\n"
    out, number = bytearray(), 0
    for piece in answer.splitlines(keepends=True):
        if piece.strip():
            if position is None or position == number:
                out += notice
            number += 1
        out += piece
    return bytes(out + notice) if position is not None and position >= number else bytes(out)
