"""Twilio's library, without what only its own ways of sending need.

It names `requests` (for annotations, and a client that is not used here) when it is loaded, which with what that brings
would triple this process. Requests go out by `transport`, so a stand-in is put in its place while the library loads.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from homeline.twilio.trouble import Trouble


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


def errors() -> tuple[type[Exception], ...]:
    """What the library raises for an answer that says no: `status`, `code` and words are in it."""
    module = importlib.import_module("twilio.base.exceptions")
    names = ("TwilioRestException", "TwilioServiceException")  # the second is new in 9.9
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def refusal(reply: Any) -> Exception:
    """The library's own error for an answer that says no."""
    made: Exception = importlib.import_module("twilio.base.version").Version.exception("", "", reply, "")
    return made
