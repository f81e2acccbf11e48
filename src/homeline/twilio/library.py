"""Twilio's library, without what only its own ways of sending need.

It names `requests` (for annotations, and a client that is not used here) when it is loaded, which with what that brings
would triple this process. Requests go out by `transport`, so a stand-in is put in its place while the library loads.
"""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType
from typing import Any

from homeline.twilio.trouble import Trouble

_PREFIX = re.compile(r"^(Unable to \w+ \w+)?: |Unable to \w+ \w+$")  # the library's own words before Twilio's


def _stand_ins() -> dict[str, ModuleType]:
    requests, adapters = ModuleType("requests"), ModuleType("requests.adapters")
    for name in ("Response", "Request", "Session", "hooks"):
        setattr(requests, name, type(name, (), {}))
    adapters.HTTPAdapter = type("HTTPAdapter", (), {})  # type: ignore[attr-defined]
    return {"requests": requests, "requests.adapters": adapters}


def _load() -> Any:
    missing = {name: module for name, module in _stand_ins().items() if name not in sys.modules}
    sys.modules.update(missing)
    try:
        return importlib.import_module("twilio.rest")
    except ModuleNotFoundError as error:
        raise Trouble(f"Twilio's library is not there ({error.name}): install the package homeline-twilio.") from None
    finally:
        for name in missing:
            sys.modules.pop(name, None)


def client(**settings: Any) -> Any:
    """A `twilio.rest.Client` that takes nothing from this process's environment."""
    return _load().Client(**settings, environment={"TWILIO_REGION": "", "TWILIO_EDGE": ""})


def resource(where: str) -> Any:
    """The class of a resource by module below `twilio.rest` and name, such as "voice.v1.byoc_trunk:ByocTrunkList"."""
    _load()
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(f"twilio.rest.{module}"), name)


def version(client: Any, product: str, name: str) -> Any:
    """One version of one of Twilio's products, as its resources want it."""
    domain = importlib.import_module("twilio.base.domain").Domain(client, f"https://{product}.twilio.com")
    return importlib.import_module("twilio.base.version").Version(domain, name)


def error() -> type[Exception]:
    """What the library raises for an answer that says no, and for one that it does not understand."""
    found: type[Exception] = importlib.import_module("twilio.base.exceptions").TwilioException
    return found


def refusal(reply: Any) -> Exception:
    """The library's error for an answer: it has `status`, `code` and words."""
    made: Exception = importlib.import_module("twilio.base.version").Version.exception("", "", reply, "")
    return made


def told(error: Exception) -> tuple[int, object, str]:
    """Status, Twilio's code and its words of one of the library's errors; that of a list has but the answer in it."""
    found: Any = next((refusal(part) for part in error.args if hasattr(part, "status_code")), error)
    words = (getattr(found, name, None) for name in ("msg", "detail", "title"))
    said = _PREFIX.sub("", next((str(each) for each in words if each), ""))
    return int(getattr(found, "status", 0) or 0), getattr(found, "code", 0), said
