"""The owner's own dial plan: which contexts lead to a dongle or into ours, and where a stranger's text is executed.

Reading errs on the side of suspicion: a context counts as reached wherever its name stands for a place to go to. What
is reached by a name that is put together while a call runs is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homeline.core.audit_files import Files, Finding, shown
from homeline.protocol.asterisk_conf import Section

FILE = "extensions.conf"
OTHER_FILES = ("extensions.ael", "extensions.lua")  # dial plans in other languages, which are not read here
OURS = "homeline-"  # every context of ours begins so

_DEVICE = re.compile(r"\b(Dongle|Quectel)/[^,&|)\s]*", re.IGNORECASE)
_DEVICE_APPS = re.compile(r"(dongle|quectel)\w+", re.IGNORECASE)  # DongleSendSMS and its like
_OURS = re.compile(rf"(?<![\w-]){OURS}[\w-]+")
_STEP = re.compile(r"\s*(\w+)\s*(?:\((.*)\)|,(.*))?\s*", re.DOTALL)
_LOCAL = re.compile(r"Local/[^@,&|)]*@([\w.-]+)", re.IGNORECASE)
_DIAL_OPTION = re.compile(r"[GUFbBM]\(([\w.-]+)")
_PLACE = re.compile(r"[\w.-]+")
_INCLUDES = ("include", "switch", "lswitch", "eswitch")
_LONGEST = 4096  # octets: Asterisk cuts arguments there when it puts variables in
_DIALS = ("dial", "originate", "page", "queue", "followme", "retrydial", "channelredirect", "disa", "transfer")
_JUMPS = ("goto", "gotoif", "gotoiftime", "gosub", "gosubif", "execif", "execiftime", "exec", "tryexec", "set", "mset")
_COMMANDS = ("system", "trysystem", "externalivr", "exec", "tryexec")
_COMMAND_FUNCTIONS = re.compile(r"\b(SHELL|EVAL|BACKTICK)\(|\bFILE\([^)]*\$\{")
# Functions after which nothing is left that a shell or a dial string would take for more than text.
_CLEANING = re.compile(r"\$\{(?:FILTER|BASE64_ENCODE|MD5|SHA1|LEN|REGEX)\(")
_STRANGERS = (
    "SMS", "USSD", "CALLERID", "CALLERIDNUM", "CALLERIDNAME", "CONNECTEDLINE", "REDIRECTING", "PJSIP_HEADER",
    "PJSIP_HEADERS", "SIP_HEADER", "SIPDOMAIN", "BASE64_DECODE", "MESSAGE", "MESSAGE_DATA", "CDR",
)  # fmt: skip
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SET = re.compile(r"\s*(?:_{0,2})(\w+)\s*=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One priority of an extension."""

    context: str
    pattern: str
    app: str  # in small letters
    data: str
    file: str
    line: int

    @property
    def is_open(self) -> bool:
        """Whether the extension may be of any length, and so of any characters."""
        return self.pattern.startswith("_") and self.pattern.partition("/")[0].endswith((".", "!"))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a context leads to, and the contexts on the way there."""

    path: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        via = f" (through {' → '.join(map(shown, self.path[1:]))})" if len(self.path) > 1 else ""
        return f"{shown(self.what)}{via}"


class Dialplan:
    """The contexts of extensions.conf."""

    def __init__(self, files: Files) -> None:
        self.steps: dict[str, list[Step]] = {}
        self.includes: dict[str, list[Step]] = {}
        self.unread = tuple(name for name in OTHER_FILES if files.texts.get(name, "").strip())
        self._globals: dict[str, str] = {}
        self._reached: dict[str, Reach | None] = {}
        self._summaries: dict[str, tuple[str, frozenset[str]]] = {}
        for section in files.sections(FILE):
            if section.name.lower() == "globals":
                self._globals.update((entry.name, entry.value) for entry in section.entries)
        for section in files.sections(FILE):
            if section.name.lower() not in ("general", "globals"):
                self._add(section)

    def _add(self, context: Section) -> None:
        """A context's steps, and what it includes."""
        steps = self.steps.setdefault(context.name, [])
        includes = self.includes.setdefault(context.name, [])
        pattern = ""
        for entry in context.entries:
            name = entry.name.lower()
            if name in _INCLUDES:
                target = re.split(r"[,|]", entry.value)[0].strip()
                includes.append(Step(context.name, "", name, target, entry.file, entry.line))
            elif name in ("exten", "same") and (found := _step(entry.value, pattern if name == "same" else "")):
                pattern, app, data = found
                steps.append(Step(context.name, pattern, app, self._expanded(data), entry.file, entry.line))

    def _expanded(self, data: str) -> str:
        """With the values of global variables, in which a recipe likes to keep its trunk."""
        return _VARIABLE.sub(lambda match: self._globals.get(match[1], match[0]), data)[:_LONGEST]

    def all_steps(self) -> Iterator[Step]:
        for steps in self.steps.values():
            yield from steps

    def entered(self, files: Files) -> set[str]:
        """The contexts to which an account or device of some other file leads, directly or by way of others."""
        found = {"default"}
        for name in files.texts:
            if name.endswith(".conf") and name != FILE and "/" not in name:
                for section in files.sections(name):
                    found |= {entry.value for entry in section.entries if entry.name.lower().endswith("context")}
        todo = sorted(found)
        for context in todo:
            fresh = self._summary(context)[1] - found
            found |= fresh
            todo += sorted(fresh)
        return found

    def knows(self, context: str) -> bool:
        """Whether a call that enters here gets anywhere, as far as one can tell."""
        return bool(self.steps.get(context) or self.includes.get(context) or self.unread)

    def reach(self, context: str) -> Reach | None:
        """How a call that enters here comes to a dongle, or into our contexts; None where it does not."""
        if context not in self._reached:
            self._reached[context] = self._search(context)
        return self._reached[context]

    def _search(self, context: str) -> Reach | None:
        if context.startswith(OURS):
            return Reach((context,), context)
        seen = {context}
        paths: list[tuple[str, ...]] = [(context,)]
        for path in paths:
            what, targets = self._summary(path[-1])
            if what:
                return Reach(path, what)
            fresh = targets - seen
            seen |= fresh
            paths += [(*path, target) for target in sorted(fresh)]
        return None

    def _summary(self, context: str) -> tuple[str, frozenset[str]]:
        """The first way out that a context has itself, and the contexts of this file to which it may lead."""
        if context not in self._summaries:
            steps = (*self.steps.get(context, ()), *self.includes.get(context, ()))
            what = next((found for step in steps if (found := _way_out(step))), "")
            places = (name for step in steps for name in _places(step))
            self._summaries[context] = what, frozenset(name for name in places if name in self.steps)
        return self._summaries[context]


def _places(step: Step) -> set[str]:
    """What stands where a step may name a context."""
    names = set(_LOCAL.findall(step.data))
    if step.app in _INCLUDES:
        names |= {step.data, step.data.rpartition("@")[2]}
    elif step.app in _JUMPS:
        names |= set(_PLACE.findall(step.data))
    elif step.app.startswith("macro"):
        names |= {f"macro-{name}" for name in _PLACE.findall(step.data)}
    elif step.app in _DIALS:
        names |= set(_DIAL_OPTION.findall(step.data))
    return names


def audit(plan: Dialplan, files: Files) -> Iterator[Finding]:
    """Findings in the dial plan itself. What no call can come to does no harm and is not said."""
    yield from _dongles(plan)
    entered = plan.entered(files)
    yield from (finding for finding in (*_commands(plan), *_open_patterns(plan)) if finding.section in entered)
    for name in plan.unread:
        yield _unread(name, files.texts[name])


def _unread(name: str, text: str) -> Finding:
    way_out = _DEVICE.search(text) or _OURS.search(text)
    if way_out:
        line = text.count("\n", 0, way_out.start()) + 1
        reason = f"leads to {shown(way_out[0])}, and Homeline cannot see who may get there"
        return Finding(name, line, name, reason, "remove it, or accept it once you are sure", "critical", True)
    return Finding(
        name, 0, name, "is a dial plan that Homeline does not read", "see that no stranger gets into it", "info"
    )


def _dongles(plan: Dialplan) -> Iterator[Finding]:
    """Contexts that lead to a dongle or to us by a step of their own."""
    for context, steps in plan.steps.items():
        for step in (*steps, *plan.includes[context]):
            if what := _way_out(step):
                yield Finding(
                    step.file,
                    step.line,
                    context,
                    f"leads to {shown(what)} beside Homeline's rules: no allow-list and no limit holds there",
                    "remove the line; calls from phones and trunks go through `outbound` sections",
                    "critical",
                    True,
                )
                break


def _commands(plan: Dialplan) -> Iterator[Finding]:
    """Steps by which text from the network is executed."""
    strangers = _tainted(plan, frozenset(_STRANGERS))
    for step in plan.all_steps():
        names = strangers | {"EXTEN"} if step.is_open else strangers
        runs = step.app in _COMMANDS or (step.app == "mixmonitor" and step.data.count(",") >= 2)
        if (runs or _COMMAND_FUNCTIONS.search(step.data)) and (name := _uses(step.data, names)):
            yield Finding(
                step.file,
                step.line,
                step.context,
                f"runs what a stranger writes: {shown(step.app)} with ${{{name}}}, so an SMS, a caller's name "
                "or a number that is called can be a command to this router",
                "remove the line; Homeline forwards messages and calls by its own rules",
                "critical",
                True,
            )


def _open_patterns(plan: Dialplan) -> Iterator[Finding]:
    """Patterns that take any characters into a dial string, such as `1&Local/…`."""
    dialled = _tainted(plan, frozenset(("EXTEN",)))
    for step in plan.all_steps():
        if step.app in _DIALS and step.is_open and _uses(step.data, dialled):
            yield Finding(
                step.file,
                step.line,
                step.context,
                f"the pattern {shown(step.pattern)} dials whatever is sent, `1&Local/…` and so any extension too",
                "write ${FILTER(0-9+,${EXTEN})} instead of ${EXTEN}, or a pattern of digits",
                "critical",
                True,
            )


def _way_out(step: Step) -> str:
    """The dongle or context of ours that a step leads to, "" if none."""
    found = _DEVICE.search(step.data) or _OURS.search(step.data)
    if found:
        return found[0]
    return step.app if _DEVICE_APPS.fullmatch(step.app) else ""


def _step(value: str, pattern: str) -> tuple[str, str, str] | None:
    """Extension, application and its arguments of an `exten` line, or of a `same` line of extension `pattern`."""
    parts = value.split(",", 1 if pattern else 2)
    if len(parts) < (2 if pattern else 3):
        return None
    found = _STEP.fullmatch(parts[-1])
    if not found:
        return None
    return pattern or parts[0].strip(), found[1].lower(), found[2] or found[3] or ""


def _tainted(plan: Dialplan, names: frozenset[str]) -> frozenset[str]:
    """`names` with the variables that are set from them, and from those."""
    while True:
        more = {
            found[1]
            for step in plan.all_steps()
            if step.app in ("set", "mset", "execif")
            for part in (step.data.split(",") if step.app == "mset" else [step.data])
            if (found := _SET.match(part.rpartition("Set(")[2])) and _uses(found[2], names)
        }
        if more <= names:
            return names
        names |= more


def _uses(data: str, names: frozenset[str]) -> str:
    """The first of these variables or functions that stands in `data` outside of what cleans it, else ""."""
    rest = _without_cleaned(data)
    found = re.search(r"\$\{[^{}]*?\b(" + "|".join(map(re.escape, sorted(names))) + r")\b", rest)
    return found[1] if found else ""


def _without_cleaned(data: str) -> str:
    """`data` without the expressions whose value is clean, whatever is in them."""
    while found := _CLEANING.search(data):
        depth, at = 0, found.start()
        while at < len(data):
            depth += data.startswith("${", at)
            depth -= data[at] == "}"
            at += 1
            if depth == 0 and at > found.start() + 1:
                break
        data = data[: found.start()] + data[at:]
    return data
