"""One tree of errors. Each says in words what is wrong and where; none carries a secret.

The daemon answers a bus call that raised one of these with the ubus status code in `status`
(libubox/ubusmsg.h: 2 invalid argument, 4 not found, 5 no data, 6 permission denied, 7 timeout, 8 not supported,
9 unknown).
"""


class HomelineError(Exception):
    """The root of all errors that Homeline raises on purpose."""

    status = 9


class InvalidArgument(HomelineError):
    """A caller's argument is missing, unknown, or of the wrong type or value."""

    status = 2


class NotFound(HomelineError):
    """The id, dongle, rule or object that was asked for does not exist."""

    status = 4


class NoData(HomelineError):
    """The thing exists and has nothing to tell yet."""

    status = 5


class PermissionDenied(HomelineError):
    """The system, or the owner's configuration, does not allow it."""

    status = 6


class TimedOut(HomelineError):
    """A wait ran into its deadline."""

    status = 7


class NotSupported(HomelineError):
    """This dongle, driver or build cannot do it."""

    status = 8


class ProtocolError(HomelineError):
    """A peer's bytes break their protocol."""


class DecodeError(ProtocolError, ValueError):
    """Bytes or text that cannot be read; the message names the field and the octet or column where it fails."""


class EncodeError(HomelineError, ValueError):
    """A value that the protocol has no way to write; the message names the value and the limit."""

    status = 2


class LimitReached(PermissionDenied):
    """The owner's limit for something that costs is used up."""


class ConfigError(HomelineError):
    """One option of UCI is wrong. `value` is shown as given, so secrets are never passed in it."""

    status = 2

    def __init__(self, section: str, option: str, value: str, reason: str) -> None:
        super().__init__(f"{section}.{option}: {reason}" + (f" (is '{value}')" if value else ""))
        self.section, self.option, self.value, self.reason = section, option, value, reason


class BusError(HomelineError):
    """ubusd, or the object that was called, answered with a status other than 0; `status` is that number."""

    def __init__(self, message: str, status: int = 9) -> None:
        super().__init__(message)
        self.status = status


class ConnectionLost(HomelineError):
    """The peer went away while something waited for it."""


class PortError(HomelineError):
    """A serial port cannot be opened or used. `reason` is a `model.Reason` value in text form."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ModemError(HomelineError):
    """The modem refused a command. `code` is the number of +CME ERROR or +CMS ERROR, or -1 for a bare ERROR."""

    def __init__(self, message: str, family: str = "", code: int = -1) -> None:
        super().__init__(message)
        self.family, self.code = family, code


class SubmitUnknown(HomelineError):
    """The modem has the PDU and its answer was lost: the message may be on its way. Never sent again by itself."""


class ActionRefused(HomelineError):
    """Asterisk answered an action of its manager with an error; the message is Asterisk's own words."""


class RenderError(HomelineError):
    """Asterisk's files cannot be made from this configuration; the message names section and option."""


class StoreError(HomelineError):
    """The database cannot be read or written. Messages stay on the SIM until it can."""


class StoreFull(StoreError):
    """No space is left for the database."""


class StoreDamaged(StoreError):
    """The database file is damaged."""


class DeliveryError(HomelineError):
    """A channel did not take a delivery. `permanent` says that trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.permanent, self.retry_after = permanent, retry_after


class NotNeeded(HomelineError):
    """A channel decided that a delivery needs no sending: it is done, and the message says why nothing went out."""
