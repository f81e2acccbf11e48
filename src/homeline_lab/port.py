"""One port of a simulated dongle: octets in, command lines out, answers back, in V.250's form."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache

from homeline_lab import at_calls, at_general, at_network, at_sms
from homeline_lab.at_line import AtError, Op, Prompt, Request, UnknownCommandError, final_line, parse
from homeline_lab.models import MODELS, DongleModel, PortKind
from homeline_lab.modem import Handler, Modem
from homeline_lab.wire import Wire

LINE_LIMIT = 4096  # octets of a command line or of a payload; what is longer is thrown away
PROMPT = b"\r\n> "
OK = b"\r\nOK\r\n"
_START = re.compile(rb"A[T/]", re.IGNORECASE)

# direction (">>" to the dongle, "<<" from it) and octets
Trace = Callable[[str, bytes], None]


@cache
def _commands(key: str) -> dict[str, Handler]:
    families = MODELS[key].families or {""}
    modules = (at_general, at_network, at_sms, at_calls)
    found: dict[str, Handler] = {}
    for module in modules:
        found |= module.COMMANDS
        for family, handlers in getattr(module, "FAMILIES", {}).items():
            found |= handlers if family in families else {}
    return found


def commands_of(model: DongleModel) -> dict[str, Handler]:
    """All that a model answers."""
    return _commands(model.key)


class Port:
    """A pty with an AT interpreter, or a mute one. Commands run one after the other, in the loop's callbacks."""

    def __init__(self, name: str, kind: PortKind, modem: Modem, trace: Trace) -> None:
        self.name, self.kind = name, kind
        self.echo = modem.model.echo
        self.wire = Wire(self._feed)
        self._modem, self._trace = modem, trace
        self._loop = asyncio.get_running_loop()
        self._table = commands_of(modem.model)
        self._input = bytearray()
        self._lines: deque[bytes] = deque()
        self._busy = False
        self._prompt: tuple[Prompt, list[Request]] | None = None
        self._held: list[bytes] = []  # unsolicited lines that came while a prompt was open
        self._answered_at = 0.0

    def tell(self, text: bytes) -> None:
        """An unsolicited line. It waits for the end of a prompt, as real modems keep it out of the text."""
        if self._prompt:
            self._held.append(text)
        else:
            self._send(text)

    def _send(self, data: bytes) -> None:
        if data:
            self._trace("<<", data)
            self.wire.send(data)

    # In ----------------------------------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        self._trace(">>", data)
        if self.kind is PortKind.MUTE:
            return
        self._input += data
        self._pump()

    def _pump(self) -> None:
        while not self._busy and self._input and not self.wire.closed:
            taken = self._take_payload() if self._prompt else self._take_line()
            if not taken:
                break
        if len(self._input) > LINE_LIMIT and not self._busy:
            self._input.clear()

    def _take_line(self) -> bool:
        end = self._input.find(b"\r")
        if end < 0:
            return False
        line = bytes(self._input[:end])
        del self._input[: end + 1]
        if self.echo and not self._modem.faults.mute:
            self._send(line.replace(b"\n", b"") + b"\r")
        match = _START.search(line)
        if match:
            self._command(line[match.end() :].decode("latin-1").strip("\n\x00\x1a\x1b "))
        return True

    def _take_payload(self) -> bool:
        """Text up to Ctrl-Z; ESC gives it up. A terminal's line ends stay in it."""
        end = next((i for i, b in enumerate(self._input) if b in b"\x1a\x1b"), -1)
        if end < 0 or self._prompt is None:
            return False
        payload, cancelled = bytes(self._input[:end]), self._input[end] == 0x1B
        del self._input[: end + 1]
        prompt, requests = self._prompt
        self._prompt = None
        if self.echo and not self._modem.faults.mute:
            self._send(payload)
        if cancelled:
            self._finish(OK, requests)
        elif not self._modem.faults.mute:
            self._work(requests, lambda: self._accepted(prompt, payload, requests))
        return True

    # Execution ---------------------------------------------------------------------------------------------------

    def _command(self, line: str) -> None:
        modem = self._modem
        requests: list[Request] | None
        try:
            requests = parse(line)
        except AtError:
            requests = None
        for request in requests or [Request("", Op.RUN)]:
            modem.commands[request.name] += 1
        if modem.faults.swallows(self._loop.time() - self._answered_at):
            return
        if requests is None:
            self._finish(b"\r\nERROR\r\n", [])
        else:
            self._work(requests, lambda: self._run(requests))

    def _work(self, requests: Sequence[Request], action: Callable[[], None]) -> None:
        """Do it now, or after the time that the command takes on this dongle."""
        delay = self._modem.faults.delay(requests)
        if not delay:
            action()
            return
        self._busy = True
        self._loop.call_later(delay, self._resume, action)

    def _resume(self, action: Callable[[], None]) -> None:
        self._busy = False
        if not self.wire.closed:
            action()
            self._pump()

    def _run(self, requests: list[Request]) -> None:
        refusal = self._modem.faults.refusal(requests, payload=False, prompts=_prompts(requests))
        if refusal is not None:
            self._finish(b"\r\n" + refusal.encode() + b"\r\n", requests)
            return
        answer = bytearray()
        try:
            for request in requests:
                result = self._one(request)
                if isinstance(result, Prompt):
                    self._open_prompt(result, requests, bytes(answer))
                    return
                if result:
                    answer += b"\r\n" + "\r\n".join(result).encode("latin-1", "replace") + b"\r\n"
        except (AtError, UnknownCommandError) as e:
            answer += self._failure(e)
        else:
            answer += OK
        self._finish(bytes(answer), requests)

    def _one(self, request: Request) -> list[str] | Prompt | None:
        if request.name == "E":
            self.echo = request.number(0, 0) != 0
            return None
        handler = self._table.get(request.name)
        if handler is None:
            raise UnknownCommandError(request.name)
        return handler(self._modem, request)

    def _failure(self, error: Exception) -> bytes:
        if isinstance(error, AtError):
            line = final_line(error, self._modem.settings.cmee, self._modem.model.verbose_cms)
        else:
            line = self._modem.model.unknown
        return b"\r\n" + line.encode() + b"\r\n"

    def _open_prompt(self, prompt: Prompt, requests: list[Request], before: bytes) -> None:
        self._prompt = prompt, requests
        vanishing = self._modem.faults.vanishes(requests, prompting=True)
        if vanishing:
            self.wire.cut_after(vanishing.octets, lambda: self._modem.on_vanish(vanishing))
        self._send(before + PROMPT)

    def _accepted(self, prompt: Prompt, payload: bytes, requests: list[Request]) -> None:
        refusal = self._modem.faults.refusal(requests, payload=True, prompts=True)
        if refusal is not None:
            self._finish(b"\r\n" + refusal.encode() + b"\r\n", requests)
            return
        try:
            lines = prompt.accept(payload)
        except AtError as e:
            self._finish(self._failure(e), requests)
        else:
            self._finish(b"\r\n" + "\r\n".join(lines).encode() + b"\r\n" + OK, requests)

    # Out ---------------------------------------------------------------------------------------------------------

    def _finish(self, answer: bytes, requests: Sequence[Request]) -> None:
        """An answer goes out, as the faults leave it; then what waited behind it."""
        faults = self._modem.faults
        vanishing = faults.vanishes(requests, prompting=False)
        if vanishing:
            self.wire.cut_after(vanishing.octets, lambda: self._modem.on_vanish(vanishing))
        lost = faults.loses_answer(requests)
        self._send(b"" if lost else faults.disturb(answer, requests))
        if vanishing and not vanishing.octets:
            self.wire.send(b"")
        self._answered_at = self._loop.time()
        held, self._held = self._held, []
        for text in held:
            self._send(text)


def _prompts(requests: Sequence[Request]) -> bool:
    """Whether a line ends in a prompt."""
    return any(r.name in ("+CMGS", "+CMGW") for r in requests)
