"""The owner's account at Twilio: compared with UCI, set up, taken down again, by a process of its own.

What it made (SIDs, domain names, passwords) goes back into UCI by root's helper, also after a failure, so that the next
run goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from homeline.adapters.resolve import Resolver
from homeline.adapters.twilio_process import Answer, TwilioProcess
from homeline.config import FILES, MAIN_FILE, SECRET_FILE
from homeline.config_types import is_address
from homeline.errors import DecodeError, HomelineError
from homeline.paths import Paths
from homeline.protocol import uci
from homeline.service.api_tools import Table, fitting
from homeline.service.committing import Committer
from homeline.service.context import Context
from homeline.twilio.shapes import Question, What

log = logging.getLogger(__name__)

WAIT = 12.0  # seconds for root's helper
RESOLVE = 10.0  # seconds
_SHOWN = 500  # characters of a text from Twilio

Options = Mapping[str, Mapping[str, str]]  # {section: {option: value}}


class TwilioSetup:
    """One question at a time; who asks meanwhile waits."""

    def __init__(
        self,
        context: Context,
        paths: Paths,
        committer: Committer,
        process: TwilioProcess | None = None,
        resolver: Resolver | None = None,
        base: str = "",
    ) -> None:
        """`base`: as `shapes.Question` has it, for the lab."""
        self._context, self._paths, self._committer, self._base = context, paths, committer, base
        self._process, self._resolver = process or TwilioProcess(), resolver or Resolver()
        self._turn = asyncio.Lock()

    async def run(self, what: What, *, account_wide: bool = False) -> Table:
        """What the account needs, or what was done; a failure of Twilio's is in `error` (docs/ubus.md).

        Raises HomelineError where nothing could be asked.
        """
        async with self._turn:
            answer = await self._asked(what, account_wide)
            reply = _reply(answer)
            if what in (What.APPLY, What.DESTROY):
                log.info("Twilio: %s: %d steps, %s", what, len(reply["steps"]), _word(reply))
                reply |= await self._keep(answer["results"])
            return reply

    async def _asked(self, what: What, account_wide: bool) -> Answer:
        """The answer; what it is about to overwrite at Twilio is in UCI first. HomelineError where that cannot be."""
        answer = await self._process.ask(await self._question(what, account_wide))
        if answer.get("again"):
            if problem := (await self._keep(answer["results"])).get("problem"):
                raise HomelineError(f"Nothing was changed at Twilio. {problem}")
            answer = await self._process.ask(await self._question(what, account_wide))
            if answer.get("again"):
                raise HomelineError("What is at Twilio changes meanwhile, so nothing was done. Run it again.")
        return answer

    def progress(self) -> Table:
        """How far the question is that is asked now."""
        return self._process.progress()

    async def _question(self, what: What, account_wide: bool) -> Question:
        try:
            main, secrets = (self._read(name) for name in FILES)
        except OSError as error:
            raise HomelineError(f"The configuration cannot be read: {error.strerror}.") from None
        address = await self._address() if what is not What.DESTROY else ""
        return Question(what, main, secrets, account_wide, address, self._base)

    def _read(self, name: str) -> str:
        try:
            return (self._paths.config / name).read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            if name == MAIN_FILE:
                raise
            return ""

    async def _address(self) -> str:
        """The router's address as others see it; "" where none is set. HomelineError for a name without an address:
        without one the plan would be that of a router which cannot be reached."""
        host = self._context.config.sip.external_address
        if not host or is_address(host):
            return host
        return (await self._resolver.resolve(host, RESOLVE))[0]

    async def _keep(self, results: Mapping[str, Any]) -> Table:
        """Have the results committed. {"kept": whether they are}, and `problem` with why not."""
        try:
            lines = self._lines(results)
            if lines:
                before = self._context.config  # another takes its place once the helper has done all of it
                await self._committer.commit(lines, lambda config: config is not before, WAIT)
            lost = self._lost(results)
        except (HomelineError, OSError) as error:
            lost = [str(error)]
        if not lost:
            return {"kept": True}
        log.error("What was made at Twilio is not all in UCI: %s", ", ".join(lost))
        return {"kept": False, "problem": f"What was made is not all in UCI: {', '.join(lost)}"}

    def _lines(self, results: Mapping[str, Any]) -> list[str]:
        sections = {section.name: section for section in uci.parse(self._read(MAIN_FILE))}
        lines = [
            f"{sections[section].type} {section} {option} {value}"
            for half in ("options", "secrets")
            for section, option, value in _each(results.get(half, {}))
            if section in sections
        ]
        made = list(map(str, results["made"]))
        if made != _made(sections):
            lines += ["twilio twilio made", *(f"twilio twilio made {item}" for item in made)]
        for line in lines:
            if not (line.isascii() and line.isprintable()):
                raise DecodeError("a name that Twilio gave cannot be kept")
        return lines

    def _lost(self, results: Mapping[str, Any]) -> list[str]:
        """What the committed configuration lacks of the results, as SECTION.OPTION."""
        lost = []
        for name, half in ((MAIN_FILE, "options"), (SECRET_FILE, "secrets")):
            found = {section.name: section for section in uci.parse(self._read(name))}
            for section, option, value in _each(results.get(half, {})):
                if section not in found or found[section].options.get(option) != value:
                    lost.append(f"{section}.{option}")
            if name == MAIN_FILE and _made(found) != list(map(str, results["made"])):
                lost.append("twilio.made")
        return lost


def _made(sections: Mapping[str, uci.Section]) -> list[str]:
    """What is committed as `twilio.made`."""
    value = sections["twilio"].options.get("made", []) if "twilio" in sections else []
    return [value] if isinstance(value, str) else list(value)


def _each(options: Options) -> Iterable[tuple[str, str, str]]:
    for section, values in options.items():
        for option, value in values.items():
            yield str(section), str(option), str(value)


def _reply(answer: Answer) -> Table:
    """What the bus shows of an answer: no results, which hold secrets."""
    steps, cut = fitting([_step(step) for step in answer["steps"]])
    reply: Table = {"steps": steps, "more": cut, "advice": [_text(words) for words in answer.get("advice", ())]}
    if error := answer.get("error"):
        reply["error"] = {"text": _text(error["text"]), "code": int(error["code"]), "step": _text(error["step"])}
    return reply


def _step(step: Mapping[str, Any]) -> Table:
    shown: Table = {name: _text(step[name]) for name in ("action", "kind", "name", "sid", "why")}
    changes = [
        {"field": _text(field), "old": _text(old), "new": _text(new)} for field, (old, new) in step["changes"].items()
    ]
    return shown | {"changes": changes}


def _text(words: object) -> str:
    """Something that may be Twilio's, or a stranger's, fit for a message of the bus and for a page."""
    return "".join(sign if sign.isprintable() else " " for sign in str(words)[:_SHOWN])


def _word(reply: Table) -> str:
    return f"failed: {reply['error']['text']}" if "error" in reply else "done"
