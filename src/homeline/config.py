"""Reads `/etc/config/homeline` and `homeline_secret` into one frozen `Config`: the only owner of option names.

A mistake never stops the rest. The section with the mistake is left out (in `main`, which everything needs, only the
option: it keeps its default) and `Config.problems` says section, option, value and reason. A secret's value is never
said. What is merely odd (an unknown option, an option given twice) is said too, and the section counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeline import config_checks
from homeline.config_checks import Tell
from homeline.config_options import CALLS, CHANNELS, SECTIONS, Config, Dongle, Email, Main, Rule
from homeline.config_types import MAX_VALUE, Option, SectionType
from homeline.errors import ConfigError, DecodeError, NotFound
from homeline.model import Problem
from homeline.protocol import uci

__all__ = [
    "FILES",
    "Config",
    "Dongle",
    "Email",
    "Main",
    "Rule",
    "assembled",
    "check",
    "load",
    "masked",
    "read",
    "sections",
]

FILES = MAIN_FILE, SECRET_FILE = "homeline", "homeline_secret"

_KEPT = ".good"  # copies that could be read, beside those that cannot (root's helper)
_SHOWN = 80  # characters of a wrong value in a problem
_MAX_NAME = 64  # characters of a section's name, which stands in every row of the store
_MAX_PROBLEMS = 100  # a status reply has to hold them


def sections() -> tuple[SectionType, ...]:
    """All types of sections."""
    return (*SECTIONS, *_channel_sections(), *_call_sections())


def _channel_sections() -> tuple[SectionType, ...]:
    """Loaded only where there is such a section."""
    from homeline.config_automatic import AUTOMATIC_SECTIONS
    from homeline.config_channels import CHANNEL_SECTIONS

    return (*CHANNEL_SECTIONS, *AUTOMATIC_SECTIONS)


def _call_sections() -> tuple[SectionType, ...]:
    """Loaded only where there are calls; none where the package for calls is not installed."""
    try:
        from homeline.config_calls import CALL_SECTIONS
    except ModuleNotFoundError:
        return ()
    return CALL_SECTIONS


def _type(name: str) -> SectionType | None:
    known = _call_sections() if name in CALLS else _channel_sections() if name in CHANNELS else SECTIONS
    return next((kind for kind in known if kind.name == name), None)


def check(section: str, option: str, value: str) -> str:
    """Why one value of an option (of a list, one item) cannot be; empty where it can. `section` is a type's name.

    Raises NotFound for an option that there is not. The reason never repeats the value.
    """
    kind = _type(section)
    row = kind.option(option) if kind else None
    if row is None:
        raise NotFound(f"There is no option '{option[:40]}' in a section '{section[:40]}'.")
    try:
        _parsed(section, row, value)
    except ConfigError as error:
        return error.reason
    return ""


def load(folder: Path, previous: Config | None = None) -> Config:
    """The configuration of the files in `folder`. Never raises.

    Where `homeline` cannot be read at all the result is `previous` (else an empty, disabled configuration) with the
    reason as its only problem, so that a typing error at a reload stops nothing that runs. Where `homeline_secret`
    cannot be read, the secrets of `previous` go on to count. At the start, the copies that root's helper kept of files
    which could be read stand for `previous`.
    """
    try:
        sections = uci.parse(_contents(folder / MAIN_FILE))
    except (OSError, DecodeError) as error:
        return replace(previous or _kept(folder) or Config(), problems=(_file_problem(MAIN_FILE, error),))
    try:
        secrets = uci.parse(_contents(folder / SECRET_FILE))
    except FileNotFoundError:
        return _Reader([]).config(sections)
    except (OSError, DecodeError) as error:
        known = _secrets_of(previous or _kept(folder) or Config())
        return _Reader(known, [_file_problem(SECRET_FILE, error)]).config(sections)
    return _Reader(secrets).config(sections)


def read(main: bytes | str, secrets: bytes | str = "") -> Config:
    """The configuration of two files' contents. DecodeError where one breaks UCI's syntax."""
    return assembled(uci.parse(main), uci.parse(secrets))


def assembled(main: Iterable[uci.Section], secrets: Iterable[uci.Section] = ()) -> Config:
    """The configuration of two files' sections, for who adds to them before they are read."""
    return _Reader(secrets).config(list(main))


def masked(config: Config) -> dict[str, object]:
    """The effective configuration for `get_config`, with UCI's option names: {"main": {…}, "dongle": {NAME: {…}}, …}.

    A secret is shown as "set" or "not set".
    """
    shown: dict[str, object] = {}
    for kind in sections():
        value = getattr(config, kind.attribute)
        if kind.singleton:
            shown[kind.singleton] = _masked_section(kind, value)
        else:
            shown[kind.name] = {
                section.name: _masked_section(kind, section) for section in value if type(section) is kind.build
            }
    return shown


def _masked_section(kind: SectionType, section: object) -> dict[str, object]:
    shown: dict[str, object] = {}
    for option in kind.options:
        value = getattr(section, option.attribute)
        if option.secret:
            shown[option.name] = "set" if value else "not set"
        elif isinstance(value, tuple):
            shown[option.name] = [str(item) for item in value]
        else:
            shown[option.name] = value if isinstance(value, bool | int) else str(value)
    return shown


def _kept(folder: Path) -> Config | None:
    """The configuration of the last copies that could be read, where there are any."""
    main, secret = (folder / f"{name}{_KEPT}" for name in FILES)
    try:
        return read(_contents(main), _contents(secret) if secret.exists() else b"")
    except (OSError, DecodeError):
        return None


def _contents(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(uci.MAX_SIZE + 1)


def _file_problem(name: str, error: OSError | DecodeError) -> Problem:
    where = f"/etc/config/{name}"
    if isinstance(error, FileNotFoundError):
        return Problem(where, "the file is missing", "install the package again, or start /etc/init.d/homeline")
    if isinstance(error, OSError):
        return Problem(where, f"cannot be read: {error.strerror}", "restart homeline, which makes a readable copy")
    return Problem(
        where, str(error), f"`uci show {name}` says the same; nothing of the file counts until it is put right"
    )


def _secrets_of(config: Config) -> Iterable[uci.Section]:
    """What `homeline_secret` must have held for this configuration."""
    for kind in sections():
        secret = [option for option in kind.options if option.secret]
        if not secret:
            continue
        found = getattr(config, kind.attribute)
        for section in (found,) if kind.singleton else found:
            if type(section) is not kind.build:
                continue
            known = {option.name: getattr(section, option.attribute) for option in secret}
            options = {
                name: list(value) if isinstance(value, tuple) else value for name, value in known.items() if value
            }
            if options:
                yield uci.Section(kind.name, kind.singleton or section.name, options=options)


def _printable(value: str) -> str:
    shown = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value[:_SHOWN]
    )
    return shown + ("…" if len(value) > _SHOWN else "")


class _Reader:
    """Collects sections and problems. A `ConfigError` raised inside means that a section is left out."""

    def __init__(self, secrets: Iterable[uci.Section], problems: Iterable[Problem] = ()) -> None:
        self._problems = list(problems)
        self._secrets = {section.name: section for section in secrets}
        self._broken_channels: set[str] = set()

    def config(self, sections: list[uci.Section]) -> Config:
        values: dict[str, Any] = {}
        for section in sections:
            kind = _type(section.type)
            if kind is None:
                self._unknown(section)
                continue
            try:
                self._add(values, kind, self._section(kind, section))
            except ConfigError as error:
                self._report(error)
                if kind.channel:
                    self._broken_channels.add(section.name)
        self._check_secrets({section.name: section for section in sections})
        return replace(self._checked(Config(**values), sections), problems=self._bounded_problems())

    def _unknown(self, section: uci.Section) -> None:
        if section.type in CALLS:
            self._say(section.name, "", f"'{section.type}' is about calls", "Install the package homeline-asterisk.")
        else:
            reason = f"'{_printable(section.type)}' is not a type of section that Homeline knows"
            self._say(section.name, "", reason)

    @staticmethod
    def _add(values: dict[str, Any], kind: SectionType, section: Any) -> None:
        if kind.singleton:
            values.setdefault(kind.attribute, section)
        else:
            values[kind.attribute] = (*values.get(kind.attribute, ()), section)

    def _checked(self, config: Config, sections: list[uci.Section]) -> Config:
        """What is left when the sections were held against each other."""
        declared = {section.name: section.type for section in sections}
        tell = Tell(self._report, self._say)
        config = replace(config, dongles=config_checks.dongles(config, tell))
        config = replace(config, rules=config_checks.rules(config, declared, self._broken_channels, tell))
        if any(kind in CALLS for kind in declared.values()) and _call_sections():
            from homeline import config_checks_calls  # loaded only where there are calls

            config = config_checks_calls.calls(config, declared, tell)
        if any(kind in CHANNELS for kind in declared.values()) or any(email.replies for email in config.emails):
            from homeline import config_checks_channels  # likewise

            config = config_checks_channels.channels(config, declared, tell)
        return config

    def _bounded_problems(self) -> tuple[Problem, ...]:
        more = len(self._problems) - _MAX_PROBLEMS
        rest = (Problem(MAIN_FILE, f"{more} more problems are not shown"),) if more > 0 else ()
        return (*self._problems[:_MAX_PROBLEMS], *rest)

    def _say(self, section: str, option: str, reason: str, advice: str = "") -> None:
        self._problems.append(Problem(_printable(f"{section}.{option}" if option else section), reason, advice))

    def _report(self, error: ConfigError) -> None:
        shown = f" (is '{_printable(error.value)}')" if error.value else ""
        self._say(error.section, error.option, error.reason + shown, "the section is left out until this is put right")

    def _section(self, kind: SectionType, section: uci.Section) -> Any:
        if kind.singleton and section.name != kind.singleton:
            raise ConfigError(section.name, "", "", f"only the section named '{kind.singleton}' counts")
        if section.anonymous:
            raise ConfigError(section.name, "", "", f"this {kind.name} section has no name; give it one")
        if len(section.name) > _MAX_NAME:
            raise ConfigError(section.name, "", "", f"its name is longer than {_MAX_NAME} characters")
        values = self._values(kind, section)
        if kind.singleton:
            return kind.build(**values)
        for option in kind.options:
            if option.required and option.attribute not in values and values.get("enabled", True):
                raise ConfigError(section.name, option.name, "", "is required")
        built = kind.build(name=section.name, **values)
        complete = kind.complete or _COMPLETE.get(kind.name)
        return complete(built) if complete else built

    def _values(self, kind: SectionType, section: uci.Section) -> dict[str, Any]:
        """The options' values by the dataclass's names. ConfigError (but for a singleton) when all is said."""
        values: dict[str, Any] = {}
        first: ConfigError | None = None
        for option, raw in self._options(kind, section):
            try:
                values[option.attribute] = _value(section.name, option, raw)
            except ConfigError as error:
                if kind.singleton:
                    self._say(
                        section.name, option.name, f"{error.reason} (is '{_printable(error.value)}')", "default used"
                    )
                elif first is None:
                    first = error
                else:
                    self._report(error)
        if first:
            raise first
        return values

    def _options(self, kind: SectionType, section: uci.Section) -> Iterable[tuple[Option, str | list[str]]]:
        """The known options of a section and of its secret half; says what is odd."""
        given = dict(section.options)
        secret = self._secrets.get(section.name)
        for option in kind.options:
            if option.secret and option.name in given:
                self._say(section.name, option.name, "is a secret", f"move it to /etc/config/{SECRET_FILE}")
            if option.secret and secret and secret.type == section.type and option.name in secret.options:
                given[option.name] = secret.options[option.name]
        for name, raw in given.items():
            known = kind.option(name)
            if known is None:
                self._say(
                    section.name, name, "Homeline has no such option"
                )  # its value may be a secret with a typing error
            else:
                yield known, raw
        for name in sorted(section.repeated):
            self._say(section.name, name, "is given more than once; the last one counts")

    def _check_secrets(self, sections: dict[str, uci.Section]) -> None:
        for name, secret in self._secrets.items():
            section = sections.get(name)
            where = f"{SECRET_FILE}.{name}"
            if section is None or section.type != secret.type:
                what = f"'{_printable(secret.type)}' section of this name"
                self._say(where, "", f"{MAIN_FILE} has no {what}, so its secrets are not used")
            elif kind := _type(secret.type):
                for option in secret.options:
                    row = kind.option(option)
                    if row is None or not row.secret:
                        self._say(
                            where, option, "is not a secret that Homeline knows", f"belongs in {MAIN_FILE}, if anywhere"
                        )


def _value(section: str, option: Option, raw: str | list[str]) -> object:
    """One option's value. A list may be written as a single option; the reverse is a mistake."""
    if option.many:
        items = [raw] if isinstance(raw, str) else raw
        return tuple(dict.fromkeys(_parsed(section, option, item) for item in items))
    if isinstance(raw, list):
        raise ConfigError(section, option.name, "", "is one value, not a list")
    return _parsed(section, option, raw)


def _parsed(section: str, option: Option, raw: str) -> object:
    shown = "" if option.secret else raw
    if not raw or len(raw) > MAX_VALUE:
        raise ConfigError(
            section, option.name, shown, "is empty" if not raw else f"is longer than {MAX_VALUE} characters"
        )
    try:
        return option.kind.parse(raw)
    except ValueError as error:
        raise ConfigError(section, option.name, shown, str(error)) from None


# What the rows alone cannot say of a single section: defaults and duties that depend on its other options.
_COMPLETE: dict[str, Callable[[Any], Any]] = {"email": config_checks.complete_email}
