"""The HTML of mails that are cards, put together from pieces that are rendered once.

A card and the frame around the cards are the same tags again and again, and so are the styles that are written into these tags, since
many mail programs read no style sheet. A style goes by tags and classes, never by what is said between them. So the templates are rendered
with a mark for each text, styles are written into the tags of that, and a process remembers what is between the marks: the next card of
the same shape gets its own texts there. A style sheet of mails must not ask which card is the first, or which is its neighbour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import css_inline
from django.template import Engine
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import get_language

from ui import phrases
from ui.mail_cards import Button, Card
from ui.pills import Pill

# What the frame shows besides the cards. It leaves out what is empty.
TEXTS = (
    "subject", "preheader", "heading", "lead", "before", "behind", "rest", "rest_url", "rest_label",
    "because", "not_mine_url", "about_url", "about_channel", "stop_url", "why_url",
    "on_it_url", "snooze_url",
)  # fmt: skip
REMEMBERED = 512  # shapes, of 10 KiB: cards of six channels, with few or many rows and steps
_MARK, _CUT = "\x0e", "\x0f"  # no template has them
_INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True)
class Html:
    """The HTML of a mail or a piece of it, and the same with the styles in its tags."""

    plain: str
    styled: str


@dataclass(frozen=True)
class _Pieces:
    """What was rendered: HTML, the name of a text, HTML, ..., HTML."""

    plain: Sequence[str]
    styled: Sequence[str]

    def filled(self, texts: Mapping[str, str], cards: Sequence[Html] = ()) -> Html:
        """Return it with these texts; a frame with its cards, too."""
        escaped = {name: str(escape(text)) for name, text in texts.items()}
        return Html(
            _joined(self.plain, {**escaped, "cards": "".join(one.plain for one in cards)}),
            _joined(self.styled, {**escaped, "cards": "".join(one.styled for one in cards)}),
        )


@dataclass(frozen=True)
class _Frame:
    """What a frame depends on."""

    names: tuple[str, ...]  # of the texts that it has
    language: str | None
    words: Engine  # another one is made when a channel is added, whose colours the frame has


def with_styles(html: str) -> str:
    """Return the HTML of any mail with the styles in its tags."""
    return _INLINER.inline(html)


def render(facts: Mapping[str, object], cards: Sequence[Card]) -> Html:
    """Return the HTML of these cards, in a frame that shows the facts named in `TEXTS`."""
    texts = {name: str(facts[name]) for name in TEXTS if facts.get(name)}
    known = get_language(), phrases.engine()
    any_frame, made, above = _Frame(TEXTS, *known), list[Html](), ""
    for card in cards:
        group = card.group if card.group != above else ""
        made.append(_card(_shape(card), bool(group), any_frame).filled({**_texts(card), "group": group}))
        above = card.group
    return _around(_Frame(tuple(texts), *known)).filled(texts, made)


def _texts(card: Card) -> dict[str, str]:
    """Return the texts of a card by the names of their marks."""
    texts = {"name": card.name, "native_id": card.native_id, "steps_head": card.steps_head}
    if card.pill:
        texts["pill"] = card.pill.label
    if card.button:
        texts |= {"label": card.button.label, "url": card.button.url}
    for number, (word, text) in enumerate(card.rows):
        texts[f"word{number}"], texts[f"text{number}"] = word, text
    return texts | {f"step{number}": step for number, step in enumerate(card.steps)}


def _shape(card: Card) -> Card:
    """Return the card with a mark in place of each text; what takes few values stays."""
    pill = card.pill
    return Card(
        name=card.name and _mark("name"),
        native_id=_mark("native_id"),
        channel=card.channel,
        channel_name=str(card.channel_name),
        pill=Pill(_mark("pill"), pill.tone, pill.icon) if pill else None,
        rows=tuple((_mark(f"word{number}"), _mark(f"text{number}")) for number in range(len(card.rows))),
        steps_head=card.steps_head and _mark("steps_head"),
        steps=tuple(_mark(f"step{number}") for number in range(len(card.steps))),
        button=Button(_mark("label"), _mark("url")) if card.button else None,
    )


@lru_cache(REMEMBERED)
def _mark(name: str) -> str:
    return f"{_MARK}{name}{_MARK}"


@lru_cache(REMEMBERED)
def _card(shape: Card, grouped: bool, frame: _Frame) -> _Pieces:
    """Return the pieces of a card, with the heading above it where it begins a group."""
    facts = {"card": shape, "group": _mark("group") if grouped else ""}
    plain = render_to_string("mail/_base/_card.html", facts)
    styled = with_styles(_frame(frame).replace(_mark("cards"), f"{_CUT}{plain}{_CUT}"))
    return _Pieces(plain.split(_MARK), styled.split(_CUT)[1].split(_MARK))


@lru_cache(REMEMBERED)
def _around(frame: _Frame) -> _Pieces:
    """Return the pieces of a frame."""
    plain = _frame(frame)
    return _Pieces(plain.split(_MARK), with_styles(plain).split(_MARK))


def _frame(frame: _Frame) -> str:
    return render_to_string("mail/_base/cards.html", {name: _mark(name) for name in (*frame.names, "cards")})


def _joined(pieces: Sequence[str], texts: Mapping[str, str]) -> str:
    names = pieces[1::2]
    between = chain.from_iterable(zip(pieces[::2], [*(texts[name] for name in names), ""], strict=True))
    return "".join(between)
