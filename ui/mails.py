"""Mails as texts: one words file says what a mail says, and the frame shows it as HTML and as plain text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TypedDict

from django.template import Context, Engine, TemplateDoesNotExist
from django.template.loader import get_template, render_to_string
from django.utils import timezone
from django.utils.translation import ngettext

from ui import mail_html
from ui.mail_cards import Button, Card

SUBJECT_LENGTH = 78
NAME_LENGTH = 30  # characters of an account's name in a subject or a button
LEAST_NAME = 8  # characters that still tell which account it is
GIVES_WAY = "\x02{}\x03"  # around the name in a subject that is shortened where there is too little room
_NAME = re.compile("\x02(.*?)\x03", re.DOTALL)


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
    """A mail as texts. The subject is one line of at most 78 characters; `styled` is the HTML with the styles in its tags."""

    subject: str
    text: str
    html: str
    styled: str


def render(folder: str, facts: Mapping[str, object], *, zone: tzinfo) -> Rendered:
    """Render templates/mail/<folder>/ for one reader: words.txt, and body.{html,txt} where it has its own, else those of cards.

    `zone` is the reader's: {{ moment|date }} and the like are in it.
    """
    with timezone.override(zone):
        words = _words(f"mail/{folder}/words.txt", facts)
        context = {**facts, **words.parts, "cards": words.cards, "subject": subject(words.subjects)}
        marked = render_to_string([f"mail/{folder}/body.txt", "mail/_base/cards.txt"], context)
        text = "" + marked  # Django marks what it renders as safe, and this is not: nothing in it is escaped
        html = _html(folder, context, words.cards)
    return Rendered(subject=str(context["subject"]), text=text, html=html.plain, styled=html.styled)


def _html(folder: str, context: Mapping[str, object], cards: Sequence[Card]) -> mail_html.Html:
    try:
        body = get_template(f"mail/{folder}/body.html")
    except TemplateDoesNotExist:
        return mail_html.render(context, cards)
    plain = body.render(dict(context))
    return mail_html.Html(plain, mail_html.with_styles(plain))


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
