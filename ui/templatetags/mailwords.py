"""Template tags of mails: {% load mailwords %}. How to write a words file is in docs/add-an-email.md.

The last part folds plain text: lines have at most 72 columns; addresses are never broken.
"""

import re
from collections.abc import Iterable
from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.templatetags.i18n import do_block_translate
from django.utils.translation import gettext

from ui import mails, text
from ui.mails import Button, Card, Words

register = template.Library()
register.filter("cut", mails.cut)  # a name as a button has room for it
register.filter("mid", text.mid)  # for the middle of a sentence

COLUMNS = 72
_WORD_COLUMN = 15  # "  Works until  " of the longest word that mails use


def _line(content: str) -> str:
    return " ".join(content.split())


@register.simple_block_tag(takes_context=True)
def subject(context: Context, content: str, least: int = mails.LEAST_NAME) -> str:
    """Offer a subject. The first that has room is taken; the name in it that "gives_way" has then at least so many characters."""
    context["words"].subjects.append((_line(content), least))
    return ""


@register.filter
def gives_way(name: str, length: int = mails.NAME_LENGTH) -> str:
    """Mark the name in a subject that is shortened where there is too little room, and cut it to `length` in any case."""
    return mails.GIVES_WAY.format(mails.cut(_line(name), length))


@register.filter
def in_words(number: int) -> str:
    """Return "two", "three", "four", and figures above."""
    words = {1: gettext("one"), 2: gettext("two"), 3: gettext("three"), 4: gettext("four")}
    return words.get(number, str(number))


@register.simple_block_tag(takes_context=True)
def part(context: Context, content: str, name: str) -> str:
    """Say one part of the mail: heading, lead, preheader, because, or what its own body shows. Below it is {{ said.heading }}."""
    context["words"].parts[name] = _line(content)
    return ""


class SayNode(template.Node):
    """A subject, a step or a part of the mail that is one text."""

    def __init__(self, name: str, text: template.Node) -> None:
        self.name = name
        self.text = text

    def render(self, context: Context) -> str:
        """Say it; the text itself stands nowhere."""
        words, said = context["words"], _line(self.text.render(context))
        if self.name == "subject":
            words.subjects.append((said, mails.LEAST_NAME))
        elif self.name == "step":
            words.steps.append(said)
        else:
            words.parts[self.name] = said
        return ""


@register.tag
def say(parser: Parser, token: Token) -> SayNode:
    """Say a subject, a step or a part that is one text: {% say lead count n=number %}…{% plural %}…{% endsay %}, as in `ui.phrases`."""
    tag, name, *options = token.split_contents()
    token.contents = " ".join([tag, "trimmed", *options])
    return SayNode(name, do_block_translate(parser, token))


@register.simple_block_tag(takes_context=True)
def card(context: Context, content: str, **head: Any) -> str:  # noqa: ARG001  # what is between says its own
    """Show a card of the rows, the steps and the button between: {% card name=… native_id=… channel=… channel_name=… pill=… %}."""
    words: Words = context["words"]
    rows, steps = tuple(words.rows), tuple(words.steps)
    words.cards.append(Card(rows=rows, steps_head=words.steps_head, steps=steps, button=words.button, **head))
    words.rows, words.steps_head, words.steps, words.button = [], "", [], None
    return ""


@register.simple_block_tag(takes_context=True)
def row(context: Context, content: str, word: str = "") -> str:
    """Add a row to the card: {% row _("State") %}…{% endrow %}. One without text is left out; one without a word goes on with the last."""
    if said := _line(content):
        context["words"].rows.append((str(word), said))
    return ""


@register.simple_block_tag(takes_context=True)
def step(context: Context, content: str) -> str:
    """Add a step to the card; one without text is left out."""
    if said := _line(content):
        context["words"].steps.append(said)
    return ""


@register.simple_tag(takes_context=True)
def steps(context: Context, texts: Iterable[str]) -> str:
    """Add steps whose words are a channel's own."""
    context["words"].steps.extend(texts)
    return ""


@register.simple_block_tag(takes_context=True)
def steps_head(context: Context, content: str) -> str:
    """Say whose the steps are, where they are not simply the reader's."""
    context["words"].steps_head = _line(content)
    return ""


@register.simple_block_tag(takes_context=True)
def button(context: Context, content: str, url: str) -> str:
    """Give the card its button."""
    context["words"].button = Button(_line(content), url)
    return ""


def fold(text: str, *, first: str = "", rest: str = "") -> str:
    """Return one paragraph in lines of at most 72 columns; words longer than a line, as addresses, stay whole."""
    words = text.split()
    if not words:
        return ""
    lines, line = list[str](), first + words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) <= COLUMNS:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line = rest + word
    return "\n".join([*lines, line])


@register.simple_tag
def textline(text: str) -> str:
    """Return the one line of a card, folded."""
    return fold(str(text), first="  ", rest="  ")


@register.simple_tag
def textrow(word: str, text: str) -> str:
    """Return "  Works until  Fri 27 Nov 2026, 09:00 CET", folded under its own column."""
    first = f"  {word}".ljust(_WORD_COLUMN)
    return fold(str(text), first=first if first.endswith(" ") else f"{first}  ", rest=" " * _WORD_COLUMN)


@register.filter
def textstep(number: int, step: str) -> str:
    """Return "  1. Press Allow.", folded: {{ forloop.counter|textstep:step }}."""
    return fold(step, first=f"  {number}. ", rest="     ")


class PlainNode(template.Node):
    """Folds what stands between {% plain %} and {% endplain %}, line by line."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        """Return the text with folded lines, no spaces at line ends, at most two empty lines in a row."""
        lines = [_folded(line) for line in self.nodelist.render(context).strip().split("\n")]
        return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)) + "\n"


def _folded(line: str) -> str:
    if len(line) <= COLUMNS or "://" in line:
        return line if line == "-- " else line.rstrip()
    indent = line[: len(line) - len(line.lstrip())]
    return fold(line, first=indent, rest=indent)


@register.tag
def plain(parser: Parser, _token: Token) -> PlainNode:
    """Fold the lines of a whole text: {% plain %}…{% endplain %}."""
    nodelist = parser.parse(("endplain",))
    parser.delete_first_token()
    return PlainNode(nodelist)
