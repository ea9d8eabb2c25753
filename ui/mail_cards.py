"""What mails are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from ui.pills import Pill


@dataclass(frozen=True)
class Button:
    """The one thing to press: where it leads, and what it says."""

    label: str
    url: str


@dataclass(frozen=True)
class Card:
    """One account, log-in or app, as templates/mail/_base/_account.{html,txt} show it. Without a name it has rows and steps alone."""

    name: str = ""
    native_id: str = ""
    channel: str = ""  # the key, for the colour of its mark
    channel_name: str = ""
    pill: Pill | None = None
    aside: str = ""  # what the pill says and plain text, which has none, says behind the first row
    group: str = ""  # the heading above it and above those behind it of the same group
    # (word, text); the first is the strongest, one without a word goes on with the row above
    rows: Sequence[tuple[str, str]] = ()
    steps_head: str = ""  # the heading above the steps, where they are not simply the reader's
    steps: Sequence[str] = ()
    button: Button | None = None
