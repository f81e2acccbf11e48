"""What of the service comes in a package of its own, and so may be missing on a router."""

from __future__ import annotations

from homeline.service.troubles import Say


def have_calls(say: Say) -> bool:
    """Whether Asterisk's side is installed. Where it is not, `say` is told; to be asked only where it is wanted."""
    try:
        import homeline.telephony  # noqa: F401 - the least of it
    except ModuleNotFoundError:
        say(
            "package homeline-asterisk",
            "Calls, and dongles that Asterisk drives, need a package that is not installed.",
            "opkg install homeline-asterisk (from OpenWrt 25.12 on: apk add homeline-asterisk)",
        )
        return False
    return True


def have_twilio(say: Say) -> bool:
    """Likewise the daemon's side of the webhook that Twilio asks."""
    try:
        import homeline.service.outside  # noqa: F401
    except ModuleNotFoundError:
        say(
            "package homeline-twilio",
            "twilio.webhook is on, and needs a package that is not installed.",
            "opkg install homeline-twilio (from OpenWrt 25.12 on: apk add homeline-twilio)",
        )
        return False
    return True
