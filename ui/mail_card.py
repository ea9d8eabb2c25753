"""What a mail is made of, as its words file says it: parts, subjects that may be taken, and cards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    rows: Sequence[
        tuple[str, str]
    ] = ()  # (word, text); the first is the strongest, one without a word goes on with the row above
    steps_head: str = ""  # the heading above the steps, where they are not simply the reader's
    steps: Sequence[str] = ()
    button: Button | None = None


@dataclass
class Words:
    """Collects what the tags of {% load mailwords %} say while a words file is rendered."""

    subjects: list[tuple[str, int]] = field(
        default_factory=list
    )  # the text, the shortest that a name in it may get
    parts: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)
    rows: list[tuple[str, str]] = field(
        default_factory=list
    )  # of the card that is open, as are the next three
    steps_head: str = ""
    steps: list[str] = field(default_factory=list)
    button: Button | None = None

    def close(self, head: Mapping[str, object]) -> None:
        """End the open card. `head`: what the tag was told of it, by the names of the fields of Card."""
        card = Card(
            rows=tuple(self.rows),
            steps_head=self.steps_head,
            steps=tuple(self.steps),
            button=self.button,
            **head,  # type: ignore[arg-type]  # a template gives them
        )
        self.cards.append(card)
        self.rows, self.steps_head, self.steps, self.button = [], "", [], None
