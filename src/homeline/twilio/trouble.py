"""Why something at Twilio cannot be had or done. No secret is ever in it."""

from __future__ import annotations

from homeline.errors import HomelineError

_LONGEST = 300  # characters of what a stranger says


class Trouble(HomelineError):
    """Words for the owner, the HTTP status and Twilio's own code (0 where there is none)."""

    def __init__(self, text: str, *, status: int = 0, code: int = 0) -> None:
        super().__init__(text)
        self.status, self.code = status, code


class Lost(Trouble):
    """A request may have been carried out: its answer was lost, or the server failed over it."""


def shown(text: object, secrets: tuple[str, ...] = ()) -> str:
    """What somebody else said, fit to be shown: no control characters, not long, none of the secrets."""
    words = str(text)
    for secret in secrets:
        words = words.replace(secret, "…") if secret else words
    clean = "".join(character if character.isprintable() else " " for character in words[: 4 * _LONGEST])
    return " ".join(clean.split())[:_LONGEST]
