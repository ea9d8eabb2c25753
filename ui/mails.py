"""Mails as texts: one words file says what a mail says, and the frame shows it as HTML and as plain text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import tzinfo
from typing import Any, TypedDict

import css_inline
from django.template import Context, Engine
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from ui.pills import Pill

SUBJECT_LENGTH = 78
NAME_LENGTH = 30  # characters of an account's name in a subject or a button
LEAST_NAME = 8  # characters that still tell which account it is
GIVES_WAY = "\x02{}\x03"  # around the name in a subject that is shortened where there is too little room
_NAME = re.compile("\x02(.*?)\x03", re.DOTALL)
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


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
    line: str = ""  # what there is to say where that is one line
    group: str = ""  # the heading above it and above those behind it of the same group
    # (word, text); the first is the strongest, one without a word goes on with the row above
    rows: Sequence[tuple[str, str]] = ()
    steps_head: str = ""  # the heading above the steps, where they are not simply the reader's
    steps: Sequence[str] = ()
    button: Button | None = None


@dataclass
class Words:
    """Collects what the tags of {% load mailwords %} say while a words file is rendered."""

    # the text, the shortest that a name in it may get
    subjects: list[tuple[str, int]] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)
    # of the card that is open, as are the next three
    rows: list[tuple[str, str]] = field(default_factory=list)
    steps_head: str = ""
    steps: list[str] = field(default_factory=list)
    button: Button | None = None


class Rendered(TypedDict):
    """A mail as texts. The subject is one line of at most 78 characters; the HTML has its styles in the head (`with_styles`)."""

    subject: str
    text: str
    html: str


def render(folder: str, facts: Mapping[str, object], *, zone: tzinfo) -> Rendered:
    """Render templates/mail/<folder>/ for one reader: words.txt in the one frame, _base/body.{html,txt}.

    `zone` is the reader's: {{ moment|date }} and the like are in it.
    """
    with timezone.override(zone):
        words = _words(f"mail/{folder}/words.txt", facts)
        said = {**facts, **words.parts, "cards": words.cards, "subject": subject(words.subjects)}
        context = {name: _plain(value) for name, value in said.items()}
        text = render_to_string("mail/_base/body.txt", context)
        html = render_to_string("mail/_base/body.html", context)
    return Rendered(subject=str(context["subject"]), text=_plain(text), html=html)


def _plain(value: Any) -> Any:
    """Return texts, also those in cards, as what they are: Django marks what it renders as safe, and nothing in them is escaped."""
    if isinstance(value, SafeString):
        return "" + value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (Card, Button, Pill)):
        return replace(value, **{one.name: _plain(getattr(value, one.name)) for one in fields(value)})
    return value


def with_styles(html: str) -> str:
    """Return the HTML of a mail with the styles in its tags, where mail programs that read no style sheet find them."""
    return _INLINER.inline(html) if html else ""


def _words(template: str, facts: Mapping[str, object]) -> Words:
    words = Words()
    context = Context({**facts, "words": words, "said": words.parts}, autoescape=False)
    Engine.get_default().get_template(template).render(context)
    return words


def subject(offered: Iterable[tuple[str, int]]) -> str:
    """Return the first subject with enough room, its name shortened where need be; where none has, what is left of the last."""
    text = ""
    for text, least in offered:
        if fitting := _fit(text, least):
            return fitting
    return cut(_NAME.sub(r"\1", text), SUBJECT_LENGTH)


def _fit(text: str, least: int) -> str:
    whole = _NAME.sub(r"\1", text)
    found = _NAME.search(text)
    if found is None or len(whole) <= SUBJECT_LENGTH:
        return whole if len(whole) <= SUBJECT_LENGTH else ""
    room = len(found[1]) - (len(whole) - SUBJECT_LENGTH)
    return text.replace(found[0], cut(found[1], room)) if room >= least else ""


def cut(text: str, length: int = NAME_LENGTH) -> str:
    """Return a text as a subject or a button has room for it, its end given by "…" where it is too long."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def called(names: Sequence[str], number: int | None = None) -> str:
    """Return "Fern Gardens", or "Fern Gardens and 2 more". Of a `number` of names the first is enough."""
    more = (len(names) if number is None else number) - 1
    if not more:
        return names[0]
    words = ngettext("%(name)s and %(more)d more", "%(name)s and %(more)d more", more)
    return words % {"name": names[0], "more": more}
