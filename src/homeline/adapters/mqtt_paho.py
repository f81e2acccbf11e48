"""paho-mqtt, 1.6 or 2.x, without what only its websockets and proxies need: 1 MB of memory instead of 7.

Its one module imports `ssl`, `hashlib`, `uuid`, the whole of `urllib.request` and `socks` when it is loaded. Nothing of
that is used on a plain connection, and TLS needs `ssl` alone, which `paho` puts in place then. (Without any `ssl` paho
would fail: it names the module's errors in `except` even where there is no TLS.)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_UNUSED = ("hashlib", "uuid", "urllib.request")


def _without_ssl() -> ModuleType:
    """What paho names of `ssl` on a plain connection, which never raises it."""
    found = ModuleType("ssl")
    for name in ("SSLWantReadError", "SSLWantWriteError", "CertificateError"):
        setattr(found, name, type(name, (Exception,), {}))
    return found


def _load() -> Any:
    name = "paho.mqtt.client"
    if name in sys.modules:
        return sys.modules[name]
    stand_ins: dict[str, Any] = {each: ModuleType(each) for each in _UNUSED if each not in sys.modules}
    stand_ins |= {} if "socks" in sys.modules else {"socks": None}  # None: an import fails, as paho expects it to
    if "ssl" not in sys.modules:
        stand_ins["ssl"] = _without_ssl()
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(name)
    finally:
        for each in stand_ins:
            del sys.modules[each]


_client = _load()  # when this module is loaded, in the loop: another thread must not meet the stand-ins


def paho(tls: bool) -> Any:
    """The module `paho.mqtt.client`. Raises ModuleNotFoundError where TLS is wanted and Python has no `ssl`."""
    if tls and not hasattr(_client.ssl, "SSLContext"):
        _client.ssl = importlib.import_module("ssl")
    return _client


def new_client(tls: bool, client_id: str) -> Any:
    """A `paho.mqtt.client.Client` for one connection of MQTT 3.1.1, which never connects again by itself."""
    module = paho(tls)
    version = getattr(module, "CallbackAPIVersion", None)  # paho-mqtt 2
    options = {} if version is None else {"callback_api_version": version.VERSION2}
    return module.Client(
        client_id=client_id, clean_session=True, protocol=module.MQTTv311, reconnect_on_failure=False, **options
    )
