"""The visible registry of message kinds. The app that owns a kind registers how its mail is built."""

from collections.abc import Callable
from dataclasses import dataclass, field

from notifications.models import Message


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. Links that are secrets are in `text` and `html` only while it is sent."""

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    stored_text: str | None = None  # what is kept of it, where the sent text holds a secret link
    stored_html: str | None = None


class NotWanted(Exception):  # noqa: N818  # it is an answer, not an error
    """Raised by a builder: the message has nothing left to say. Its text is the reason that the page shows."""


Builder = Callable[[Message], Mail]
Ending = Callable[[Message], None]


@dataclass(frozen=True)
class Fact:
    """One line of "why did I (not) get this mail?": what was found, and what became of it."""

    what: str
    outcome: str
    reason: str = ""


Why = Callable[[Message], list[Fact]]

KINDS: dict[str, Builder] = {}
ENDINGS: dict[str, Ending] = {}
WHYS: dict[str, Why] = {}
NAMES: dict[str, str] = {}


def register(
    kind: str, build: Builder, *, name: str, ended: Ending | None = None, why: Why | None = None
) -> None:
    """Say how messages of this kind are built. Raises ValueError for a kind that has a builder already.

    `name` is what staff read. `ended` is called in the transaction that records a message as sent, failed or cancelled, with the message
    in that state. `why` lists the facts that a message carries or carried, for its page.
    """
    if kind in KINDS and KINDS[kind] is not build:
        raise ValueError(f"Messages of kind {kind!r} have a builder already.")
    KINDS[kind], NAMES[kind] = build, name
    if ended is not None:
        ENDINGS[kind] = ended
    if why is not None:
        WHYS[kind] = why


def why(message: Message) -> list[Fact]:
    """Return the facts behind a message; none where its kind knows none."""
    explain = WHYS.get(message.kind)
    return explain(message) if explain else []
