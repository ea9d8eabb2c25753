"""Template tags of the words of mails: {% load mailwords %}. How to write a words file is in docs/add-an-email.md."""

from collections.abc import Iterable, Sequence

from django import template
from django.template.context import Context
from django.utils.translation import gettext

from ui import mails, text
from ui.mail_card import Button, Words

register = template.Library()


def _words(context: Context) -> Words:
    words = context["words"]
    assert isinstance(words, Words)
    return words


def _line(content: str) -> str:
    return " ".join(content.split())


@register.simple_block_tag(takes_context=True)
def subject(context: Context, content: str, least: int = mails.LEAST_NAME) -> str:
    """Offer a subject. The first that has room is taken; the name in it that "gives_way" has then at least so many characters."""
    _words(context).subjects.append((_line(content), least))
    return ""


@register.filter
def gives_way(name: str, length: int = mails.NAME_LENGTH) -> str:
    """Mark the name in a subject that is shortened where there is too little room, and cut it to `length` in any case."""
    return mails.GIVES_WAY.format(mails.cut(_line(name), length))


@register.filter
def cut(text: str, length: int = mails.NAME_LENGTH) -> str:
    """Shorten a name as a button has room for it."""
    return mails.cut(str(text), length)


@register.filter
def called(names: Sequence[str]) -> str:
    """Name the first of them, and say how many more there are."""
    return mails.called(names)


@register.filter
def in_words(number: int) -> str:
    """Return "two", "three", "four", and figures above."""
    words = {1: gettext("one"), 2: gettext("two"), 3: gettext("three"), 4: gettext("four")}
    return words.get(number, str(number))


@register.filter
def mid(phrase: str) -> str:
    """Return a phrase for the middle of a sentence."""
    return text.mid(str(phrase))


@register.simple_block_tag(takes_context=True)
def part(context: Context, content: str, name: str) -> str:
    """Say one part of the mail: heading, lead, preheader, because, or what its own body shows. Below it is {{ said.heading }}."""
    _words(context).parts[name] = _line(content)
    return ""


@register.simple_block_tag(takes_context=True)
def card(context: Context, content: str, **head: object) -> str:  # noqa: ARG001  # what is between says its own
    """Show a card of the rows, the steps and the button between: {% card name=… native_id=… channel=… channel_name=… pill=… %}."""
    _words(context).close(head)
    return ""


@register.simple_block_tag(takes_context=True)
def row(context: Context, content: str, word: str = "") -> str:
    """Add a row to the card: {% row _("State") %}…{% endrow %}. One without text is left out; one without a word goes on with the last."""
    if said := _line(content):
        _words(context).rows.append((str(word), said))
    return ""


@register.simple_block_tag(takes_context=True)
def step(context: Context, content: str) -> str:
    """Add a step to the card; one without text is left out."""
    if said := _line(content):
        _words(context).steps.append(said)
    return ""


@register.simple_tag(takes_context=True)
def steps(context: Context, texts: Iterable[str]) -> str:
    """Add steps whose words are a channel's own."""
    _words(context).steps.extend(texts)
    return ""


@register.simple_block_tag(takes_context=True)
def steps_head(context: Context, content: str) -> str:
    """Say whose the steps are, where they are not simply the reader's."""
    _words(context).steps_head = _line(content)
    return ""


@register.simple_block_tag(takes_context=True)
def button(context: Context, content: str, url: str) -> str:
    """Give the card its button."""
    _words(context).button = Button(_line(content), url)
    return ""
